"""FaceForensics++ as it is passed on at Kaggle: original/, one folder per method, and csv/, all of one compression."""

import re

from deepfake.dataset.entries import Entries
from deepfake.dataset.folder import Disk
from deepfake.dataset.layouts.base import Layout, linked
from deepfake.dataset.layouts.faceforensics import original_of, people

METHODS = frozenset(
    {"deepfakes", "face2face", "faceswap", "faceshifter", "neuraltextures", "deepfakedetection"}
)  # in small letters
COMPRESSION = re.compile(r"(?:^|[^a-z0-9])(raw|c0|c23|c40)(?:[^a-z0-9]|$)", re.IGNORECASE)  # in the folder's name


def _folders(disk: Disk) -> tuple[list[str], list[str]]:
    """Return the folders of originals and those of methods."""
    names = disk.folders()
    return [f for f in names if f.lower() in ("original", "originals")], [f for f in names if f.lower() in METHODS]


def _read(entries: Entries) -> None:
    """Add the originals, then the fakes, TARGET_SOURCE. Clips that a swap links share a group."""
    disk = entries.disk
    originals, methods = _folders(disk)
    group_of = linked([people(file) for method in methods for file in disk.clips(method)])
    match = COMPRESSION.search(disk.root.name)
    compression = match[1].lower() if match else None
    for folder in (*originals, *methods):
        fake = folder in methods
        for file in disk.clips(folder):
            original = f"{originals[0]}/{original_of(file)}" if fake and originals else None
            entries.add(
                f"{folder}/{file}",
                f"{folder}/{file}",
                "FAKE" if fake else "REAL",
                source=folder,
                original=original,
                original_file=original,
                method=folder if fake else None,
                compression=compression,
                group=group_of(people(file)[0]),
            )


LAYOUT = Layout(
    name="faceforensics_kaggle",
    title="FaceForensics++ (Kaggle)",
    expects="original/ and a folder per method, such as Deepfakes/ (FaceForensics++ of Kaggle)",
    recognizes=lambda disk: all(_folders(disk)),
    read=_read,
)
