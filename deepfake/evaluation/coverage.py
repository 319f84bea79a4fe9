"""What was not judged, and why: abstentions and failures counted by cause."""

import re
from collections import Counter
from collections.abc import Sequence

from deepfake.evaluation.run import ClipResult

UNDECIDED = "The score is too close to call"
BECAUSE = "Inconclusive because "
NO_REASON = "No reason given"
OF_A_PERSON = re.compile(r"^Person \d+: ")


def abstention_causes(results: Sequence[ClipResult]) -> tuple[tuple[str, int], ...]:
    """Return why clips were analysed and not judged, and how many for each cause, the most frequent first."""
    return _counted([abstention_cause(result.reason) for result in results if result.abstained])


def abstention_cause(reason: str | None) -> str:
    """Return a verdict's first reason without its numbers and its person, so that like cases are counted together."""
    text = OF_A_PERSON.sub("", reason or "").strip().removeprefix(BECAUSE)
    if text.startswith("P(fake) is "):
        return UNDECIDED  # the gate had nothing to say, and the verdict begins with its score
    cause = text.partition(":")[0].rstrip(".")
    return cause[:1].upper() + cause[1:] or NO_REASON


def failure_causes(results: Sequence[ClipResult]) -> tuple[tuple[str, int], ...]:
    """Return why clips could not be analysed, and how many for each cause, the most frequent first."""
    return _counted([" ".join(result.error.split()) for result in results if result.error is not None])


def _counted(causes: Sequence[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(Counter(causes).items(), key=lambda item: (-item[1], item[0])))
