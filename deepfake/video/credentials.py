"""Content Credentials (C2PA) of a clip: who signed it, what they say was done, and whether it still holds. Offline."""

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import c2pa

CredentialState = Literal["none", "valid", "tampered", "unreadable"]
# Nothing is fetched: neither a manifest that is kept elsewhere nor whether a certificate was withdrawn.
OFFLINE: Final = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
UNTRUSTED: Final = "signingCredential.untrusted"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a clip's Content Credentials say.

    Attributes:
        state: "none", there are none; "valid", the file is what was signed; "tampered", the signature or the file was
            changed since; "unreadable", they could not be read.
        signer: the name in the certificate, with its organization. Nobody vouches for it here: the certificate is not
            checked against a list of trusted ones.
        tool: what wrote them.
        signed_at: when, as they say, or "".
        claims: what they say was done, C2PA's names of actions, such as "c2pa.edited".
        sources: what they say the pictures come from, the last part of IPTC's names, such as "digitalCapture".
        problems: why they do not hold, in the words of the library.
    """

    state: CredentialState
    signer: str = ""
    tool: str = ""
    signed_at: str = ""
    claims: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
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
            found: dict[str, Any] = json.loads(reader.json())
    except (c2pa.C2paError, ValueError) as error:
        return Credentials("unreadable", problems=(str(error),))
    return _credentials(found)


@functools.cache
def _offline() -> c2pa.Context:
    return c2pa.Context(c2pa.Settings.from_dict(OFFLINE))


def _credentials(found: dict[str, Any]) -> Credentials:
    manifest = found.get("manifests", {}).get(found.get("active_manifest"), {})
    signature = manifest.get("signature_info", {})
    problems = [item for item in found.get("validation_status", []) if item.get("code") != UNTRUSTED]
    actions = [
        action
        for assertion in manifest.get("assertions", [])
        if str(assertion.get("label", "")).startswith("c2pa.actions")
        for action in assertion.get("data", {}).get("actions", [])
    ]
    names = (signature.get("common_name"), signature.get("issuer"))
    tools = (" ".join(filter(None, (tool.get("name"), tool.get("version")))) for tool in _tools(manifest))
    sources = (str(action["digitalSourceType"]) for action in actions if "digitalSourceType" in action)
    return Credentials(
        state="tampered" if problems or not manifest else "valid",
        signer=", ".join(dict.fromkeys(filter(None, names))),
        tool=", ".join(tools),
        signed_at=str(signature.get("time") or ""),
        claims=tuple(dict.fromkeys(str(action.get("action", "")) for action in actions)),
        sources=tuple(dict.fromkeys(source.rsplit("/", 1)[-1] for source in sources)),
        problems=tuple(str(item.get("explanation") or item.get("code")) for item in problems),
    )


def _tools(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    listed = manifest.get("claim_generator_info") or [{"name": manifest.get("claim_generator")}]
    return [tool for tool in listed if isinstance(tool, dict)]
