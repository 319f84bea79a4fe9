"""Files by path or URL: the one name of a file, and its bytes on this machine.

A location is an absolute path or a URL that fsspec reads: s3://, gs://, https://, zip://…::…
"""

import functools
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import fsspec

from deepfake.errors import ClipError, ClipNotFoundError, LimitError
from deepfake.files import cause_of, is_url, remote_info, stamp_of
from deepfake.settings import Settings

BLOCK_BYTES = 4 * 2**20


@dataclass(frozen=True, slots=True)
class LocalCopy:
    """A clip's bytes where a decoder can read them. stamp: of the version that was read, "" where none is known."""

    file: Path
    sha256: str
    stamp: str


def as_location(text: str) -> str:
    """Return the one name of a file: an absolute path for local files, links among its folders followed, else the URL
    as it is."""
    if text.startswith(("file://", "local://")):
        text = text.partition("://")[2]
    if is_url(text):
        return text
    folder, name = os.path.split(text)
    return os.path.join(_real_folder(folder), name)  # noqa: PTH118


@functools.lru_cache(maxsize=1024)
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder or ".")


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
        size = remote_info(location).get("size")
        if size is not None and size > most:
            raise _too_large(location, most)
        # The suffix, but no other part of a stranger's name, is kept.
        copy = folder / f"clip{Path(location.partition('::')[0]).suffix}"
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
