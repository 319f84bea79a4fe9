"""Opening a clip: what may be opened, of what kind it is, which of its picture streams is read, how large it may be.

Everything here is asked of the file and its header: no picture is decoded.
"""

import re
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any, Final

import av
from av.stream import Disposition

from deepfake.errors import ClipError, ClipNotFoundError, LimitError
from deepfake.settings import Settings
from deepfake.video.boxes import lacks_index
from deepfake.video.decoding import over_pixels
from deepfake.video.info import Adjustment

# Formats that hold their pictures themselves. A playlist (HLS, DASH, ffconcat) is a text that names other files, and
# would open what the user may not.
CONTAINER_FORMATS: Final = "mov,matroska,avi,mpeg,mpegvideo,mpegts,asf,flv,ogg,h264,hevc,m4v"
A_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")  # of a URL; a Path has one slash left of two
A_URL: Final = "this is a URL; save the clip as a file first (`deepfake batch` fetches URLs itself)"
# A cover, a thumbnail, a still beside the moving picture, or a layer that refines another stream.
NOT_THE_CLIP: Final = (
    Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image | Disposition.dependent
)
# A stream with fewer pictures than this share of the liveliest one is a still or a row of them.
MOVING_SHARE: Final = 0.1
COUNTED_PACKETS: Final = 600  # read to see which streams move, where the header does not say

NEEDED: Final = "a clip with moving pictures is needed"
IF_IT_MOVES: Final = "if it moves, save it as a video (MP4) to have it analyzed"
UNPACK: Final = "unpack it and choose a clip in it"
# How files of other kinds begin: what they are called, what helps, and by offset, bytes and name which are meant.
OTHER_KINDS: Final = (
    (
        "{} (a picture)",
        IF_IT_MOVES,
        (
            (0, b"GIF8", "a GIF"),
            (0, b"\x89PNG", "a PNG"),
            (8, b"WEBP", "a WebP"),
            *((4, b"ftyp" + brand, "an AVIF") for brand in (b"avif", b"avis")),
        ),
    ),
    (
        "{} (a picture)",
        NEEDED,
        (
            (0, b"\xff\xd8\xff", "a JPEG"),
            (0, b"BM", "a BMP"),
            *((0, start, "a TIFF") for start in (b"II*\0", b"MM\0*")),
            (0, b"8BPS", "a Photoshop file"),
            *((0, start, "a JPEG XL") for start in (b"\0\0\0\x0cJXL ", b"\xff\x0a")),
            (0, b"\0\0\0\x0cjP  ", "a JPEG 2000"),
            *((4, b"ftyp" + brand, "a HEIF") for brand in (b"heic", b"heix", b"mif1", b"msf1", b"hevc", b"hevx")),
        ),
    ),
    (
        "a sound without pictures ({})",
        NEEDED,
        (
            (0, b"ID3", "MP3"),
            (8, b"WAVE", "WAV"),
            (0, b"fLaC", "FLAC"),
            *((8, start, "AIFF") for start in (b"AIFF", b"AIFC")),
            (0, b"MThd", "MIDI"),
            (0, b"#!AMR", "AMR"),
            (0, b".snd", "AU"),
            (0, b"caff", "CAF"),
            *((0, bytes((0xFF, second)), "MP3") for second in (0xFB, 0xFA, 0xF3, 0xF2, 0xE3)),
            *((0, bytes((0xFF, second)), "AAC") for second in (0xF1, 0xF9)),
        ),
    ),
    (
        "{} archive",
        UNPACK,
        (
            (0, b"PK\3\4", "a ZIP"),
            (0, b"Rar!", "a RAR"),
            (0, b"7z\xbc\xaf", "a 7z"),
            (0, b"\x1f\x8b", "a gzip"),
            (257, b"ustar", "a tar"),
        ),
    ),
    ("{}", NEEDED, ((0, b"%PDF", "a PDF"),)),
)
A_PAGE: Final = "a web page", "a site sent it in place of the clip, or it holds the clip: save the clip itself"
A_LIST: Final = "a playlist", "it only names other files: save the clip itself"
# How texts begin, in small letters, without white space and the zero bytes that UTF-16 has beside Latin letters.
TEXTS: Final = {
    **dict.fromkeys((b"<!doctypehtml", b"<html", b"<head", b"<!--"), A_PAGE),
    b"#extm3u": A_LIST,
    b"ffconcat": A_LIST,
    b"<?xml": ("an XML file", NEEDED),
    **dict.fromkeys((b'{"', b'[{"'), ("a JSON file", NEEDED)),
}
NO_TEXT: Final = re.compile(rb"\A(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)|[\0\s]+")  # byte order mark, gaps
START_BYTES: Final = 512
UNREADABLE: Final = "this cannot be read as a video ({why}); {advice}"
NO_INDEX: Final = UNREADABLE.format(
    why="its index is missing", advice="it was truncated: the recording or the download ended early, so get it anew"
)


@dataclass(frozen=True, slots=True)
class Choice:
    """The picture stream that is read. number: which of the file's picture streams, from 1; of: how many there are."""

    stream: Any
    number: int
    of: int

    @property
    def adjustments(self) -> tuple[Adjustment, ...]:
        """Return that a stream had to be chosen, where there are several."""
        return (Adjustment("stream_chosen", {"stream": self.number, "of": self.of}),) if self.of > 1 else ()


def _why_missing(path: Path) -> str:
    scheme = A_SCHEME.match(str(path))
    if scheme is None:
        return "there is no such file"
    return "name the file by its path alone, without `file://`" if scheme[1].lower() == "file" else A_URL


def check_file(path: Path, settings: Settings) -> None:
    """Raise ClipNotFoundError, ClipError or LimitError for what cannot be a clip: no file, empty, too large, or plainly
    of another kind (a picture, a sound, an archive, a web page)."""
    try:
        exists = path.exists()
    except OSError as error:  # a name that is too long, a folder that may not be entered
        raise ClipError(path, f"the file cannot be reached ({reason(error)})") from error
    if not exists:
        raise ClipNotFoundError(path, _why_missing(path))
    if not path.is_file():
        what = "this is the current folder, or an empty name" if path == Path() else "this is not a file"
        raise ClipError(path, f"{what}; name a video clip")
    size = path.stat().st_size
    if size == 0:
        raise ClipError(path, "the file is empty")
    if size > settings.max_clip_mb * 2**20:
        raise LimitError(
            path,
            f"{size / 2**20:.0f} MiB is over the limit of {settings.max_clip_mb} MiB; "
            "raise max_clip_mb in deepfake.toml or DEEPFAKE_MAX_CLIP_MB to allow it",
        )
    _check_kind(path)


def _check_kind(path: Path) -> None:
    """Raise ClipError for a file that begins like no video, or cannot be read."""
    try:
        with path.open("rb") as file:
            start = file.read(START_BYTES)
    except OSError as error:
        raise ClipError(path, f"the file cannot be read ({reason(error)})") from error
    text = NO_TEXT.sub(b"", start).lower()
    for called, advice, marks in OTHER_KINDS:
        for offset, mark, name in marks:
            if start[offset:].startswith(mark):
                raise ClipError(path, _not_a_clip(called.format(name), advice))
    for mark, told in TEXTS.items():
        if text.startswith(mark):
            raise ClipError(path, _not_a_clip(*told))


def _not_a_clip(what: str, advice: str) -> str:
    return f"this is {what}, not a video clip; {advice}"


def open_container(path: Path, *, max_pixels: int | None = None, export_xmp: bool = False) -> Any:
    """Return the PyAV input container of a clip, for its sound or its packets; VideoReader reads its pictures.

    max_pixels: pictures that are larger are not decoded to find out about the stream. export_xmp: have the XMP of an
    MP4 or MOV among its tags, as "xmp". Raises ClipError when it is no
    video file, or a playlist that names other files.
    """
    try:
        # "file:" keeps a name such as "concat:x" from being taken for a protocol.
        limits = {} if max_pixels is None else {"max_pixels": str(max_pixels)}
        options = {"format_whitelist": CONTAINER_FORMATS, "protocol_whitelist": "file"}
        options |= {"export_xmp": "1"} if export_xmp else {}
        return av.open(f"file:{path}", options=limits, container_options=options, metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        told = UNREADABLE.format(why=reason(error), advice="it may be truncated or of another kind than its name says")
        if isinstance(error, av.ArgumentError):  # the whitelist
            told = UNREADABLE.format(
                why="it is of a kind that is not read, or it is damaged", advice="save it as an MP4"
            )
        elif lacks_index(path):
            told = NO_INDEX
        raise ClipError(path, told) from error


def choose_stream(container: Any, path: Path) -> Choice:
    """Return the picture stream that a player shows: the only default one, else the largest of those that move.

    Covers, thumbnails and stills are no clip. Raises ClipError where nothing is left.
    """
    streams = list(container.streams.video)
    pictures = [stream for stream in streams if not stream.disposition & NOT_THE_CLIP and stream.codec_context]
    if not pictures:
        if container.streams.audio:
            raise ClipError(path, _not_a_clip("a sound without pictures (the file holds only audio)", NEEDED))
        if lacks_index(path):
            raise ClipError(path, NO_INDEX)
        raise ClipError(path, "the file holds no video track; a clip with pictures is needed")
    moving = pictures if len(pictures) == 1 else _moving(pictures, path)
    defaults = [stream for stream in moving if stream.disposition & Disposition.default]
    chosen = defaults[0] if len(defaults) == 1 else max(moving, key=lambda stream: stream.width * stream.height)
    chosen.thread_type = "AUTO"
    return Choice(chosen, streams.index(chosen) + 1, len(streams))


def _moving(streams: list[Any], path: Path) -> list[Any]:
    counts = {stream.index: stream.frames for stream in streams}
    if not all(counts.values()):
        with open_container(path) as container:
            wanted = [container.streams[index] for index in counts]
            packets = islice(container.demux(wanted), COUNTED_PACKETS)
            counts = dict.fromkeys(counts, 0) | Counter(packet.stream.index for packet in packets if packet.size)
    liveliest = max(counts.values())
    return [stream for stream in streams if counts[stream.index] >= max(MOVING_SHARE * liveliest, min(2, liveliest))]


def check_header(choice: Choice, container: Any, path: Path, settings: Settings) -> None:
    """Raise LimitError for a clip whose header says that it is too long, or its pictures too large."""
    stream = choice.stream
    duration_s = duration_of(stream, container)
    if duration_s is not None and duration_s > settings.max_duration_s:
        raise LimitError(path, over_duration(duration_s, settings))
    if stream.width * stream.height > settings.max_pixels:
        raise LimitError(path, over_pixels(stream.width, stream.height, settings.max_pixels))
    if not stream.width * stream.height:
        raise ClipError(
            path,
            f"the size of its pictures cannot be read, or is over the limit of {settings.max_pixels} px; raise "
            "max_pixels in deepfake.toml or DEEPFAKE_MAX_PIXELS to allow it",
        )


def over_duration(duration_s: float, settings: Settings) -> str:
    """Return what is said of a clip that is too long."""
    return (
        f"{duration_s:.1f} s is over the limit of {settings.max_duration_s:g} s; "
        "raise max_duration_s in deepfake.toml or DEEPFAKE_MAX_DURATION_S to allow it"
    )


def duration_of(stream: Any, container: Any) -> float | None:
    """Return how long a stream, or else its file, says that it lasts, seconds, or None."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if container.duration:
        # FFmpeg writes into Matroska on which time of its clock a file ends; other programs, how long it lasts.
        tags = {name.upper(): value for name, value in container.metadata.items()}
        is_end = "matroska" in container.format.name and tags.get("ENCODER", "").startswith("Lavf")
        start = max(0, container.start_time or 0) if is_end else 0
        ticks = container.duration - start if start < container.duration else container.duration
        return float(Fraction(ticks, av.time_base))
    return None


def reason(error: BaseException) -> str:
    """Return FFmpeg's words for an error, to stand within a sentence."""
    return (getattr(error, "strerror", None) or str(error)).rstrip(".").lower()
