"""Amounts as readers have them, for every sentence that needs one."""


def counted(count: float, noun: str, plural: str = "") -> str:
    """Return how many there are: 1 frame, 2,000 frames. plural: where it is more than the noun with an s."""
    return f"1 {noun}" if count == 1 else f"{count:,} {plural or f'{noun}s'}"
