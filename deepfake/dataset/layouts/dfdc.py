"""The Deepfake Detection Challenge (DFDC): metadata.json beside the clips, in one folder or in several parts.

Dolhansky et al. 2020, arXiv:2006.07397. Each row is `"name.mp4": {"label": "FAKE", "split": "train", "original":
"other.mp4"}`. Tables as pandas saves them (by column, as a list of rows) are read too.
"""

import json
import re
from collections.abc import Sequence
from itertools import chain
from typing import Any

from deepfake.dataset.entries import Entries
from deepfake.dataset.folder import Disk, Notes, is_clip, join
from deepfake.dataset.layouts.base import SPLITS, Layout, text_or_none
from deepfake.errors import DatasetError
from deepfake.words import counted

METADATA = "metadata.json"
PART = re.compile(r"(train|test|val|dfdc_train_part)", re.IGNORECASE)
NAME_COLUMNS = ("path", "filename", "file", "name", "video", "index")  # of a table that was saved by column


def _parts(disk: Disk) -> list[str]:
    return [f for f in disk.folders() if METADATA in disk.files(f) or (PART.match(f) and disk.clips(f))]


def _read(entries: Entries, parts: Sequence[str]) -> None:
    """Add the clips that the parts' metadata.json list, then those that lie there unlisted, without a label.

    A clip is named by its file; by part and file where an earlier part has a clip of that name.
    """
    disk = entries.disk
    taken: set[str] = set()
    for part in parts:
        source = join(part, METADATA)
        metadata = _metadata(disk, part, entries.notes) if METADATA in disk.files(part) else {}
        listed = {disk.find(join(part, name)) or join(part, name) for name in metadata}
        unlisted = [name for name in disk.clips(part) if join(part, name) not in listed]
        if metadata and unlisted:
            entries.notes.add(
                f"{source}: {counted(len(unlisted), 'clip')} in the folder without a row ({unlisted[0]}, …)"
            )
        part_split = next((s for s in SPLITS if re.search(rf"(^|_){s}", (part or disk.root.name).lower())), None)
        here = set(metadata) | set(unlisted)
        twice = here & taken
        for name, row in chain(metadata.items(), ((name, {}) for name in unlisted)):
            original, home = text_or_none(row.get("original")), part
            if original is not None and disk.find(join(part, original)) is None:
                home = next((other for other in parts if disk.find(join(other, original))), part)
            entries.add(
                join(part, name) if name in twice else name,
                join(part, name),
                row.get("label"),
                source=source,
                split=text_or_none(row.get("split")) or part_split,
                original=join(part, original) if original in twice else original,
                original_file=join(home, original) if original is not None else None,
            )
        taken |= here


def _metadata(disk: Disk, part: str, notes: Notes) -> dict[str, dict[str, Any]]:
    """Return the rows of a metadata.json by clip. Raises DatasetError when it is not a JSON object in UTF-8."""
    path, source = disk.root / part / METADATA, join(part, METADATA)

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """Keep the first of rows with the same name, and say so; json would keep the last without a word."""
        kept: dict[str, Any] = {}
        for name, value in pairs:
            if isinstance(value, dict) and name in kept:
                notes.add(f"{source}: {name!r} is listed more than once; the first one counts")
            kept.setdefault(name, value)
        return kept

    try:
        table = json.loads(disk.read_text(source), object_pairs_hook=once)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise DatasetError(path, f"this is not valid JSON at {where}: {error.msg}") from error
    except DatasetError:
        raise
    except (ValueError, RecursionError) as error:
        raise DatasetError(path, f"this is no table of clips: {error}") from error
    if isinstance(table, dict) and isinstance(table.get("data"), list):  # pandas, with what the columns are beside it
        table = _rows(table["data"], table.get("columns"), table.get("index"))
    if isinstance(table, dict) and _is_by_column(table):
        notes.add(f"{source} is saved by column, as pandas does by default; it was read by clip all the same")
        table = _by_clip(table)
    if isinstance(table, list):
        named = _named(table)
        for number in [number for number, (name, _) in enumerate(named, 1) if name is None]:
            notes.add(f"{source}, row {number}: there is no name of a clip; left out")
        table = once([(name, row) for name, row in named if name is not None]) if named else None
    if not isinstance(table, dict):
        raise DatasetError(path, 'this is not a table of clips; expected {"name.mp4": {"label": "REAL" or "FAKE", …}}')
    for name in [name for name, row in table.items() if not isinstance(row, dict)]:
        notes.add(f"{source}: {name!r} has no label and split, but {table.pop(name)!r:.40}; left out")
    return {name: _plain(row) for name, row in table.items()}


def _is_by_column(table: dict[str, Any]) -> bool:
    """Whether the table is the other way round: {"label": {"a.mp4": "FAKE", …}, "split": {…}}."""
    return isinstance(_plain(table).get("label"), dict) and not any(is_clip(name) for name in table)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row by the names of its columns as a CSV has them, in small letters."""
    return {column.strip().lower(): cell for column, cell in row.items()}


def _rows(data: list[Any], columns: object, index: object) -> list[Any]:
    """Return the rows of a table that pandas saved with its columns and index beside it, and others as they are."""
    if not isinstance(columns, list) or not isinstance(index, list) or not all(isinstance(row, list) for row in data):
        return data
    names = ["index", *map(str, columns)]
    return [dict(zip(names, [name, *row], strict=False)) for name, row in zip(index, data, strict=False)]


def _named(rows: list[Any]) -> list[tuple[str | None, dict[str, Any]]]:
    """Return the rows of a list, [{"filename": "a.mp4", "label": "FAKE"}, …], each with the clip that it names or None;
    none where none names one. The column that most rows have holds the names."""
    if not all(isinstance(row, dict) for row in rows):
        return []
    rows = list(map(_plain, rows))
    usable = [column for column in NAME_COLUMNS if any(text_or_none(row.get(column)) for row in rows)]
    column = max(usable, key=lambda column: sum(column in row for row in rows), default=None)
    return [] if column is None else [(text_or_none(row.get(column)), row) for row in rows]


def _by_clip(columns: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of a table that is saved by column."""
    tables = {column: cells for column, cells in columns.items() if isinstance(cells, dict)}
    keys = dict.fromkeys(key for cells in tables.values() for key in cells)
    return [{"index": key, **{column: cells.get(key) for column, cells in tables.items()}} for key in keys]


ONE_PART = Layout(
    name="dfdc",
    title="Deepfake Detection Challenge (metadata.json)",
    expects=f"{METADATA} and clips, or train and test folders of that kind (DFDC)",
    recognizes=lambda disk: METADATA in disk.files(),
    read=lambda entries: _read(entries, [""]),
)
# After real/ and fake/, which may lie below train/ and test/ as well.
PARTS = Layout(
    name="dfdc",
    title=ONE_PART.title,
    expects="",
    recognizes=lambda disk: bool(_parts(disk)),
    read=lambda entries: _read(entries, _parts(entries.disk)),
)
