"""Open a data set: recognize its layout and take every entry through the door."""

from collections.abc import Sequence
from pathlib import Path

from deepfake.dataset.entries import Entries
from deepfake.dataset.folder import Disk, Notes
from deepfake.dataset.layouts import LAYOUTS, plain, table
from deepfake.dataset.layouts.dfdc import METADATA
from deepfake.dataset.model import Dataset
from deepfake.errors import DatasetError, OutsideRootError


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


def open_dataset(path: Path | str, *, anywhere: bool = False, below: bool = False) -> Dataset:
    """Recognize the layout of a folder (or read a CSV or metadata.json that is named directly) and list its clips.

    Nothing is decoded. Single entries that cannot be used are left out, and each is named in the warnings.

    Args:
        path: The folder, or its CSV or metadata.json.
        anywhere: Follow links that leave the folder, and take files elsewhere that a CSV names. For the command line; a
            page opens only what lies in the folder.
        below: A folder in no known layout gives all clips in it and below it, without labels.

    Returns:
        The layout, one entry per clip with its label and original where they are known, and warnings.

    Raises:
        DatasetError: There is no such folder, it holds no clips in a known layout, or its metadata cannot be read.

    Example:
        >>> import deepfake
        >>> dataset = deepfake.open_dataset("clips")
        >>> [(entry.name, entry.label) for entry in dataset.entries]
        [('fake/b.mp4', 'FAKE'), ('real/a.mp4', 'REAL')]
    """
    if not str(path):
        raise DatasetError("", "a name is empty; name a folder, a CSV or a metadata.json")
    path = Path(path)
    try:
        is_file, is_folder = path.is_file(), path.is_dir()
    except (OSError, ValueError) as error:
        raise DatasetError(repr(str(path)), f"this is not a usable path: {error}") from error
    if is_file:
        if path.suffix.lower() != ".csv" and path.name != METADATA:
            raise DatasetError(path, f"this is a file; name a folder, a CSV or a {METADATA}")
        table_name = path.name if path.suffix.lower() == ".csv" else None
        return dataset_on(Disk(path.parent.resolve(), anywhere=anywhere), table_name)
    if not is_folder:
        raise DatasetError(path, "no such folder")
    return dataset_on(Disk(path.resolve(), anywhere=anywhere), below=below)


def dataset_on(disk: Disk, table_name: str | None = None, *, below: bool = False) -> Dataset:
    """Recognize the layout of what is on disk, which may be elsewhere (a subclass lists it), or read the CSV named.

    The rest is as in open_dataset.
    """
    notes = Notes()
    entries = Entries(disk, notes)
    layout = table.LAYOUT if table_name is not None else next(row for row in LAYOUTS if row.recognizes(disk))
    unknown = plain.clips_in_subfolders(disk) if layout is plain.LAYOUT else ""
    if table_name is not None:
        table.read_table(entries, table_name)
    elif layout is plain.LAYOUT and below:
        plain.read_all_below(entries)
    else:
        layout.read(entries)
    found = entries.finished()
    notes.links(disk.outside)
    for sentence in disk.unusable:
        notes.add(sentence)
    if unknown and found:
        taken = "are taken without labels" if below else "are not listed"
        notes.add(f"{unknown}, in no layout that is known, {taken}")
    if not found and layout is table.LAYOUT:
        cause = _cause(notes, "") or ": the table has no rows below the names of its columns"
        raise DatasetError(disk.root / disk.lists[-1], f"no clips found{cause}")
    if not found:
        raise DatasetError(disk.root, f"no clips found{_cause(notes, unknown)}; expected one of: {_expected()}")
    lists = tuple(dict.fromkeys(map(disk.location, disk.lists)))
    return Dataset(root=disk.root, layout=layout.name, entries=found, warnings=notes.sentences(), lists=lists)


def _cause(notes: Notes, unknown: str) -> str:
    cause = notes.first() or (f"there are {unknown}, in no layout that is known" if unknown else "")
    return f" ({cause})" if cause else ""


def _expected() -> str:
    return ", ".join(layout.expects for layout in LAYOUTS if layout.expects)
