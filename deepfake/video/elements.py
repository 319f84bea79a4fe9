"""The elements of a Matroska or WebM file (RFC 8794, RFC 9559): what FFmpeg reads and does not tell."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from deepfake.video.boxes import CleanAperture

SEGMENT: Final = 0x18538067
TRACKS: Final = 0x1654AE6B
TRACK: Final = 0xAE
PICTURE: Final = 0xE0
CROP_LEFT, CROP_TOP, CROP_RIGHT, CROP_BOTTOM = 0x54CC, 0x54BB, 0x54DD, 0x54AA
MAX_ELEMENTS: Final = 10_000  # of one level: a long recording has a cluster every few seconds


class Element(NamedTuple):
    """One element. start, end: of its content, bytes from the start of the file; end may lie beyond the file's."""

    kind: int
    start: int
    end: int


def pixel_crop(path: Path, track: int, width: int, height: int) -> CleanAperture | None:
    """Return the part of the picture that a Matroska file says is to be shown, or None where it states none that can
    be.

    Args:
        path: the file.
        track: which of its tracks, from 0.
        width: of the coded picture, px.
        height: of the coded picture, px.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        top = Element(0, 0, size)
        tracks = [
            found
            for segment in _children(file, top, SEGMENT)
            for table in _children(file, segment, TRACKS)
            for found in _children(file, table, TRACK)
        ]
        if track >= len(tracks):
            return None
        edges = {
            edge.kind: int.from_bytes(_content(file, edge), "big")
            for picture in _children(file, tracks[track], PICTURE)
            for edge in _children(file, picture, CROP_LEFT, CROP_TOP, CROP_RIGHT, CROP_BOTTOM)
        }
    left, top_px, right, bottom = (edges.get(kind, 0) for kind in (CROP_LEFT, CROP_TOP, CROP_RIGHT, CROP_BOTTOM))
    shown = CleanAperture(left, top_px, width - left - right, height - top_px - bottom)
    return shown if edges and shown.width > 1 and shown.height > 1 else None


def _children(file: BinaryIO, parent: Element, *kinds: int) -> Iterator[Element]:
    """The elements of some kinds in a parent. Reading ends at one whose length is not stated, as a live stream's."""
    at = parent.start
    for _ in range(MAX_ELEMENTS):
        if at >= parent.end:
            return
        file.seek(at)
        header = file.read(12)
        id_bytes = _length(header[:1])
        size_bytes = _length(header[id_bytes : id_bytes + 1])
        if not 1 <= id_bytes <= 4 or not 1 <= size_bytes <= 8 or len(header) < id_bytes + size_bytes:
            return
        kind = int.from_bytes(header[:id_bytes], "big")
        size = int.from_bytes(header[id_bytes : id_bytes + size_bytes], "big") & ((1 << 7 * size_bytes) - 1)
        start = at + id_bytes + size_bytes
        is_open = size == (1 << 7 * size_bytes) - 1
        at = parent.end if is_open else start + size
        if kind in kinds:
            yield Element(kind, start, min(at, parent.end))


def _length(first: bytes) -> int:
    """How many bytes a number takes, by the leading zeros of its first byte; 9 where that cannot be."""
    return 9 - first[0].bit_length() if first else 9


def _content(file: BinaryIO, element: Element) -> bytes:
    file.seek(element.start)
    return file.read(min(8, element.end - element.start))
