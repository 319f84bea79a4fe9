"""Clips written from pictures, as every browser plays them, and slow motion: H.264, 4:2:0, MP4."""

import logging
import os
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import numpy as np
from av.video.reformatter import Colorspace

from deepfake.files import replacing
from deepfake.video.info import Image

logger = logging.getLogger(__name__)

TIME_BASE = Fraction(1, 90_000)  # fine enough for every common frame rate
KEY_FRAME_EVERY_S = 2.0  # a player can jump to any moment after decoding this much at most
# faststart puts the index first, so that a player can begin before the whole file has come.
CONTAINER_OPTIONS = {"movflags": "+faststart"}
ENCODER_PRESET = "veryfast"
ENCODER_CRF = 20  # visually close to its source; crops are small files all the same
BT709 = 1  # the code of ITU-R BT.709 in H.264's fields for primaries, transfer and matrix
LIMITED_RANGE = 1
AUDIO_RATE_HZ = 48_000
AAC_FRAME_SAMPLES = 1024


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
        self._failure: BaseException | None = None
        # "file:" keeps a folder such as "a:b" from being taken for a protocol.
        self._container: Any = av.open(f"file:{self._temporary}", "w", format="mp4", options=CONTAINER_OPTIONS)
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
        another size; after an error, that error again.
        """
        if image.shape != (self._size[1], self._size[0], 3):
            raise ValueError(f"{self.path}: image of shape {image.shape}, expected {(*self._size[::-1], 3)}")
        self._last_pts = max(round(timestamp_s / TIME_BASE), self._last_pts + 1)
        if any(self._padding):
            image = np.pad(image, ((0, self._padding[0]), (0, self._padding[1]), (0, 0)), mode="edge")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)
        frame.pts, frame.time_base = self._last_pts, TIME_BASE
        self._encode(self._stream, frame)

    def add_audio(self, frame: av.AudioFrame) -> None:
        """Add a block of 1024 samples, 48 kHz stereo planar float, with its pts in samples. Needs with_audio."""
        self._encode(self._audio, frame)

    def _encode(self, stream: Any, frame: Any) -> None:
        if self._failure is not None:  # as on a full disk: a container without its header crashes at the next packet
            raise self._failure
        try:
            self._container.mux(stream.encode(frame))
        except BaseException as error:
            self._failure = error
            raise

    def close(self) -> None:
        """Finish the file and give it its name."""
        if self._last_pts < 0:
            self.discard()
            return
        try:
            for stream in (self._stream, self._audio):
                if stream is not None:
                    self._encode(stream, None)
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


def slowed(path: Path | str, out: Path | str, factor: float) -> None:
    """Write a clip's pictures to out with all times multiplied by factor: 2 is half speed. Nothing is re-encoded.

    Meant for clips that ClipWriter wrote; sound is left out.
    """
    scale = Fraction(factor).limit_denominator(1000)
    with (
        replacing(Path(out)) as draft,
        av.open(f"file:{path}") as source,
        av.open(f"file:{draft}", "w", format="mp4", options=CONTAINER_OPTIONS) as target,
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
