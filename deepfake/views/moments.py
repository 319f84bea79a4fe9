"""The most suspicious moments of a clip as pictures: the face, and where the classifier looked."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from deepfake.analysis.evidence import SCORE
from deepfake.analysis.model import Analysis
from deepfake.analysis.moments import MomentPicture, Moments, suspicious_rows
from deepfake.detectors import CropScores, FaceClassifier, TrackCrops, classifier
from deepfake.faces.tracking import FaceTrack, track_crop_to_frame
from deepfake.figures.attribution import attributed_crop, full_color
from deepfake.settings import Settings
from deepfake.video.info import Image
from deepfake.views.stills import fitted, frames_of, jpeg

MOMENTS: Final = 3
MOMENT_SIDE_PX: Final = 336
SEEN_TRACKS: Final = 8  # whose crops are kept: about a megabyte each


class SeenCrops:
    """The crops that were scored of the most suspicious faces, kept while a clip is analyzed (on_scored), so that it
    need not be read again for its moments."""

    def __init__(self) -> None:
        self._by_track: dict[int, tuple[float, TrackCrops, CropScores]] = {}

    def __call__(self, track_id: int, crops: TrackCrops, scores: CropScores) -> None:
        """Keep a face's crops where the classifier says what it looked at, and give up the least suspicious face where
        there are too many."""
        if scores.attributions is None:
            return
        highest = np.nan_to_num(scores.probabilities_fake).max(initial=0.0)
        self._by_track[track_id] = float(highest), crops, scores
        if len(self._by_track) > SEEN_TRACKS:
            del self._by_track[min(self._by_track, key=lambda track: self._by_track[track][0])]

    def rows(self, track_id: int, frames: Sequence[int]) -> tuple[list[Image], NDArray[np.float32]] | None:
        """Return the crops of a face in these frames and their attributions, f32 (n, h, w); None where not all are
        here."""
        _, crops, scores = self._by_track.get(track_id, (0.0, None, None))
        if crops is None or scores is None or scores.attributions is None:
            return None
        by_frame = {int(frame): row for row, frame in enumerate(crops.frame_indices)}
        if not by_frame.keys() >= set(frames):
            return None
        rows = [by_frame[frame] for frame in frames]
        return [crops.images[row] for row in rows], scores.attributions[rows]


def suspicious_moments(
    path: Path | str,
    analysis: Analysis,
    *,
    most: int = MOMENTS,
    settings: Settings | None = None,
    scorer: FaceClassifier | None = None,
    seen: SeenCrops | None = None,
) -> Moments:
    """Return the moments that score highest of the person whom the verdict is about, not close to each other.

    The clip is read again for them where their crops are not at hand. The colors of the maps mean the same in all
    pictures.

    Args:
        path: the clip that was analyzed.
        analysis: of it.
        most: how many pictures, at most.
        settings: limits and folders.
        scorer: by default the classifier of the analysis.
        seen: the crops that were scored, where they were kept during the analysis.

    Returns:
        The moments; none where nobody was scored.

    Raises:
        ClipError: and what else VideoReader raises.
        ClassifierError: the weights cannot be read.
    """
    track_id = analysis.verdict.most_suspicious
    track = None if track_id is None else analysis.track(track_id)
    trace = None if track is None else analysis.trace(SCORE, track.track_id)
    if track is None or trace is None:
        return Moments()
    scorer = scorer or classifier(analysis.config.classifier)
    rows = sorted(suspicious_rows(trace, most))
    wanted = [(int(trace.frame_indices[row]), float(trace.timestamps_s[row])) for row in rows]
    at_hand = None if seen is None else seen.rows(track.track_id, [frame for frame, _ in wanted])
    if at_hand is None:
        cut = _cut_again(path, track, wanted, scorer, settings)
        wanted, crops = [moment for moment in wanted if moment[0] in cut], list(cut.values())
        maps = _attributions(crops, scorer)
    else:
        crops, maps = at_hand
    score = dict(zip(trace.frame_indices.tolist(), trace.values.tolist(), strict=True))
    pictures = tuple(
        MomentPicture(frame, time_s, score[frame], jpeg(fitted(crop, MOMENT_SIDE_PX)), looked)
        for (frame, time_s), crop, looked in zip(wanted, crops, _drawn(crops, maps), strict=True)
    )
    return Moments(track.track_id, pictures)


def _cut_again(
    path: Path | str,
    track: FaceTrack,
    wanted: Sequence[tuple[int, float]],
    scorer: FaceClassifier,
    settings: Settings | None,
) -> dict[int, Image]:
    """The crops by frame, in the order of time; the clip is read for them."""
    transforms = {frame: track_crop_to_frame(track, frame, scorer.crop_px) for frame, _ in wanted}
    found = {}
    for frame, _, image in frames_of(path, wanted, settings):
        transform = transforms[frame]
        if transform is not None:
            found[frame] = scorer.cut(image, transform)
    return found


def _attributions(crops: list[Image], scorer: FaceClassifier) -> NDArray[np.float32] | None:
    if not crops or not scorer.info.attribution:
        return None
    return scorer.scores_and_attributions(np.stack(crops))[1]


def _drawn(crops: list[Image], maps: NDArray[np.float32] | None) -> list[bytes | None]:
    """The crops with their attributions over them, JPEG, in colors of one scale."""
    if maps is None:
        return [None] * len(crops)
    full = full_color(maps)
    drawn = (
        attributed_crop(crop, one, full=full, side_px=MOMENT_SIDE_PX) for crop, one in zip(crops, maps, strict=True)
    )
    return [jpeg(picture) for picture in drawn]
