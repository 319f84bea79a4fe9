"""Measured numbers that prose quotes, as the benchmarks wrote them to facts.json."""

import functools
import json
from pathlib import Path
from typing import Any

FACTS_FILE = Path(__file__).with_name("facts.json")


def fact(name: str) -> float:
    """Return one measured number.

    Args:
        name: Section and key, "accuracy.auc"; the sections and their sources are described in benchmarks/facts.py.

    Returns:
        The number as it was measured, not rounded for display. Shares are in [0, 1].

    Raises:
        KeyError: No benchmark has written such a number.

    Example:
        >>> 0 <= fact("accuracy.auc") <= 1
        True
    """
    value: Any = all_facts()
    for key in name.split("."):
        if not isinstance(value, dict) or key not in value:
            raise KeyError(f"{name}: there is no such number in {FACTS_FILE.name}")
        value = value[key]
    if not isinstance(value, int | float):
        raise KeyError(f"{name}: this names a section of {FACTS_FILE.name}, not a number")
    return value


@functools.cache
def all_facts() -> dict[str, Any]:
    """Return the sections of facts.json, each a table of numbers with the command that wrote it."""
    facts: dict[str, Any] = json.loads(FACTS_FILE.read_text(encoding="utf-8"))
    return facts
