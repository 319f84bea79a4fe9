"""real/ and fake/ folders (reals/ and fakes/, original/ and manipulated/, 0_real/ and 1_fake/, real_videos/ and
fake_videos/), at the root or below train/, val/, test/; 0/ and 1/ where no other numbers stand beside them."""

import re

from deepfake.dataset.entries import LABEL_WORDS, Entries
from deepfake.dataset.folder import Disk, join
from deepfake.dataset.layouts.base import SPLITS, Layout
from deepfake.dataset.model import Label

SPLIT_FOLDERS = {**{split: split for split in SPLITS}, "training": "train", "validation": "val", "valid": "val"}
ALONE = ("real", "reals", "fake", "fakes")  # tell what the folder is even without the other; a word like original not
BESIDE = {"video", "videos", "clip", "clips"}  # may stand beside the word in a folder's name, as a number may


def _folders(disk: Disk) -> list[tuple[str, Label, str | None]]:
    """Return folder, label and split of every folder that a label names; none where they do not make a data set."""
    parents: dict[str, str | None] = {"": None}
    parents |= {name: SPLIT_FOLDERS[name.lower()] for name in disk.folders() if name.lower() in SPLIT_FOLDERS}
    numbers = {name for parent in parents for name in disk.folders(parent) if name.isdigit()}
    # Where any of these folders has a 2/, numbers name parts or people, in every split.
    left_out = set() if numbers <= {"0", "1"} else numbers
    found = [
        (join(parent, name), LABEL_WORDS[_word(name)], split)
        for parent, split in parents.items()
        for name in disk.folders(parent)
        if _word(name) in LABEL_WORDS and name not in left_out
    ]
    words = {_word(folder.rpartition("/")[2]) for folder, _, _ in found}
    both = len({label for _, label, _ in found}) == 2
    return found if both or not words.isdisjoint(ALONE) else []


def _word(folder: str) -> str:
    """Return the word that a folder's name has for a label: "real" of Real, 0_real and real_videos."""
    name = folder.lower()
    words = [word for word in re.split(r"[\W_]+", name) if word not in BESIDE and not word.isdigit()]
    return words[0] if len(words) == 1 else name


def _read(entries: Entries) -> None:
    """Add the clips below the folders. A fake's original is the real clip of the same file name, where one is."""
    found = [
        (folder, label, split, file, file[len(folder) + 1 :])
        for folder, label, split in _folders(entries.disk)
        for file in entries.disk.clips_below(folder)
    ]
    reals = {(split, below): file for _, label, split, file, below in found if label == "REAL"}
    for folder, label, split, file, below in found:
        original = reals.get((split, below)) if label == "FAKE" else None
        word = folder.rpartition("/")[2]
        entries.add(
            file,
            file,
            word if word.isdigit() else label.lower(),
            source="folder",
            split=split,
            original=original,
            original_file=original,
        )


LAYOUT = Layout(
    name="real_fake",
    title="real/ and fake/ folders",
    expects="real/ and fake/ (also 0_real/ and 1_fake/, original/ and manipulated/, below train/, val/ and test/ too)",
    recognizes=lambda disk: bool(_folders(disk)),
    read=_read,
)
