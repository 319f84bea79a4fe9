"""Evaluation: verdicts against labels. A list of labelled clips in; AUC, log loss, calibration, and what failed out."""

from deepfake.evaluation.clips import AnalyzeClip, ClipResult, Outcome, evaluate_clips, judge_clip, outcomes
from deepfake.evaluation.manifest import ManifestRow, read_manifest
from deepfake.evaluation.metrics import (
    BOOTSTRAP_DRAWS,
    CalibrationBin,
    Share,
    auc,
    auc_interval,
    brier_score,
    calibration_error,
    calibration_table,
    log_loss,
    share,
)
from deepfake.evaluation.summary import Evaluation, summarize

__all__ = [
    "BOOTSTRAP_DRAWS",
    "AnalyzeClip",
    "CalibrationBin",
    "ClipResult",
    "Evaluation",
    "ManifestRow",
    "Outcome",
    "Share",
    "auc",
    "auc_interval",
    "brier_score",
    "calibration_error",
    "calibration_table",
    "evaluate_clips",
    "judge_clip",
    "log_loss",
    "outcomes",
    "read_manifest",
    "share",
    "summarize",
]
