"""A fake beside its original: how alike they are at each moment, where they differ, whether they belong together."""

from deepfake.comparison.compare import ComparedMoment, Comparison, ComparisonProgress, compare
from deepfake.comparison.findings import MIN_PAIR_SIMILARITY, PairCheck
from deepfake.comparison.overlap import Overlap, difference_map, find_overlap
from deepfake.comparison.pair_clips import PairClips, difference_view
from deepfake.comparison.pair_wording import alignment_sentences, pair_sentence, pair_warnings
from deepfake.comparison.to_json import comparison_to_dict

__all__ = [
    "MIN_PAIR_SIMILARITY",
    "ComparedMoment",
    "Comparison",
    "ComparisonProgress",
    "Overlap",
    "PairCheck",
    "PairClips",
    "alignment_sentences",
    "compare",
    "comparison_to_dict",
    "difference_map",
    "difference_view",
    "find_overlap",
    "pair_sentence",
    "pair_warnings",
]
