"""What a file declares of how its pictures were made: that a program generated them, or parts of them.

Read are Content Credentials (C2PA, whose actions name a digital source type of IPTC), the same type in XMP (IPTC Video
Metadata Hub), and the tag AIGC, which GB 45438-2025 asks of services in China for what they generate.
"""

import json
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

from deepfake.errors import ClipError
from deepfake.video.credentials import CredentialState, read_credentials
from deepfake.video.info import Declaration, Extent, Signature
from deepfake.video.opening import open_container

# IPTC's digital source types (https://cv.iptc.org/newscodes/digitalsourcetype/) of what no camera recorded.
SOURCES: Final[dict[str, Extent]] = {
    "trainedAlgorithmicMedia": "generated",
    "algorithmicMedia": "generated",
    "compositeWithTrainedAlgorithmicMedia": "partly",
    "compositeSynthetic": "partly",
}
SIGNATURES: Final[dict[CredentialState, Signature]] = {"valid": "holds", "tampered": "broken"}
# The values of `Label`: generated, may be generated, suspected of it.
LABELS: Final[dict[str, Extent]] = {"1": "generated", "2": "perhaps", "3": "perhaps"}
# In XMP (ISO 16684-1), what is said of the file itself stands in rdf:Description right below rdf:RDF, as an attribute
# or as an element; deeper down stands what is said of others, such as the clips that were put in (xmpMM:Pantry).
RDF: Final = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
XMP_SOURCE: Final = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
MOST_XMP: Final = 1_000_000  # characters
MOST_TEXT: Final = 200  # characters of a name from the file that are kept


def read_declaration(path: Path | str) -> Declaration | None:
    """Return what a clip declares, in its credentials, else in its XMP, else in its label; None where it says nothing.

    When it misleads: most generated clips declare nothing, and sites remove what was there; whoever writes a file can
    declare anything, also to have a real clip dismissed, and nobody vouches here for who signed it.
    """
    tags = _tags(Path(path))
    found = (_of_credentials(path), _of_xmp(tags.get("xmp", "")), _of_label(tags.get("aigc", "")))
    return next((declaration for declaration in found if declaration is not None), None)


def _tags(path: Path) -> dict[str, str]:
    try:
        with open_container(path, export_xmp=True) as container:
            return {name.lower(): str(value) for name, value in container.metadata.items()}
    except ClipError:
        return {}


def _of_credentials(path: Path | str) -> Declaration | None:
    found = read_credentials(path)
    declared = [origin for origin in found.origins if origin.source in SOURCES]
    whole = [origin for origin in declared if origin.is_whole and SOURCES[origin.source] == "generated"]
    if not declared:
        return None
    origin = (whole or declared)[0]
    # Of an earlier state of the file, or of what was put in, the signature is not checked.
    signature = "unconfirmed" if origin.is_earlier else SIGNATURES.get(found.state, "unconfirmed")
    return Declaration(
        "generated" if whole else "partly",
        "credentials",
        origin.source,
        _name(origin.signer),
        signature,
        is_earlier=origin.is_earlier,
    )


def _of_xmp(text: str) -> Declaration | None:
    if not text or len(text) > MOST_XMP or "<!" in text:  # no XMP has a document type, which may hold entities
        return None
    try:
        packet = ElementTree.fromstring(text.strip("\0 \t\r\n"))
    except (ElementTree.ParseError, ValueError):
        return None
    root = packet if packet.tag == f"{RDF}RDF" else packet.find(f"{RDF}RDF")
    for description in () if root is None else root.findall(f"{RDF}Description"):
        element = description.find(XMP_SOURCE)
        told = description.get(XMP_SOURCE, "")
        if element is not None:
            told = element.get(f"{RDF}resource", "") or element.text or ""
        source = told.strip().rsplit("/", 1)[-1]
        if source in SOURCES:
            return Declaration(SOURCES[source], "xmp", source)
    return None


def _of_label(text: str) -> Declaration | None:
    try:
        label: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(label, dict) and isinstance(label.get("AIGC"), dict):  # as the standard writes it within other text
        label = label["AIGC"]
    value = str(label.get("Label", "")) if isinstance(label, dict) else ""
    if value not in LABELS:
        return None
    return Declaration(LABELS[value], "label", value, _name(label.get("ContentProducer")))


def _name(told: object) -> str:
    """Return a name from the file, short and without what controls a terminal."""
    return "".join(filter(str.isprintable, str(told or "")))[:MOST_TEXT]
