"""The door of a data set: every clip that a layout names is checked, found on disk and linked with its original."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from deepfake.dataset.folder import Disk, Notes, escape
from deepfake.dataset.model import ClipEntry, Label
from deepfake.files import as_location, is_url, readable
from deepfake.words import counted

LABEL_WORDS: Mapping[str, Label] = {
    "real": "REAL", "reals": "REAL", "original": "REAL", "originals": "REAL", "genuine": "REAL", "authentic": "REAL",
    "pristine": "REAL", "0": "REAL",
    "fake": "FAKE", "fakes": "FAKE", "manipulated": "FAKE", "deepfake": "FAKE", "deepfakes": "FAKE", "forged": "FAKE",
    "synthetic": "FAKE", "1": "FAKE",
}  # fmt: skip
PLAIN_WORDS = ("real", "fake")  # need no word on how they were read


def label_of(label: object) -> Label | None:
    """Return the label that somebody wrote as a word or a number, or None where it is none."""
    if isinstance(label, bool) or not isinstance(label, str | int):
        return None
    return LABEL_WORDS.get(_word(label))


def _word(label: object) -> str:
    return str(label).strip().casefold().removesuffix(".0")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a file is: its name on the disk, or its location where it lies elsewhere."""

    file: str
    location: str
    there: bool
    version: str | None = None


@dataclass(slots=True)
class _Draft:
    name: str
    place: _Place
    label: Label | None
    original: str | None
    original_place: _Place | None
    fields: dict[str, Any] = field(default_factory=dict)


class Entries:
    """Collects the entries of a data set. What cannot be used is left out and noted.

    disk: the files; notes: what was odd.
    """

    def __init__(self, disk: Disk, notes: Notes) -> None:
        self.disk = disk
        self.notes = notes
        self._drafts: dict[str, _Draft] = {}  # by name
        self._by_file: dict[str, str] = {}  # a file's name on the disk -> the entry's
        self._words: Counter[str] = Counter()

    def add(
        self,
        name: str,
        file: str,
        label: object = None,
        *,
        source: str,
        original: str | None = None,
        original_file: str | None = None,
        **fields: Any,
    ) -> None:
        """Take one clip as an entry, or note why not.

        Args:
            name: of the clip in the data set.
            file: relative to the root, with slashes; where the disk allows it, an absolute path or URL as well.
            label: as it is written; None or "" for none.
            source: what says so, for messages: "metadata.json", "list.csv, line 3".
            original: what the original is called where no entry has its file.
            original_file: where the original is.
            **fields: other fields of ClipEntry.
        """
        place = self._checked(file, f"{source}: entry {name!r}")
        if place is None:
            return
        found = self._label(label)
        if found is None and not (label is None or (isinstance(label, str) and not label.strip())):
            self.notes.add(f"{source}: {name!r} has the label {label!r:.40}, neither REAL nor FAKE; left out")
            return
        first = self._by_file.get(place.file, name)
        if first in self._drafts:
            other = self._drafts[first].label
            labels = f", as {other} and as {found}" if other != found and other and found else ""
            self.notes.add(f"{source}: {name!r} is listed more than once{labels}; the first one counts")
            return
        original_place = None
        if original_file is not None:
            original_place = self._checked(original_file, f"{source}: the original of {name!r}, {original!r},")
        if original_place is None:
            original = None
        self._by_file[place.file] = name
        self._drafts[name] = _Draft(name, place, found, original, original_place, fields)

    def finished(self) -> tuple[ClipEntry, ...]:
        """Return what was taken, originals linked by the names that they have."""
        read_as = {word: LABEL_WORDS[word] for word in self._words}
        if read_as:
            words = ", ".join(
                f"{word!r} as {label} ({counted(self._words[word], 'clip')})" for word, label in read_as.items()
            )
            self.notes.add(f"Labels were read like this: {words}")
        return tuple(self._entry(draft) for draft in self._drafts.values())

    def _entry(self, draft: _Draft) -> ClipEntry:
        original, place = draft.original, draft.original_place
        fields = dict(draft.fields)  # another entry may still ask for this one's
        group = fields.pop("group", None) or ""
        if place is not None and original is not None:
            original = self._by_file.get(place.file, original)
            listed = self._drafts.get(original)
            if not group and listed is not None:
                group = listed.fields.get("group") or ""
        return ClipEntry(
            name=readable(draft.name),
            location=draft.place.location,
            label=draft.label,
            original=None if original is None else readable(original),
            group=readable(group),
            on_disk=draft.place.there,
            original_on_disk=None if place is None else place.there,
            version=draft.place.version,
            **fields,
        )

    def _label(self, label: object) -> Label | None:
        found = label_of(label)
        if found is not None and (word := _word(label)) not in PLAIN_WORDS:
            self._words[word] += 1
        return found

    def _checked(self, file: str, what: str) -> _Place | None:
        """Return where a file is, or note why it may not be used."""
        problem = escape(file)
        if problem is None:
            found = self.disk.find(file)
            name = found or file
            return _Place(name, self.disk.location(name), found is not None, self.disk.version(name))
        if self.disk.anywhere and not problem.startswith(("is empty", "holds")):
            return self._elsewhere(file)
        self.notes.add(f"{what} {problem}, and was left out")
        return None

    def _elsewhere(self, file: str) -> _Place:
        location = as_location(file if is_url(file) else str(self.disk.root / file))
        if is_url(location):
            return _Place(location, location, there=True)  # nobody is asked about a thousand of them
        below = Path(location).relative_to(self._everything.root).as_posix()
        found = self._everything.find(below)
        location = location if found is None else str(self._everything.root / found)
        return _Place(location, location, found is not None)

    @cached_property
    def _everything(self) -> Disk:
        return Disk(Path(self.disk.root.anchor), anywhere=True)
