"""Amounts as readers have them, for every sentence that needs one."""

import math


def counted(count: float, noun: str, plural: str = "") -> str:
    """Return how many there are: 1 frame, 2,000 frames. plural: where it is more than the noun with an s."""
    return f"1 {noun}" if count == 1 else f"{count:,} {plural or f'{noun}s'}"


def probability_text(probability: float | None, interval: tuple[float, float] | None = None) -> str:
    """Return a probability with its 95% interval, "–" where there is none."""
    if probability is None:
        return "–"
    return f"{probability:.2f}" + ("" if interval is None else f" ({interval[0]:.2f}–{interval[1]:.2f})")


def score_text(probability: float | None, interval: tuple[float, float] | None = None) -> str:
    """Return P(fake) with its 95% interval in one line, "" where there is none."""
    return "" if probability is None else f"P(fake) {probability_text(probability, interval)}"


def part_text(share: float) -> str:
    """Return a share of something in per cent, a small one with a decimal."""
    return f"{share:.1%}" if share < 0.1 else f"{share:.0%}"


def beside(value: float, limit: float, form: str) -> str:
    """Return a number that is held against a limit, with one to three more decimals where it would read like a limit
    that it is not: 47.6 px, at least 48. form: ".0f", ".1%"; how both are written."""
    decimals, kind = int(form[1:-1]), form[-1]
    texts = [f"{value:.{decimals + more}{kind}}" for more in range(4)]
    limits = [f"{limit:.{decimals + more}{kind}}" for more in range(4)]
    return next((text for text, other in zip(texts, limits, strict=True) if text != other), texts[0])


def duration_text(seconds: float) -> str:
    """Return a length of time as people say it: 8.1 s, 3 min, 14 h 5 min."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def format_time(seconds: float) -> str:
    """Return a time as m:ss.ff, hundredths rounded half up; "–" where it is not a number."""
    if not math.isfinite(seconds):
        return "–"
    hundredths = math.floor(abs(seconds) * 100 + 0.5)
    minutes, rest = divmod(hundredths, 6000)
    sign = "-" if seconds < 0 and hundredths else ""
    return f"{sign}{minutes}:{rest // 100:02d}.{rest % 100:02d}"


def bit_rate_text(bit_rate: float | None) -> str:
    """Return a bit rate for readers, two or three significant digits. bit_rate: bit/s, or None."""
    if bit_rate is None:
        return "unknown"
    return f"{bit_rate / 1e6:.1f} Mbit/s" if bit_rate >= 999_500 else f"{bit_rate / 1e3:.0f} kbit/s"


def size_text(size_bytes: int | None) -> str:
    """Return a file's size for readers, two or three significant digits. size_bytes: or None."""
    if size_bytes is None:
        return "unknown"
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes >= 999_500 else f"{size_bytes / 1e3:.0f} kB"
