"""An analysis that several tests look at, and what was told on the way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deepfake.analysis.model import Analysis, Progress
from deepfake.analysis.pipeline import analyze
from deepfake.faces.alignment import FaceCrop
from deepfake.video.info import Frame
from deepfake.video.reader import probe
from deepfake.views.face_clips import FaceClips


@dataclass(frozen=True)
class Watched:
    """crops: each with the index of the frame that came with it. progress: stage, frames done, frames in all, in the
    order of the reports. face_clip: the face of the one person."""

    clip: Path
    analysis: Analysis
    crops: list[tuple[FaceCrop, int]]
    progress: list[tuple[str, int, int | None]]
    face_clip: Path


def watch(clip: Path, folder: Path) -> Watched:
    """Analyze a clip of one person with the default models. folder: a new one, for the clip of the face."""
    folder.mkdir()
    crops: list[tuple[FaceCrop, int]] = []
    progress: list[tuple[str, int, int | None]] = []
    with FaceClips(folder, probe(clip).frame_rate) as face_clips:

        def keep(crop: FaceCrop, frame: Frame) -> None:
            crops.append((crop, frame.index))
            face_clips(crop, frame)

        def note(state: Progress) -> None:
            progress.append((state.stage, state.frames_done, state.frames_total))

        analysis = analyze(clip, on_crop=keep, progress=note)
        (face_clip,) = face_clips.close().values()
    return Watched(clip, analysis, crops, progress, face_clip)
