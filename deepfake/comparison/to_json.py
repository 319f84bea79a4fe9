"""The JSON of a comparison: both analyses in their contract form, and what was measured between them."""

from dataclasses import asdict
from typing import Any

from deepfake.analysis.model import SCHEMA_VERSION
from deepfake.comparison.compare import Comparison
from deepfake.comparison.pair_wording import alignment_sentences, pair_sentence, pair_warnings
from deepfake.report.analysis_json import analysis_to_dict, number_or_none, trace_to_dict


def comparison_to_dict(comparison: Comparison, *, shown_paths: tuple[str, str] | None = None) -> dict[str, Any]:
    """Return a comparison as JSON's own types, without NaN. shown_paths: what to write as the paths of fake and
    original."""
    names = shown_paths or (None, None)
    pair, overlap = comparison.pair, comparison.overlap
    return {
        "schema_version": SCHEMA_VERSION,
        "software_version": comparison.fake.software_version,
        "fake": analysis_to_dict(comparison.fake, shown_path=names[0]),
        "original": analysis_to_dict(comparison.original, shown_path=names[1]),
        "belong_together": pair.together,
        "belonging": {
            "code": pair.code,
            "reason": pair_sentence(pair),
            "median_similarity": pair.similarity,
            "median_similarity_1_s_apart": pair.shifted,
            "median_similarity_0_2_s_apart": pair.nudged,
        },
        "finding": asdict(comparison.finding),
        "alignment": {
            "offset_s": comparison.offset_s,
            "notes": list(alignment_sentences(comparison)),
            "fit": overlap.kind,
            "fake_region_xyxy": list(overlap.fake_xyxy),
            "original_region_xyxy": list(overlap.original_xyxy),
            "size": list(overlap.size),
            "compared_size": list(overlap.reduced_size),
        },
        "cross_similarity": {
            **trace_to_dict(comparison.cross_similarity),
            "original_frame_indices": comparison.original_frame_indices.tolist(),
            "original_timestamps_s": comparison.original_timestamps_s.tolist(),
        },
        "cross_face_similarity": [trace_to_dict(trace) for trace in comparison.face_similarity],
        "main_track": comparison.main_track,
        "matched_tracks": [{"fake": fake, "original": original} for fake, original in comparison.matched_tracks],
        "moments": [
            {key: number_or_none(value) if isinstance(value, float) else value for key, value in asdict(moment).items()}
            for moment in comparison.moments
        ],
        "warnings": list(pair_warnings(comparison)),
        "timings_s": dict(comparison.timings_s),
    }
