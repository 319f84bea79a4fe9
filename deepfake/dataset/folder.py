"""The files of a data set: each folder listed once, no link followed out of it, what is left out noted."""

import errno
import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from deepfake.errors import DatasetError
from deepfake.files import as_location, is_url, readable
from deepfake.video.reader import CLIP_SUFFIXES

MAX_WARNINGS = 20  # named one by one; the rest is counted
DRIVE = re.compile(r"[A-Za-z]:")  # of a Windows path
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class Notes:
    """Collects warnings; of a great many only the first are kept in words."""

    def __init__(self) -> None:
        self._sentences: list[str] = []
        self._more = 0

    def add(self, sentence: str) -> None:
        """Keep a sentence, or count it."""
        if len(self._sentences) < MAX_WARNINGS:
            self._sentences.append(readable(sentence))
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
    """The files below root, each folder listed once. Files are named relative to the root, with slashes.

    anywhere: whether links that leave the root are followed, and files elsewhere may be named. That is for the person
    at the command line; a page opens only what lies in its folder.

    is_listed: whether it is known what is there; otherwise find() takes every name for one that is.
    """

    is_listed = True

    def __init__(self, root: Path, *, anywhere: bool = False) -> None:
        self.root = root
        self.anywhere = anywhere
        self.outside: list[str] = []
        self.unusable: list[str] = []  # what cannot be looked at, a sentence each
        self.lists: list[str] = []  # files whose text was read
        self._listed: dict[str, tuple[frozenset[str], tuple[str, ...]]] = {}
        self._by_key: dict[str, dict[str, list[str]]] = {}

    def files(self, folder: str = "") -> frozenset[str]:
        """Return the names of the files in a folder; none where there is no such folder."""
        return self._list(folder)[0]

    def folders(self, folder: str = "") -> tuple[str, ...]:
        """Return the names of the folders in a folder, sorted."""
        return self._list(folder)[1]

    def find(self, file: str) -> str | None:
        """Return the file of that name, or the only one whose name differs by its capitals or by how its letters are
        composed (a.MP4 for a.mp4); None where there is none."""
        folder, _, name = file.rpartition("/")
        if name in self.files(folder):
            return file
        if folder not in self._by_key:
            self._by_key[folder] = defaultdict(list)
            for other in self.files(folder):
                self._by_key[folder][name_key(other)].append(other)
        alike = self._by_key[folder].get(name_key(name), [])
        return join(folder, alike[0]) if len(alike) == 1 else None

    def location(self, file: str) -> str:
        """Return a file's place as every worker reaches it: an absolute path, or a URL where the disk is remote."""
        return as_location(str(self.root / file)) if self.anywhere else str(self.root / file)

    def version(self, file: str) -> str | None:
        """Return what tells this version of the file from the next where the listing says so, else None."""
        return None

    def clips(self, folder: str = "") -> list[str]:
        """Return the names of the clips in a folder, sorted, hidden files (macOS leaves some) not among them."""
        return sorted(name for name in self.files(folder) if is_clip(name))

    def clips_below(self, folder: str) -> Iterator[str]:
        """Yield the clips in a folder and those below it, relative to the root. Linked folders are not entered."""
        yield from (join(folder, name) for name in self.clips(folder))
        for name in self.folders(folder):
            if not (self.root / folder / name).is_symlink():
                yield from self.clips_below(join(folder, name))

    def read_text(self, file: str) -> str:
        """Return the text of a file: UTF-8, or UTF-16 with its mark. Raises DatasetError when it is neither."""
        path = self.root / file
        self.lists.append(file)
        try:
            content = self._read_bytes(file)
            return content.decode("utf-16" if content.startswith(UTF16_MARKS) else "utf-8-sig")
        except UnicodeDecodeError as error:
            raise DatasetError(path, f"this is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
        except OSError as error:
            raise DatasetError(path, f"cannot be read: {error.strerror}") from error

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
                    elif os.path.isfile(item):  # noqa: PTH113  (a link in a circle is no file, and no error)
                        files.append(item.name)
                    elif os.path.isdir(item):  # noqa: PTH112
                        folders.append(item.name)
                    elif is_clip(item.name):
                        what = "a link that leads to no file" if item.is_symlink() else "no ordinary file"
                        self.unusable.append(f"{join(folder, item.name)!r} is {what}, and was left out")
        except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a name that no folder can have
            return frozenset(), ()
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                return frozenset(), ()
            if folder:  # such as lost+found of a disk: what is beside it can be read
                self.unusable.append(f"the folder {folder!r} cannot be listed ({error.strerror}), and was left out")
                return frozenset(), ()
            raise DatasetError(path, f"the folder cannot be listed: {error.strerror}") from error
        return frozenset(files), tuple(sorted(folders))

    def _read_bytes(self, file: str) -> bytes:
        return (self.root / file).read_bytes()

    def _inside(self, path: Path) -> bool:
        if self.anywhere:
            return True
        try:
            return path.resolve().is_relative_to(self.root)
        except (OSError, RuntimeError):
            return False


def is_clip(name: str) -> bool:
    """Return whether a file is a clip by its name."""
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in CLIP_SUFFIXES  # noqa: PTH122


def join(folder: str, name: str) -> str:
    """Return the path of a name in a folder, relative to the root; the root's own folder is empty."""
    return f"{folder}/{name}" if folder else name


def name_key(name: str) -> str:
    """Return what names that a person takes for the same have in common: capitals, composed letters, odd bytes."""
    return unicodedata.normalize("NFC", readable(name)).casefold()


def escape(name: str) -> str | None:
    """Return why a name may not be used as a path below the data set's folder, or None when it may."""
    if not name or name == ".":
        return "is empty"
    if "\0" in name or "\\" in name:
        return "holds a character that no clip's name may hold"
    if is_url(name):
        return "is a URL"
    if name.startswith("/") or DRIVE.match(name):
        return "is an absolute path"
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return "holds a character that no file's name can hold"
    return "leads out of the data set's folder" if ".." in name and ".." in name.split("/") else None
