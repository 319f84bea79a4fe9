"""Results kept on disk, one folder per entry: bounded in size, the least recently used gone first, and never half."""

import logging
import os
import re
import shutil
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

logger = logging.getLogger(__name__)

KEY_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,150}")
PRIVATE = "-upload"  # in the key of what was made of an upload or of a clip of a case
SHA256_DIGITS = 40  # of a clip that a key names: two have room in one
KEYS_HELD = 24  # entries that one owner keeps from being removed: what its page shows


class ResultCache:
    """Entries are made in a folder of their own and renamed when complete.

    folder: where entries are kept, for all servers that share it. own: on the same file system, for this server alone:
    where entries are made, and where those of uploads stay, so that they go with the server however it ends.
    max_bytes: the sum of all entries and of what lies besides (uploads); what somebody holds stays even when that is
    more.
    """

    def __init__(self, folder: Path, own: Path, max_bytes: int, *, besides: Callable[[], int] = lambda: 0) -> None:
        self._folder = folder
        self._building = own / "building"
        self._private = own / "of-uploads"
        self._max_bytes = max_bytes
        self._besides = besides
        self._held: dict[str, OrderedDict[str, None]] = {}
        self._lock = threading.RLock()
        for path in (folder, self._building, self._private):
            path.mkdir(parents=True, exist_ok=True)
        for path in folder.glob(f"*{PRIVATE}*"):  # versions up to 0.4.0 kept them there
            shutil.rmtree(path, ignore_errors=True)

    def get(self, key: str, owner: str | None = None) -> Path | None:
        """Return the folder of an entry, or None. owner: holds the entry until it has asked for many others."""
        path = self._path(key)
        with self._lock:
            try:
                os.utime(path)
            except OSError:
                return None
            if owner is not None:
                held = self._held.setdefault(owner, OrderedDict())
                held[key] = None
                held.move_to_end(key)
                while len(held) > KEYS_HELD:
                    held.popitem(last=False)
        return path

    def has_any(self, prefix: str) -> bool:
        """Return whether there is an entry whose key begins with prefix."""
        return any(path.name.startswith(prefix) for path in self._entries())

    def new_folder(self) -> Path:
        """Return an empty folder to make an entry in."""
        path = self._building / uuid.uuid4().hex
        path.mkdir()
        return path

    @contextmanager
    def making(self, key: str) -> Iterator[Path]:
        """Give an empty folder that becomes the entry of that name; after an error nothing is left of it."""
        building = self.new_folder()
        try:
            yield building
            self.commit(building, key)
        except BaseException:
            shutil.rmtree(building, ignore_errors=True)
            raise

    def commit(self, building: Path, key: str) -> Path:
        """Make a finished folder the entry of that name; when there is one already, that one stays."""
        path = self._path(key)
        with self._lock:
            if path.exists():
                shutil.rmtree(building, ignore_errors=True)
            else:
                building.replace(path)
            os.utime(path)
            self.trim(keep=key)
        return path

    def drop(self, key: str) -> None:
        """Remove an entry."""
        with self._lock:
            shutil.rmtree(self._path(key), ignore_errors=True)

    def drop_all(self, prefix: str, owner: str) -> None:
        """Remove the owner's entries whose keys begin with prefix, but for those that somebody else holds."""
        self._drop(lambda key: key.startswith(prefix), owner)

    def drop_made_of(self, sha256: str, owner: str) -> None:
        """Remove what was made of an upload or of a clip of a case, but for what somebody else than the owner holds."""
        self._drop(lambda key: is_made_of(key, sha256), owner)

    def release(self, owner: str) -> None:
        """Let go of all that the owner holds."""
        with self._lock:
            self._held.pop(owner, None)

    def trim(self, keep: str | None = None) -> None:
        """Remove the least recently used entries that nobody holds until the rest fits."""
        with self._lock:
            held = {key for keys in self._held.values() for key in keys} | {keep}
            entries = [(path.stat().st_mtime, path, folder_bytes(path)) for path in self._entries()]
            total = sum(size for _, _, size in entries) + self._besides()
            for _, path, size in sorted(entries):
                if total <= self._max_bytes:
                    return
                if path.name not in held:
                    logger.info("removing %s from the cache", path.name)
                    shutil.rmtree(path, ignore_errors=True)
                    total -= size

    def _drop(self, is_meant: Callable[[str], bool], owner: str) -> None:
        with self._lock:
            held = {key for other, keys in self._held.items() if other != owner for key in keys}
            for path in self._entries():
                if is_meant(path.name) and path.name not in held:
                    shutil.rmtree(path, ignore_errors=True)

    def _path(self, key: str) -> Path:
        if not KEY_PATTERN.fullmatch(key):
            raise ValueError(f"{key!r} cannot name an entry of the cache")
        return (self._private if PRIVATE in key else self._folder) / key

    def _entries(self) -> list[Path]:
        return [*self._folder.iterdir(), *self._private.iterdir()]


def is_made_of(key: str, sha256: str) -> bool:
    """Return whether a key names what was made of an upload or of a clip of a case with that SHA-256, be it with
    another clip."""
    return PRIVATE in key and sha256[:SHA256_DIGITS] in key


def folder_bytes(folder: Path) -> int:
    """Return the size of all files in a folder, in bytes."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
