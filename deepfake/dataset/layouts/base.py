"""What every layout is, and what several of them share."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from deepfake.dataset.entries import Entries
from deepfake.dataset.folder import Disk

SPLITS = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class Layout:
    """A way in which folders of labeled clips are laid out.

    name: for programs; title: for readers; expects: what such a folder holds, a part of a sentence. recognizes:
    whether a folder is one, from the names in it. read: adds every clip to the entries.
    """

    name: str
    title: str
    expects: str
    recognizes: Callable[[Disk], bool]
    read: Callable[[Entries], None]


def stem_and_suffix(file: str) -> tuple[str, str]:
    """Return a file's name without its suffix, and the suffix with its dot."""
    return os.path.splitext(file)  # noqa: PTH122


def text_or_none(value: object) -> str | None:
    """Return a text without the spaces around it, None for an empty one and for what is no text."""
    return value.strip() or None if isinstance(value, str) else None


def linked(pairs: Sequence[tuple[str, ...]]) -> Callable[[str], str]:
    """Return the function from a name to the smallest name that pairs link it with, directly or through others."""
    parent: dict[str, str] = {}

    def top(name: str) -> str:
        while parent.get(name, name) != name:
            name = parent[name]
        return name

    for first, *others in pairs:
        for other in others:
            low, high = sorted((top(first), top(other)))
            parent[high] = low
    return top
