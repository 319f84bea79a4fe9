"""The JSON of a comparison: both analyses in their contract form, and what was measured between them."""

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepfake.analysis.model import SCHEMA_VERSION, Analysis
from deepfake.comparison.compare import ComparedMoment, Comparison
from deepfake.comparison.findings import Belonging
from deepfake.comparison.overlap import Fit
from deepfake.errors import ReportError
from deepfake.report import analysis_from_dict, analysis_to_dict
from deepfake.signals.trace import SignalTrace


def comparison_to_dict(
    comparison: Comparison, *, shown_paths: tuple[str, str] | None = None, with_analyses: bool = True
) -> dict[str, Any]:
    """Return a comparison as JSON's own types, without NaN. shown_paths: what to write as the paths of fake and
    original. with_analyses: both analyses, under "fake" and "original"."""
    names = shown_paths or (None, None)
    analyses = {
        "fake": analysis_to_dict(comparison.fake, shown_path=names[0]),
        "original": analysis_to_dict(comparison.original, shown_path=names[1]),
    }
    belonging = comparison.belonging
    return {
        "schema_version": SCHEMA_VERSION,
        "software_version": comparison.fake.software_version,
        **(analyses if with_analyses else {}),
        "belong_together": belonging.together,
        "belonging": {
            "reason": belonging.reason,
            "median_similarity": _number(belonging.similarity),
            "median_similarity_1_s_apart": _number(belonging.shifted),
        },
        "alignment": {
            "offset_s": 0.0,
            "notes": list(comparison.alignment),
            "fit": comparison.fit.kind,
            "fake_region_xyxy": list(comparison.fit.fake_xyxy),
            "original_region_xyxy": list(comparison.fit.original_xyxy),
            "size": list(comparison.fit.size),
            "compared_size": list(comparison.fit.reduced_size),
        },
        "cross_similarity": {
            **_trace(comparison.cross_similarity),
            "original_frame_indices": comparison.original_frame_indices.tolist(),
            "original_timestamps_s": comparison.original_timestamps_s.tolist(),
        },
        "cross_face_similarity": [_trace(trace) for trace in comparison.face_similarity],
        "main_track": comparison.main_track,
        "matched_tracks": [{"fake": fake, "original": original} for fake, original in comparison.matched_tracks],
        "moments": [
            {key: _number(value) if isinstance(value, float) else value for key, value in asdict(moment).items()}
            for moment in comparison.moments
        ],
        "warnings": list(comparison.warnings),
        "timings_s": dict(comparison.timings_s),
    }


def comparison_from_dict(
    data: dict[str, Any], fake: Analysis | None = None, original: Analysis | None = None
) -> Comparison:
    """Return the comparison that comparison_to_dict turned into data.

    fake, original: the analyses, where data has none.
    Raises ReportError when data is not a comparison, or one of another schema version.
    """
    version = data.get("schema_version") if isinstance(data, dict) else None
    if version != SCHEMA_VERSION:
        raise ReportError("", f"this is not a comparison of schema version {SCHEMA_VERSION} (it says {version!r})")
    try:
        return _comparison(
            data, fake or analysis_from_dict(data["fake"]), original or analysis_from_dict(data["original"])
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ReportError("", f"this comparison is incomplete or malformed: {error!r}") from error


def _comparison(data: dict[str, Any], fake: Analysis, original: Analysis) -> Comparison:
    alignment, belonging, cross = data["alignment"], data["belonging"], data["cross_similarity"]
    return Comparison(
        fake=fake,
        original=original,
        fit=Fit(
            alignment["fit"],
            tuple(alignment["fake_region_xyxy"]),
            tuple(alignment["original_region_xyxy"]),
            tuple(alignment["size"]),
        ),
        cross_similarity=_trace_from(cross),
        face_similarity=tuple(_trace_from(trace) for trace in data["cross_face_similarity"]),
        original_frame_indices=np.array(cross["original_frame_indices"], dtype=np.int64),
        original_timestamps_s=np.array(cross["original_timestamps_s"], dtype=np.float64),
        matched_tracks=tuple((pair["fake"], pair["original"]) for pair in data["matched_tracks"]),
        main_track=data["main_track"],
        alignment=tuple(alignment["notes"]),
        belonging=Belonging(
            data["belong_together"],
            _float(belonging["median_similarity"]),
            _float(belonging["median_similarity_1_s_apart"]),
            belonging["reason"],
        ),
        moments=tuple(_moment(moment) for moment in data["moments"]),
        warnings=tuple(data["warnings"]),
        timings_s=dict(data["timings_s"]),
    )


def _moment(data: dict[str, Any]) -> ComparedMoment:
    numbers = {key: _float(data[key]) for key in ("similarity", "face_similarity")}
    return ComparedMoment(**{**data, **numbers})


def _trace(trace: SignalTrace) -> dict[str, Any]:
    return {
        "signal": trace.signal,
        "track_id": trace.track_id,
        "unit": trace.unit,
        "frame_indices": trace.frame_indices.tolist(),
        "timestamps_s": trace.timestamps_s.tolist(),
        "values": _values(trace.values),
    }


def _trace_from(data: dict[str, Any]) -> SignalTrace:
    return SignalTrace(
        data["signal"],
        data["track_id"],
        np.array(data["frame_indices"], dtype=np.int64),
        np.array(data["timestamps_s"], dtype=np.float64),
        np.array(data["values"], dtype=np.float32),
        data["unit"],
    )


def _values(values: NDArray[np.float32]) -> list[float | None]:
    # The fewest digits that give the same 32-bit value back.
    return [float(str(value)) if np.isfinite(value) else None for value in values]


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _float(value: float | None) -> float:
    return float("nan") if value is None else value
