"""FakeAVCeleb: four folders by what is fake, picture or sound, then ethnicity, gender and person. Khalid et al. 2021,
arXiv:2108.05080.

The label is that of the picture, which is all that is looked at here: a real picture with a cloned voice is REAL.
"""

import re

from deepfake.dataset.entries import Entries
from deepfake.dataset.layouts.base import Layout, stem_and_suffix
from deepfake.dataset.model import Label
from deepfake.words import counted

REAL_FOLDER = "RealVideo-RealAudio"
CLONED_VOICE = "RealVideo-FakeAudio"
FOLDERS: dict[str, Label] = {
    REAL_FOLDER: "REAL",
    CLONED_VOICE: "REAL",
    "FakeVideo-RealAudio": "FAKE",
    "FakeVideo-FakeAudio": "FAKE",
}
# How the makers of the data set call the methods, by what stands in a file's name.
METHODS = {"faceswap": "faceswap", "fsgan": "fsgan", "wavtolip": "wav2lip", "wav2lip": "wav2lip", "rtvc": "rtvc"}


def _read(entries: Entries) -> None:
    """Add the clips of the four folders. A group is the person, whose number is a folder's name: id00076."""
    disk = entries.disk
    for folder, label in FOLDERS.items():
        clips = list(disk.clips_below(folder))
        if clips and folder == CLONED_VOICE:
            entries.notes.add(f"{folder}/: of {counted(len(clips), 'clip')} only the sound is fake: labeled REAL")
        for file in clips:
            fake = label == "FAKE"
            original = _original(file) if fake else None
            entries.add(
                file,
                file,
                label,
                source=folder,
                original=original,
                original_file=original,
                method=_method(file) or folder if fake else None,
                group=_person(file),
            )


def _person(file: str) -> str | None:
    return next((part for part in file.split("/")[:-1] if re.fullmatch(r"id\d+", part)), None)


def _original(file: str) -> str | None:
    """Return FOLDER/ethnicity/gender/id00076/00109_2_id00166_wavtolip.mp4 -> RealVideo-RealAudio/…/00109.mp4."""
    place, _, name = file.partition("/")[2].rpartition("/")
    stem, suffix = stem_and_suffix(name)
    match = re.match(r"\d+", stem)
    return f"{REAL_FOLDER}/{place}/{match[0]}{suffix}" if match and place else None


def _method(file: str) -> str | None:
    words = re.split(r"[^a-z0-9]+", stem_and_suffix(file.rpartition("/")[2])[0].lower())
    return "-".join(dict.fromkeys(METHODS[word] for word in words if word in METHODS)) or None


LAYOUT = Layout(
    name="fakeavceleb",
    title="FakeAVCeleb",
    expects="RealVideo-RealAudio/, FakeVideo-RealAudio/ and so on (FakeAVCeleb)",
    recognizes=lambda disk: not set(FOLDERS).isdisjoint(disk.folders()),
    read=_read,
)
