"""What a data set is: its clips, their labels and originals, and the numbers about them."""

import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from deepfake.errors import DatasetError
from deepfake.files import readable

if TYPE_CHECKING:
    import pandas as pd

Label = Literal["REAL", "FAKE"]
TABLE_FIELDS = (
    "name", "path", "label", "split", "original", "method", "compression", "group", "on_disk", "original_on_disk",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ClipEntry:
    """One labeled clip: of a data set, of a batch, of an evaluation.

    name: unique in the data set, and text: odd bytes of the file's name are spelled out. location: absolute path or
    URL, as every worker reaches it. label: None where none is
    given. original: the name of the clip that a fake was made from. group: clips of the same people share it; split
    and draw by group; without one it is the original's name, else the clip's own. on_disk: a file behind a URL that a
    list names counts as there. original_on_disk: None where no original is named. shown: as the user named the clip,
    for tables; the name unless it is given. version: of a remote file, where its listing told it. extra: further
    columns of a CSV by name.
    """

    name: str
    location: str
    label: Label | None = None
    split: str | None = None
    original: str | None = None
    method: str | None = None
    compression: str | None = None
    group: str = ""
    on_disk: bool = False
    original_on_disk: bool | None = None
    shown: str = ""
    version: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "group", self.group or self.original or self.name)
        object.__setattr__(self, "shown", self.shown or self.name)

    @property
    def path(self) -> Path:
        """Where the clip is on this machine; of no use for a URL."""
        return Path(self.location)

    @property
    def is_fake(self) -> bool:
        """Whether the label is FAKE."""
        return self.label == "FAKE"


@dataclass(frozen=True, slots=True)
class Dataset:
    """The clips of one folder. root: the resolved folder; layout: the name of a row of LAYOUTS; warnings: sentences for
    the user; lists: the locations of the files that name clips or labels and were read (CSV, metadata.json)."""

    root: Path
    layout: str
    entries: tuple[ClipEntry, ...]
    warnings: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    _by_name: dict[str, ClipEntry] = field(init=False, repr=False, compare=False)
    _fakes: dict[str, list[ClipEntry]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        fakes: dict[str, list[ClipEntry]] = defaultdict(list)
        for entry in self.entries:
            if entry.original is not None:
                fakes[entry.original].append(entry)
        object.__setattr__(self, "_by_name", {entry.name: entry for entry in self.entries})
        object.__setattr__(self, "_fakes", dict(fakes))

    def by_name(self, name: str) -> ClipEntry:
        """Return the entry of that name. Raises DatasetError when there is none."""
        if name not in self._by_name:
            raise DatasetError(self.root, f"the data set has no clip named {name!r}")
        return self._by_name[name]

    def original_path(self, entry: ClipEntry) -> Path | None:
        """Return where the original of entry lies, or None when none is named or it is not on disk."""
        if entry.original is None or not entry.original_on_disk:
            return None
        listed = self._by_name.get(entry.original)
        return listed.path if listed is not None else self.root / entry.original

    def fakes_of(self, name: str) -> tuple[ClipEntry, ...]:
        """Return the clips that name this one as their original."""
        return tuple(self._fakes.get(name, ()))

    def originals_named(self) -> tuple[str, ...]:
        """Return the names, sorted, of the clips that others name as their original."""
        return tuple(sorted(self._fakes))

    def missing_originals(self) -> tuple[str, ...]:
        """Return the originals that are named and not on disk, sorted."""
        return tuple(name for name in self.originals_named() if not self._fakes[name][0].original_on_disk)

    def missing_clips(self) -> tuple[ClipEntry, ...]:
        """Return the entries whose clip is not on disk."""
        return tuple(entry for entry in self.entries if not entry.on_disk)


@dataclass(frozen=True, slots=True)
class Counts:
    """A data set in numbers. Label None counts clips without a label, split None those without a split.

    fakes_per_original: for every original named, how many clips name it.
    """

    clips: int
    on_disk: int
    missing: int
    by_label: Mapping[Label | None, int]
    by_split: Mapping[str | None, int]
    labels_by_split: Mapping[str | None, Mapping[Label | None, int]]
    originals_named: int
    originals_present: int
    originals_missing: int
    fakes_per_original: Mapping[str, int]


def counts(dataset: Dataset) -> Counts:
    """Return how many clips, labels, splits and originals the data set has."""
    by_split: dict[str | None, Counter[Label | None]] = defaultdict(Counter)
    for entry in dataset.entries:
        by_split[entry.split][entry.label] += 1
    on_disk = sum(entry.on_disk for entry in dataset.entries)
    named, missing = len(dataset.originals_named()), len(dataset.missing_originals())
    return Counts(
        clips=len(dataset.entries),
        on_disk=on_disk,
        missing=len(dataset.entries) - on_disk,
        by_label=dict(sum(by_split.values(), Counter())),
        by_split={split: labels.total() for split, labels in by_split.items()},
        labels_by_split={split: dict(labels) for split, labels in by_split.items()},
        originals_named=named,
        originals_present=named - missing,
        originals_missing=missing,
        fakes_per_original={name: len(dataset.fakes_of(name)) for name in dataset.originals_named()},
    )


def to_frame(dataset: Dataset) -> "pd.DataFrame":
    """Return the table of clips: one row per entry, one column per name of TABLE_FIELDS, path as text."""
    import pandas as pd  # only where it is used: every worker of a batch imports this module

    columns: dict[str, list[Any]] = {
        name: [readable(entry.location) if name == "path" else getattr(entry, name) for entry in dataset.entries]
        for name in TABLE_FIELDS
    }
    return pd.DataFrame(columns)


def summary_json(dataset: Dataset) -> dict[str, Any]:
    """Return the data set in numbers as a dict for JSON; UNLABELED and UNSPECIFIED stand for no label and no split."""
    total = counts(dataset)
    fakes = list(total.fakes_per_original.values())

    def labels(counted: Mapping[Label | None, int]) -> dict[str, int]:
        return {key or "UNLABELED": counted[key] for key in ("FAKE", "REAL", None) if key in counted}

    return {
        "schema_version": 1,
        "root": str(dataset.root),
        "layout": dataset.layout,
        "clips": total.clips,
        "on_disk": total.on_disk,
        "missing": total.missing,
        "by_label": labels(total.by_label),
        "by_split": {key or "UNSPECIFIED": count for key, count in total.by_split.items()},
        "labels_by_split": {key or "UNSPECIFIED": labels(count) for key, count in total.labels_by_split.items()},
        "originals": {
            "named": total.originals_named,
            "present": total.originals_present,
            "missing": total.originals_missing,
            "missing_names": list(dataset.missing_originals()),
            "fakes_each": {"min": min(fakes), "median": statistics.median(fakes), "max": max(fakes)} if fakes else None,
        },
        "missing_clips": [entry.name for entry in dataset.missing_clips()],
        "warnings": list(dataset.warnings),
    }
