"""Scores of all tracks of a clip while it is read: crops are sampled, scored when their track is over, and dropped."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepfake.detectors.base import CropScores, FaceClassifier, Sampling, TrackCrops
from deepfake.detectors.pooling import MIN_PROBABILITY, middles, pool_track
from deepfake.detectors.view import VIEW_PX, View
from deepfake.errors import ClassifierError
from deepfake.faces.alignment import FaceCrop
from deepfake.faces.blur import edge_blur_px
from deepfake.video.info import Frame

BLUR_CROP_PX: Final = VIEW_PX  # side of the crop that the blur is measured on
LEAST_KEPT: Final = 24  # crops of a track that are kept to choose from: 6 MB, and off by at most a 24th of the track

OnScored = Callable[[int, TrackCrops, CropScores], None]


@dataclass(frozen=True, slots=True)
class TrackScores:
    """What a classifier says of one track.

    frame_indices: i64 (m,), of the crops that it was given. probabilities_fake: f32 (m,), of these crops, NaN where it
    did not look. edge_blur_px: f32 (m,), their blur, px of the whole crop at 224 px. track_probability: P(fake) of the
    track where the classifier gives one itself. hidden_shares,
    smoothed_probabilities: f32 (m,), as of CropScores.
    """

    track_id: int
    frame_indices: NDArray[np.int64]
    probabilities_fake: NDArray[np.float32]
    edge_blur_px: NDArray[np.float32]
    track_probability: float | None = None
    hidden_shares: NDArray[np.float32] | None = None
    smoothed_probabilities: NDArray[np.float32] | None = None

    @property
    def probability_fake(self) -> float | None:
        """P(fake) of the track, from 0.0001 to 0.9999; None without a scored crop."""
        if self.track_probability is None:
            return pool_track(self.probabilities_fake)
        return float(np.clip(self.track_probability, MIN_PROBABILITY, 1 - MIN_PROBABILITY))

    @property
    def known_probabilities(self) -> NDArray[np.float32]:
        """P(fake) of the crops that were scored, f32 (k,)."""
        return self.probabilities_fake[np.isfinite(self.probabilities_fake)]


def checked_scores(found: CropScores, count: int, classifier: str) -> CropScores:
    """Return what a classifier said of a track's crops, as f32.

    Args:
        found: what its score_track returned.
        count: how many crops it was given.
        classifier: its name.

    Raises:
        ClassifierError: It did not give one number for each crop, or a number that is no probability, or none at all;
            or what it says of hidden and smoothed faces is not one number from 0 to 1 for each crop.
    """
    if not isinstance(found, CropScores):
        raise ClassifierError(classifier, f"its score_track has to return CropScores, not {type(found).__name__}")
    try:
        scores = np.asarray(found.probabilities_fake, dtype=np.float32)
        whole = [] if found.track_probability is None else [float(found.track_probability)]
    except (TypeError, ValueError) as error:
        raise ClassifierError(classifier, f"its scores are no numbers ({error})") from error
    if scores.shape != (count,):
        raise ClassifierError(classifier, f"it has to give one score per crop, shape ({count},), not {scores.shape}")
    known = scores[~np.isnan(scores)]
    odd = [float(value) for value in (*known, *whole) if not 0 <= value <= 1]
    if odd:
        raise ClassifierError(classifier, f"its scores have to be probabilities from 0 to 1, not {odd[0]}")
    if not len(known):
        raise ClassifierError(classifier, f"it gave no score for any of the {count} crops of a face")
    return replace(
        found,
        probabilities_fake=scores,
        hidden_shares=_shares("hidden_shares", found.hidden_shares, count, classifier),
        smoothed_probabilities=_shares("smoothed_probabilities", found.smoothed_probabilities, count, classifier),
    )


def _shares(name: str, told: object, count: int, classifier: str) -> NDArray[np.float32] | None:
    if told is None:
        return None
    try:
        shares = np.asarray(told, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise ClassifierError(classifier, f"its {name} are no numbers ({error})") from error
    if shares.shape != (count,) or not np.all((shares >= 0) & (shares <= 1)):
        raise ClassifierError(classifier, f"its {name} have to be one number from 0 to 1 per crop")
    return shares


class CropSample:
    """Crops of a track of unknown length, evenly spread over it, in bounded memory, as many as a Sampling asks for.

    Every stride-th crop is kept; when there are too many, every second goes and the stride doubles. Of what is left in
    the end, those in the middle of equal parts of the track are chosen.
    """

    def __init__(self, sampling: Sampling | None = None) -> None:
        self._sampling = sampling or Sampling()
        # Halving must leave `least`, and where a classifier wants few, enough to choose evenly from.
        self._capacity = max(self._sampling.most, 2 * self._sampling.least, LEAST_KEPT)
        self._stride = 1
        self._offered = 0
        self._crops: list[FaceCrop] = []

    def offer(self, cut: Callable[[], FaceCrop]) -> None:
        """Offer the next crop of the track. cut: returns it; called where it is wanted."""
        if self._offered % self._stride == 0:
            self._crops.append(cut())
        self._offered += 1
        if len(self._crops) > self._capacity:
            self._crops = self._crops[::2]
            self._stride *= 2

    def cut_back(self, frame_index: int) -> None:
        """Forget the crops of this frame and all after it."""
        self._crops = [crop for crop in self._crops if crop.frame_index < frame_index]
        kept = len(self._crops)
        since_last = frame_index - self._crops[-1].frame_index if kept else 0
        self._offered = max(0, min(kept * self._stride, (kept - 1) * self._stride + since_last))

    @property
    def crops(self) -> tuple[FaceCrop, ...]:
        """The chosen crops, in the order of time."""
        most = self._sampling.most
        if len(self._crops) <= most:
            return tuple(self._crops)
        rows = np.round(middles(self._offered, most) / self._stride).astype(int)
        return tuple(self._crops[row] for row in rows.tolist())

    def track_crops(self) -> TrackCrops:
        """Return the chosen crops as arrays."""
        crops = self.crops
        return TrackCrops(
            images=np.stack([crop.image for crop in crops]),
            frame_indices=np.array([crop.frame_index for crop in crops], dtype=np.int64),
            timestamps_s=np.array([crop.timestamp_s for crop in crops], dtype=np.float64),
        )


class _Seen(NamedTuple):
    """A frame, by its index and time."""

    frame_index: int
    timestamp_s: float


class TrackScorer:
    """Collects crops of every visible track and scores a track once it has been out of sight for `patience_s` seconds,
    so that memory grows with the faces in view, not with those of the whole clip."""

    def __init__(self, classifier: FaceClassifier, *, patience_s: float, on_scored: OnScored | None = None) -> None:
        """on_scored: called with each track_id that is scored, its crops and what was said of them."""
        self._classifier = classifier
        self._patience_s = patience_s
        self._on_scored = on_scored
        self._samples: dict[int, CropSample] = {}
        self._last_seen: dict[int, _Seen] = {}
        self._latest: _Seen | None = None
        self._scores: dict[int, TrackScores] = {}

    @property
    def crop_px(self) -> int:
        """Side of the crops that the classifier is given, px."""
        return self._classifier.crop_px

    def offer(self, track_id: int, frame: Frame, crop_to_frame: NDArray[np.float32]) -> None:
        """Show a track's face in the next frame; frames come in their order. crop_to_frame: f32 (2, 3), for a side of
        crop_px. The crop is cut out of the frame where it is to be scored; of a damaged frame nothing is, but its faces
        are in sight."""
        if self._latest is None or frame.index != self._latest.frame_index:
            self._score_those_gone()
            self._latest = _Seen(frame.index, frame.timestamp_s)
        if frame.is_damaged:
            if track_id in self._last_seen:
                self._last_seen[track_id] = self._latest
            return

        def cut() -> FaceCrop:
            picture = self._classifier.cut(frame.image, crop_to_frame)
            return FaceCrop(track_id, frame.index, frame.timestamp_s, picture, crop_to_frame)

        self._samples.setdefault(track_id, CropSample(self._classifier.sampling)).offer(cut)
        self._last_seen[track_id] = self._latest

    def cut_back(self, frame_index: int) -> None:
        """Score nothing of this frame and all after it, of the tracks that are not scored yet."""
        for track_id, sample in list(self._samples.items()):
            sample.cut_back(frame_index)
            if not sample.crops:
                del self._samples[track_id], self._last_seen[track_id]

    def finish(self, wanted: Collection[int]) -> dict[int, TrackScores]:
        """Score what is left of the wanted tracks and return the scores of those, by track_id."""
        self._score([track_id for track_id in self._samples if track_id in wanted])
        return {track_id: self._scores[track_id] for track_id in wanted if track_id in self._scores}

    def _score_those_gone(self) -> None:
        """Score who was out of sight for too long in the latest frame, of which all faces are known; after one frame
        without them, however long it was shown, they may be back."""
        if self._latest is None:
            return
        index, time_s = self._latest
        gone = [
            track_id
            for track_id, seen in self._last_seen.items()
            if index > seen.frame_index + 1 and time_s - seen.timestamp_s > self._patience_s
        ]
        self._score(gone)

    def _score(self, track_ids: list[int]) -> None:
        for track_id in track_ids:
            crops = self._samples.pop(track_id).track_crops()
            self._last_seen.pop(track_id)
            found = checked_scores(self._classifier.score_track(crops), len(crops), self._classifier.name)
            if self._on_scored is not None:
                self._on_scored(track_id, crops, found)
            whole = View("whole", 0, 0, crops.images.shape[1])
            self._scores[track_id] = TrackScores(
                track_id=track_id,
                frame_indices=crops.frame_indices,
                probabilities_fake=found.probabilities_fake,
                edge_blur_px=np.array([edge_blur_px(image) for image in whole.of(crops.images)], dtype=np.float32),
                track_probability=found.track_probability,
                hidden_shares=found.hidden_shares,
                smoothed_probabilities=found.smoothed_probabilities,
            )
