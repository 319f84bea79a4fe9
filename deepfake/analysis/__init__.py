"""A clip becomes an Analysis: measured, judged, and given reasons."""
