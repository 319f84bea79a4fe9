"""The JSON of an analysis: docs/analysis.schema.json describes it, a test holds the command line to it.

Numbers that could not be measured are null. 32-bit values are written with the fewest digits that give the same
32-bit value back, so reading a file returns exactly the analysis that was written.
"""

import json
import math
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepfake.analysis.model import SCHEMA_VERSION, Analysis, AnalysisConfig
from deepfake.analysis.quality import TrackQuality
from deepfake.analysis.verdict import Evidence, NotebookRule, TrackVerdict, Verdict
from deepfake.errors import ReportError
from deepfake.faces.tracking import FaceTrack
from deepfake.report.files import write_text
from deepfake.signals.trace import SignalTrace
from deepfake.video.reader import VideoInfo


def analysis_to_dict(analysis: Analysis, *, shown_path: str | None = None) -> dict[str, Any]:
    """Return an analysis as JSON's own types: dict, list, str, int, float, bool and None, without NaN.

    shown_path: what to write as the clip's path; by default the path itself. A server gives the file's name here,
    so that an export does not show its folders.
    """
    return {
        "schema_version": analysis.schema_version,
        "software_version": analysis.software_version,
        "video": _video_to_dict(analysis.video, shown_path),
        "config": _config_to_dict(analysis.config),
        "frame_timestamps_s": _numbers(analysis.frame_timestamps_s),
        "cuts": _numbers(analysis.cuts),
        "tracks": [_track_to_dict(track) for track in analysis.tracks],
        "traces": [_trace_to_dict(trace) for trace in analysis.traces],
        "notebook_rule": {
            "label": analysis.notebook_rule.label,
            "amplitude": _number_or_none(analysis.notebook_rule.amplitude),
            "minimum": _number_or_none(analysis.notebook_rule.minimum),
        },
        "verdict": _verdict_to_dict(analysis.verdict),
        "warnings": list(analysis.warnings),
        "timings_s": {stage: float(seconds) for stage, seconds in analysis.timings_s.items()},
    }


def analysis_from_dict(data: dict[str, Any]) -> Analysis:
    """Return the analysis that analysis_to_dict turned into data.

    Raises ReportError when data is not an analysis, or one of another schema version.
    """
    version = data.get("schema_version") if isinstance(data, dict) else None
    if version != SCHEMA_VERSION:
        raise ReportError("", f"this is not an analysis of schema version {SCHEMA_VERSION} (it says {version!r})")
    try:
        return Analysis(
            schema_version=version,
            software_version=data["software_version"],
            video=_video_from_dict(data["video"]),
            config=_config_from_dict(data["config"]),
            frame_timestamps_s=_array(data["frame_timestamps_s"], np.float64),
            cuts=_array(data["cuts"], np.int64),
            tracks=tuple(_track_from_dict(track) for track in data["tracks"]),
            traces=tuple(_trace_from_dict(trace) for trace in data["traces"]),
            notebook_rule=_rule_from_dict(data["notebook_rule"]),
            verdict=_verdict_from_dict(data["verdict"]),
            warnings=tuple(data["warnings"]),
            timings_s=dict(data["timings_s"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ReportError("", f"this analysis is incomplete or malformed: {error!r}") from error


def json_text(data: dict[str, Any]) -> str:
    """Return data as one line of JSON. Raises ValueError for NaN, which JSON does not know."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"


def write_json(analysis: Analysis, path: Path | str, *, shown_path: str | None = None) -> None:
    """Write an analysis to a JSON file, whole or not at all. Raises OSError where it cannot be written."""
    write_text(path, json_text(analysis_to_dict(analysis, shown_path=shown_path)))


def read_json(path: Path | str) -> Analysis:
    """Return the analysis that write_json wrote.

    Raises ReportError when the file holds something else, OSError when it cannot be read.
    """
    try:
        return analysis_from_dict(json.loads(Path(path).read_text(encoding="utf-8")))
    except (ReportError, ValueError) as error:
        raise ReportError(path, f"{error}") from error


def _video_to_dict(video: VideoInfo, shown_path: str | None) -> dict[str, Any]:
    path = str(video.path) if shown_path is None else shown_path
    return {
        # A name that is not UTF-8 on disk cannot be written to JSON as it is.
        "path": path.encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
        "sha256": video.sha256,
        "width": video.width,
        "height": video.height,
        "rotation_deg": video.rotation_deg,
        "frame_rate": float(video.frame_rate),
        "frame_rate_exact": f"{video.frame_rate.numerator}/{video.frame_rate.denominator}",
        "frame_count": video.frame_count,
        "duration_s": video.duration_s,
        "codec": video.codec,
        "pixel_format": video.pixel_format,
        "variable_frame_rate": video.variable_frame_rate,
        "container": video.container,
        "bit_rate": video.bit_rate,
        "has_audio": video.has_audio,
    }


def _video_from_dict(data: dict[str, Any]) -> VideoInfo:
    values = {key: value for key, value in data.items() if key != "frame_rate_exact"}
    return VideoInfo(**{**values, "path": Path(data["path"]), "frame_rate": Fraction(data["frame_rate_exact"])})


def _track_to_dict(track: FaceTrack) -> dict[str, Any]:
    return {
        "track_id": track.track_id,
        "first_frame": int(track.frame_indices[0]),
        "last_frame": int(track.frame_indices[-1]),
        "frames": len(track),
        "frame_indices": _numbers(track.frame_indices),
        "boxes_xyxy": _numbers(track.boxes_xyxy),
        "landmarks": _numbers(track.landmarks),
        "confidences": _numbers(track.confidences),
    }


def _track_from_dict(data: dict[str, Any]) -> FaceTrack:
    count = len(data["frame_indices"])
    points = len(data["landmarks"][0]) if count else 0
    return FaceTrack(
        track_id=data["track_id"],
        frame_indices=_array(data["frame_indices"], np.int64),
        boxes_xyxy=_array(data["boxes_xyxy"], np.float32).reshape(count, 4),
        landmarks=_array(data["landmarks"], np.float32).reshape(count, points, 2),
        confidences=_array(data["confidences"], np.float32).reshape(count),
    )


def _trace_to_dict(trace: SignalTrace) -> dict[str, Any]:
    return {
        "signal": trace.signal,
        "track_id": trace.track_id,
        "unit": trace.unit,
        "frame_indices": _numbers(trace.frame_indices),
        "timestamps_s": _numbers(trace.timestamps_s),
        "values": _numbers(trace.values),
    }


def _trace_from_dict(data: dict[str, Any]) -> SignalTrace:
    return SignalTrace(
        signal=data["signal"],
        track_id=data["track_id"],
        frame_indices=_array(data["frame_indices"], np.int64),
        timestamps_s=_array(data["timestamps_s"], np.float64),
        values=_array(data["values"], np.float32),
        unit=data["unit"],
    )


def _config_to_dict(config: AnalysisConfig) -> dict[str, Any]:
    # "detector" is what the face detector was called before there was a choice of classifiers: readers know it.
    return {"detector": config.face_detector, **asdict(config)}


def _config_from_dict(data: dict[str, Any]) -> AnalysisConfig:
    known = {name: value for name, value in data.items() if name != "detector"}
    return AnalysisConfig(**{"face_detector": data["detector"], **known})


def _rule_from_dict(data: dict[str, Any]) -> NotebookRule:
    amplitude, minimum = (math.nan if data[key] is None else data[key] for key in ("amplitude", "minimum"))
    return NotebookRule(data["label"], amplitude, minimum)


def _verdict_to_dict(verdict: Verdict) -> dict[str, Any]:
    return {
        "label": verdict.label,
        "probability_fake": _number_or_none(verdict.probability_fake),
        "interval": None if verdict.interval is None else list(verdict.interval),
        "reasons": list(verdict.reasons),
        "tracks": [_track_verdict_to_dict(track) for track in verdict.tracks],
        "evidence": [
            {**asdict(evidence), "suspicion": _number_or_none(evidence.suspicion)} for evidence in verdict.evidence
        ],
    }


def _track_verdict_to_dict(track: TrackVerdict) -> dict[str, Any]:
    return {
        "track_id": track.track_id,
        "label": track.label,
        "probability_fake": _number_or_none(track.probability_fake),
        "interval": None if track.interval is None else list(track.interval),
        "false_alarm_p": _number_or_none(track.false_alarm_p),
        "reasons": list(track.reasons),
        "abstained": list(track.abstained),
        "quality": None if track.quality is None else asdict(track.quality),
    }


def _verdict_from_dict(data: dict[str, Any]) -> Verdict:
    return Verdict(
        label=data["label"],
        probability_fake=data["probability_fake"],
        evidence=tuple(Evidence(**item) for item in data["evidence"]),
        reasons=tuple(data["reasons"]),
        interval=_interval_from(data["interval"]),
        tracks=tuple(
            TrackVerdict(
                **{
                    **track,
                    "interval": _interval_from(track["interval"]),
                    "reasons": tuple(track["reasons"]),
                    "abstained": tuple(track["abstained"]),
                    "quality": None if track.get("quality") is None else TrackQuality(**track["quality"]),
                }
            )
            for track in data["tracks"]
        ),
    )


def _interval_from(data: list[float] | None) -> tuple[float, float] | None:
    return None if data is None else (data[0], data[1])


def _number_or_none(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _numbers(values: NDArray[Any]) -> list[Any]:
    """Nested lists of an array; NaN is None; float32 with the fewest digits that identify it."""
    if values.ndim > 1:
        return [_numbers(row) for row in values]
    if values.dtype == np.float32:
        return [float(str(value)) if np.isfinite(value) else None for value in values]
    return [value if math.isfinite(value) else None for value in values.tolist()]


def _array(values: list[Any], dtype: type[Any]) -> NDArray[Any]:
    # NumPy reads None as NaN only where the type is asked for.
    return np.array(values, dtype=dtype)
