"""A re-compression in words and as JSON."""

from dataclasses import asdict
from typing import Any

from deepfake.analysis.recompression import RateOutcome, Recompression
from deepfake.report.wording import VERDICT_WORDS


def stability_sentence(result: Recompression) -> str:
    """Return in words how stable the verdict is."""
    original, *encoded = result.rates
    words = VERDICT_WORDS[original.clip.label]
    if not encoded or result.spread is None:
        return "No face of this clip could be scored, so there is nothing to compare."
    known = [rate.clip.probability_fake for rate in result.rates if rate.clip.probability_fake is not None]
    span = f"P(fake) lies between {min(known):.2f} and {max(known):.2f}, {result.spread:.2f} apart."
    if result.keeps_label:
        return f"The verdict stays {words} at every rate. {span}"
    changed = [
        f"{VERDICT_WORDS[rate.clip.label]} at {rate_name(rate)}"
        for rate in encoded
        if rate.clip.label != original.clip.label
    ]
    opposite = {"LIKELY_REAL", "LIKELY_FAKE"} <= {rate.clip.label for rate in result.rates}
    warning = " It turns into its opposite: do not rely on it." if opposite else ""
    return f"The verdict changes: {words} as the clip is, {', '.join(changed)}. {span}{warning}"


def rate_name(rate: RateOutcome) -> str:
    """Return what a rate is called."""
    return "as it is" if rate.crf is None else f"CRF {rate.crf}"


def recompression_to_dict(result: Recompression) -> dict[str, Any]:
    """Return a result as JSON's own types, with its label's fate and sentence."""
    return {
        **asdict(result),
        "keeps_label": result.keeps_label,
        "spread": result.spread,
        "sentence": stability_sentence(result),
    }
