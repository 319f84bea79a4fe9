"""The files of a data set: each folder listed once, no link followed out of it, what is left out noted."""

import logging
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from deepfake.errors import DatasetError
from deepfake.video.reader import CLIP_SUFFIXES

logger = logging.getLogger(__name__)

MAX_WARNINGS = 20  # named one by one; the rest is counted
DRIVE = re.compile(r"[A-Za-z]:")  # of a Windows path


class Notes:
    """Collects warnings; of a great many only the first are kept in words."""

    def __init__(self) -> None:
        self._sentences: list[str] = []
        self._more = 0

    def add(self, sentence: str) -> None:
        """Log and keep a sentence, or count it."""
        if len(self._sentences) < MAX_WARNINGS:
            logger.warning("%s", sentence)
            self._sentences.append(sentence)
        else:
            self._more += 1

    def links(self, outside: Sequence[str]) -> None:
        """Note the links, named relative to the root, that were not followed."""
        for name in outside:
            self.add(f"{name!r} is a link that leaves the data set's folder, and was not followed")

    def first(self) -> str:
        """Return the first sentence, empty where there is none."""
        return self._sentences[0] if self._sentences else ""

    def sentences(self) -> tuple[str, ...]:
        """Return what was noted, at most MAX_WARNINGS sentences and the number of the others."""
        more = (f"and {self._more} more such entries",) if self._more else ()
        return (*self._sentences, *more)


class Disk:
    """The files below root, each folder listed once. Links are followed only where they stay below root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.outside: list[str] = []
        self._listed: dict[str, tuple[frozenset[str], tuple[str, ...]]] = {}

    def files(self, folder: str = "") -> frozenset[str]:
        """Return the names of the files in a folder; none where there is no such folder."""
        return self._list(folder)[0]

    def folders(self, folder: str = "") -> tuple[str, ...]:
        """Return the names of the folders in a folder, sorted."""
        return self._list(folder)[1]

    def has(self, file: str) -> bool:
        """Return whether the file, named relative to the root, is there."""
        folder, _, name = file.rpartition("/")
        return name in self.files(folder)

    def clips(self, folder: str = "") -> list[str]:
        """Return the names of the clips in a folder, sorted, hidden files (macOS leaves some) not among them."""
        names = (name for name in self.files(folder) if not name.startswith("."))
        return sorted(name for name in names if os.path.splitext(name)[1].lower() in CLIP_SUFFIXES)  # noqa: PTH122

    def read_text(self, file: str) -> str:
        """Return the text of a file, named relative to the root. Raises DatasetError when it is not UTF-8 text."""
        path = self.root / file
        try:
            return self._read_bytes(file).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DatasetError(path, f"this is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
        except OSError as error:
            raise DatasetError(path, f"cannot be read: {error.strerror}") from error

    def clips_below(self, folder: str) -> Iterator[str]:
        """Yield the clips in a folder and those below it, relative to the root. Linked folders are not entered."""
        yield from (join(folder, name) for name in self.clips(folder))
        for name in self.folders(folder):
            if not (self.root / folder / name).is_symlink():
                yield from self.clips_below(join(folder, name))

    def _list(self, folder: str) -> tuple[frozenset[str], tuple[str, ...]]:
        if folder not in self._listed:
            self._listed[folder] = self._scan(folder)
        return self._listed[folder]

    def _scan(self, folder: str) -> tuple[frozenset[str], tuple[str, ...]]:
        path = self.root / folder
        files, folders = [], []
        try:
            if not self._inside(path):
                return frozenset(), ()
            with os.scandir(path) as listing:
                for item in listing:
                    if item.is_symlink() and not self._inside(Path(item.path)):
                        self.outside.append(join(folder, item.name))
                    elif item.is_file():
                        files.append(item.name)
                    elif item.is_dir():
                        folders.append(item.name)
        except (FileNotFoundError, NotADirectoryError):
            return frozenset(), ()
        except OSError as error:
            raise DatasetError(path, f"the folder cannot be listed: {error.strerror}") from error
        return frozenset(files), tuple(sorted(folders))

    def _read_bytes(self, file: str) -> bytes:
        return (self.root / file).read_bytes()

    def _inside(self, path: Path) -> bool:
        try:
            return path.resolve().is_relative_to(self.root)
        except (OSError, RuntimeError):
            return False


def join(folder: str, name: str) -> str:
    """Return the path of a name in a folder, relative to the root; the root's own folder is empty."""
    return f"{folder}/{name}" if folder else name


def escape(name: str) -> str | None:
    """Return why a name may not be used as a path below the data set's folder, or None when it may."""
    if not name or name == ".":
        return "is empty"
    if "\0" in name or "\\" in name:
        return "holds a character that no clip's name may hold"
    if name.startswith("/") or DRIVE.match(name):
        return "is an absolute path"
    return "leads out of the data set's folder" if ".." in name and ".." in name.split("/") else None
