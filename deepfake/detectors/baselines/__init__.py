"""Classifiers that are there to compare with: not calibrated, so that no verdict rests on them."""
