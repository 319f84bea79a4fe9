"""A clip's analysis on a page: from the cache, from the store, or made by a worker while the page shows its progress.

The cache has an analysis with the pictures that go with it; the store has it without. What comes from the store is
shown at once, and its face clips are cut where a tab wants them.
"""

import dataclasses
import logging
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from deepfake.analysis.keeping import read_analysis, write_analysis
from deepfake.analysis.model import Analysis, AnalysisConfig
from deepfake.dashboard.clip import ClipChoice
from deepfake.dashboard.state import runtime, session
from deepfake.dashboard.waiting import folder_when_ready
from deepfake.server.store_access import KeptAs
from deepfake.server.tasks import ANALYSIS_FILE, analysis_file, analyze_clip, cut_face_clips

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReadyAnalysis:
    """An analysis and where its media are. analysis.video.path is the clip's name for the user, not its place.

    key: names the result in the cache; add a suffix to name what is derived from it.
    """

    clip: ClipChoice
    analysis: Analysis
    folder: Path
    key: str

    def face_clip(self, track_id: int) -> Path | None:
        """Return the clip of a track's face, H.264, or None where there is none (see face_clips_when_ready)."""
        folder = self.folder if self._came_with_faces else runtime().cache.get(self._faces_key, session().session_id)
        path = None if folder is None else folder / f"face-{track_id}.mp4"
        return path if path is not None and path.is_file() else None

    def face_clips_when_ready(self, *, slot: str) -> bool:
        """Return whether the face clips are there; while they are cut, draw how far that is. slot: the page's."""
        if not self.analysis.tracks or self._came_with_faces:
            return True
        folder = folder_when_ready(
            self._faces_key,
            cut_face_clips,
            self.clip.path,
            self.analysis,
            runtime().settings,
            source=self.clip.path,
            name=self.clip.name,
            heading="The analysis was kept; its face clips are made anew",
            slot=f"{slot}-faces",
            with_preview=False,
            queue=runtime().media_jobs,
        )
        return folder is not None

    @property
    def _came_with_faces(self) -> bool:
        return any(self.folder.glob("face-*.mp4"))

    @property
    def _faces_key(self) -> str:
        return f"{self.key}-faces"


def analysis_when_ready(
    clip: ClipChoice, config: AnalysisConfig | None = None, *, slot: str = "analysis"
) -> ReadyAnalysis | None:
    """Return the clip's analysis; while there is none, draw the progress of its job and return None.

    slot: see folder_when_ready; a page that shows two analyses gives each its own.
    """
    config = config or AnalysisConfig()
    fingerprint = config.fingerprint()
    key = cache_key(clip, fingerprint)
    _fetch_from_store(key, clip.sha256, fingerprint)
    folder = folder_when_ready(
        key,
        analyze_clip,
        clip.path,
        config,
        runtime().settings,
        kept_as(clip),
        source=clip.path,
        name=clip.name,
        heading=f"Analyzing {clip.name}",
        slot=slot,
    )
    if folder is None:
        return None
    try:
        analysis = _read_analysis(str(analysis_file(folder)))
    except (ValueError, OSError):
        logger.exception("the stored analysis %s cannot be read", key)
        runtime().cache.drop(key)
        st.error("The stored result of this clip could not be read and was removed. Reload the page to analyse anew.")
        return None
    video = dataclasses.replace(analysis.video, path=Path(clip.name))
    return ReadyAnalysis(clip, dataclasses.replace(analysis, video=video), folder, key)


def cache_key(clip: ClipChoice, fingerprint: str) -> str:
    """Return what names a clip's analysis in the cache: an upload's apart, because it goes with its session."""
    return f"{clip.sha256}-{fingerprint}" + ("-upload" if clip.reference is None else "")


def kept_as(clip: ClipChoice) -> KeptAs | None:
    """Return how a clip's analysis is kept in the store; None for an upload, which is nobody else's to see."""
    if clip.entry is None:
        return None
    return KeptAs(clip.name, str(clip.entry.path))


def _fetch_from_store(key: str, sha256: str, fingerprint: str) -> None:
    """Make the cache's entry from the analysis in the store, where there is one and no job is at it already."""
    server = runtime()
    if server.cache.get(key) is not None or server.jobs.find(key) is not None:
        return
    analysis = server.store.ask(lambda store: store.get(sha256, fingerprint), None)
    if analysis is not None:
        building = server.cache.new_folder()
        write_analysis(analysis, building / ANALYSIS_FILE)
        server.cache.commit(building, key)


# Not cache_data, which would copy all arrays on every run of a page: an Analysis is frozen.
@st.cache_resource(max_entries=16, show_spinner=False)
def _read_analysis(path: str) -> Analysis:
    return read_analysis(Path(path))
