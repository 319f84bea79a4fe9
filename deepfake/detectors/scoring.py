"""Scores of all tracks of a clip while it is read: crops are sampled, scored when their track is over, and dropped."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from deepfake.detectors.efficientnet import CROP_PX, WHOLE
from deepfake.faces.alignment import FaceCrop, crop_face
from deepfake.faces.blur import edge_blur_px
from deepfake.video.reader import Frame

MAX_CROPS = 32  # four to eight crops a clip carry nearly all that a frame-by-frame detector can tell


class CropDetector(Protocol):
    """P(fake) of crops: see LearnedDetector."""

    def scores(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return P(fake) of each crop, f32 (n,). crops: uint8 (n, S, S, 3), RGB."""
        ...


@dataclass(frozen=True, slots=True)
class TrackScores:
    """What a detector says of one track. frame_indices: i64 (m,); probabilities_fake: f32 (m,), of these crops;
    edge_blur_px: f32 (m,), their blur, px of their whole view, 224 px a side."""

    track_id: int
    frame_indices: NDArray[np.int64]
    probabilities_fake: NDArray[np.float32]
    edge_blur_px: NDArray[np.float32]


class CropSample:
    """Between 16 and 32 crops of a track of unknown length, evenly spread over it, in bounded memory.

    Every stride-th crop is kept; when there are more than MAX_CROPS, every second goes and the stride doubles.
    """

    def __init__(self) -> None:
        self._stride = 1
        self._offered = 0
        self._crops: list[FaceCrop] = []

    def offer(self, cut: Callable[[], FaceCrop]) -> None:
        """Offer the next crop of the track. cut: returns it; called where it is wanted."""
        if self._offered % self._stride == 0:
            self._crops.append(cut())
        self._offered += 1
        if len(self._crops) > MAX_CROPS:
            self._crops = self._crops[::2]
            self._stride *= 2

    @property
    def crops(self) -> tuple[FaceCrop, ...]:
        """The kept crops, in the order of time."""
        return tuple(self._crops)

    def images(self) -> NDArray[np.uint8]:
        """Return the kept crops as one array, uint8 (n, S, S, 3)."""
        return np.stack([crop.image for crop in self._crops])


class TrackScorer:
    """Collects crops of every visible track and scores a track once it has been out of sight for `patience` frames,
    so that memory grows with the faces in view, not with those of the whole clip."""

    def __init__(self, detector: CropDetector, *, patience: int) -> None:
        self._detector = detector
        self._patience = patience
        self._samples: dict[int, CropSample] = {}
        self._last_seen: dict[int, int] = {}
        self._scores: dict[int, TrackScores] = {}

    def offer(self, track_id: int, frame: Frame, crop_to_frame: NDArray[np.float32]) -> None:
        """Show a track's face in the next frame; frames come in their order. crop_to_frame: f32 (2, 3), for a side of
        280 px. The crop is cut out of the frame where it is to be scored."""

        def cut() -> FaceCrop:
            crop = crop_face(frame.image, crop_to_frame, CROP_PX)
            return FaceCrop(track_id, frame.index, frame.timestamp_s, crop, crop_to_frame)

        self._samples.setdefault(track_id, CropSample()).offer(cut)
        self._last_seen[track_id] = frame.index
        over = [track for track, last in self._last_seen.items() if frame.index - last > self._patience]
        self._score(over)

    def finish(self, wanted: Collection[int]) -> dict[int, TrackScores]:
        """Score what is left of the wanted tracks and return the scores of those, by track_id."""
        self._score([track_id for track_id in self._samples if track_id in wanted])
        return {track_id: self._scores[track_id] for track_id in wanted if track_id in self._scores}

    def _score(self, track_ids: list[int]) -> None:
        for track_id in track_ids:
            sample = self._samples.pop(track_id)
            self._last_seen.pop(track_id)
            images = sample.images()
            self._scores[track_id] = TrackScores(
                track_id=track_id,
                frame_indices=np.array([crop.frame_index for crop in sample.crops], dtype=np.int64),
                probabilities_fake=self._detector.scores(images),
                edge_blur_px=np.array([edge_blur_px(image) for image in WHOLE.of(images)], dtype=np.float32),
            )
