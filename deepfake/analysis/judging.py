"""From what was found of the people of a clip to the verdict on it. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from deepfake.analysis.evidence import Evidence, Values, signal_readings
from deepfake.analysis.quality import TrackView, clip_quality
from deepfake.analysis.verdict import TrackVerdict, Verdict, clip_verdict, track_verdict
from deepfake.detectors import FaceClassifier, TrackScores
from deepfake.faces.tracking import FaceTrack, FaceTracker
from deepfake.signals.base import SignalTrace
from deepfake.video.info import VideoInfo

# A track is a person where the face mesh sees a face in at least this share of its frames. Looked at were 160 tracks of
# 152 clips, four times a second (benchmarks/persons.py): 155 people in every frame looked at, and in none of them five
# tracks of one scene, handwriting that MTCNN takes for a face. In all frames of 20 clips it saw the person whom it saw
# least, in profile under a cap, in half of them.
MIN_MESH_SHARE: Final = 0.25


def is_person(yaw_deg: NDArray[np.float32]) -> bool:
    """Return whether a track follows a person. yaw_deg: f32 (n,), of each frame, NaN where the face mesh saw none."""
    return float(np.mean(np.isfinite(yaw_deg))) >= MIN_MESH_SHARE


def no_person_evidence(tracks: Sequence[FaceTrack], timestamps_s: NDArray[np.float64]) -> Evidence | None:
    """Return that these tracks turned out to be no person, or None without any. timestamps_s: f64 (n,), of all frames,
    seconds."""
    if not tracks:
        return None
    seen_s = timestamps_s[np.concatenate([track.frame_indices for track in tracks])]
    values: Values = {"count": len(tracks), "from_s": float(seen_s.min()), "to_s": float(seen_s.max())}
    return Evidence("no_persons", "face_count", None, values)


def left_out_evidence(tracker: FaceTracker) -> Evidence | None:
    """Return that more faces were in the picture at once than are followed, or None."""
    if not tracker.left_out or tracker.max_faces is None:
        return None
    return Evidence("faces_left_out", "face_count", None, {"count": tracker.left_out, "most": tracker.max_faces})


def verdict_of(
    tracks: Sequence[FaceTrack],
    scores: dict[int, TrackScores],
    video: VideoInfo,
    *,
    classifier: FaceClassifier,
    frames: int,
    still_frames: int = 0,
    signals: Sequence[SignalTrace] = (),
    views: Mapping[int, TrackView] | None = None,
    no_persons: Evidence | None = None,
    left_out: Evidence | None = None,
) -> Verdict:
    """Return the verdict on a clip from its tracks and a classifier's scores of them, by track_id.

    video: whose bit rate the quality gate looks at. classifier: whose calibration and limits hold. frames: how many the
    clip has; still_frames: the same where all of them show one picture, else 0. signals: traces of face signals, told
    of as evidence. views: by track_id, how each face is seen; by default as its landmarks say. no_persons: that
    more tracks turned out to be no person, or None. left_out: that not all faces were followed, or None.
    """
    known = [scores[track.track_id] for track in tracks if track.track_id in scores]
    judged = [item for item in known if len(item.known_probabilities) >= classifier.limits.min_scored_crops]
    clip = clip_quality(tracks, video, frames=frames, still_frames=still_frames)

    def judge(shares: Mapping[int, float]) -> list[TrackVerdict]:
        return [
            track_verdict(
                track,
                scores.get(track.track_id),
                classifier,
                judged=max(1, len(judged)),
                share=shares.get(track.track_id),
                clip=clip,
                signals=signal_readings(signals, track.track_id),
                view=None if views is None else views.get(track.track_id),
            )
            for track in tracks
        ]

    found = judge({})
    if len(judged) > 1 and classifier.calibration is not None:
        # Who is kept from being judged, however suspicious, must not help to call somebody else a fake.
        stopped = {person.track_id for person in found if person.abstained}
        values = [None if item.track_id in stopped else item.probability_fake for item in judged]
        shares = classifier.calibration.shares(values)
        # The stopped took no part in this: their p-values are multiplied by the number of people. A picture of a face,
        # which is one of them, may still be LIKELY_FAKE.
        found = judge(
            {item.track_id: share for item, share in zip(judged, shares, strict=True) if item.track_id not in stopped}
        )
    return clip_verdict(found, faces=len(tracks), no_persons=no_persons, left_out=left_out)
