"""What the quality gate measured of one person: a line with each number and its limit."""

from collections.abc import Iterator

import streamlit as st

from deepfake.analysis.model import Analysis
from deepfake.analysis.quality import (
    MAX_EDGE_BLUR_PX,
    MIN_COVERED_SHARE,
    MIN_FACE_WIDTH_PX,
    MIN_FRONTAL_SHARE,
    MIN_SCORED_CROPS,
    TrackQuality,
)
from deepfake.detectors.efficientnet import VIEW_PX
from deepfake.figures import person_name


def draw_quality(analysis: Analysis, track_id: int | None) -> None:
    """Draw how good the pictures of the chosen person are, where they were measured."""
    judged = next((track for track in analysis.verdict.tracks if track.track_id == track_id), None)
    if judged is None or judged.quality is None:
        return
    icon = ":material/error:" if judged.abstained else ":material/check:"
    numbers = " · ".join(quality_numbers(judged.quality))
    st.caption(f"{icon} Quality of {person_name(judged.track_id)}: {numbers}")


def quality_numbers(quality: TrackQuality) -> Iterator[str]:
    """Yield what was measured of the pictures of a face, each number with the limit of the quality gate."""
    yield f"{quality.face_width_px:.0f} px wide (at least {MIN_FACE_WIDTH_PX:.0f})"
    if quality.edge_blur_px is not None:
        yield f"edges smeared by {quality.edge_blur_px:.1f} of {VIEW_PX} px (at most {MAX_EDGE_BLUR_PX:g})"
    yield f"{quality.scored_crops} pictures scored (at least {MIN_SCORED_CROPS})"
    if quality.frontal_share is not None:
        yield f"near frontal in {quality.frontal_share:.0%} of its frames (at least {MIN_FRONTAL_SHARE:.0%})"
    yield (
        f"seen in {quality.covered_share:.0%} of the clip's frames, any judged face in "
        f"{quality.clip_covered_share:.0%} (at least {MIN_COVERED_SHARE:.0%})"
    )
