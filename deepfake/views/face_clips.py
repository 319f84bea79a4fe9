"""Face crops in motion: one clip per track, written while a clip is analyzed."""

import logging
from collections import deque
from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Self

from deepfake.faces.alignment import FaceCrop, crop_face, scale_transform
from deepfake.video.info import Frame
from deepfake.video.writer import ClipWriter

logger = logging.getLogger(__name__)

FACE_CLIP_SIZE_PX = 320
MAX_OPEN_ENCODERS = 12
MAX_WAITING = 32  # crops that are not encoded yet, a third of a megabyte each


class FaceClips:
    """Writes one clip per track, `face-<track_id>.mp4`, from the crops of an analysis.

    with FaceClips(folder, frame_rate) as clips:
        analyze(path, on_crop=clips)
        clips.close()

    Crops are cut out of the frame at size_px. A clip begins at 0 s with its track's first crop and keeps the track's
    timing: while the face is out of sight the last crop stays.

    At most max_open encoders work at a time. A new track takes the place of one not seen for idle_s; where there is
    none, in a crowd, it gets no clip and its id is in `skipped`. Crops are encoded in a second thread: what
    goes wrong there is raised by a later call, or by close().
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
        self._encoding = ThreadPoolExecutor(1, thread_name_prefix="face-clips")
        self._waiting: deque[Future[None]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Delete what was written unless close() was called before."""
        self._encoding.shutdown(cancel_futures=True)
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
        self._encoded(keep=MAX_WAITING)
        self._waiting.append(
            self._encoding.submit(writer.write, image, crop.timestamp_s - self._start_s[crop.track_id])
        )
        self._seen_s[crop.track_id] = crop.timestamp_s

    def close(self, keep: Collection[int] | None = None) -> dict[int, Path]:
        """Finish all clips and return them by track_id. keep: clips of other tracks are deleted; None keeps all."""
        for track_id in list(self._open):
            self._finish(track_id)
        for track_id in [track_id for track_id in self._written if keep is not None and track_id not in keep]:
            self._written.pop(track_id).unlink(missing_ok=True)
        self._encoding.shutdown()
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

    def _encoded(self, *, keep: int) -> None:
        """Wait until all crops but the latest `keep` are encoded; raise what that raised."""
        while len(self._waiting) > keep:
            self._waiting.popleft().result()

    def _finish(self, track_id: int) -> None:
        self._encoded(keep=0)
        writer = self._open.pop(track_id)
        writer.close()
        self._written[track_id] = writer.path
