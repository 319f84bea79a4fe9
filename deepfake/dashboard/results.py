"""A clip's analysis on a page, with the clips that go with it; while a worker makes it the page shows its progress."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from deepfake.analysis.keeping import read_analysis
from deepfake.analysis.model import Analysis, AnalysisConfig
from deepfake.analysis.moments import Moments
from deepfake.dashboard.sources import ClipChoice
from deepfake.dashboard.state import runtime, session
from deepfake.dashboard.visitor import note_opened, owner
from deepfake.dashboard.waiting import folder_when_ready, read_when_ready
from deepfake.faces.base import FaceDetection
from deepfake.serialize import from_bytes
from deepfake.server.results import Request, analysis_request, keep_late
from deepfake.server.store_access import StoreName
from deepfake.server.tasks import MOMENTS_FILE, analysis_file, cut_face_clips, make_moments


@dataclass(frozen=True, slots=True)
class ReadyAnalysis:
    """An analysis and where its media are. analysis.video.path is the clip's name for the user, not its place.

    key: names the result in the cache; add a suffix to name what is derived from it. not_kept: why the store does not
    have it, though it should; None otherwise.
    """

    clip: ClipChoice
    analysis: Analysis
    folder: Path
    key: str
    not_kept: str | None = None

    def face_clip(self, track_id: int) -> Path | None:
        """Return the clip of a track's face, H.264, or None where there is none (see face_clips_when_ready)."""
        folder = self.folder if self._came_with_faces else runtime().cache.get(self._faces_key, session().session_id)
        path = None if folder is None else folder / f"face-{track_id}.mp4"
        return path if path is not None and path.is_file() else None

    def face_clips_when_ready(self, *, place: str) -> bool:
        """Return whether the face clips are there; while they are cut, draw how far that is. An analysis from the
        store comes without them. place: see folder_when_ready."""
        if not self.analysis.tracks or self._came_with_faces:
            return True
        request = self._media_request(self._faces_key, cut_face_clips)
        heading = "The analysis was kept; its face clips are made anew"
        return folder_when_ready(request, heading=heading, place=place) is not None

    def moments_when_ready(self, *, place: str) -> Moments | None:
        """Return the most suspicious moments as pictures; while they are cut out, draw how far that is and return
        None. An analysis from the store comes without them. place: see folder_when_ready."""
        if self.analysis.verdict.most_suspicious is None:
            return Moments()
        at_hand = self.moments_at_hand
        if at_hand is not None:
            return at_hand
        request = self._media_request(self._moments_key, make_moments)
        return read_when_ready(request, _read_moments, heading="Cutting out the most suspicious moments", place=place)

    @property
    def moments_at_hand(self) -> Moments | None:
        """The most suspicious moments as pictures, None where nobody has cut them out yet."""
        made = runtime().cache.get(self._moments_key, session().session_id)
        folders = (self.folder, *(() if made is None else (made,)))
        folder = next((folder for folder in folders if (folder / MOMENTS_FILE).is_file()), None)
        return None if folder is None else _read_moments(folder)

    def faces_at(self, frame: int) -> dict[int, FaceDetection]:
        """Return the faces that the analysis has in a frame, by track_id."""
        rows = [(track, track.position_at(frame)) for track in self.analysis.tracks]
        return {track.track_id: track.detection(row) for track, row in rows if row is not None}

    def _media_request(self, key: str, task: Callable[..., None]) -> Request:
        arguments = (self.clip.path, self.analysis, runtime().settings)
        return Request(key, task, arguments, source=self.clip.path, name=self.clip.name, is_media=True)

    @property
    def _came_with_faces(self) -> bool:
        return any(self.folder.glob("face-*.mp4"))

    @property
    def _moments_key(self) -> str:
        return f"{self.key}-moments"

    @property
    def _faces_key(self) -> str:
        return f"{self.key}-faces"


def analysis_when_ready(clip: ClipChoice, config: AnalysisConfig, *, place: str) -> ReadyAnalysis | None:
    """Return the clip's analysis; while there is none, draw the progress of its job and return None.

    place: see folder_when_ready; a page that shows two analyses gives each its own.
    """
    store_name = None if clip.entry is None else StoreName(clip.name, str(clip.entry.path))
    request = analysis_request(clip.path, clip.sha256, clip.name, config, runtime(), store_name, kept_by=owner())

    def read(folder: Path) -> ReadyAnalysis:
        analysis = analysis_of_folder(folder)
        not_kept = keep_late(runtime(), folder, analysis, store_name)
        if store_name is not None:
            note_opened(clip.sha256, config.fingerprint())
        return ReadyAnalysis(clip, analysis.with_path(Path(clip.name)), folder, request.key, not_kept)

    return read_when_ready(request, read, heading=f"Analyzing {clip.name}", place=place, with_preview=True)


def analysis_of_folder(folder: Path) -> Analysis:
    """Return the analysis in a folder of the cache, as read_when_ready gives it. Raises what read_analysis raises."""
    return _read_analysis(str(analysis_file(folder)))


# Not cache_data, which would copy all arrays on every run of a page: an Analysis is frozen.
@st.cache_resource(max_entries=16, show_spinner=False)
def _read_analysis(path: str) -> Analysis:
    return read_analysis(Path(path))


def _read_moments(folder: Path) -> Moments:
    return from_bytes((folder / MOMENTS_FILE).read_bytes(), Moments)
