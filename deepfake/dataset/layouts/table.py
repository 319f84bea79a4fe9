"""The one reader of CSVs that list clips: path, and optionally label, original, split, group, method, compression.

It takes what spreadsheets write: commas, semicolons or tabs, a byte order mark, CRLF, empty rows, back-slashes.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from deepfake.dataset.entries import Entries, label_of
from deepfake.dataset.folder import Disk, Notes, name_key
from deepfake.dataset.layouts import faceforensics
from deepfake.dataset.layouts.base import Layout, text_or_none
from deepfake.dataset.model import Label
from deepfake.errors import DatasetError
from deepfake.files import FORMULA_STARTS, is_url
from deepfake.words import counted

COLUMNS = ("path", "label", "original", "split", "group", "method", "compression")
DELIMITERS = (",", ";", "\t")
EXPECTED = "path,label[,original,split,group,method,compression]"
MAX_LINES_NAMED = 5

Row = dict[str, str]


def read_table(entries: Entries, table: str) -> None:
    """Add the clips that a CSV lists.

    Paths are relative to the CSV; where the disk allows it, absolute paths and URLs as well. An original may be named
    by its file name alone. Rows that cannot be used are left out and named; other columns are kept in `extra`.

    Raises:
        DatasetError: the file is no CSV in UTF-8, has no column path, or is a link that leaves its folder.
    """
    disk = entries.disk
    if table not in disk.files():
        raise DatasetError(disk.root / table, "this is a link that leaves its folder; open the file that it points to")
    rows = list(_rows(entries, table))
    files = [_file(disk, row["path"]) for _, row in rows]
    listed = set(files)
    by_file_name: dict[str, dict[str, Label | None]] = {}
    for file, (_, row) in zip(files, rows, strict=True):
        by_file_name.setdefault(name_key(file.rpartition("/")[2]), {})[file] = label_of(row.get("label"))
    originals = {name: _originals(named) for name, named in by_file_name.items()}
    for file, (line, row) in zip(files, rows, strict=True):
        original = text_or_none(row.get("original"))
        if original is not None:
            original = _file(disk, original)
            if "/" not in original and original not in listed and not (disk.is_listed and disk.find(original)):
                called = originals.get(name_key(original), [])
                if len(called) > 1:
                    entries.notes.add(
                        f"{table}, line {line}: {len(called)} clips are called {original!r}: which of them is the "
                        "original is not known"
                    )
                original = called[0] if len(called) == 1 else original
            if original == file:
                original = None
        folders = faceforensics.FOLDERS.search(file)
        method = folders["family"] if folders and not folders[0].startswith(faceforensics.ORIGINALS) else None
        entries.add(
            file,
            file,
            row.get("label"),
            source=f"{table}, line {line}",
            original=original,
            original_file=original,
            split=text_or_none(row.get("split")),
            group=text_or_none(row.get("group")),
            method=text_or_none(row.get("method")) or method,
            compression=text_or_none(row.get("compression")) or (folders["compression"] if folders else None),
            extra={name: value.strip() for name, value in row.items() if name not in COLUMNS and value.strip()},
        )


def _originals(named: Mapping[str, Label | None]) -> list[str]:
    """Which of the files of one name, by label, may be an original: the real ones, else those without a label."""
    return [file for file, label in named.items() if label == "REAL"] or [
        file for file, label in named.items() if label is None
    ]


def _rows(entries: Entries, table: str) -> Iterator[tuple[int, Row]]:
    """Yield line number and cells of every row that names a path. Lines are counted from 1, the header's own."""
    place, empty = entries.disk.root / table, []
    reader = _reader(entries.disk, table)
    try:
        columns = _columns(entries.disk, table, next(reader, []), entries.notes)
        for cells in reader:
            line = reader.line_num
            if not any(cell.strip() for cell in cells):
                empty.append(line)
            elif any(cell.strip() for cell in cells[len(columns) :]):
                entries.notes.add(
                    f"{table}, line {line}: {counted(len(cells), 'field')}, but the header has {len(columns)}; left out"
                )
            else:
                row = dict(zip(columns, cells, strict=False))
                row["path"] = row.get("path", "").strip()
                if row["path"]:
                    yield line, row
                else:
                    entries.notes.add(f"{table}, line {line}: the path is empty; left out")
    except csv.Error as error:
        raise DatasetError(place, f"this is not a CSV: line {reader.line_num}: {error}") from error
    if empty:
        named = ", ".join(map(str, empty[:MAX_LINES_NAMED])) + (", …" if len(empty) > MAX_LINES_NAMED else "")
        entries.notes.add(f"{table}: {counted(len(empty), 'empty row')} left out (line {named})")


def _reader(disk: Disk, table: str) -> Any:
    """Return the reader of a CSV by the delimiter of its header."""
    text = disk.read_text(table)
    header, *rest = text.splitlines()[:2] or [""]
    if header[:4].lower() == "sep=":  # Excel's own way to name it
        text, header = text[len(header) :].lstrip("\r\n"), "".join(rest)
    delimiter = max(DELIMITERS, key=header.count)
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)


def _columns(disk: Disk, table: str, header: list[str], notes: Notes) -> list[str]:
    columns = [name.strip().lower() for name in header]
    if "path" not in columns:
        _refuse(disk, table, "has no column path")
    repeated = next((name for name in columns if name and columns.count(name) > 1), None)
    if repeated is not None:
        _refuse(disk, table, f"has the column {repeated!r} twice")
    if "label" not in columns:
        notes.add(f"{table} has no column label: its clips are taken without labels")
    return columns


def _refuse(disk: Disk, table: str, why: str) -> NoReturn:
    raise DatasetError(disk.root / table, f"it {why}; its first line has to name the columns {EXPECTED}")


def _file(disk: Disk, text: str) -> str:
    """Return the file that a cell names, relative to the CSV's folder where it lies below that.

    A name as it stands comes first; then back-slashes are taken for slashes, as Windows writes them, and the
    apostrophe that keeps a spreadsheet from taking a name for a formula is taken off.
    """
    text = text.strip()
    if is_url(text):
        return text
    root = f"{disk.root.as_posix().rstrip('/')}/"
    text = text.removeprefix(root).removeprefix("./")
    plain = text[1:] if text.startswith("'") and text[1:].startswith(FORMULA_STARTS) else text
    for name in (text, plain) if disk.is_listed else ():
        found = disk.find(name)
        if found is not None:
            return found if "\\" in name else name
    return plain.replace("\\", "/").removeprefix(root).removeprefix("./")


def _tables(disk: Disk) -> list[str]:
    """Return the CSV to read: the only one in the folder, where it lists clips or no clip lies beside it."""
    tables = sorted(name for name in disk.files() if name.lower().endswith(".csv"))
    if len(tables) == 1 and (not disk.clips() or _lists_clips(disk, tables[0])):
        return tables
    return []


def _lists_clips(disk: Disk, table: str) -> bool:
    try:
        return {"path", "label"} <= {name.strip().lower() for name in next(_reader(disk, table), [])}
    except csv.Error as error:
        raise DatasetError(disk.root / table, f"this is not a CSV: {error}") from error


LAYOUT = Layout(
    name="csv",
    title="a CSV table",
    expects="a CSV with the columns path and label",
    recognizes=lambda disk: bool(_tables(disk)),
    read=lambda entries: read_table(entries, _tables(entries.disk)[0]),
)
