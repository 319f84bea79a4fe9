"""Made-up analyses to keep."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path

import numpy as np

from deepfake import __version__
from deepfake.analysis.evidence import Evidence
from deepfake.analysis.model import Analysis, AnalysisConfig
from deepfake.analysis.notebook_rule import NotebookRule
from deepfake.analysis.verdict import TrackVerdict, Verdict
from deepfake.detectors import DEFAULT_CLASSIFIER
from deepfake.faces.tracking import FaceTrack
from deepfake.signals.base import SignalTrace
from deepfake.video.info import Adjustment, VideoInfo
from tests.told import told


def sample_analysis(
    number: int = 0,
    *,
    frames: int = 60,
    face_detector: str = "mtcnn",
    classifier: str = DEFAULT_CLASSIFIER,
    **verdict: object,
) -> Analysis:
    """Return a made-up analysis with one of everything that is awkward: NaN, no landmarks, empty arrays, a fraction,
    names beyond ASCII. number: makes another clip. verdict: fields of the verdict to replace."""
    rng = np.random.default_rng(number)
    times = np.cumsum(rng.uniform(0.03, 0.05, frames)) - 0.03
    indices = np.arange(frames)
    values = rng.random(frames - 1).astype(np.float32)
    values[3] = np.nan
    tracks = tuple(
        FaceTrack(
            track_id=track_id,
            frame_indices=indices[track_id:],
            boxes_xyxy=rng.normal(200, 9, (frames - track_id, 4)).astype(np.float32),
            landmarks=rng.normal(200, 9, (frames - track_id, points, 2)).astype(np.float32),
            confidences=np.full(frames - track_id, np.nan, np.float32),
        )
        for track_id, points in ((0, 5), (1, 0))
    )
    traces = (
        SignalTrace("frame_similarity", None, indices[1:], times[1:], values),
        SignalTrace("blink", 0, indices[1:], times[1:], values[::-1], "1/min"),
        SignalTrace("empty", 1, indices[:0], times[:0], values[:0]),
    )
    score = Evidence("score", "learned_score", 0, {"probability_fake": 0.9, "frames": 9, "share_fake": 1 / 3}, 0.9)
    person = TrackVerdict(0, "LIKELY_FAKE", 0.9, (0.8, 1 / 3), 0.01, (told("Too smooth: Ünïcode …", 0), score))
    other = TrackVerdict(1, "INCONCLUSIVE", None, None, None, (told("Too small.", 1, code="face_too_small"),))
    answer = Verdict("LIKELY_FAKE", 0.9, person.reasons, (0.8, 1 / 3), (person, other))
    return Analysis(
        schema_version=1,
        software_version=__version__,
        video=VideoInfo(
            path=Path(f"/clips/clip {number}.mp4"),
            sha256=f"{number:064x}",
            width=640,
            height=480,
            rotation_deg=90,
            frame_rate=Fraction(30000, 1001),
            frame_count=None,
            duration_s=frames / 29.97,
            codec="h264",
            pixel_format="yuv420p",
            variable_frame_rate=False,
            container="mov",
            bit_rate=None,
            has_audio=True,
            adjustments=(Adjustment("breaks_off", {"at_s": 0.4}),),
        ),
        config=AnalysisConfig(face_detector=face_detector, classifier=classifier),  # type: ignore[arg-type]
        frame_timestamps_s=times,
        cuts=np.array([7, 20], np.int64),
        tracks=tracks,
        traces=traces,
        notebook_rule=NotebookRule(None, None, None),
        verdict=dataclasses.replace(answer, **verdict),
        timings_s={"decode": 0.1, "total": 1e-17},
    )
