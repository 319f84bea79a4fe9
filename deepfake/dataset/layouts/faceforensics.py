"""FaceForensics++ as its own script downloads it: original_sequences/SET/cXX/videos and
manipulated_sequences/METHOD/cXX/videos. Rössler et al. 2019, arXiv:1901.08971."""

import re
from collections.abc import Iterator

from deepfake.dataset.entries import Entries
from deepfake.dataset.folder import Disk
from deepfake.dataset.layouts.base import Layout, linked, stem_and_suffix

ORIGINALS, FAKES = "original_sequences", "manipulated_sequences"
ACTORS = ("actors", "DeepFakeDetection")
# Method and compression are in the folders' names, also where only a CSV lists the clips.
FOLDERS = re.compile(rf"(?:{FAKES}|{ORIGINALS})/(?P<family>[^/]+)/(?P<compression>raw|c\d+)/")


def _read(entries: Entries) -> None:
    """Add the originals, then the fakes, TARGET_SOURCE. A fake's original is its target in the same compression.
    Clips that a swap links share a group."""
    found = [(kind, *place) for kind in (ORIGINALS, FAKES) for place in _clips(entries.disk, kind)]
    group_of = linked([people(file) for kind, *_, file in found if kind == FAKES])
    for kind, family, compression, file in found:
        original_set, original = "actors" if family in ACTORS else "youtube", original_of(file)
        fake = kind == FAKES
        entries.add(
            f"{family}/{compression}/{file}",
            f"{kind}/{family}/{compression}/videos/{file}",
            "FAKE" if fake else "REAL",
            source=kind,
            original=f"{original_set}/{compression}/{original}" if fake else None,
            original_file=f"{ORIGINALS}/{original_set}/{compression}/videos/{original}" if fake else None,
            method=family if fake else None,
            compression=compression,
            group=group_of(people(file)[0]),
        )


def _clips(disk: Disk, kind: str) -> Iterator[tuple[str, str, str]]:
    for family in disk.folders(kind):
        for compression in disk.folders(f"{kind}/{family}"):
            for file in disk.clips(f"{kind}/{family}/{compression}/videos"):
                yield family, compression, file


def people(file: str) -> tuple[str, ...]:
    """Return who is in a clip: 183_253 -> 183, 253; 01_02__scene__ID -> actor01, actor02; others themselves."""
    names, scene, _ = file.rpartition(".")[0].partition("__")
    return tuple(f"actor{name}" if scene else name for name in names.split("_"))


def original_of(file: str) -> str:
    """Return the original that a name speaks of: 183_253 -> 183; 01_02__scene__ID -> 01__scene; others themselves."""
    stem, suffix = stem_and_suffix(file)
    if match := re.fullmatch(r"(\d+)_\d+", stem):
        return f"{match[1]}{suffix}"
    if match := re.fullmatch(r"(\d+)_\d+__(.+?)(__[A-Z0-9]+)?", stem):
        return f"{match[1]}__{match[2]}{suffix}"
    return file


LAYOUT = Layout(
    name="faceforensics",
    title="FaceForensics++",
    expects=f"{ORIGINALS}/ and {FAKES}/ (FaceForensics++)",
    recognizes=lambda disk: not {ORIGINALS, FAKES}.isdisjoint(disk.folders()),
    read=_read,
)
