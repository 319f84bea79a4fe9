"""What a file declares of how its pictures were made: that a program generated them, or parts of them.

Read are Content Credentials (C2PA, whose actions name a digital source type of IPTC), the same type in XMP (IPTC Video
Metadata Hub), and the tag AIGC, which GB 45438-2025 asks of services in China for what they generate.
"""

import json
import re
from pathlib import Path
from typing import Any, Final

from deepfake.errors import ClipError
from deepfake.video.credentials import read_credentials
from deepfake.video.info import Declaration, Extent
from deepfake.video.opening import open_container

# IPTC's digital source types (https://cv.iptc.org/newscodes/digitalsourcetype/) of what no camera recorded.
SOURCES: Final[dict[str, Extent]] = {
    "trainedAlgorithmicMedia": "generated",
    "algorithmicMedia": "generated",
    "compositeWithTrainedAlgorithmicMedia": "partly",
    "compositeSynthetic": "partly",
}
# The values of `Label`: generated, may be generated, suspected of it.
LABELS: Final[dict[str, Extent]] = {"1": "generated", "2": "perhaps", "3": "perhaps"}
XMP_SOURCE: Final = re.compile(r"cv\.iptc\.org/newscodes/digitalsourcetype/(\w+)")
MOST_TEXT: Final = 200  # characters of a name from the file that are kept


def read_declaration(path: Path | str) -> Declaration | None:
    """Return what a clip declares, in its credentials, else in its XMP, else in its label; None where it says nothing.

    When it misleads: most generated clips declare nothing, and sites remove what was there; whoever writes a file can
    declare anything, and nobody vouches here for who signed it.
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
    whole = [source for source in found.created_as if SOURCES.get(source) == "generated"]
    declared = whole or [source for source in found.sources if source in SOURCES]
    if not declared:
        return None
    return Declaration(
        "generated" if whole else "partly",
        "credentials",
        declared[0],
        _name(found.signer),
        "holds" if found.state == "valid" else "broken",
    )


def _of_xmp(text: str) -> Declaration | None:
    declared = [source for source in XMP_SOURCE.findall(text) if source in SOURCES]
    return Declaration(SOURCES[declared[0]], "xmp", declared[0]) if declared else None


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
