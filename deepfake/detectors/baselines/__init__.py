"""Classifiers that only compare: the pipeline never calls them."""
