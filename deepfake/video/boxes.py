"""The boxes of an MP4 or MOV file (ISO/IEC 14496-12): what FFmpeg reads and does not tell."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

PARENTS: Final = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl"})
FIRST_BOXES: Final = frozenset({b"ftyp", b"mdat", b"wide"})
INDEXES: Final = frozenset({b"moov", b"meta"})  # of a film, and of a picture
# What stands at the top of a film, by ISO/IEC 14496-12 and QuickTime.
TOP_BOXES: Final = frozenset(
    {b"ftyp", b"styp", b"pdin", b"moov", b"moof", b"mfra", b"mdat", b"sidx", b"ssix", b"emsg", b"prft"}
    | {b"free", b"skip", b"wide", b"meta", b"uuid", b"udta"}
)
MAX_BOXES: Final = 10_000  # of a sane file there are a few hundred, and two more with every fragment
SAMPLE_ENTRY_BYTES: Final = 78  # of a picture's sample entry, before the boxes within it
CLAP_BYTES: Final = 32


class Box(NamedTuple):
    """One box. start, end: of its content, bytes from the start of the file; end may lie beyond the file's."""

    kind: bytes
    start: int
    end: int


class CleanAperture(NamedTuple):
    """The part of a coded picture that is meant to be shown, px, before turning and before square pixels."""

    left: int
    top: int
    width: int
    height: int


def breaks_off(path: Path) -> bool:
    """Return whether the last box of an MP4 or MOV file promises more bytes than the file has: it was cut off.

    What begins like no box is something that a program put after the last one.
    """
    size = path.stat().st_size
    last = None
    with path.open("rb") as file:
        for last in _boxes(file, 0, size):  # noqa: B007  (the last one is wanted)
            pass
    return last is not None and last.end > size and last.kind in TOP_BOXES


def lacks_index(path: Path) -> bool:
    """Return whether a file begins as an MP4 or MOV does and has no whole index (`moov`), which is often written last:
    nothing in it can be found. A file that cannot be read, or is gone, does not begin as one."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            boxes = list(_boxes(file, 0, size))
    except OSError:
        return False
    begins = bool(boxes) and boxes[0].kind in FIRST_BOXES
    return begins and not any(box.kind in INDEXES and box.end <= size for box in boxes)


def clean_aperture(path: Path, track: int, width: int, height: int) -> CleanAperture | None:
    """Return the clean aperture that an MP4 or MOV file states for a track, or None where it states none that can be.

    Args:
        path: the file.
        track: which of its tracks, from 0.
        width: of the coded picture, px.
        height: of the coded picture, px.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        movie = next((box for box in _boxes(file, 0, size) if box.kind == b"moov"), None)
        if movie is None:
            return None
        tracks = [box for box in _boxes(file, movie.start, min(movie.end, size)) if box.kind == b"trak"]
        if track >= len(tracks):
            return None
        descriptions = (box for box in _within(file, tracks[track], size) if box.kind == b"stsd")
        description = next(descriptions, None)
        if description is None:
            return None
        for entry in _boxes(file, description.start + 8, min(description.end, size)):
            for box in _boxes(file, entry.start + SAMPLE_ENTRY_BYTES, min(entry.end, size)):
                if box.kind == b"clap":
                    file.seek(box.start)
                    return _aperture(file.read(CLAP_BYTES), width, height)
    return None


def _within(file: BinaryIO, parent: Box, size: int) -> Iterator[Box]:
    """All boxes below a parent, however deep, in the order of the file."""
    for box in _boxes(file, parent.start, min(parent.end, size)):
        yield box
        if box.kind in PARENTS:
            yield from _within(file, box, size)


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[Box]:
    for _ in range(MAX_BOXES):
        if start + 8 > end:
            return
        file.seek(start)
        header = file.read(16)
        length, kind, content = int.from_bytes(header[:4], "big"), header[4:8], start + 8
        if length == 1:
            length, content = int.from_bytes(header[8:16], "big"), start + 16
        elif length == 0:
            length = end - start
        if length < content - start:
            return
        yield Box(kind, content, start + length)
        start += length


def _aperture(data: bytes, width: int, height: int) -> CleanAperture | None:
    if len(data) < CLAP_BYTES:
        return None
    numbers = [int.from_bytes(data[at : at + 4], "big", signed=True) for at in range(0, CLAP_BYTES, 4)]
    if any(denominator <= 0 for denominator in numbers[1::2]):
        return None
    wide, high, right, down = (Fraction(*pair) for pair in zip(numbers[::2], numbers[1::2], strict=True))
    # Offsets are from the picture's middle to the aperture's.
    left = round((width - wide) / 2 + right)
    top = round((height - high) / 2 + down)
    aperture = CleanAperture(left, top, round(wide), round(high))
    inside = left >= 0 and top >= 0 and left + aperture.width <= width and top + aperture.height <= height
    return aperture if inside and aperture.width > 1 and aperture.height > 1 else None
