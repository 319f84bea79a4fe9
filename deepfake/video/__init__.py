"""Clips: their frames, and clips written from frames."""
