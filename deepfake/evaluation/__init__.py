"""Evaluation: verdicts against labels. A list of labeled clips, or what the store has of a data set, in; AUC, log
loss, calibration, curves by threshold and by method, and what failed out."""
