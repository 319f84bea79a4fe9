"""The most suspicious moments of a clip as pictures: the face, and where the classifier looked."""

from pathlib import Path
from typing import Final

import numpy as np

from deepfake.analysis.evidence import SCORE
from deepfake.analysis.model import Analysis
from deepfake.analysis.moments import MomentPicture, Moments, suspicious_rows
from deepfake.detectors import FaceClassifier, classifier
from deepfake.faces.tracking import track_crop_to_frame
from deepfake.figures.attribution import attributed_crop, full_color
from deepfake.settings import Settings, load_settings
from deepfake.video.info import Image
from deepfake.views.stills import fitted, frames_of, jpeg

MOMENTS: Final = 3
MOMENT_SIDE_PX: Final = 336


def suspicious_moments(
    path: Path | str,
    analysis: Analysis,
    track_id: int | None = None,
    *,
    most: int = MOMENTS,
    settings: Settings | None = None,
    scorer: FaceClassifier | None = None,
) -> Moments:
    """Return the moments of a person that score highest, not close to each other, as pictures.

    The clip is read again for them. The colors of the maps mean the same in all pictures.

    Args:
        path: the clip that was analyzed.
        analysis: of it.
        track_id: of the person; by default the one whom the verdict is about.
        most: how many pictures, at most.
        settings: limits and folders.
        scorer: by default the classifier of the analysis.

    Returns:
        The moments; none where nobody was scored.

    Raises:
        ClipError: and what else VideoReader raises.
        ClassifierError: the weights cannot be read.
    """
    if track_id is None:
        track_id = analysis.verdict.most_suspicious
    track = None if track_id is None else analysis.track(track_id)
    trace = None if track is None else analysis.trace(SCORE, track.track_id)
    if track is None or trace is None:
        return Moments()
    scorer = scorer or classifier(analysis.config.classifier)
    scores, transforms = {}, {}
    for row in sorted(suspicious_rows(trace, most)):
        frame = int(trace.frame_indices[row])
        transform = track_crop_to_frame(track, frame, scorer.crop_px)
        if transform is not None:
            scores[frame], transforms[frame] = (float(trace.timestamps_s[row]), float(trace.values[row])), transform
    wanted = [(frame, time_s) for frame, (time_s, _) in scores.items()]
    frames = frames_of(path, wanted, settings or load_settings())
    crops = {frame: scorer.cut(image, transforms[frame]) for frame, _, image in frames}
    looked = _looked(list(crops.values()), scorer)
    pictures = tuple(
        MomentPicture(frame, *scores[frame], jpeg(fitted(crop, MOMENT_SIDE_PX)), drawn)
        for (frame, crop), drawn in zip(crops.items(), looked, strict=True)
    )
    return Moments(track.track_id, pictures)


def _looked(crops: list[Image], scorer: FaceClassifier) -> list[bytes | None]:
    """The crops with their attributions over them, JPEG, in colors of one scale."""
    if not crops or not scorer.info.attribution:
        return [None] * len(crops)
    _, maps = scorer.scores_and_attributions(np.stack(crops))
    if maps is None:
        return [None] * len(crops)
    full = full_color(maps)
    drawn = (
        attributed_crop(crop, one, full=full, side_px=MOMENT_SIDE_PX) for crop, one in zip(crops, maps, strict=True)
    )
    return [jpeg(picture) for picture in drawn]
