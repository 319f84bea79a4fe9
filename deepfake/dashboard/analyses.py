"""A clip's analysis on a page: from the cache, or made by a worker while the page shows its progress."""

import dataclasses
import logging
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from deepfake.dashboard.clips import ClipChoice
from deepfake.dashboard.runtime import runtime
from deepfake.dashboard.tasks import ANALYSIS_FILE, analyze_clip
from deepfake.dashboard.waiting import folder_when_ready
from deepfake.errors import DeepfakeError
from deepfake.pipeline import Analysis, AnalysisConfig
from deepfake.report import read_json

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
        """Return the clip of a track's face, H.264, or None where there is none."""
        path = self.folder / f"face-{track_id}.mp4"
        return path if path.is_file() else None


def analysis_when_ready(
    clip: ClipChoice, config: AnalysisConfig | None = None, *, slot: str = "analysis"
) -> ReadyAnalysis | None:
    """Return the clip's analysis; while there is none, draw the progress of its job and return None.

    slot: see folder_when_ready; a page that shows two analyses gives each its own.
    """
    config = config or AnalysisConfig()
    key = f"{clip.sha256}-{config.fingerprint()}"
    folder = folder_when_ready(
        key,
        analyze_clip,
        clip.path,
        config,
        runtime().settings,
        source=clip.path,
        name=clip.name,
        heading=f"Analyzing {clip.name}",
        slot=slot,
    )
    if folder is None:
        return None
    try:
        analysis = _read_analysis(str(folder / ANALYSIS_FILE))
    except (DeepfakeError, OSError):
        logger.exception("the stored analysis %s cannot be read", key)
        runtime().cache.drop(key)
        st.error("The stored result of this clip could not be read and was removed. Reload the page to analyse anew.")
        return None
    video = dataclasses.replace(analysis.video, path=Path(clip.name))
    return ReadyAnalysis(clip, dataclasses.replace(analysis, video=video), folder, key)


# Not cache_data, which would copy all arrays on every run of a page: an Analysis is frozen.
@st.cache_resource(max_entries=16, show_spinner=False)
def _read_analysis(path: str) -> Analysis:
    return read_json(path)
