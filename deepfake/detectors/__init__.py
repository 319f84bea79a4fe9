"""Learned detectors: crops of a face in, probability that it is fake out. Weights and model cards lie beside them."""

from deepfake.detectors.efficientnet import LearnedDetector, learned_detector, shipped_fingerprint
from deepfake.detectors.pooling import choose_frames, pool_clip, pool_track
from deepfake.detectors.scoring import TrackScorer, TrackScores
from deepfake.detectors.training_clips import training_clips

__all__ = [
    "LearnedDetector",
    "TrackScorer",
    "TrackScores",
    "choose_frames",
    "learned_detector",
    "pool_clip",
    "pool_track",
    "shipped_fingerprint",
    "training_clips",
]
