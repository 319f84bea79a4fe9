"""A fake and its original on a page: both analyses and the comparison, made by workers while progress is shown."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import plotly.graph_objects as go
import streamlit as st

from deepfake.analysis.model import AnalysisConfig
from deepfake.comparison.compare import Comparison
from deepfake.comparison.overlap import Overlap
from deepfake.comparison.pair_clips import difference_view
from deepfake.comparison.report import MomentPictures
from deepfake.dashboard.on_demand import made_on_demand
from deepfake.dashboard.results import ReadyAnalysis, analysis_when_ready
from deepfake.dashboard.sources import ClipChoice
from deepfake.dashboard.state import PageState, runtime
from deepfake.dashboard.waiting import read_when_ready, stop_waiting
from deepfake.errors import DeepfakeError
from deepfake.serialize import from_bytes
from deepfake.server.results import Request, comparison_key
from deepfake.server.tasks import (
    COMPARISON_FILE,
    MOMENT_PICTURES_FILE,
    SIDE_BY_SIDE_FILE,
    analysis_file,
    compare_clips,
    make_side_by_side,
)


@dataclass(frozen=True, slots=True)
class ReadyComparison:
    """A comparison, both analyses with their media, and where its own media are. key: see ReadyAnalysis."""

    fake: ReadyAnalysis
    original: ReadyAnalysis
    comparison: Comparison
    folder: Path
    key: str

    @property
    def pictures(self) -> MomentPictures:
        """The moments of greatest difference as pictures; none where an earlier version compared the clips."""
        path = self.folder / MOMENT_PICTURES_FILE
        return from_bytes(path.read_bytes(), MomentPictures) if path.is_file() else MomentPictures()

    def side_by_side_when_ready(self, page: PageState) -> Path | None:
        """Return both clips as one, A on the left; until somebody wants it draw a button, and then how far it is."""
        clips = self.fake.clip.path, self.original.clip.path
        request = Request(
            f"{self.key}-side-by-side",
            make_side_by_side,
            (*clips, self.folder / COMPARISON_FILE, runtime().settings),
            source=clips[0],
            name=self.fake.clip.name,
            is_media=True,
        )
        return made_on_demand(
            page,
            request,
            lambda folder: folder / SIDE_BY_SIDE_FILE,
            name="side-by-side",
            label="Make a side-by-side clip",
            icon=":material/splitscreen_vertical_add:",
            what="",
            heading="Putting both side by side",
        )

    def pair_clip(self, track_id: int) -> Path | None:
        """Return the clip of a face of the fake beside the same place of the original, or None where there is none."""
        path = self.folder / f"pair-{track_id}.mp4"
        return path if path.is_file() else None


def places_of_both(place: str) -> tuple[str, str]:
    """Return where the analyses of A and of B are waited for, beside the place of their comparison."""
    return f"{place}-fake", f"{place}-original"


def comparison_when_ready(
    fake: ClipChoice, original: ClipChoice, config: AnalysisConfig, *, place: str
) -> ReadyComparison | None:
    """Return the comparison; while there is none, draw the progress of what is being made and return None.

    place: see folder_when_ready; both analyses have places of their own beside it, see places_of_both.
    """
    columns = st.columns(2, gap="medium")
    ready = []
    for column, clip, its_place in zip(columns, (fake, original), places_of_both(place), strict=True):
        with column:
            ready.append(analysis_when_ready(clip, config, place=its_place))
    fake_ready, original_ready = ready
    if fake_ready is None or original_ready is None:
        stop_waiting(place)  # for the comparison of two others
        return None
    is_upload = fake.is_private or original.is_private
    key = comparison_key(fake.sha256, original.sha256, config.fingerprint(), is_upload=is_upload)
    reports = analysis_file(fake_ready.folder), analysis_file(original_ready.folder)
    request = Request(
        key,
        compare_clips,
        (fake.path, original.path, *reports, runtime().settings),
        source=fake.path,
        name=fake.name,
    )

    def read(folder: Path) -> ReadyComparison:
        comparison = _read(str(folder / COMPARISON_FILE), _fake=fake_ready, _original=original_ready)
        return ReadyComparison(fake_ready, original_ready, comparison, folder, key)

    return read_when_ready(request, read, heading=f"Comparing {fake.name} with {original.name}", place=place)


def cached_difference(ready: ReadyComparison, fake_s: float, original_s: float, title: str) -> go.Figure | None:
    """Return pair_clips.difference_view of a moment. Raises DeepfakeError."""
    clips = ready.fake.clip, ready.original.clip
    return _difference(
        clips[0].sha256, clips[1].sha256, fake_s, original_s, title, _clips=clips, _overlap=ready.comparison.overlap
    )


@st.cache_data(max_entries=16, show_spinner="Comparing two frames")
def _difference(
    fake_sha256: str,
    original_sha256: str,
    fake_s: float,
    original_s: float,
    title: str,
    *,
    _clips: tuple[ClipChoice, ClipChoice],
    _overlap: Overlap,
) -> go.Figure | None:
    fake, original = _clips
    try:
        return runtime().run_now(
            difference_view, fake.path, original.path, fake_s, original_s, _overlap, title, name=fake.name
        )
    except DeepfakeError as error:
        raise error.renamed(fake.path, fake.name).renamed(original.path, original.name) from error


# Not cache_data, which would copy all arrays on every run of a page: a Comparison is frozen.
@st.cache_resource(max_entries=8, show_spinner=False)
def _read(path: str, *, _fake: ReadyAnalysis, _original: ReadyAnalysis) -> Comparison:
    comparison = from_bytes(Path(path).read_bytes(), Comparison)
    # The analyses of the page call their clips by the reader's names.
    return dataclasses.replace(comparison, fake=_fake.analysis, original=_original.analysis)
