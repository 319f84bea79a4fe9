"""The layouts that data sets come in: each reader yields what its layout says of every clip."""

import csv
import io
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from deepfake.dataset.folder import Disk, Notes, join
from deepfake.dataset.model import Label, Layout
from deepfake.errors import DatasetError

METADATA = "metadata.json"
DFDC_FOLDER = re.compile(r"(train|test|val|dfdc_train_part)", re.IGNORECASE)
SPLITS = ("train", "val", "test")
FF_ORIGINALS, FF_FAKES = "original_sequences", "manipulated_sequences"
CELEBDF_FOLDERS: dict[str, Label] = {"Celeb-real": "REAL", "YouTube-real": "REAL", "Celeb-synthesis": "FAKE"}
CELEBDF_TEST_LIST = "List_of_testing_videos.txt"
CELEBDF_LABELS: dict[str, Label] = {"1": "REAL", "0": "FAKE"}  # of that list
CSV_REQUIRED = ("path", "label")


@dataclass(frozen=True, slots=True)
class Row:
    """What a layout says of a clip. source names where it says so; file and original_file are relative to the root,
    with slashes."""

    source: str
    name: str
    file: str
    label: object = None
    split: str | None = None
    original: str | None = None
    original_file: str | None = None
    method: str | None = None
    compression: str | None = None
    group: str | None = None


def recognise(disk: Disk, notes: Notes, table: str | None) -> tuple[Layout, Iterator[Row]]:
    """Return the layout of the folder and its rows, read as they are asked for."""
    folders = {name.lower(): name for name in disk.folders()}
    tables = sorted(name for name in disk.files() if name.lower().endswith(".csv"))
    if table is not None:
        return "csv", _csv_rows(disk, table)
    if METADATA in disk.files():
        return "dfdc", _dfdc_rows(disk, [""], notes)
    if FF_ORIGINALS in folders or FF_FAKES in folders:
        return "faceforensics", _faceforensics_rows(disk)
    if "Celeb-synthesis" in disk.folders() or {"Celeb-real", "YouTube-real"} <= set(disk.folders()):
        return "celebdf", _celebdf_rows(disk, notes)
    if pairs := _real_fake_folders(disk):
        return "real_fake", _real_fake_rows(disk, pairs)
    if parts := [f for f in disk.folders() if METADATA in disk.files(f) or (DFDC_FOLDER.match(f) and disk.clips(f))]:
        return "dfdc", _dfdc_rows(disk, parts, notes)
    if len(tables) == 1 and (not disk.clips() or _is_clip_table(disk, tables[0])):
        return "csv", _csv_rows(disk, tables[0])
    return "clips", (Row("folder", name, name) for name in disk.clips())


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


# --- DFDC ---------------------------------------------------------------------------------------------------------


def _dfdc_rows(disk: Disk, parts: Sequence[str], notes: Notes) -> Iterator[Row]:
    """Yield the clips that the parts' metadata.json list, then those that lie there unlisted, without a label.

    A clip is named by its file; by part and file where an earlier part has a clip of that name.
    """
    taken: set[str] = set()
    for part in parts:
        source = join(part, METADATA)
        metadata = _read_metadata(disk, part, notes) if METADATA in disk.files(part) else {}
        unlisted = [name for name in disk.clips(part) if name not in metadata]
        if metadata and unlisted:
            notes.add(f"{source}: {len(unlisted)} clips in the folder are not listed ({unlisted[0]}, …)")
        part_split = next((s for s in SPLITS if re.search(rf"(^|_){s}", (part or disk.root.name).lower())), None)
        here = set(metadata) | set(unlisted)
        twice = here & taken
        for name, row in chain(metadata.items(), ((name, {}) for name in unlisted)):
            original, home = _text(row.get("original")), part
            if original is not None and original not in disk.files(part):
                home = next((other for other in parts if original in disk.files(other)), part)
            yield Row(
                source=source,
                name=join(part, name) if name in twice else name,
                file=join(part, name),
                label=row.get("label"),
                split=_text(row.get("split")) or part_split,
                original=join(part, original) if original in twice else original,
                original_file=join(home, original) if original is not None else None,
                group=original or name,
            )
        taken |= here


def _read_metadata(disk: Disk, part: str, notes: Notes) -> dict[str, dict[str, Any]]:
    """Return the rows of a DFDC metadata.json. Raises DatasetError when it is not a JSON object in UTF-8."""
    path = disk.root / part / METADATA

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """Keep the first of rows with the same name, and say so; json would keep the last without a word."""
        kept: dict[str, Any] = {}
        for name, value in pairs:
            if isinstance(value, dict) and name in kept:
                notes.add(f"{join(part, METADATA)}: {name!r} is listed more than once; the first one counts")
            kept.setdefault(name, value)
        return kept

    try:
        table = json.loads(disk.read_text(join(part, METADATA)), object_pairs_hook=once)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise DatasetError(path, f"this is not valid JSON at {where}: {error.msg}") from error
    except DatasetError:
        raise
    except (ValueError, RecursionError) as error:
        raise DatasetError(path, f"this is no table of clips: {error}") from error
    if not isinstance(table, dict):
        raise DatasetError(path, 'this is not a table of clips; expected {"name.mp4": {"label": "REAL" or "FAKE", …}}')
    for name in [name for name, row in table.items() if not isinstance(row, dict)]:
        notes.add(f"{join(part, METADATA)}: {name!r} has no label and split, but {table.pop(name)!r:.40}; left out")
    return table


# --- FaceForensics++ ----------------------------------------------------------------------------------------------


def _faceforensics_rows(disk: Disk) -> Iterator[Row]:
    """Yield original_sequences/SET/cXX/videos/*, then manipulated_sequences/METHOD/cXX/videos/TARGET_SOURCE.*.

    A fake's original is its target in the same compression. Clips that a swap links share a group.
    """
    found = [(kind, *place) for kind in (FF_ORIGINALS, FF_FAKES) for place in _faceforensics_clips(disk, kind)]
    group_of = _linked([_people(file) for kind, *_, file in found if kind == FF_FAKES])
    for kind, family, compression, file in found:
        stem, suffix = os.path.splitext(file)  # noqa: PTH122
        target, original_set = _target(stem), "actors" if family in {"actors", "DeepFakeDetection"} else "youtube"
        fake = kind == FF_FAKES
        original = f"{original_set}/{compression}/{target}{suffix}" if fake else None
        yield Row(
            source=kind,
            name=f"{family}/{compression}/{file}",
            file=f"{kind}/{family}/{compression}/videos/{file}",
            label="FAKE" if fake else "REAL",
            original=original,
            original_file=f"{FF_ORIGINALS}/{original_set}/{compression}/videos/{target}{suffix}" if fake else None,
            method=family if fake else None,
            compression=compression,
            group=group_of(_people(file)[0]),
        )


def _faceforensics_clips(disk: Disk, kind: str) -> Iterator[tuple[str, str, str]]:
    for family in disk.folders(kind):
        for compression in disk.folders(f"{kind}/{family}"):
            for file in disk.clips(f"{kind}/{family}/{compression}/videos"):
                yield family, compression, file


def _people(file: str) -> tuple[str, ...]:
    """Return who is in a clip: 183_253 -> 183, 253; 01_02__scene__ID -> actor01, actor02; others themselves."""
    names, scene, _ = file.rpartition(".")[0].partition("__")
    return tuple(f"actor{name}" if scene else name for name in names.split("_"))


def _target(stem: str) -> str:
    """Return the original that a name speaks of: 183_253 -> 183; 01_02__scene__ID -> 01__scene; others themselves."""
    if match := re.fullmatch(r"(\d+)_\d+", stem):
        return match[1]
    if match := re.fullmatch(r"(\d+)_\d+__(.+?)(__[A-Z0-9]+)?", stem):
        return f"{match[1]}__{match[2]}"
    return stem


def _linked(pairs: Sequence[tuple[str, ...]]) -> Callable[[str], str]:
    """Return the function from a name to the smallest name that pairs link it with, directly or through others."""
    parent: dict[str, str] = {}

    def top(name: str) -> str:
        while parent.get(name, name) != name:
            name = parent[name]
        return name

    for first, *others in pairs:
        for other in others:
            low, high = sorted((top(first), top(other)))
            parent[high] = low
    return top


# --- Celeb-DF v2 --------------------------------------------------------------------------------------------------


def _celebdf_rows(disk: Disk, notes: Notes) -> Iterator[Row]:
    """Yield the clips of the three folders; those that the test list names are split test, the others train.

    id0_id1_0000 is id0_0000 with the face of id1. A group is the person whose clip it is: through the faces that were
    put on, almost all persons hang together.
    """
    listed = _celebdf_test_list(disk, notes)
    on_disk = [join(folder, name) for folder in CELEBDF_FOLDERS for name in disk.clips(folder)]
    for file in dict.fromkeys((*on_disk, *listed)):
        folder, _, name = file.rpartition("/")
        stem, suffix = os.path.splitext(name)  # noqa: PTH122
        label = CELEBDF_FOLDERS[folder]
        if listed.get(file, label) != label:
            notes.add(f"{CELEBDF_TEST_LIST}: {file!r} is called {listed[file]}, but lies in {folder}, which counts")
        swap = re.fullmatch(r"(id\d+)_id\d+_(\d+)", stem) if label == "FAKE" else None
        original = f"Celeb-real/{swap[1]}_{swap[2]}{suffix}" if swap else None
        yield Row(
            source=folder,
            name=file,
            file=file,
            label=label,
            split="test" if file in listed else "train" if listed else None,
            original=original,
            original_file=original,
            method=folder if label == "FAKE" else None,
            group=stem.partition("_")[0] if stem.startswith("id") else file,
        )


def _celebdf_test_list(disk: Disk, notes: Notes) -> dict[str, Label]:
    """Return the label of every clip in the test list, whose lines are `1 path` for real and `0 path` for fake."""
    listed: dict[str, Label] = {}
    if CELEBDF_TEST_LIST not in disk.files():
        return listed
    for number, line in enumerate(disk.read_text(CELEBDF_TEST_LIST).splitlines(), 1):
        mark, _, file = line.strip().partition(" ")
        file = file.strip()
        if mark in CELEBDF_LABELS and file.rpartition("/")[0] in CELEBDF_FOLDERS:
            listed[file] = CELEBDF_LABELS[mark]
        elif mark:
            notes.add(f"{CELEBDF_TEST_LIST}, line {number}: {line.strip()!r:.60} is no `1 path` or `0 path`; left out")
    return listed


# --- real/ and fake/ ----------------------------------------------------------------------------------------------


def _real_fake_folders(disk: Disk) -> list[tuple[str, Label, str | None]]:
    """Return folder, label and split of real/ and fake/, at the root or below train/, val/ and test/."""
    labels: dict[str, Label] = {"real": "REAL", "fake": "FAKE"}
    parents: list[tuple[str, str | None]] = [
        ("", None),
        *((f, f.lower()) for f in disk.folders() if f.lower() in SPLITS),
    ]
    return [
        (join(parent, name), labels[name.lower()], split)
        for parent, split in parents
        for name in disk.folders(parent)
        if name.lower() in labels
    ]


def _real_fake_rows(disk: Disk, places: Sequence[tuple[str, Label, str | None]]) -> Iterator[Row]:
    """Yield the clips below real/ and fake/. A fake's original is the real clip of the same file name, where one is."""
    found = [(label, split, file, file[len(folder) + 1 :]) for folder, label, split in places for file in
             disk.clips_below(folder)]  # fmt: skip
    reals = {(split, below): file for label, split, file, below in found if label == "REAL"}
    for label, split, file, below in found:
        original = reals.get((split, below)) if label == "FAKE" else None
        yield Row("folder", file, file, label, split, original, original, group=original or file)


# --- CSV ----------------------------------------------------------------------------------------------------------


def _csv_reader(disk: Disk, table: str) -> tuple[list[str], Iterator[dict[str, Any]]]:
    if table not in disk.files():
        raise DatasetError(disk.root / table, "this is a link that leaves its folder; open the file that it points to")
    reader = csv.DictReader(io.StringIO(disk.read_text(table), newline=""))
    try:
        header = [column.strip().lower() for column in reader.fieldnames or []]
    except csv.Error as error:
        raise DatasetError(disk.root / table, f"this is not a CSV: {error}") from error
    reader.fieldnames = header
    return header, reader


def _is_clip_table(disk: Disk, table: str) -> bool:
    return set(CSV_REQUIRED) <= set(_csv_reader(disk, table)[0])


def _csv_rows(disk: Disk, table: str) -> Iterator[Row]:
    """Yield the rows of a CSV with the columns path and label, and optionally original, split, group, method and
    compression. Paths are relative to the CSV; an original may also be named by its file name alone."""
    header, reader = _csv_reader(disk, table)
    if absent := [column for column in CSV_REQUIRED if column not in header]:
        raise DatasetError(
            disk.root / table,
            f"it has no column {' and no column '.join(absent)}; "
            "expected path,label[,original,split,group,method,compression]",
        )
    try:
        rows = list(reader)
    except csv.Error as error:
        raise DatasetError(disk.root / table, f"this is not a CSV: {error}") from error
    names = [(_text(row["path"]) or "").removeprefix("./") for row in rows]
    listed, by_file_name = set(names), {name.rpartition("/")[2]: name for name in names}
    for name, row in zip(names, rows, strict=True):
        original = (_text(row.get("original")) or "").removeprefix("./") or None
        if original is not None and original not in listed and "/" not in original:
            original = by_file_name.get(original, original)
        extra = {key: _text(row.get(key)) for key in ("split", "group", "method", "compression")}
        yield Row(table, name, name, row["label"], original=original, original_file=original, **extra)
