"""A fake beside its original: how alike they are at each moment, where they differ, whether they belong together."""

from deepfake.comparison.compare import ComparedMoment, Comparison, ComparisonProgress, compare
from deepfake.comparison.findings import MIN_PAIR_SIMILARITY, Belonging
from deepfake.comparison.overlap import Fit, difference_map, fit_clips
from deepfake.comparison.pair_clips import PairClips, difference_view
from deepfake.comparison.to_json import comparison_from_dict, comparison_to_dict

__all__ = [
    "MIN_PAIR_SIMILARITY",
    "Belonging",
    "ComparedMoment",
    "Comparison",
    "ComparisonProgress",
    "Fit",
    "PairClips",
    "compare",
    "comparison_from_dict",
    "comparison_to_dict",
    "difference_map",
    "difference_view",
    "fit_clips",
]
