"""The clips that a page may be about: of data sets that may be opened, and uploads of this session; nothing else. Also
the choice of a data set, which two pages draw."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from deepfake.dashboard.state import runtime
from deepfake.dashboard.text import plain, told_apart
from deepfake.dashboard.waiting import folder_when_ready
from deepfake.dataset import ClipEntry, Dataset, allowed_root, open_dataset
from deepfake.demo.writer import demo_is_complete
from deepfake.errors import DatasetError, OutsideRootError
from deepfake.server.results import Request
from deepfake.server.tasks import make_demo

DEMO_ID = "demo"
UPLOADS_ID = "uploads"
KEPT_ID = "kept"
DEMO_TITLE = "Built-in samples (synthetic)"
CHOICE_KEY = "dataset-source"  # of the pages that are about a data set: one choice for all
ADDRESS_KEY = "_dataset-address"  # what the URL was given last: another name comes from a link or from the way back
LISTING_TTL_S = 60  # folders may change while the server runs


@dataclass(frozen=True, slots=True)
class ClipChoice:
    """A clip to look at.

    path: on the server, never shown. name: what the user calls it. sha256: of its bytes. label: "REAL", "FAKE" or
    None where it has none. source_id: of the data set, "uploads" or "kept". dataset, entry: None for an upload and a
    kept clip. kept_id: of a clip of a case.
    """

    path: Path
    name: str
    sha256: str
    label: str | None
    source_id: str
    dataset: Dataset | None = None
    entry: ClipEntry | None = None
    kept_id: int | None = None

    @property
    def key(self) -> str:
        """What names the clip in its source."""
        if self.source_id == UPLOADS_ID:
            return self.sha256
        return self.name if self.kept_id is None else str(self.kept_id)

    @property
    def is_private(self) -> bool:
        """Whether it is an upload or a kept clip, whose results go with it."""
        return self.entry is None

    @property
    def reference(self) -> str | None:
        """What names the clip in a URL; None for an upload, which no other session may see."""
        return None if self.source_id == UPLOADS_ID else f"{self.source_id}/{self.key}"


@dataclass(frozen=True, slots=True)
class DatasetSource:
    """A data set that may be opened. source_id: names it in a URL. title: for the user. dataset: None where it cannot
    be read, and error says why, or while the built-in one is being made."""

    source_id: str
    title: str
    root: Path
    dataset: Dataset | None
    error: str | None = None


def dataset_sources() -> list[DatasetSource]:
    """Return the built-in data set, without clips until it has been made, and those of the configured folders."""
    folder = runtime().demo_folder
    demo = _opened_demo(folder) if demo_is_complete(folder) else None
    return [DatasetSource(DEMO_ID, DEMO_TITLE, folder, demo), *_configured(runtime().settings.data_dirs)]


def dataset_source(source_id: str | None) -> DatasetSource | None:
    """Return the data set of that id, or None."""
    return next((source for source in dataset_sources() if source.source_id == source_id), None)


def demo_when_ready() -> bool:
    """Return whether the built-in data set is there; while a worker makes it, draw how far it is."""
    folder = runtime().demo_folder
    if demo_is_complete(folder):
        return True
    key = "demo-made"
    runtime().cache.drop(key)  # the set is not there, whatever an earlier run noted
    request = Request(key, make_demo, (folder,), source=folder, name="the built-in samples", is_media=True)
    folder_when_ready(request, heading="Preparing the built-in samples (only once)", place="demo")
    return False


def chosen_dataset(demo_note: str) -> tuple[DatasetSource, Dataset] | None:
    """Draw the choice of a data set, which the URL's `set` names and the pages share, and return it; None where it
    cannot be opened, or is still being made, which is said. demo_note: what is said of the built-in one."""
    sources = {source.source_id: source for source in dataset_sources()}
    titles = told_apart({source_id: source.title for source_id, source in sources.items()})
    named = st.query_params.get("set")
    is_chosen = st.session_state.get(CHOICE_KEY) in sources
    if named in sources and (named != st.session_state.get(ADDRESS_KEY) or not is_chosen):
        st.session_state[CHOICE_KEY] = named
    elif not is_chosen:
        st.session_state[CHOICE_KEY] = next(iter(sources))
    if named is not None and named not in sources:
        st.warning(f"The address names a data set that is not here: {plain(named)}", icon=":material/link_off:")
    chosen: str = st.selectbox(
        "Data set",
        list(sources),
        format_func=lambda source_id: titles[source_id],
        key=CHOICE_KEY,
        persist_state="session",
        width=420,
        help="The built-in samples, and the folders that the administrator named in data_dirs (deepfake.toml) or "
        "DEEPFAKE_DATA_DIRS. Nothing outside them can be opened.",
    )
    st.query_params["set"] = st.session_state[ADDRESS_KEY] = chosen
    source = sources[chosen]
    if source.source_id == DEMO_ID:
        if not demo_when_ready():
            return None
        source = dataset_source(DEMO_ID) or source
        st.caption(demo_note)
    if source.dataset is None:
        st.error(plain(source.error or "The data set cannot be opened."), icon=":material/error:")
        return None
    return source, source.dataset


def demo_clips(wanted: Sequence[str], fits: Callable[[ClipEntry], object]) -> list[ClipEntry]:
    """Return as many clips of the built-in data set as are wanted by name, others in place of those that do not fit."""
    source = dataset_source(DEMO_ID)
    entries = () if source is None or source.dataset is None else source.dataset.entries
    order = {name: place for place, name in enumerate(wanted)}
    found = sorted(filter(fits, entries), key=lambda entry: order.get(entry.name, len(order)))
    return found[: len(wanted)]


@st.cache_resource(ttl=LISTING_TTL_S, max_entries=4, show_spinner=False)
def _opened_demo(folder: Path) -> Dataset:
    return open_dataset(folder)


@st.cache_resource(ttl=LISTING_TTL_S, max_entries=4, show_spinner="Listing data sets")
def _configured(data_dirs: tuple[Path, ...]) -> list[DatasetSource]:
    sources: list[DatasetSource] = []
    taken = {DEMO_ID, UPLOADS_ID, KEPT_ID}
    for data_dir in data_dirs:
        for root, dataset, error in _below(data_dir):
            source_id = _unused_id(root.name, taken)
            taken.add(source_id)
            sources.append(DatasetSource(source_id, root.name, root, dataset, error))
    return sources


def _below(data_dir: Path) -> list[tuple[Path, Dataset | None, str | None]]:
    """The data set in a folder, or those in the folders right below it."""
    try:
        return [(data_dir, open_dataset(data_dir), None)]
    except DatasetError as error:
        reason = str(error)
    found: list[tuple[Path, Dataset | None, str | None]] = []
    for child in _folders_in(data_dir):
        try:
            root = allowed_root(child, [data_dir])
            found.append((root, open_dataset(root), None))
        except (DatasetError, OutsideRootError):
            continue
    return found or [(data_dir, None, reason)]


def _folders_in(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir())
    except OSError:
        return []


def _unused_id(name: str, taken: set[str]) -> str:
    base = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-") or "data"
    number, candidate = 1, base
    while candidate in taken:
        number += 1
        candidate = f"{base}-{number}"
    return candidate
