"""Files that are either there whole or not at all."""

import os
import tempfile
from pathlib import Path

from deepfake.files import output, readable


def write_text(path: Path | str, text: str) -> None:
    """Write UTF-8 text to a file, as write_bytes does. Bytes of names that are not UTF-8 are spelled out."""
    write_bytes(path, readable(text).encode("utf-8"))


def write_bytes(path: Path | str, content: bytes) -> None:
    """Write a file: it appears complete, under its name, or stays what it was before.

    Raises OSError where the folder is missing or may not be written to, DiskError where the disk is full.
    """
    path = Path(path)
    with output(path):
        _write_whole(path, content)


def _write_whole(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        # mkstemp makes files that only their owner reads; a report is an ordinary file.
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
