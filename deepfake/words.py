"""Amounts as readers have them, for every sentence that needs one."""


def counted(count: float, noun: str) -> str:
    """Return how many there are: 1 frame, 2 frames."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
