"""What is shown of two clips together: a face of the one beside the same place of the other, and where they differ."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import plotly.graph_objects as go

from deepfake.comparison.compare import Comparison
from deepfake.comparison.overlap import Overlap, difference_map
from deepfake.comparison.report import side_by_side
from deepfake.faces.alignment import FaceCrop
from deepfake.figures.pictures import difference_figure
from deepfake.settings import Settings
from deepfake.signals.ssim import MIN_SIDE_PX
from deepfake.video.info import Frame, Image
from deepfake.video.reader import VideoReader
from deepfake.video.writer import ClipWriter

GAP_PX = 8
GAP_LEVEL = 128


class PairClips:
    """Writes one clip per track of the fake, `pair-<track_id>.mp4`: its face on the left, the original's on the right.

    Both halves are cut out at the same place and moment, so they are in step whatever plays them:
    compare(on_faces=PairClips(…)). A clip begins at 0 s with the track's first moment and keeps its timing.
    """

    def __init__(self, folder: Path | str, frame_rate: Fraction) -> None:
        self._folder = Path(folder)
        self._frame_rate = frame_rate
        self._writers: dict[int, tuple[ClipWriter, float]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish all clips, or leave none when something went wrong."""
        for writer, _ in self._writers.values():
            if error is None:
                writer.close()
            else:
                writer.discard()

    def __call__(self, fake: FaceCrop, original: FaceCrop) -> None:
        """Add one moment of a track."""
        gap = np.full((fake.image.shape[0], GAP_PX, 3), GAP_LEVEL, dtype=np.uint8)
        pair = np.hstack([fake.image, gap, original.image])
        if fake.track_id not in self._writers:
            path = self._folder / f"pair-{fake.track_id}.mp4"
            writer = ClipWriter(path, self._frame_rate, (pair.shape[1], pair.shape[0]), threads=1)
            self._writers[fake.track_id] = writer, fake.timestamp_s
        writer, start_s = self._writers[fake.track_id]
        writer.write(pair, fake.timestamp_s - start_s)


def write_side_by_side(
    out: Path | str,
    fake_path: Path | str,
    original_path: Path | str,
    comparison: Comparison,
    *,
    settings: Settings | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write two clips as one, the fake on the left and the original on the right, at every moment that was compared.

    Both are of one height, the longer side of each at most 640 px. progress: called with the moments done and all.
    Raises what VideoReader raises.
    """
    cross = comparison.cross_similarity
    moments = list(zip(cross.frame_indices.tolist(), comparison.original_frame_indices.tolist(), strict=True))
    with ExitStack() as stack:
        readers = [stack.enter_context(VideoReader(path, settings)) for path in (fake_path, original_path)]
        left, right = (_pictures_by_index(reader.frames()) for reader in readers)
        writer: ClipWriter | None = None
        for done, ((left_index, right_index), time_s) in enumerate(zip(moments, cross.timestamps_s, strict=True), 1):
            pair = side_by_side(left(left_index), right(right_index))
            if writer is None:
                size = pair.shape[1], pair.shape[0]
                writer = stack.enter_context(ClipWriter(out, readers[0].info.frame_rate, size))
            writer.write(pair, float(time_s - cross.timestamps_s[0]))
            if progress is not None:
                progress(done, len(moments))


def _pictures_by_index(frames: Iterator[Frame]) -> Callable[[int], Image]:
    """Return a function that gives the picture of a frame by its index, which must not get smaller from call to call;
    the last picture where the clip ends before."""
    latest = next(frames)

    def picture(index: int) -> Image:
        nonlocal latest
        while latest.index < index and (following := next(frames, None)) is not None:
            latest = following
        return latest.image

    return picture


def difference_view(
    fake_path: Path | str,
    original_path: Path | str,
    fake_s: float,
    original_s: float,
    overlap: Overlap,
    title: str,
) -> go.Figure | None:
    """Return a map of where two clips differ over the fake's picture, or None where they are too small for one.

    fake_s, original_s: the moment in each, seconds from its first frame. Raises what VideoReader raises.
    """
    with VideoReader(fake_path) as fake, VideoReader(original_path) as original:
        fake_image = overlap.fake_view(fake.frame_near(fake_s)[0].image)
        original_image = overlap.original_view(original.frame_near(original_s)[0].image)
    if min(overlap.reduced_size) < MIN_SIDE_PX:
        return None
    difference = difference_map(np.ascontiguousarray(fake_image), np.ascontiguousarray(original_image))
    return difference_figure(difference, fake_image, title=title)
