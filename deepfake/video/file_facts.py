"""What a file says of itself besides its pictures: its tags, its streams, its key frames, its bit rate over time."""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import av
import numpy as np
from numpy.typing import NDArray

from deepfake.settings import Settings, settings_given
from deepfake.video.opening import check_file, choose_stream, open_container

logger = logging.getLogger(__name__)

TagKind = Literal["place", "device", "time", "tool", "other"]
# Parts of the names that containers give to tags, by what they tell; the first that fits counts.
TAG_WORDS: Final[tuple[tuple[TagKind, tuple[str, ...]], ...]] = (
    ("place", ("location", "iso6709", "gps", "©xyz")),
    ("time", ("creation", "date", "time")),
    ("tool", ("encoder", "encoded", "software", "writing", "handler", "vendor", "major_brand", "compatible", "tool")),
    ("device", ("make", "model", "device", "camera", "lens", "serial", "artist", "author", "owner")),
)
# x264 and x265 write their name and settings into the first picture.
LIBRARY: Final = re.compile(rb"(x26[45] [^\x00]{0,40}?)(?: - H\.26|\x00|$)")
SEARCHED_PACKETS: Final = 3


@dataclass(frozen=True, slots=True)
class Tag:
    """One thing that a file says of itself. where: "file", or a stream by number and kind. kind: what it tells."""

    where: str
    name: str
    value: str
    kind: TagKind

    @property
    def is_sensitive(self) -> bool:
        """Whether it may tell where or by whom the clip was taken."""
        return self.kind in ("place", "device")


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a file says of itself.

    Attributes:
        tags: of the container and its streams.
        streams: one line for each stream: number, kind, codec and what goes with it.
        key_times_s: f64 (k,), the times of the key frames, seconds from the first frame.
        second_s: f64 (n,), the beginning of each second of the clip.
        bit_rate: f64 (n,), bits per second of the pictures in that second. What an edit list leaves out does not count.
    """

    tags: tuple[Tag, ...]
    streams: tuple[str, ...]
    key_times_s: NDArray[np.float64]
    second_s: NDArray[np.float64]
    bit_rate: NDArray[np.float64]


def read_file_facts(path: Path | str, *, settings: Settings | None = None) -> FileFacts:
    """Return what a file says of itself. No picture is decoded.

    Args:
        path: a clip.
        settings: limits.

    Raises:
        ClipError: it is no clip; LimitError where it is too large.
    """
    path, settings = Path(path), settings_given(settings)
    check_file(path, settings)
    with open_container(path) as container:
        stream = choose_stream(container, path).stream
        tags = [*_tags("file", container.metadata)]
        streams = []
        for item in container.streams:
            where = f"stream {item.index} ({item.type})"
            tags += _tags(where, item.metadata)
            streams.append(f"{where}: {_described(item)}")
        times_s, sizes, is_key, library = _packets(container, stream)
        if library:
            tags.append(Tag(f"stream {stream.index} (video)", "encoding library", library, "tool"))
    within = times_s <= settings.max_duration_s  # a damaged time may be years away
    times_s, sizes, is_key = times_s[within], sizes[within], is_key[within]
    second_s, bit_rate = _bit_rate(times_s, sizes)
    return FileFacts(tuple(tags), tuple(streams), times_s[is_key], second_s, bit_rate)


def kind_of(name: str) -> TagKind:
    """Return what a tag of that name tells."""
    lower = name.lower().replace("quicktime", "")
    return next((kind for kind, words in TAG_WORDS if any(word in lower for word in words)), "other")


def _tags(where: str, metadata: dict[str, str]) -> Iterator[Tag]:
    for name, value in metadata.items():
        if str(value).strip():
            yield Tag(where, name, str(value).strip(), kind_of(name))


def _described(stream: Any) -> str:
    context = stream.codec_context
    name = "unknown" if context is None else context.name
    if stream.type == "video" and context is not None:
        rate = "" if not stream.average_rate else f", {float(stream.average_rate):.3f} frames/s"
        return f"{name}, {context.width}×{context.height} px, {context.pix_fmt}{rate}"
    if stream.type == "audio" and context is not None:
        return f"{name}, {context.sample_rate} Hz, {context.layout.name}"
    return name


def _until_error(packets: Iterator[Any]) -> Iterator[Any]:
    """The packets of a file that may be damaged: it ends where it cannot be read further."""
    try:
        yield from packets
    except av.FFmpegError:
        logger.info("the file ends with an error", exc_info=True)


def _packets(container: Any, stream: Any) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_], str]:
    """Times (seconds from the first), bytes and key frames of those packets of a stream that are shown, in the order of
    time, and what the encoder wrote into the first of all."""
    times: list[float] = []
    sizes: list[int] = []
    is_key: list[bool] = []
    library, searched = "", 0
    for packet in _until_error(container.demux(stream)):
        stamp = packet.pts if packet.pts is not None else packet.dts
        if not packet.size or stamp is None:
            continue
        if searched < SEARCHED_PACKETS and not library:
            searched += 1
            match = LIBRARY.search(bytes(packet))
            library = match[1].decode("ascii", "replace").strip() if match else ""
        if packet.is_discard:  # an edit list leaves it out
            continue
        times.append(float(stamp * stream.time_base))
        sizes.append(packet.size)
        is_key.append(bool(packet.is_keyframe))
    order = np.argsort(np.array(times), kind="stable") if times else np.empty(0, np.int64)
    sorted_s = np.array(times, dtype=np.float64)[order]
    start_s = sorted_s[0] if len(sorted_s) else 0.0
    return sorted_s - start_s, np.array(sizes, np.int64)[order], np.array(is_key, np.bool_)[order], library


def _bit_rate(
    times_s: NDArray[np.float64], sizes: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Seconds, and the bits in each. The last one, which is short, counts for the part that there is of it."""
    if not len(times_s):
        return np.empty(0), np.empty(0)
    seconds = np.floor(times_s).astype(np.int64)
    bits: NDArray[np.float64] = np.bincount(seconds, weights=8.0 * sizes).astype(np.float64)
    step_s = float(np.median(np.diff(times_s))) if len(times_s) > 1 else 1.0
    last_s = float(times_s[-1] + step_s - seconds[-1])
    bits[-1] /= min(max(last_s, step_s), 1.0) or 1.0
    return np.arange(len(bits)).astype(np.float64), bits
