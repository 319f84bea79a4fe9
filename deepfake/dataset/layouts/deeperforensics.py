"""DeeperForensics-1.0: source_videos/ of actors, manipulated_videos/VARIANT/TARGET_SOURCE, lists of the splits. Jiang
et al. 2020, arXiv:2001.03024.

The targets are the originals of FaceForensics++, which have to be downloaded apart.
"""

import re

from deepfake.dataset.entries import Entries
from deepfake.dataset.folder import Disk, join
from deepfake.dataset.layouts.base import SPLITS, Layout, stem_and_suffix

SOURCES, FAKES = "source_videos", "manipulated_videos"
LISTS = ("", "lists", "lists/splits")
ACTOR = re.compile(r"(?:^|[/_])([MW]\d{3})(?:[/_.]|$)")  # of a folder, or in 000_M101.mp4


def _read(entries: Entries) -> None:
    """Add the actors' clips, REAL, then the fakes. A group is the actor whose face it is."""
    disk = entries.disk
    split_of = _splits(disk)
    for folder in (SOURCES, FAKES):
        fake = folder == FAKES
        for file in disk.clips_below(folder):
            actor = ACTOR.search(file)
            parts = file.split("/")
            entries.add(
                file,
                file,
                "FAKE" if fake else "REAL",
                source=folder,
                split=split_of.get(stem_and_suffix(parts[-1])[0]),
                method=parts[1] if fake and len(parts) > 2 else None,
                group=actor[1] if actor else None,
            )


def _splits(disk: Disk) -> dict[str, str]:
    """Return the split of a fake by its name without suffix, from train.txt, val.txt and test.txt."""
    found = {}
    for folder in LISTS:
        for split in SPLITS:
            if f"{split}.txt" in disk.files(folder):
                for line in disk.read_text(join(folder, f"{split}.txt")).splitlines():
                    found[stem_and_suffix(line.strip().rpartition("/")[2])[0]] = split
    return found


LAYOUT = Layout(
    name="deeperforensics",
    title="DeeperForensics-1.0",
    expects=f"{SOURCES}/ and {FAKES}/ (DeeperForensics-1.0)",
    recognizes=lambda disk: FAKES in disk.folders(),
    read=_read,
)
