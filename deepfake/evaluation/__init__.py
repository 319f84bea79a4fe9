"""Evaluation: verdicts against labels. A list of labeled clips, or what the store has of a data set, in; AUC, log
loss, calibration, curves by threshold and by method, and what failed out."""

from deepfake.evaluation.bootstrap import BOOTSTRAP_DRAWS, GroupDraws, auc_draws, group_draws, mean_draws
from deepfake.evaluation.caveats import caveats
from deepfake.evaluation.coverage import abstention_causes, failure_causes
from deepfake.evaluation.curves import (
    Confusion,
    PrecisionRecall,
    RocCurve,
    accuracy_interval,
    confusion,
    precision_recall,
    roc,
)
from deepfake.evaluation.measured import Measured, measure
from deepfake.evaluation.methods import NO_METHOD, MethodResult, by_method, method_of
from deepfake.evaluation.metrics import (
    CalibrationBin,
    Share,
    auc,
    auc_interval,
    brier_score,
    calibration_error,
    calibration_table,
    clip_losses,
    log_loss,
    share,
)
from deepfake.evaluation.parts import PartResult, by_column
from deepfake.evaluation.results import ClipResult, result_of
from deepfake.evaluation.scored import AucDifference, ScoredClips, auc_difference, scored_clips, worst_errors
from deepfake.evaluation.stored import (
    KnownClips,
    StoredResults,
    counts_by_fingerprint,
    known_clips,
    stored_results,
)
from deepfake.evaluation.summary import Evaluation, summarize

__all__ = [
    "BOOTSTRAP_DRAWS",
    "NO_METHOD",
    "AucDifference",
    "CalibrationBin",
    "ClipResult",
    "Confusion",
    "Evaluation",
    "GroupDraws",
    "KnownClips",
    "Measured",
    "MethodResult",
    "PartResult",
    "PrecisionRecall",
    "RocCurve",
    "ScoredClips",
    "Share",
    "StoredResults",
    "abstention_causes",
    "accuracy_interval",
    "auc",
    "auc_difference",
    "auc_draws",
    "auc_interval",
    "brier_score",
    "by_column",
    "by_method",
    "calibration_error",
    "calibration_table",
    "caveats",
    "clip_losses",
    "confusion",
    "counts_by_fingerprint",
    "failure_causes",
    "group_draws",
    "known_clips",
    "log_loss",
    "mean_draws",
    "measure",
    "method_of",
    "precision_recall",
    "result_of",
    "roc",
    "scored_clips",
    "share",
    "stored_results",
    "summarize",
    "worst_errors",
]
