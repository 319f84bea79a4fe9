"""verdict_of: from what was found of the people of a clip to the verdict on it. Pure."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from deepfake.analysis.evidence import signal_readings
from deepfake.analysis.quality import clip_quality
from deepfake.analysis.verdict import Verdict, clip_verdict, track_verdict
from deepfake.detectors import FaceClassifier, TrackScores
from deepfake.faces.tracking import FaceTrack
from deepfake.signals.base import SignalTrace
from deepfake.video.info import VideoInfo


def verdict_of(
    tracks: Sequence[FaceTrack],
    scores: dict[int, TrackScores],
    video: VideoInfo,
    *,
    classifier: FaceClassifier,
    frames: int,
    still_frames: int = 0,
    signals: Sequence[SignalTrace] = (),
    yaws: Mapping[int, NDArray[np.float32]] | None = None,
    no_persons: int = 0,
) -> Verdict:
    """Return the verdict on a clip from its tracks and a classifier's scores of them, by track_id.

    video: whose bit rate the quality gate looks at. classifier: whose calibration and limits hold. frames: how many the
    clip has; still_frames: the same where all of them show one picture, else 0. signals: traces of face signals, told
    of as evidence. yaws: by track_id, degrees, of the head in each of its frames. no_persons: how many
    tracks more turned out to be no person.
    """
    known = [scores[track.track_id] for track in tracks if track.track_id in scores]
    judged = sum(len(item.known_probabilities) >= classifier.limits.min_scored_crops for item in known)
    clip = clip_quality(tracks, video, frames=frames, still_frames=still_frames)
    found = [
        track_verdict(
            track,
            scores.get(track.track_id),
            classifier,
            judged=max(1, judged),
            clip=clip,
            signals=signal_readings(signals, track.track_id),
            yaw_deg=None if yaws is None else yaws.get(track.track_id),
        )
        for track in tracks
    ]
    return clip_verdict(found, faces=len(tracks), no_persons=no_persons)
