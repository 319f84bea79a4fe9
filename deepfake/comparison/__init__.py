"""A fake beside its original: how alike they are at each moment, where they differ, whether they belong together."""

from deepfake.comparison.compare import ComparedMoment, Comparison, ComparisonProgress, compare
from deepfake.comparison.findings import MIN_PAIR_SIMILARITY, Finding, PairCheck
from deepfake.comparison.overlap import Overlap, difference_map, find_overlap
from deepfake.comparison.pair_clips import PairClips, difference_view, write_side_by_side
from deepfake.comparison.pair_wording import (
    FINDING_TITLES,
    alignment_sentences,
    finding_sentence,
    pair_sentence,
    pair_warnings,
)
from deepfake.comparison.report import MomentPictures, comparison_document, moment_pictures, side_by_side
from deepfake.comparison.to_json import comparison_to_dict

__all__ = [
    "FINDING_TITLES",
    "MIN_PAIR_SIMILARITY",
    "ComparedMoment",
    "Comparison",
    "ComparisonProgress",
    "Finding",
    "MomentPictures",
    "Overlap",
    "PairCheck",
    "PairClips",
    "alignment_sentences",
    "compare",
    "comparison_document",
    "comparison_to_dict",
    "difference_map",
    "difference_view",
    "find_overlap",
    "finding_sentence",
    "moment_pictures",
    "pair_sentence",
    "pair_warnings",
    "side_by_side",
    "write_side_by_side",
]
