"""The clips of a batch: from data sets, folders, CSVs, single files, here or behind a URL."""

import dataclasses
import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from deepfake.batch.remote import RemoteDisk, RemoteTable
from deepfake.dataset import ClipEntry, Dataset, dataset_on, open_dataset
from deepfake.errors import DatasetError
from deepfake.files import as_location, cause_of, is_url, readable, stamp_of_listing, without_local_scheme

logger = logging.getLogger(__name__)


def collect_clips(
    inputs: str | Path | Iterable[str | Path],
    *,
    warn: Callable[[str], None] = logger.warning,
    read: Callable[[str], None] = lambda _: None,
) -> tuple[ClipEntry, ...]:
    """Return the clips that the inputs name, each location once: data sets, folders, CSVs, clips, by path or URL.

    A folder in no known layout gives all clips in it and below it. A CSV may name paths relative to itself, absolute
    paths and URLs. Clips that a data set lists and does not have are among them: they become rows with an error.

    Args:
        inputs: what the user named, one or several.
        warn: is called with a sentence for everything odd about them: rows left out, how labels were read.
        read: is called with the location of every list of clips that was read: a CSV, a metadata.json.

    Raises:
        DatasetError: an input cannot be used or holds no clips.
        TypeError: an input is no text and no Path.
    """
    clips: dict[str, ClipEntry] = {}
    for text in map(_text, [inputs] if isinstance(inputs, str | Path) else inputs):
        if not without_local_scheme(text):  # Path takes it for the current folder, all of whose clips would be meant
            raise DatasetError("", "a name is empty; name a data set, a folder, a list or a clip")
        found = _remote(text, warn) if is_url(as_location(text)) else _local(without_local_scheme(text), warn, read)
        for clip in found:
            clips.setdefault(clip.location, clip)
    return tuple(clips.values())


def _text(named: object) -> str:
    if not isinstance(named, str | Path):  # bytes would come apart into numbers
        raise TypeError(f"a data set, a folder, a list or a clip is named by a text or a Path, not {named!r:.40}")
    return str(named)


def _local(text: str, warn: Callable[[str], None], read: Callable[[str], None]) -> Sequence[ClipEntry]:
    path = Path(text)
    try:
        exists, is_usable = path.exists(), path.is_file() or path.is_dir()
    except OSError as error:  # a name that is too long, a folder that may not be entered
        raise DatasetError(text, f"this is not a usable path: {cause_of(error)}") from error
    if not exists:
        raise DatasetError(text, "there is no such file or folder")
    if not is_usable:
        raise DatasetError(text, "this is no ordinary file and no folder; save the clip as a file first")
    if path.is_file() and path.suffix.lower() != ".csv" and path.name != "metadata.json":
        return [ClipEntry(readable(path.name), as_location(text), on_disk=True, shown=readable(text))]
    dataset = _told(open_dataset(path, anywhere=True, below=True), warn)
    for place in dataset.lists:
        read(place)
    if dataset.layout == "csv":
        return dataset.entries
    named = path if path.is_dir() else path.parent

    def shown(clip: ClipEntry) -> str:
        below = clip.location.removeprefix(f"{dataset.root}/")
        return readable(clip.location if below == clip.location else str(named / below))

    return [dataclasses.replace(clip, shown=shown(clip)) for clip in dataset.entries]


def _remote(url: str, warn: Callable[[str], None]) -> Sequence[ClipEntry]:
    import fsspec  # most clips are local

    try:
        system, path = fsspec.core.url_to_fs(url)
        if url.partition("::")[0].lower().endswith(".csv"):
            return _told(dataset_on(RemoteTable(url, system, path), path.rpartition("/")[2]), warn).entries
        if system.isdir(path):
            found = _told(dataset_on(RemoteDisk(url, system, path), below=True), warn)
            return [dataclasses.replace(clip, shown=clip.location) for clip in found.entries]
        name, stamp = url.rpartition("/")[2], stamp_of_listing(system.info(path))
        return [ClipEntry(name, url, on_disk=True, shown=url, version=stamp)]
    except FileNotFoundError as error:
        raise DatasetError(url, "there is no such file or folder") from error
    except DatasetError:
        raise
    except Exception as error:  # each file system has its own
        raise DatasetError(url, f"cannot be reached: {type(error).__name__}: {error}") from error


def _told(dataset: Dataset, warn: Callable[[str], None]) -> Dataset:
    for sentence in dataset.warnings:
        warn(sentence)
    return dataset
