"""Open a data set: recognise its layout, check every entry at the door."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from deepfake.dataset.folder import Disk, Notes, escape
from deepfake.dataset.layouts import FF_FAKES, FF_ORIGINALS, METADATA, Row, recognise
from deepfake.dataset.model import ClipEntry, Dataset, Label
from deepfake.errors import DatasetError, OutsideRootError
from deepfake.video.reader import CLIP_SUFFIXES

EXPECTED = (
    f"a folder with {METADATA} and clips (or with train and test folders of that kind), {FF_ORIGINALS}/ and "
    f"{FF_FAKES}/ (FaceForensics++), Celeb-real/, YouTube-real/ and Celeb-synthesis/ (Celeb-DF v2), real/ and "
    "fake/, a CSV with the columns path and label, or clips "
    f"({', '.join(sorted(CLIP_SUFFIXES))})"
)


def allowed_root(path: Path, roots: Sequence[Path]) -> Path:
    """Return path resolved, links followed, when it lies in one of the roots; OutsideRootError otherwise."""
    try:
        resolved = Path(path).resolve()
        if any(resolved.is_relative_to(Path(root).resolve()) for root in roots):
            return resolved
    except (OSError, ValueError, RuntimeError) as error:
        raise OutsideRootError(repr(str(path)), f"this is not a usable path: {error}") from error
    raise OutsideRootError(
        path,
        "this is outside the folders that may be opened; add its folder to data_dirs in deepfake.toml "
        "or to the environment variable DEEPFAKE_DATA_DIRS",
    )


def open_dataset(path: Path) -> Dataset:
    """Recognise the layout of a folder (or read a CSV or metadata.json named directly) and list its clips.

    Raises DatasetError when there is no such folder, it holds no clips in a known layout, or its metadata cannot be
    read. Single entries that cannot be used are left out, each named in the warnings.
    """
    path = Path(path)
    try:
        is_file, is_folder = path.is_file(), path.is_dir()
    except (OSError, ValueError) as error:
        raise DatasetError(repr(str(path)), f"this is not a usable path: {error}") from error
    if is_file:
        if path.suffix.lower() != ".csv" and path.name != METADATA:
            raise DatasetError(path, f"this is a file; name a folder, a CSV or a {METADATA}")
        table = path.name if path.suffix.lower() == ".csv" else None
        return dataset_on(Disk(path.parent.resolve()), table)
    if not is_folder:
        raise DatasetError(path, "no such folder")
    return dataset_on(Disk(path.resolve()))


def dataset_on(disk: Disk, table: str | None = None) -> Dataset:
    """Recognise the layout of what is on disk, which may be elsewhere (a subclass lists it), or read the CSV named.
    Raises as open_dataset does."""
    root, notes = disk.root, Notes()
    layout, rows = recognise(disk, notes, table)
    entries = _entries(rows, disk, notes)
    notes.links(disk.outside)
    if not entries:
        cause = f" ({notes.first()})" if notes.first() else ""
        raise DatasetError(root, f"no clips found{cause}; expected one of: {EXPECTED}")
    return Dataset(root=root, layout=layout, entries=entries, warnings=notes.sentences())


def _entries(rows: Iterator[Row], disk: Disk, notes: Notes) -> tuple[ClipEntry, ...]:
    """Return the usable rows as entries; the others are noted."""
    entries: dict[str, ClipEntry] = {}
    for row in rows:
        text = row.label.strip().upper() if isinstance(row.label, str) else row.label
        if problem := escape(row.file):
            notes.add(f"{row.source}: entry {row.name!r} {problem}, and was left out")
        elif row.name in entries:
            notes.add(f"{row.source}: {row.name!r} is listed more than once; the first one counts")
        elif text == "REAL" or text == "FAKE":
            entries[row.name] = _entry(row, text, disk, notes)
        elif text is None or text == "":
            entries[row.name] = _entry(row, None, disk, notes)
        else:
            notes.add(f"{row.source}: {row.name!r} has the label {row.label!r}, neither REAL nor FAKE; left out")
    return tuple(entries.values())


def _entry(row: Row, label: Label | None, disk: Disk, notes: Notes) -> ClipEntry:
    original, file = row.original, row.original_file
    if file is not None and (problem := escape(file)):
        notes.add(f"{row.source}: the original of {row.name!r}, {original!r}, {problem}, and was left out")
        original = file = None
    return ClipEntry(
        name=row.name,
        path=disk.root / row.file,
        label=label,
        split=row.split,
        original=original,
        method=row.method,
        compression=row.compression,
        group=row.group,
        on_disk=disk.has(row.file),
        original_on_disk=None if file is None else disk.has(file),
    )
