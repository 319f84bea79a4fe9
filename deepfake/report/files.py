"""Files that are either there whole or not at all."""

from pathlib import Path

from deepfake.files import output, readable, replacing


def write_text(path: Path | str, text: str) -> None:
    """Write UTF-8 text to a file, as write_bytes does. Bytes of names that are not UTF-8 are spelled out."""
    write_bytes(path, readable(text).encode("utf-8"))


def write_bytes(path: Path | str, content: bytes) -> None:
    """Write a file: it appears complete, under its name, or stays what it was before.

    Raises OSError where the folder is missing or may not be written to, DiskError where the disk is full.
    """
    path = Path(path)
    with output(path), replacing(path) as draft:
        draft.write_bytes(content)
