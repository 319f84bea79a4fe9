"""Faces: detection, tracking and alignment."""
