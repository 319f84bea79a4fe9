"""Tables in Markdown, and where the documents keep them."""

from collections.abc import Sequence
from pathlib import Path

from deepfake.evaluation.metrics import Share
from deepfake.report.files import write_text


def share_cell(found: Share) -> str:
    """Return a share as a cell: count, n, exact interval."""
    if found.ci95 is None:
        return "–"
    return f"{found.count} of {found.n} [{found.ci95[0]:.0%}, {found.ci95[1]:.0%}]"


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table."""
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def update_between_marks(path: Path, text: str, marks: tuple[str, str]) -> None:
    """Replace what is between two marks of a file. Exits where they are not there."""
    before, begin, rest = path.read_text(encoding="utf-8").partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not begin or not end:
        raise SystemExit(f"{path}: put the lines {marks[0]} and {marks[1]} where the tables belong")
    write_text(path, f"{before}{begin}\n{text}\n{end}{after}")
