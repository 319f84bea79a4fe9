"""Files, here or behind a URL: the one name of a file, its name as text, its SHA-256, and what tells one version of it
from the next.

A location is an absolute path or a URL that fsspec reads: s3://, gs://, https://, zip://…::…
"""

import codecs
import csv
import functools
import hashlib
import io
import logging
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from deepfake.errors import ClipError, DiskError, output_problem

logger = logging.getLogger(__name__)

SPELLED = "deepfake-spelled"  # how to treat, on writing text, what the encoding cannot hold
SHA256 = re.compile(r"[0-9a-f]{64}")
LOCK_FILE = "lock"
LOCK_PATIENCE_S = 10.0  # for somebody who tries whether a folder is in use, which takes no time
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
# What file systems say of a file that changes with its content; the first that is there counts.
VERSION_MARKS = (
    "ETag", "etag", "md5Hash", "generation", "CRC", "LastModified", "Last-Modified", "last_modified", "mtime",
    "created",
)  # fmt: skip


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_writable(path: Path) -> None:
    """Raise OSError, before any work, where no file can be written: a folder or a device has that name, or the folder
    that it would be in is missing or read-only."""
    if path.is_dir():
        raise IsADirectoryError(0, "this is a folder; name a file to write", str(path))
    if path.exists() and not path.is_file():
        raise OSError(0, "this is no ordinary file, which is what a result is written to", str(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(0, "cannot be written: its folder does not exist", str(path))
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(0, "cannot be written: its folder is read-only", str(path))


@contextmanager
def output(name: Path | str) -> Iterator[None]:
    """Have what is written there fail with DiskError, which names it, where the disk is full or read-only."""
    try:
        yield
    except OSError as error:
        problem = output_problem(error)
        if problem is None:
            raise
        raise DiskError(name, problem) from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a free name beside path to write to: the file appears complete, or what was there stays as it was."""
    draft = path.parent / f".{secrets.token_hex(8)}.part"
    try:
        yield draft
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def is_url(location: str) -> bool:
    """Return whether the location is a URL for fsspec, not a path."""
    return "://" in location and not os.path.isabs(location)  # noqa: PTH117


def without_local_scheme(text: str) -> str:
    """Return a location without the scheme of this machine's own files."""
    return text.partition("://")[2] if text.startswith(("file://", "local://")) else text


def as_location(text: str) -> str:
    """Return the one name of a file: an absolute path for local files, links among its folders followed, else the URL
    as it is."""
    text = without_local_scheme(text)
    if is_url(text):
        return text
    folder, name = os.path.split(text)
    return os.path.join(_real_folder(os.path.abspath(folder)), name)  # noqa: PTH100, PTH118


@functools.lru_cache(maxsize=1024)
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder)


def readable(text: str) -> str:
    r"""Return text that UTF-8 can hold: the bytes of a file's name that are not UTF-8 are spelled out.

    Python keeps such a byte as a lone surrogate, which no file and no terminal takes.

    Example:
        >>> readable("caf\udce9.mp4")
        'caf\\xe9.mp4'
    """
    return text.encode("utf-8", SPELLED).decode("utf-8")


def _spelled(error: UnicodeError) -> tuple[str, int]:
    """Stand in for what an encoding cannot hold: an odd byte is spelled out, any other character is a question mark."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    odd = error.object[error.start : error.end]
    return "".join(f"\\x{ord(c) - 0xDC00:02x}" if "\udc80" <= c <= "\udcff" else "?" for c in odd), error.end


codecs.register_error(SPELLED, _spelled)


def csv_cell(text: str) -> str:
    """Return a cell of text that no spreadsheet takes for a formula: an apostrophe comes before = + - @ and tabs.

    Source: OWASP, "CSV Injection".

    Example:
        >>> csv_cell("=1+1.mp4")
        "'=1+1.mp4"
    """
    text = readable(text)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def csv_text(rows: Iterable[Iterable[Any]]) -> str:
    """Return rows as CSV, each on a line of its own."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def stamp_of(location: str) -> str | None:
    """Return what changes when the file does, "" where its file system tells nothing of that, None without a file.

    Raises ClipError when the place cannot be asked.
    """
    if not is_url(location):
        try:
            status = os.stat(location)  # noqa: PTH116  (twice as fast as Path's, for a hundred thousand files)
        except OSError:
            return None
        return f"{status.st_size}-{status.st_mtime_ns}"
    try:
        return stamp_of_listing(remote_info(location))
    except FileNotFoundError:
        return None


def remote_info(url: str) -> dict[str, Any]:
    """Return what the file system says of a file. Raises FileNotFoundError, or ClipError with the cause."""
    import fsspec  # most callers ask about local files only

    try:
        system, path = fsspec.core.url_to_fs(url)
        info: dict[str, Any] = system.info(path)
    except FileNotFoundError:
        raise
    except Exception as error:  # each file system has its own
        raise ClipError(url, f"cannot be reached: {cause_of(error)}") from error
    return info


def stamp_of_listing(info: Mapping[str, Any]) -> str:
    """Return a file's stamp from what its file system says of it, "" where that names no version."""
    mark = next((info[name] for name in VERSION_MARKS if info.get(name)), None)
    if isinstance(mark, datetime):  # one file system may tell the same time as a number elsewhere
        mark = mark.timestamp()
    return "" if mark is None else f"{info.get('size')}-{mark}"


def claim_folder(parent: Path, prefix: str = "") -> tuple[Path, FileLock]:
    """Make a folder for this process alone in parent, and remove those of that prefix whose processes have ended
    without clearing up.

    Returns the folder and the lock that marks it as in use: the system lets it go when the process ends, however it
    ends.
    """
    for other in parent.glob(f"{prefix}*"):
        if other.is_dir() and not other.is_symlink():
            _remove_if_left(other)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        lock = FileLock(folder / LOCK_FILE, timeout=LOCK_PATIENCE_S)
        with suppress(FileNotFoundError, FileExistsError):  # the latter where it goes while the lock looks for it
            lock.acquire()
            if (folder / LOCK_FILE).is_file():
                return folder, lock
            lock.release()
        # Before it was locked, somebody took the folder for one that was left.


def _remove_if_left(folder: Path) -> None:
    """Remove a folder whose lock no running process holds. One without a lock is being made this very moment, or
    foreign, as is one that may not be locked, or not be looked into: that of another user."""
    path = folder / LOCK_FILE
    with suppress(Timeout, OSError):
        if not path.is_file():
            return
        with FileLock(path, blocking=False):  # held meanwhile: whoever makes it waits
            logger.info("removing what an ended process left in %s", folder)
            shutil.rmtree(folder, ignore_errors=True)


def cause_of(error: BaseException) -> str:
    """Return in words what kept a file system from answering."""
    if isinstance(error, ImportError):
        return f"{error}; its package has to be installed (requirements-cluster.txt has those of s3:// and gs://)"
    if isinstance(error, OSError) and error.strerror and error.filename:
        return error.strerror
    return f"{type(error).__name__}: {error}"
