"""What worker processes run. Each task leaves its result in `folder` and reports there how far it is."""

import json
from pathlib import Path

from deepfake.animation import FaceClips, slowed, transcode
from deepfake.dashboard.progress import ProgressWriter
from deepfake.demo import write_demo
from deepfake.faces.detection import face_detector
from deepfake.inspection import preview_jpeg
from deepfake.pipeline import AnalysisConfig, Progress, analyze
from deepfake.report import read_json, write_json
from deepfake.robustness import recompress, recompression_to_dict
from deepfake.settings import Settings
from deepfake.video import probe

ANALYSIS_FILE = "analysis.json"
PLAYER_FILE = "player.mp4"
SLOWED_FILE = "slowed.mp4"
RECOMPRESSION_FILE = "recompression.json"
STAGES = {
    "models": "Loading the face detector",
    "frames": "Following faces",
    "finishing": "Putting the results together",
}


def analyze_clip(folder: Path, path: Path, config: AnalysisConfig, settings: Settings) -> None:
    """Write analysis.json and a clip of every face, face-<track_id>.mp4. Raises what analyze() raises."""
    writer = ProgressWriter(folder)

    def report(progress: Progress) -> None:
        frame = progress.frame
        writer.write(
            STAGES[progress.stage],
            progress.frames_done,
            progress.frames_total,
            similarity=progress.similarity,
            preview_jpeg=None if frame is None else lambda: preview_jpeg(frame.image, progress.faces),
        )

    info = probe(path, settings)
    with FaceClips(folder, info.frame_rate) as clips:
        analysis = analyze(path, config, settings=settings, progress=report, on_crop=clips)
        clips.close(keep={track.track_id for track in analysis.tracks})
    write_json(analysis, folder / ANALYSIS_FILE)


def make_player_clip(folder: Path, path: Path, settings: Settings) -> None:
    """Write player.mp4, the clip as every browser plays it. Raises what transcode() raises."""
    writer = ProgressWriter(folder)
    transcode(
        path,
        folder / PLAYER_FILE,
        settings=settings,
        progress=lambda done, total: writer.write("Converting the clip for the browser", done, total),
    )


def make_slowed_clip(folder: Path, path: Path, factor: float) -> None:
    """Write slowed.mp4, a face clip that lasts `factor` times as long."""
    slowed(path, folder / SLOWED_FILE, factor)


def recompress_clip(folder: Path, path: Path, analysis_path: Path, settings: Settings) -> None:
    """Write recompression.json. Raises what recompress() and read_json() raise."""
    writer = ProgressWriter(folder)
    result = recompress(
        path,
        read_json(analysis_path),
        settings=settings,
        progress=lambda done, total: writer.write("Encoding at three rates", done, total),
    )
    (folder / RECOMPRESSION_FILE).write_text(json.dumps(recompression_to_dict(result)), encoding="utf-8")


def make_demo(folder: Path, demo_folder: Path) -> None:
    """Write the built-in data set into demo_folder."""
    writer = ProgressWriter(folder)
    write_demo(demo_folder, progress=lambda done, total: writer.write("Making the built-in clips", done, total))


def load_detector() -> None:
    """Load the default face detector, which takes a worker some seconds."""
    face_detector(AnalysisConfig().detector)


def load_looks() -> None:
    """Load what looking at single frames needs: this module's imports."""
