"""The clips of a batch: from data sets, folders, CSVs, single files, here or behind a URL."""

import csv
import dataclasses
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import fsspec

from deepfake.batch.files import as_location
from deepfake.dataset import Dataset, Disk, Label, dataset_on, open_dataset
from deepfake.errors import DatasetError
from deepfake.files import is_url, stamp_of_listing
from deepfake.video.reader import CLIP_SUFFIXES

LABELS = ("REAL", "FAKE")


@dataclass(frozen=True, slots=True)
class BatchClip:
    """A clip to analyse. location: absolute path or URL, as every worker reaches it. path: as the user named it, for
    the table. name: for the store and messages. stamp: of a remote file, where its listing told it."""

    location: str
    path: str
    name: str
    label: Label | None = None
    split: str | None = None
    method: str | None = None
    compression: str | None = None
    group: str | None = None
    stamp: str | None = None


def clips_of_dataset(dataset: Dataset) -> tuple[BatchClip, ...]:
    """Return the clips of a data set, those that it lists and does not have as well: they become rows with an error."""
    return tuple(
        BatchClip(
            location=str(entry.path),
            path=entry.name,
            name=entry.name,
            label=entry.label,
            split=entry.split,
            method=entry.method,
            compression=entry.compression,
            group=entry.group,
        )
        for entry in dataset.entries
    )


def collect_clips(inputs: Sequence[str]) -> tuple[BatchClip, ...]:
    """Return the clips that the inputs name, each location once: data sets, folders, CSVs, clips, by path or URL.

    A folder in no known layout gives all clips in it and below it. A CSV needs the column path: paths relative to the
    CSV, absolute paths or URLs; label (REAL, FAKE or empty), split, method, compression and group are kept.

    Raises DatasetError when an input cannot be used or holds no clips.
    """
    clips: dict[str, BatchClip] = {}
    for text in inputs:
        found = list(_remote(text) if is_url(as_location(text)) else _local(text.removeprefix("file://")))
        if not found:
            raise DatasetError(text, f"no clips found ({', '.join(sorted(CLIP_SUFFIXES))})")
        for clip in found:
            clips.setdefault(clip.location, clip)
    return tuple(clips.values())


def _local(text: str) -> Iterator[BatchClip]:
    path = Path(text).resolve() if Path(text).is_dir() else Path(as_location(text))
    if path.suffix.lower() == ".csv" and path.is_file():
        yield from _rows(text, path.read_bytes(), str(path.parent))
    elif path.is_dir() or path.name == "metadata.json":
        yield from _folder(text, path)
    elif path.is_file():
        yield BatchClip(str(path), text, path.name)
    else:
        raise DatasetError(text, "there is no such file or folder")


def _folder(text: str, path: Path) -> Iterator[BatchClip]:
    """Yield the clips of a data set in a known layout, else every clip below the folder. text: what the user named."""
    named = Path(text) if path.is_dir() else Path(text).parent
    try:
        dataset = open_dataset(path)
    except DatasetError:
        if not path.is_dir() or not any(_clips_below(path)):
            raise
    else:
        if dataset.layout != "clips":
            for clip in clips_of_dataset(dataset):
                below = Path(clip.location).relative_to(dataset.root)
                yield dataclasses.replace(clip, path=str(named / below))
            return
    for file in _clips_below(path):
        below = file.relative_to(path)
        yield BatchClip(str(file), str(named / below), below.as_posix())


def _clips_below(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders.sort()
        yield from (Path(parent, name) for name in sorted(files) if _is_clip(name))


def _is_clip(name: str) -> bool:
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in CLIP_SUFFIXES  # noqa: PTH122


def _remote(url: str) -> Iterator[BatchClip]:
    """Yield the clips of a CSV, of all folders below a folder, or the one file."""
    try:
        system, path = fsspec.core.url_to_fs(url)
        if url.lower().endswith(".csv"):
            yield from _rows(url, system.cat_file(path), url.rpartition("/")[0])
        elif system.isdir(path):
            yield from _remote_folder(url, system, path)
        else:
            stamp = stamp_of_listing(system.info(path))
            yield BatchClip(url, url, url.rpartition("/")[2], stamp=stamp)
    except FileNotFoundError as error:
        raise DatasetError(url, "there is no such file or folder") from error
    except DatasetError:
        raise
    except Exception as error:  # each file system has its own
        raise DatasetError(url, f"cannot be reached: {type(error).__name__}: {error}") from error


def _remote_folder(url: str, system: fsspec.AbstractFileSystem, path: str) -> Iterator[BatchClip]:
    """Yield the clips of a data set in a known layout, else every clip below the folder. It is listed once."""
    disk = RemoteDisk(system, path)
    head, chain, rest = url.partition("::")  # zip://folder::s3://bucket/set.zip: names go before the chain
    head = head if head.endswith("/") else f"{head}/"
    try:
        dataset = dataset_on(disk)
    except DatasetError:
        dataset = None
    if dataset is None or dataset.layout == "clips":
        found = [BatchClip("", "", below) for below in sorted(disk.listing) if _is_clip(below.rpartition("/")[2])]
    else:
        found = list(clips_of_dataset(dataset))
    for clip in found:
        below = Path(clip.location).relative_to(disk.root).as_posix() if clip.location else clip.name
        location, info = f"{head}{below}{chain}{rest}", disk.listing.get(below)
        stamp = None if info is None else stamp_of_listing(info)
        yield dataclasses.replace(clip, location=location, path=location, stamp=stamp)


class RemoteDisk(Disk):
    """A folder behind a URL, as data sets are recognised on it. listing: what is said of each file, by its name
    relative to the folder."""

    def __init__(self, system: fsspec.AbstractFileSystem, path: str) -> None:
        super().__init__(Path("/", path.strip("/")))
        self._system, self._path = system, path
        root = path.strip("/")
        found: Mapping[str, Mapping[str, Any]] = system.find(path, detail=True)
        self.listing = {name.strip("/").removeprefix(root).strip("/"): info for name, info in found.items()}
        self._folders: dict[str, tuple[set[str], set[str]]] = {}
        for name in self.listing:
            self._add(name)

    def _add(self, file: str) -> None:
        parent, _, name = file.rpartition("/")
        self._folders.setdefault(parent, (set(), set()))[0].add(name)
        while parent:
            above, _, name = parent.rpartition("/")
            self._folders.setdefault(above, (set(), set()))[1].add(name)
            parent = above

    def _scan(self, folder: str) -> tuple[frozenset[str], tuple[str, ...]]:
        files, folders = self._folders.get(folder, (set(), set()))
        return frozenset(files), tuple(sorted(folders))

    def _read_bytes(self, file: str) -> bytes:
        content: bytes = self._system.cat_file(f"{self._path.rstrip('/')}/{file}" if self._path else file)
        return content


def _rows(table: str, content: bytes, folder: str) -> Iterator[BatchClip]:
    """Yield the rows of a CSV with the column path. folder: that relative paths are taken from."""
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        reader.fieldnames = [column.strip().lower() for column in reader.fieldnames or []]
        if "path" not in reader.fieldnames:
            raise DatasetError(
                f"{table}, line 1", "the column path is missing; expected path[,label,split,method,group]"
            )
        for row in reader:
            yield from _row(f"{table}, line {reader.line_num}", row, folder)
    except UnicodeDecodeError as error:
        raise DatasetError(table, "this is not UTF-8 text; save it as a CSV in UTF-8") from error
    except csv.Error as error:
        raise DatasetError(f"{table}, line {reader.line_num}", f"this is not CSV: {error}") from error


def _row(where: str, row: Mapping[str, Any], folder: str) -> Iterator[BatchClip]:
    def text(column: str) -> str | None:
        value = row.get(column)
        return value.strip() or None if isinstance(value, str) else None

    path, label = text("path"), (text("label") or "").upper()
    if path is None:
        raise DatasetError(where, "the path is empty")
    if label not in (*LABELS, ""):
        raise DatasetError(where, f"the label of {path} is {label!r}; it has to be REAL, FAKE or empty")
    inside = is_url(path) or Path(path).is_absolute()
    yield BatchClip(
        location=as_location(path if inside else f"{folder}/{path.removeprefix('./')}"),
        path=path,
        name=path.rpartition("/")[2] if inside else path,
        label=cast(Label, label) if label else None,
        split=text("split"),
        method=text("method"),
        compression=text("compression"),
        group=text("group"),
    )
