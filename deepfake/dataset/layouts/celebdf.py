"""Celeb-DF v2: Celeb-real/, YouTube-real/, Celeb-synthesis/ and a list of the test clips. Li et al. 2020,
arXiv:1909.12962."""

import re

from deepfake.dataset.entries import Entries
from deepfake.dataset.folder import Disk, Notes, join
from deepfake.dataset.layouts.base import Layout, stem_and_suffix
from deepfake.dataset.model import Label

FOLDERS: dict[str, Label] = {"Celeb-real": "REAL", "YouTube-real": "REAL", "Celeb-synthesis": "FAKE"}
TEST_LIST = "List_of_testing_videos.txt"
LIST_LABELS: dict[str, Label] = {"1": "REAL", "0": "FAKE"}  # of that list


def _read(entries: Entries) -> None:
    """Add the clips of the three folders; those that the test list names are split test, the others train.

    id0_id1_0000 is id0_0000 with the face of id1. A group is the person whose clip it is: through the faces that were
    put on, almost all persons hang together.
    """
    disk = entries.disk
    listed = _test_list(disk, entries.notes)
    on_disk = [join(folder, name) for folder in FOLDERS for name in disk.clips(folder)]
    for file in dict.fromkeys((*on_disk, *listed)):
        folder, _, name = file.rpartition("/")
        stem, suffix = stem_and_suffix(name)
        label = FOLDERS[folder]
        if listed.get(file, label) != label:
            entries.notes.add(f"{TEST_LIST}: {file!r} is called {listed[file]}, but lies in {folder}, which counts")
        swap = re.fullmatch(r"(id\d+)_id\d+_(\d+)", stem) if label == "FAKE" else None
        original = f"Celeb-real/{swap[1]}_{swap[2]}{suffix}" if swap else None
        entries.add(
            file,
            file,
            label,
            source=folder,
            split="test" if file in listed else "train" if listed else None,
            original=original,
            original_file=original,
            method=folder if label == "FAKE" else None,
            group=stem.partition("_")[0] if stem.startswith("id") else file,
        )


def _test_list(disk: Disk, notes: Notes) -> dict[str, Label]:
    """Return the label of every clip in the test list, whose lines are `1 path` for real and `0 path` for fake."""
    listed: dict[str, Label] = {}
    if TEST_LIST not in disk.files():
        return listed
    for number, line in enumerate(disk.read_text(TEST_LIST).splitlines(), 1):
        mark, _, file = line.strip().partition(" ")
        file = file.strip()
        if mark in LIST_LABELS and file.rpartition("/")[0] in FOLDERS:
            listed[disk.find(file) or file] = LIST_LABELS[mark]
        elif mark:
            notes.add(f"{TEST_LIST}, line {number}: {line.strip()!r:.60} is no `1 path` or `0 path`; left out")
    return listed


LAYOUT = Layout(
    name="celebdf",
    title="Celeb-DF v2",
    expects="Celeb-real/, YouTube-real/ and Celeb-synthesis/ (Celeb-DF v2)",
    recognizes=lambda disk: (
        "Celeb-synthesis" in disk.folders() or {"Celeb-real", "YouTube-real"} <= set(disk.folders())
    ),
    read=_read,
)
