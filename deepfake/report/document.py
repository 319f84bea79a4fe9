"""A report as a sequence of sections, whatever it is written as: `html` and `pdf` draw it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

# What can change a number in a report.
LIBRARIES = (
    "av", "mtcnn", "numba", "numpy", "onnxruntime", "onnxruntime-gpu", "opencv-python-headless", "scipy", "tensorflow",
)  # fmt: skip

Tone = Literal["fake", "real", "none"]
Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture with what is written below it. jpeg: its bytes. alt: what it shows, for those who do not see it."""

    jpeg: bytes
    caption: str
    alt: str


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a report; it shows what it has, in this order.

    Attributes:
        title: its heading.
        text: paragraphs.
        items: sentences of a list.
        pictures: side by side.
        curve: a chart, SVG, "" for none.
        note: how to read what is above, "" for none.
        rows: a table, its header first.
        more_rows: a second table.
        code: a line to be copied, "" for none.
        is_long: a table of every frame, say: HTML folds it, a PDF leaves it out.
        is_part: whether it belongs to the section before it that is none.
    """

    title: str
    text: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    curve: str = ""
    note: str = ""
    rows: tuple[Row, ...] = ()
    more_rows: tuple[Row, ...] = ()
    code: str = ""
    is_long: bool = False
    is_part: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """A report.

    Attributes:
        title: of the whole.
        answer: in a word or two, with its icon.
        tone: "fake" and "real" have a color, beside the word.
        strength: behind the answer, "" for none.
        reasons: of the answer, sentences.
        note: how often it is right, "" for none.
        sections: what follows.
    """

    title: str
    answer: str
    tone: Tone
    strength: str
    reasons: tuple[str, ...]
    note: str
    sections: tuple[Section, ...]


def written_rows(software_version: str) -> list[Row]:
    """Return what has to be known of how a report came about: versions and date, as rows of a table."""
    return [
        ("deepfake workbench", software_version),
        ("libraries installed at the time of this report", ", ".join(installed_libraries())),
        ("report written", datetime.now(UTC).isoformat(timespec="seconds")),
    ]


def installed_libraries() -> list[str]:
    """Return the libraries that can change a number, with their versions."""
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return found
