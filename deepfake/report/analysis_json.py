"""The JSON of an analysis: docs/analysis.schema.json describes it, a test holds the command line to it.

Numbers that could not be measured are null. 32-bit values are written with the fewest digits that give the same
32-bit value back.
"""

import json
import math
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepfake.analysis.evidence import Evidence
from deepfake.analysis.model import Analysis, AnalysisConfig, NotJudged
from deepfake.analysis.recompression import RateVerdict, Recompression
from deepfake.analysis.verdict import TrackVerdict, Verdict
from deepfake.faces.tracking import FaceTrack
from deepfake.files import readable
from deepfake.report.card import stability_sentence
from deepfake.report.wording import (
    abstention_sentences,
    evidence_sentence,
    not_judged_sentence,
    notes_of,
    person_name,
    reason_sentences,
)
from deepfake.signals.base import SignalTrace
from deepfake.video.info import VideoInfo


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
        "traces": [trace_to_dict(trace) for trace in analysis.traces],
        "notebook_rule": {
            "label": analysis.notebook_rule.label,
            "amplitude": analysis.notebook_rule.amplitude,
            "minimum": analysis.notebook_rule.minimum,
        },
        "verdict": _verdict_to_dict(analysis.verdict),
        "not_judged": [_not_judged_to_dict(person) for person in analysis.not_judged],
        "warnings": list(notes_of(analysis)),
        "timings_s": {stage: float(seconds) for stage, seconds in analysis.timings_s.items()},
        "still_frames": analysis.still_frames,
        "device": analysis.device,
    }


def json_text(data: dict[str, Any]) -> str:
    """Return data as one line of JSON. Raises ValueError for NaN, which JSON does not know."""
    return readable(json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))) + "\n"


def _video_to_dict(video: VideoInfo, shown_path: str | None) -> dict[str, Any]:
    path = str(video.path) if shown_path is None else shown_path
    return {
        "path": readable(path),
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
        "mirrored": video.mirrored,
        "coded_width": video.coded_width,
        "coded_height": video.coded_height,
        "adjustments": [{"code": item.code, **item.values} for item in video.adjustments],
        "declared": None if video.declared is None else asdict(video.declared),
    }


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


def trace_to_dict(trace: SignalTrace) -> dict[str, Any]:
    """Return a trace as JSON's own types."""
    return {
        "signal": trace.signal,
        "track_id": trace.track_id,
        "unit": trace.unit,
        "frame_indices": _numbers(trace.frame_indices),
        "timestamps_s": _numbers(trace.timestamps_s),
        "values": _numbers(trace.values),
    }


def _config_to_dict(config: AnalysisConfig) -> dict[str, Any]:
    # "detector" is what the face detector was called before there was a choice of classifiers: readers know it.
    return {"detector": config.face_detector, **asdict(config)}


def _verdict_to_dict(verdict: Verdict) -> dict[str, Any]:
    return {
        "label": verdict.label,
        "probability_fake": number_or_none(verdict.probability_fake),
        "interval": None if verdict.interval is None else list(verdict.interval),
        "reasons": list(reason_sentences(verdict)),
        "tracks": [_track_verdict_to_dict(track) for track in verdict.tracks],
        "evidence": [_evidence_to_dict(item) for item in verdict.evidence],
    }


def _evidence_to_dict(item: Evidence) -> dict[str, Any]:
    return {**asdict(item), "suspicion": number_or_none(item.suspicion), "reason": evidence_sentence(item)}


def recompression_to_dict(result: Recompression) -> dict[str, Any]:
    """Return a re-compression as JSON's own types, with its label's fate in a sentence."""
    return {
        **asdict(result),
        "rates": [
            {**asdict(rate), "clip": _outcome_to_dict(rate.clip), "tracks": [_outcome_to_dict(o) for o in rate.tracks]}
            for rate in result.rates
        ],
        "keeps_label": result.keeps_label,
        "spread": result.spread,
        "sentence": stability_sentence(result),
    }


def _outcome_to_dict(outcome: RateVerdict) -> dict[str, Any]:
    return {**asdict(outcome), "abstained": list(abstention_sentences(outcome.abstained))}


def _track_verdict_to_dict(track: TrackVerdict) -> dict[str, Any]:
    return {
        "track_id": track.track_id,
        "label": track.label,
        "probability_fake": number_or_none(track.probability_fake),
        "interval": None if track.interval is None else list(track.interval),
        "false_alarm_p": number_or_none(track.false_alarm_p),
        "reasons": list(reason_sentences(track)),
        "abstained": list(map(evidence_sentence, track.abstained)),
        "quality": None if track.quality is None else asdict(track.quality),
    }


def _not_judged_to_dict(person: NotJudged) -> dict[str, Any]:
    return {
        "track_id": person.track_id,
        "person": person_name(person.track_id),
        "from_s": person.from_s,
        "to_s": person.to_s,
        "codes": [item.code for item in person.causes],
        "sentence": not_judged_sentence(person),
    }


def number_or_none(value: float | None) -> float | None:
    """Return a number as JSON knows it: None for NaN and infinity."""
    return None if value is None or not math.isfinite(value) else float(value)


def _numbers(values: NDArray[Any]) -> list[Any]:
    """Nested lists of an array; NaN is None; float32 with the fewest digits that identify it."""
    if values.ndim > 1:
        return [_numbers(row) for row in values]
    if values.dtype == np.float32:
        return [float(str(value)) if np.isfinite(value) else None for value in values]
    return [value if math.isfinite(value) else None for value in values.tolist()]
