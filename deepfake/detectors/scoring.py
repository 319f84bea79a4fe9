"""Scores of all tracks of a clip while it is read: crops are sampled, scored when their track is over, and dropped."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from deepfake.detectors.efficientnet import CROP_PX, WHOLE
from deepfake.detectors.sampling import CropSample
from deepfake.faces.alignment import FaceCrop, crop_face
from deepfake.faces.sharpness import edge_blur_px
from deepfake.video.reader import Frame


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
