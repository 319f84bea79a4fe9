"""Clips that every browser plays: face crops in motion, slow motion, and transcoded originals. H.264, 4:2:0, MP4."""

import logging
import os
from collections.abc import Callable, Collection, Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import cv2
import numpy as np
from av.video.reformatter import Colorspace

from deepfake.faces.alignment import FaceCrop, crop_face, scale_transform
from deepfake.settings import Settings
from deepfake.video import Frame, Image, VideoInfo, VideoReader, open_container

logger = logging.getLogger(__name__)

TIME_BASE = Fraction(1, 90_000)  # fine enough for every common frame rate
KEY_FRAME_EVERY_S = 2.0  # a player can jump to any moment after decoding this much at most
# faststart puts the index first, so that a player can begin before the whole file has come.
CONTAINER_OPTIONS = {"movflags": "+faststart"}
ENCODER_PRESET = "veryfast"
ENCODER_CRF = 20  # visually close to its source; crops are small files all the same
BT709 = 1  # the code of ITU-R BT.709 in H.264's fields for primaries, transfer and matrix
LIMITED_RANGE = 1

FACE_CLIP_SIZE_PX = 320
MAX_OPEN_ENCODERS = 12
AUDIO_RATE_HZ = 48_000
AAC_FRAME_SAMPLES = 1024

# What Chromium, Firefox and Safari all play. Decoders go by several names.
BROWSER_CODECS = {
    "mp4": {"h264", "av1", "libdav1d", "libaom-av1", "vp9", "libvpx-vp9"},
    "webm": {"vp8", "libvpx", "vp9", "libvpx-vp9", "av1", "libdav1d", "libaom-av1"},
}
BROWSER_PIXEL_FORMATS = {"yuv420p", "yuvj420p"}


class ClipWriter:
    """Writes RGB images as a browser-playable MP4, each at its own time.

    with ClipWriter(path, frame_rate, (width, height)) as writer:
        writer.write(image, timestamp_s)

    An odd width or height is made even by repeating the last column or row. The file appears under its name when
    the writer closes without an error; a writer that got no frame leaves no file. frame_rate guides the encoder, the
    timestamps decide. threads: of the encoder, 0 for as many as it likes. with_audio: see add_audio.
    """

    def __init__(
        self,
        path: Path | str,
        frame_rate: Fraction,
        size: tuple[int, int],
        *,
        threads: int = 0,
        with_audio: bool = False,
    ) -> None:
        self.path = Path(path)
        self._temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        self._size = size
        self._padding = (size[1] % 2, size[0] % 2)
        self._last_pts = -1
        self._container: Any = av.open(str(self._temporary), "w", format="mp4", options=CONTAINER_OPTIONS)
        self._stream = self._video_stream(frame_rate, threads)
        self._audio: Any = None
        if with_audio:
            self._audio = self._container.add_stream("aac", rate=AUDIO_RATE_HZ, layout="stereo")

    def _video_stream(self, frame_rate: Fraction, threads: int) -> Any:
        key_frame_every = max(1, round(KEY_FRAME_EVERY_S * float(frame_rate)))
        options = {"preset": ENCODER_PRESET, "crf": str(ENCODER_CRF), "g": str(key_frame_every)}
        stream = self._container.add_stream("libx264", rate=frame_rate, options=options)
        stream.width, stream.height = self._size[0] + self._padding[1], self._size[1] + self._padding[0]
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = TIME_BASE
        context.thread_count = threads
        # Without these a player guesses the matrix from the size, and skin changes its hue.
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = LIMITED_RANGE
        return stream

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self.discard()

    def write(self, image: Image, timestamp_s: float) -> None:
        """Add an image uint8 (height, width, 3) that is shown from timestamp_s on, in seconds.

        A time that is not after the last one becomes the next 90,000th of a second. Raises ValueError for an image of
        another size.
        """
        if image.shape != (self._size[1], self._size[0], 3):
            raise ValueError(f"{self.path}: image of shape {image.shape}, expected {(*self._size[::-1], 3)}")
        self._last_pts = max(round(timestamp_s / TIME_BASE), self._last_pts + 1)
        if any(self._padding):
            image = np.pad(image, ((0, self._padding[0]), (0, self._padding[1]), (0, 0)), mode="edge")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)
        frame.pts, frame.time_base = self._last_pts, TIME_BASE
        self._container.mux(self._stream.encode(frame))

    def add_audio(self, frame: av.AudioFrame) -> None:
        """Add a block of 1024 samples, 48 kHz stereo planar float, with its pts in samples. Needs with_audio."""
        self._container.mux(self._audio.encode(frame))

    def close(self) -> None:
        """Finish the file and give it its name."""
        if self._last_pts < 0:
            self.discard()
            return
        try:
            for stream in (self._stream, self._audio):
                if stream is not None:
                    self._container.mux(stream.encode(None))
            self._container.close()
        except BaseException:
            self.discard()
            raise
        self._temporary.replace(self.path)

    def discard(self) -> None:
        """Stop writing and leave no file."""
        try:
            self._container.close()
        except av.FFmpegError:
            logger.debug("%s: closing an unfinished clip failed", self.path, exc_info=True)
        self._temporary.unlink(missing_ok=True)


class FaceClips:
    """Writes one clip a track, `face-<track_id>.mp4`, from the crops of an analysis: analyze(on_crop=FaceClips(…)).

    Crops are cut out of the frame at size_px. A clip begins at 0 s with its track's first crop and keeps the track's
    timing: while the face is out of sight the last crop stays.

    At most max_open encoders work at a time. A new track takes the place of one not seen for idle_s; where there is
    none, in a crowd, it gets no clip and its id is in `skipped`.
    """

    def __init__(
        self,
        folder: Path | str,
        frame_rate: Fraction,
        *,
        size_px: int = FACE_CLIP_SIZE_PX,
        max_open: int = MAX_OPEN_ENCODERS,
        idle_s: float = 2.0,
    ) -> None:
        self.skipped: set[int] = set()
        self._folder = Path(folder)
        self._frame_rate = frame_rate
        self._size_px = size_px
        self._max_open = max_open
        self._idle_s = idle_s
        self._open: dict[int, ClipWriter] = {}
        self._start_s: dict[int, float] = {}
        self._seen_s: dict[int, float] = {}
        self._written: dict[int, Path] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Delete what was written unless close() was called before."""
        for writer in self._open.values():
            writer.discard()
        self._open = {}
        for path in self._written.values():
            path.unlink(missing_ok=True)

    def __call__(self, crop: FaceCrop, frame: Frame) -> None:
        """Add a crop of a track, cut out of its frame. Crops of a track come in the order of time."""
        writer = self._writer(crop)
        if writer is None:
            return
        transform = scale_transform(crop.crop_to_frame, self._size_px / crop.image.shape[0])
        image = crop_face(frame.image, transform, self._size_px)
        writer.write(image, crop.timestamp_s - self._start_s[crop.track_id])
        self._seen_s[crop.track_id] = crop.timestamp_s

    def close(self, keep: Collection[int] | None = None) -> dict[int, Path]:
        """Finish all clips and return them by track_id. keep: clips of other tracks are deleted; None keeps all."""
        for track_id in list(self._open):
            self._finish(track_id)
        for track_id in [track_id for track_id in self._written if keep is not None and track_id not in keep]:
            self._written.pop(track_id).unlink(missing_ok=True)
        written, self._written = self._written, {}
        return written

    def _writer(self, crop: FaceCrop) -> ClipWriter | None:
        track_id = crop.track_id
        if track_id in self._open:
            return self._open[track_id]
        if track_id in self.skipped or track_id in self._written:
            return None
        if len(self._open) >= self._max_open and not self._finish_idle(crop.timestamp_s):
            logger.info("no clip of track %d: %d faces are already being written", track_id, len(self._open))
            self.skipped.add(track_id)
            return None
        path = self._folder / f"face-{track_id}.mp4"
        # Small pictures: one thread is enough, and a dozen encoders with many threads each would not be bounded.
        self._open[track_id] = ClipWriter(path, self._frame_rate, (self._size_px, self._size_px), threads=1)
        self._start_s[track_id] = crop.timestamp_s
        return self._open[track_id]

    def _finish_idle(self, now_s: float) -> bool:
        longest = min(self._open, key=lambda track_id: self._seen_s[track_id])
        if now_s - self._seen_s[longest] < self._idle_s:
            return False
        self._finish(longest)
        return True

    def _finish(self, track_id: int) -> None:
        writer = self._open.pop(track_id)
        writer.close()
        self._written[track_id] = writer.path


def slowed(path: Path | str, out: Path | str, factor: float) -> None:
    """Write a clip's pictures to out with all times multiplied by factor: 2 is half speed. Nothing is re-encoded.

    Meant for the clips of this module; sound is left out.
    """
    out = Path(out)
    temporary = out.with_name(f".{out.name}.{os.getpid()}.part")
    scale = Fraction(factor).limit_denominator(1000)
    try:
        with (
            av.open(str(path)) as source,
            av.open(str(temporary), "w", format="mp4", options=CONTAINER_OPTIONS) as target,
        ):
            pictures = source.streams.video[0]
            stream = target.add_stream_from_template(pictures)
            for packet in source.demux(pictures):
                if packet.dts is None or packet.pts is None:
                    continue  # the empty packet that ends a stream
                packet.pts, packet.dts = round(packet.pts * scale), round(packet.dts * scale)
                packet.duration = round((packet.duration or 0) * scale)
                packet.stream = stream
                target.mux(packet)
        temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)


def browser_plays(info: VideoInfo) -> bool:
    """Tell whether every common browser plays a clip as it is: H.264, VP8, VP9 or AV1 with 8 bit and 4:2:0.

    A rotated clip plays upright. Matroska counts only as WebM; HEVC never, some browsers play its sound alone.
    """
    if info.pixel_format not in BROWSER_PIXEL_FORMATS:
        return False
    if "mp4" in info.container.split(","):
        return info.codec in BROWSER_CODECS["mp4"]
    if "webm" in info.container.split(",") and info.path.suffix.lower() == ".webm":
        return info.codec in BROWSER_CODECS["webm"]
    return False


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
        scale = min(1.0, max_height / info.height)
        size = max(2, round(info.width * scale)), max(2, round(info.height * scale))
        sound = _sound(Path(path)) if info.has_audio else iter(())
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


def _sound(path: Path) -> Iterator[av.AudioFrame]:
    """Yield a clip's sound in blocks of 1024 samples, 48 kHz stereo; pts counts samples from the first picture."""
    try:
        with open_container(path) as container:
            pictures = container.streams.video[0]
            start_s = float((pictures.start_time or 0) * (pictures.time_base or 0))
            resampler = av.AudioResampler("fltp", "stereo", AUDIO_RATE_HZ, frame_size=AAC_FRAME_SAMPLES)
            next_pts = 0
            for decoded in container.decode(container.streams.audio[0]):
                for block in resampler.resample(decoded):
                    if block.pts is None or block.time_base is None:
                        continue
                    pts = round((float(block.pts * block.time_base) - start_s) * AUDIO_RATE_HZ)
                    if pts + AAC_FRAME_SAMPLES / 2 < next_pts:
                        continue  # sound before the first picture, or blocks that overlap
                    block.pts, block.time_base = max(pts, next_pts), Fraction(1, AUDIO_RATE_HZ)
                    next_pts = block.pts + block.samples
                    yield block
    except (av.FFmpegError, ValueError):
        logger.info("%s: its sound cannot be decoded further and is left out", path, exc_info=True)
