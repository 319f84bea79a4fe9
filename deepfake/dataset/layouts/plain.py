"""A folder of clips, without labels. The last resort: it recognizes everything."""

from itertools import islice

from deepfake.dataset.entries import Entries
from deepfake.dataset.folder import Disk
from deepfake.dataset.layouts.base import Layout
from deepfake.video.reader import CLIP_SUFFIXES
from deepfake.words import counted

MOST_COUNTED = 1000  # clips in subfolders, for the sentence that names them


def _read(entries: Entries) -> None:
    for name in entries.disk.clips():
        entries.add(name, name, source="folder")


def read_all_below(entries: Entries) -> None:
    """Add the clips of the folder and of all folders below it."""
    for file in entries.disk.clips_below(""):
        entries.add(file, file, source="folder")


def clips_in_subfolders(disk: Disk) -> str:
    """Return which subfolders hold clips, as a part of a sentence: "7 clips in a/, b/ (2)"; "" for none."""
    counts: dict[str, int] = {}
    for file in islice((file for file in disk.clips_below("") if "/" in file), MOST_COUNTED):
        top = file.partition("/")[0]
        counts[top] = counts.get(top, 0) + 1
    total = sum(counts.values())
    if not total:
        return ""
    clips = f"{total:,} or more clips" if total == MOST_COUNTED else counted(total, "clip")
    names = ", ".join(f"{name}/" for name in list(counts)[:5]) + (", …" if len(counts) > 5 else "")
    return f"{clips} in {names}"


LAYOUT = Layout(
    name="clips",
    title="a plain folder of clips",
    expects=f"clips ({', '.join(sorted(CLIP_SUFFIXES))})",
    recognizes=lambda disk: True,
    read=_read,
)
