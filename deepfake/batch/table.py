"""A batch's results as a table: CSV or Parquet, one row per clip."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from deepfake.batch.progress import BatchResult
from deepfake.files import check_writable, csv_cell, output, readable, replacing

# The first five are those of `evaluate --out`.
TABLE_COLUMNS = (
    "path", "label", "probability_fake", "verdict", "error",
    "status", "look", "sha256", "seconds", "split", "method", "compression", "group", "location", "answer",
    "declared",
)  # fmt: skip
TEXT_COLUMNS = tuple(name for name in TABLE_COLUMNS if name not in ("probability_fake", "seconds"))
SUFFIXES = (".csv", ".parquet")


def check_table(path: Path) -> None:
    """Raise OSError before hours of work, not after them, where the table cannot be written there."""
    if path.suffix.lower() not in SUFFIXES:
        raise OSError(0, f"its name has to end in {' or '.join(SUFFIXES)}", str(path))
    check_writable(path)


def write_table(path: Path, results: Iterable[BatchResult], *, columns: Sequence[str] = TABLE_COLUMNS) -> None:
    """Write the results, whole or not at all: Parquet where the name says so, else CSV.

    Values that are not there are empty (CSV) or null (Parquet). A file's name that is not UTF-8 has its bytes spelled
    out; in a CSV, no text can be taken for a formula.

    Args:
        path: the file.
        results: one row each.
        columns: some of TABLE_COLUMNS.

    Raises:
        OSError: it cannot be written; DiskError where the disk is full.
    """
    import pandas as pd  # only where it is used: every worker of a batch imports this module

    parquet = path.suffix.lower() == ".parquet"
    text = readable if parquet else csv_cell
    rows = [
        {name: text(value) if isinstance(value, str) else value for name, value in _row(result).items()}
        for result in results
    ]
    table = pd.DataFrame(rows, columns=list(columns))
    table = table.astype({name: "string" if name in TEXT_COLUMNS else "Float64" for name in columns})
    with output(path), replacing(path) as draft:
        if parquet:
            table.to_parquet(draft, index=False)
        else:
            table.to_csv(draft, index=False, encoding="utf-8", lineterminator="\n")


def _row(result: BatchResult) -> dict[str, Any]:
    clip = result.clip
    return {
        "path": clip.shown,
        "label": clip.label,
        "probability_fake": result.probability_fake,
        "verdict": result.verdict,
        "error": None if result.error is None else " ".join(result.error.split()),
        "answer": result.answer,
        "status": result.status,
        "look": result.look,
        "sha256": result.sha256,
        "seconds": None if result.seconds is None else round(result.seconds, 3),
        "split": clip.split,
        "method": clip.method,
        "compression": clip.compression,
        "group": clip.group,
        "location": clip.location,
        "declared": result.declared,
    }
