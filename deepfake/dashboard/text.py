"""Text from outside (names, addresses, metadata, errors about them) within what Streamlit takes for Markdown: it stays
text, whatever it says."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import pandas as pd

from deepfake.files import csv_cell

K = TypeVar("K")

# What CommonMark, and Streamlit's math and directives, take for more than a character. An underscore within a word and
# a colon before a space are what they look like, and stay: most names and sentences come out as they went in.
MARKS: Final = re.compile(r"[\\`*\[\]<>|~$^]|(?<![^\W_])_|_(?![^\W_])|:(?=[^\W\d]|:)|&(?=#?\w+;)")
AT_THE_START: Final = re.compile(r"^(?:[-+=#]|\d+(?=[.)]))")
# What Streamlit makes of text after Markdown was read, where no mark helps: links of addresses, icons, emoji, arrows.
AUTOMATIC: Final = re.compile(
    r"https?:(?=//)|\bwww(?=\.)|@(?=\w)|:(?=[\w+/-]+:)|(?<!\S)(?:<->|->|<-|--|>=|<=|~=)(?!\S)", re.IGNORECASE
)
BREAK: Final = "\N{WORD JOINER}"  # has no width, and lets no line begin after it
# Control characters, and marks that turn the direction of what follows, so that a name looks like another.
INVISIBLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]")

CLIP_WIDTH_PX: Final = 290  # of a table's column of clips
LONGEST_NAME: Final = 40  # characters that it has room for
HEADER_PX, ROW_PX = 38, 35  # of a table as Streamlit draws it


def plain(text: object) -> str:
    r"""Return text as Markdown that is shown as that text: no picture, no link, no formatting, one line.

    Example:
        >>> print(plain("![x](y.png) *.mp4"))
        !\[x\](y.png) \*.mp4
        >>> print(plain("real_a-01.mp4: the file is empty"))
        real_a-01.mp4: the file is empty
    """
    shown = INVISIBLE.sub("\N{REPLACEMENT CHARACTER}", " ".join(str(text).split()))
    marked = MARKS.sub(r"\\\g<0>", AUTOMATIC.sub(rf"\g<0>{BREAK}", shown))
    return AT_THE_START.sub(_escaped_start, marked)


def unbroken(text: str) -> str:
    """Return text whose ranges of numbers stay in one line: else a line may break after the dash. Not for exports."""
    return text.replace("\N{EN DASH}", f"\N{EN DASH}{BREAK}")


def named(words: str, name: str) -> str:
    """Return the label of one of several buttons that show the same words: screen readers say the name as well.

    Example:
        >>> print(named("Analyze", "a_1.mp4"))
        Analyze *a_1.mp4*
    """
    return f"{words} *{plain(name)}*"


def without_first_folders(name: str) -> str:
    """Return a clip's name as long as a column has room for: clips of one data set begin alike, and what tells them
    apart stays.

    Example:
        >>> without_first_folders("faceforensics/manipulated_sequences/FaceSwap/c40/videos/720_672.mp4")
        '…/FaceSwap/c40/videos/720_672.mp4'
    """
    kept = name
    while len(kept) > LONGEST_NAME and "/" in kept:
        kept = kept.partition("/")[2]
    return name if kept == name else f"…/{kept}"


def told_apart(titles: Mapping[K, str]) -> dict[K, str]:
    """Return the titles of a choice with a number behind those that were there before: a box of choice knows its
    options by what they are called.

    Example:
        >>> told_apart({1: "clip.mp4", 2: "other.mp4", 3: "clip.mp4"})
        {1: 'clip.mp4', 2: 'other.mp4', 3: 'clip.mp4 (2)'}
    """
    apart: dict[K, str] = {}
    numbers = Counter[str]()
    for key, title in titles.items():
        shown = title
        while numbers[shown]:
            numbers[title] += 1
            shown = f"{title} ({numbers[title]})"
        numbers[shown] = 1
        apart[key] = shown
    return apart


def cells(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose text no spreadsheet takes for a formula: Streamlit offers each as CSV, as it stands."""
    shown = table.copy()
    for name in table.select_dtypes(include=["object", "str", "category"]):
        shown[name] = table[name].astype(object).map(_cell)
    return shown


def height_of(rows: int) -> int:
    """Return how high a table is that shows so many rows below its header, px."""
    return HEADER_PX + ROW_PX * rows


def _cell(value: Any) -> Any:
    return csv_cell(value) if isinstance(value, str) else value


def _escaped_start(start: re.Match[str]) -> str:
    """A mark has a backslash before it; a number has it before the point or bracket that would make it a list."""
    return f"{start[0]}\\" if start[0].isdigit() else f"\\{start[0]}"
