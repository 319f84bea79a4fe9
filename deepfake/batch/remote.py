"""Clips behind a URL that fsspec reads: folders of them as a disk, and a clip's bytes on this machine."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from deepfake.dataset import Disk
from deepfake.errors import ClipError, ClipNotFoundError, LimitError
from deepfake.files import cause_of, is_url, remote_info, stamp_of, stamp_of_listing
from deepfake.settings import Settings

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

BLOCK_BYTES = 4 * 2**20


class RemoteDisk(Disk):
    """A folder behind a URL, as data sets are recognized on it. It is listed once."""

    def __init__(self, url: str, system: "AbstractFileSystem", path: str) -> None:
        super().__init__(Path("/", path.strip("/")), anywhere=True)
        self._system, self._path = system, path
        # zip://folder::s3://bucket/set.zip: names go before the chain
        head, self._chain, self._rest = url.partition("::")
        self._head = head if head.endswith("/") else f"{head}/"
        self._listing = self._listed_files()
        self._folders: dict[str, tuple[set[str], set[str]]] = {}
        for name in self._listing:
            self._add(name)

    def location(self, file: str) -> str:
        """Return the URL of a file."""
        return f"{self._head}{file}{self._chain}{self._rest}"

    def version(self, file: str) -> str | None:
        """Return what the listing says of a file's version, "" where it names none; None for a file that it lacks."""
        info = self._listing.get(file)
        return None if info is None else stamp_of_listing(info)

    def _listed_files(self) -> Mapping[str, Mapping[str, Any]]:
        root = self._path.strip("/")
        found: Mapping[str, Mapping[str, Any]] = self._system.find(self._path, detail=True)
        return {name.strip("/").removeprefix(root).strip("/"): info for name, info in found.items()}

    def _add(self, file: str) -> None:
        parent, _, name = file.rpartition("/")
        self._folders.setdefault(parent, (set(), set()))[0].add(name)
        while parent:
            above, _, name = parent.rpartition("/")
            self._folders.setdefault(above, (set(), set()))[1].add(name)
            parent = above

    def _scan(self, folder: str) -> tuple[frozenset[str], tuple[str, ...]]:
        files, folders = self._folders.get(folder, (set(), set()))
        return frozenset(files), tuple(sorted(folders))

    def _read_bytes(self, file: str) -> bytes:
        content: bytes = self._system.cat_file(f"{self._path.rstrip('/')}/{file}" if self._path else file)
        return content


class RemoteTable(RemoteDisk):
    """The folder of a CSV behind a URL, which is not listed: what the CSV names counts as there."""

    is_listed = False

    def __init__(self, url: str, system: "AbstractFileSystem", path: str) -> None:
        self._table = path.rpartition("/")[2]
        head, chain, rest = url.partition("::")
        super().__init__(f"{head.rpartition('/')[0]}/{chain}{rest}", system, path.rpartition("/")[0])

    def find(self, file: str) -> str | None:
        """Return the name as it is: nobody is asked about a thousand of them."""
        return file

    def _listed_files(self) -> Mapping[str, Mapping[str, Any]]:
        return {self._table: {}}

    def version(self, file: str) -> str | None:
        """Return None: a worker asks."""
        return None


@dataclass(frozen=True, slots=True)
class LocalCopy:
    """A clip's bytes where a decoder can read them. stamp: of the version that was read, "" where none is known."""

    file: Path
    sha256: str
    stamp: str


def local_copy(location: str, folder: Path, settings: Settings) -> LocalCopy:
    """Return the clip where it is, with its SHA-256, or for a URL a copy of it in folder.

    Raises ClipNotFoundError, LimitError for a file over max_clip_mb, or ClipError when it cannot be read.
    """
    stamp = stamp_of(location)
    if stamp is None:
        raise ClipNotFoundError(location, "there is no such file")
    most = settings.max_clip_mb * 2**20
    try:
        if not is_url(location):
            with open(location, "rb") as source:  # noqa: PTH123
                return LocalCopy(Path(location), _read(location, source, None, most), stamp)
        import fsspec  # most clips are local

        size = remote_info(location).get("size")
        if size is not None and size > most:
            raise _too_large(location, most)
        # The suffix, but no other part of a stranger's name, is kept, nor the query of a URL that is signed.
        copy = folder / f"clip{Path(location.partition('::')[0].partition('?')[0]).suffix}"
        with fsspec.open(location, "rb") as source, copy.open("wb") as target:
            return LocalCopy(copy, _read(location, source, target, most), stamp)
    except ClipError:
        raise
    except Exception as error:
        raise ClipError(location, f"cannot be read: {cause_of(error)}") from error


def _read(location: str, source: Any, target: IO[bytes] | None, most_bytes: int) -> str:
    digest, count = hashlib.sha256(), 0
    for block in _blocks(source):
        count += len(block)
        if count > most_bytes:
            raise _too_large(location, most_bytes)
        digest.update(block)
        if target is not None:
            target.write(block)
    return digest.hexdigest()


def _blocks(source: Any) -> Iterator[bytes]:
    while block := source.read(BLOCK_BYTES):
        yield block


def _too_large(location: str, most_bytes: int) -> LimitError:
    return LimitError(
        location,
        f"larger than {most_bytes // 2**20} MiB, the limit; raise max_clip_mb in deepfake.toml or DEEPFAKE_MAX_CLIP_MB",
    )
