"""Content Credentials (C2PA) of a clip: who signed it, what they say was done, and whether it still holds. Offline."""

import functools
import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import c2pa

CredentialState = Literal["none", "valid", "tampered", "unconfirmed", "unreadable"]
# Nothing is fetched: neither a manifest that is kept elsewhere nor whether a certificate was withdrawn.
OFFLINE: Final = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
UNTRUSTED: Final = "signingCredential.untrusted"


@dataclass(frozen=True, slots=True)
class Origin:
    """What credentials say that pictures come from. source: as in Credentials.sources. is_whole: whether the whole was
    created so, not a part. is_earlier: whether an earlier state of the file, or what was put in, says so. signer: of
    the one that says so."""

    source: str
    is_whole: bool
    is_earlier: bool
    signer: str


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a clip's Content Credentials say.

    Attributes:
        state: "none", there are none; "valid", the file is what was signed; "tampered", the signature or the file was
            changed since; "unconfirmed", the file may be what was signed, but the signature does not count, such as one
            whose certificate expired; "unreadable", they could not be read.
        signer: the name in the certificate, with its organization. Nobody vouches for it here: the certificate is not
            checked against a list of trusted ones.
        tool: what wrote them.
        signed_at: when, as they say, or "".
        claims: what they say was done, the latest first, C2PA's names of actions, such as "c2pa.edited".
        sources: what they say the pictures come from, the last part of IPTC's names, such as "digitalCapture"; of what
            was put in as well.
        origins: each of the sources, where it stands.
        problems: why they do not hold, in the words of the library.
    """

    state: CredentialState
    signer: str = ""
    tool: str = ""
    signed_at: str = ""
    claims: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    origins: tuple[Origin, ...] = ()
    problems: tuple[str, ...] = ()


def read_credentials(path: Path | str) -> Credentials:
    """Return the Content Credentials of a clip, read and validated without the network.

    When it misleads: that they are missing says nothing, most files have none and many sites remove them; that they
    are valid says who signed the file, not that its pictures are true.
    """
    try:
        reader = c2pa.Reader.try_create(str(path), context=_offline())
        if reader is None:
            return Credentials("none")
        with reader:
            return _credentials(json.loads(reader.json()))
    # The last two: a manifest may say anything anywhere.
    except (c2pa.C2paError, ValueError, AttributeError, TypeError) as error:
        return Credentials("unreadable", problems=(str(error),))


@functools.cache
def _offline() -> c2pa.Context:
    return c2pa.Context(c2pa.Settings.from_dict(OFFLINE))


def _credentials(found: dict[str, Any]) -> Credentials:
    manifest = found.get("manifests", {}).get(found.get("active_manifest"), {})
    signature = manifest.get("signature_info", {})
    problems = [item for item in found.get("validation_status", []) if item.get("code") != UNTRUSTED]
    actions = [*_actions(found)]
    tools = (" ".join(filter(None, (tool.get("name"), tool.get("version")))) for tool in _tools(manifest))
    origins = [
        Origin(source, is_whole and action.get("action") == "c2pa.created", state is not manifest, _signer(state))
        for action, is_whole, state in actions
        if (source := _source(action))
    ]
    return Credentials(
        state=_state(manifest, [str(item.get("code")) for item in problems]),
        signer=_signer(manifest),
        tool=", ".join(tools),
        signed_at=str(signature.get("time") or ""),
        claims=tuple(dict.fromkeys(str(action.get("action", "")) for action, _, _ in actions)),
        sources=tuple(dict.fromkeys(origin.source for origin in origins)),
        origins=tuple(origins),
        problems=tuple(str(item.get("explanation") or item.get("code")) for item in problems),
    )


def _state(manifest: dict[str, Any], problems: list[str]) -> CredentialState:
    if not manifest or any(code.endswith((".mismatch", ".missing")) for code in problems):
        return "tampered"
    return "unconfirmed" if problems else "valid"


def _signer(manifest: dict[str, Any]) -> str:
    signature = manifest.get("signature_info", {})
    names = (signature.get("common_name"), signature.get("issuer"))
    return ", ".join(dict.fromkeys(filter(None, names)))


def _actions(found: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bool, dict[str, Any]]]:
    """What was done to the file, the latest first; whether to the whole of it: an earlier state of the file is a
    parent, something that was put in a component; and the manifest that says so. What a program was only shown is
    neither, and left out."""
    manifests = found.get("manifests", {})
    waiting, seen = deque([(found.get("active_manifest"), True)]), set()
    while waiting:
        label, is_whole = waiting.popleft()
        if label in seen or label not in manifests:
            continue
        seen.add(label)
        for assertion in manifests[label].get("assertions", []):
            if str(assertion.get("label", "")).startswith("c2pa.actions"):
                actions = assertion.get("data", {}).get("actions", [])
                yield from ((action, is_whole, manifests[label]) for action in actions)
        for ingredient in manifests[label].get("ingredients", []):
            if ingredient.get("relationship") in ("parentOf", "componentOf"):
                is_parent = ingredient["relationship"] == "parentOf"
                waiting.append((ingredient.get("active_manifest"), is_whole and is_parent))


def _source(action: dict[str, Any]) -> str:
    return str(action.get("digitalSourceType") or "").rsplit("/", 1)[-1]


def _tools(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    listed = manifest.get("claim_generator_info") or [{"name": manifest.get("claim_generator")}]
    return [tool for tool in listed if isinstance(tool, dict)]
