"""What a command writes is neither what it reads nor written twice."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from deepfake.files import is_url, readable


def check_apart(
    outputs: Iterable[tuple[str, Path]], inputs: Iterable[Path | str], usage_error: Callable[[str], object]
) -> None:
    """Report wrong usage, before any work, where an output is an input or two outputs are one file, also by a link.

    Args:
        outputs: the files to write, each with the option that named it.
        inputs: the files to read, by path; a URL is none of this machine's files.
        usage_error: is called with the sentence; it ends the program.
    """
    option_of: dict[object, str] = {}
    for option, path in outputs:
        first = option_of.setdefault(_identity(path), option)
        if first != option:
            usage_error(f"{first} and {option} name the same file, {readable(str(path))}; name two")
    for source in inputs if option_of else ():
        found = None if is_url(str(source)) else option_of.get(_identity(Path(source)))
        if found is not None:
            usage_error(f"{found} would overwrite {readable(str(source))}, which is read; name another file")


def _identity(path: Path) -> object:
    """What all names of a file have in common; of one that does not exist yet, where it would be."""
    try:
        status = path.stat()
    except OSError:
        return os.path.realpath(path)
    return status.st_dev, status.st_ino
