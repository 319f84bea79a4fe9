"""What browsers play, and a clip turned into that."""

import itertools
import logging
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import cv2
import numpy as np

from deepfake.settings import Settings
from deepfake.video.info import Adjustment, Image, VideoInfo
from deepfake.video.opening import choose_stream, open_container
from deepfake.video.reader import VideoReader
from deepfake.video.writer import AAC_FRAME_SAMPLES, AUDIO_RATE_HZ, ClipWriter

logger = logging.getLogger(__name__)

# What Chromium, Firefox and Safari all play. Decoders go by several names.
BROWSER_CODECS = {
    "mp4": {"h264", "av1", "libdav1d", "libaom-av1", "vp9", "libvpx-vp9"},
    "webm": {"vp8", "libvpx", "vp9", "libvpx-vp9", "av1", "libdav1d", "libaom-av1"},
}
BROWSER_PIXEL_FORMATS = {"yuv420p", "yuvj420p"}


MAX_WIDTH_PX: Final = 4096  # of what decoders of H.264 take, levels 5.1 and 5.2, in browsers
MAX_SOUND_STEP_BACK: Final = AUDIO_RATE_HZ // 10  # samples: more is a clock that jumped, not one that trembles
# What browsers do themselves, all alike. They choose a stream, crop, mirror, deinterlace and map light as they like.
DONE_BY_BROWSERS: Final = frozenset({"turned", "scaled", "packets_left_out"})


def browser_plays(info: VideoInfo) -> bool:
    """Tell whether every common browser plays a clip as it is: H.264, VP8, VP9 or AV1 with 8 bit and 4:2:0.

    A rotated clip plays upright, pixels that are not square are stretched. A clip that is changed on reading in any
    other way is not shown by every browser as it was analyzed. Matroska counts only as WebM; HEVC never, some browsers
    play its sound alone.
    """
    if any(item.code not in DONE_BY_BROWSERS and not _is_first_stream(item) for item in info.adjustments):
        return False
    if info.pixel_format not in BROWSER_PIXEL_FORMATS:
        return False
    if "mp4" in info.container.split(","):
        return info.codec in BROWSER_CODECS["mp4"]
    if "webm" in info.container.split(",") and info.path.suffix.lower() == ".webm":
        return info.codec in BROWSER_CODECS["webm"]
    return False


def _is_first_stream(item: Adjustment) -> bool:
    return item.code == "stream_chosen" and item.values["stream"] == 1


def transcode(
    path: Path | str,
    out: Path | str,
    *,
    max_height: int = 720,
    settings: Settings | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> None:
    """Write a clip to out as an MP4 that browsers play: upright, at most max_height px high, times kept, sound as AAC.

    progress is called after every frame with the frames done and their estimated total. out appears when it is
    complete. Sound that cannot be decoded is left out. Raises what VideoReader raises.
    """
    with VideoReader(path, settings) as reader:
        info = reader.info
        scale = min(1.0, max_height / info.height, MAX_WIDTH_PX / info.width)
        size = max(2, round(info.width * scale)), max(2, round(info.height * scale))
        sound = _sound(Path(path), reader.start_s) if info.has_audio else iter(())
        block = next(sound, None)
        with ClipWriter(out, info.frame_rate, size, with_audio=block is not None) as writer:
            for frame in reader.frames():
                # In step with the pictures: the container keeps one kind of packet until the other comes.
                while block is not None and (block.pts or 0) <= frame.timestamp_s * AUDIO_RATE_HZ:
                    writer.add_audio(block)
                    block = next(sound, None)
                image = frame.image if size == (info.width, info.height) else _resized(frame.image, size)
                writer.write(image, frame.timestamp_s)
                if progress is not None:
                    progress(frame.index + 1, info.frame_count)


def _resized(image: Image, size: tuple[int, int]) -> Image:
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _sound(path: Path, start_s: float) -> Iterator[av.AudioFrame]:
    """Yield a clip's sound in blocks of 1024 samples, 48 kHz stereo; pts counts samples from the first picture.

    start_s: where the first picture lies on the file's clock, seconds. The sound is the one that belongs to the picture
    stream. Where its clock jumps back, the pieces follow each other, as their pictures do.
    """
    try:
        with open_container(path) as container:
            stream = _sound_stream(container, path)
            resampler = av.AudioResampler("fltp", "stereo", AUDIO_RATE_HZ, frame_size=AAC_FRAME_SAMPLES)
            next_pts, shift = 0, 0
            latest: int | None = None
            for block in itertools.chain.from_iterable(map(resampler.resample, container.decode(stream))):
                if block.pts is None or block.time_base is None:
                    continue
                own = round((float(block.pts * block.time_base) - start_s) * AUDIO_RATE_HZ)
                if latest is not None and own < latest - MAX_SOUND_STEP_BACK:
                    shift = next_pts - own
                latest, pts = own, own + shift
                if pts + AAC_FRAME_SAMPLES / 2 < next_pts:
                    continue  # sound before the first picture, or blocks that overlap
                block.pts, block.time_base = max(pts, next_pts), Fraction(1, AUDIO_RATE_HZ)
                next_pts = block.pts + block.samples
                yield block
    except (av.FFmpegError, ValueError):
        logger.info("%s: its sound cannot be decoded further and is left out", path, exc_info=True)


def _sound_stream(container: Any, path: Path) -> Any:
    pictures = choose_stream(container, path).stream
    return container.streams.best("audio", related=pictures) or container.streams.audio[0]
