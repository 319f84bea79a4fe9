"""A manifest: the CSV that lists labelled clips."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from deepfake.errors import DatasetError

ManifestLabel = Literal["REAL", "FAKE"]
REQUIRED_COLUMNS = ("path", "label")


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One labelled clip.

    path: as the manifest has it; file: where that is, relative paths taken from the manifest's folder. group: clips of
    one group share a person or a source and are drawn together in a bootstrap; a clip without one is its own group.
    extra: further columns (set, split, method …) by name.
    """

    path: str
    file: Path
    label: ManifestLabel
    group: str
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def is_fake(self) -> bool:
        """Whether the label is FAKE."""
        return self.label == "FAKE"


def read_manifest(path: Path | str) -> tuple[ManifestRow, ...]:
    """Return the rows of a manifest: CSV in UTF-8 with a header, columns path and label, optionally group and others.

    Whether the clips exist is not looked at here.

    Raises DatasetError, naming the line, when the file cannot be read, a column is missing, a label is neither REAL
    nor FAKE, a path is empty or listed twice, or a row does not fit the header.
    """
    path = Path(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = tuple(_rows(path, file))
    except OSError as error:
        raise DatasetError(path, f"the manifest cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise DatasetError(path, "the manifest is not UTF-8 text; save it as a CSV in UTF-8") from error
    if not rows:
        raise DatasetError(path, "the manifest lists no clips; write one row a clip below the header")
    return rows


def _rows(path: Path, file: Iterator[str]) -> Iterator[ManifestRow]:
    reader = csv.reader(file, strict=True)
    try:
        columns = _columns(path, next(reader, []))
        lines: dict[str, int] = {}
        for values in reader:
            if not any(value.strip() for value in values):
                continue  # a blank line
            where = f"{path}, line {reader.line_num}"
            if len(values) != len(columns):
                raise DatasetError(where, f"{len(values)} fields, but the header has {len(columns)}")
            row = _row(path, where, dict(zip(columns, values, strict=True)))
            if row.path in lines:
                raise DatasetError(where, f"{row.path} is listed already on line {lines[row.path]}; list it once")
            lines[row.path] = reader.line_num
            yield row
    except csv.Error as error:
        raise DatasetError(f"{path}, line {reader.line_num}", f"this is not CSV: {error}") from error


def _columns(path: Path, header: list[str]) -> list[str]:
    columns = [name.strip().lower() for name in header]
    missing = [name for name in REQUIRED_COLUMNS if name not in columns]
    if missing:
        raise DatasetError(
            f"{path}, line 1",
            f"the column {' and '.join(missing)} is missing; the header has to name path,label and may name group and "
            "others",
        )
    repeated = next((name for name in columns if columns.count(name) > 1), None)
    if repeated is not None:
        raise DatasetError(f"{path}, line 1", f"the column {repeated!r} is there twice")
    return columns


def _row(path: Path, where: str, values: dict[str, str]) -> ManifestRow:
    name, label = values.pop("path").strip(), values.pop("label").strip().upper()
    group = values.pop("group", "").strip()
    if not name:
        raise DatasetError(where, "the path is empty")
    if label not in ("REAL", "FAKE"):
        raise DatasetError(where, f"the label of {name} is {label!r}; it has to be REAL or FAKE")
    return ManifestRow(name, path.parent / name, cast(ManifestLabel, label), group or f"clip {name}", values)
