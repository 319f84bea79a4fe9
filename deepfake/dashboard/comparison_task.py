"""What workers run to compare two clips."""

from pathlib import Path

import plotly.graph_objects as go

from deepfake.comparison import ComparisonProgress, Fit, PairClips, compare, comparison_to_dict, difference_view
from deepfake.dashboard.progress import ProgressWriter
from deepfake.report import json_text, read_json
from deepfake.settings import Settings
from deepfake.video.reader import probe

COMPARISON_FILE = "comparison.json"


def compare_clips(
    folder: Path, fake_path: Path, original_path: Path, fake_json: Path, original_json: Path, settings: Settings
) -> None:
    """Write comparison.json, without the analyses, and for each compared track pair-<track_id>.mp4.

    fake_json, original_json: both analyses as write_json wrote them. Raises what compare() raises.
    """
    writer = ProgressWriter(folder)

    def report(progress: ComparisonProgress) -> None:
        writer.write("Comparing moment by moment", progress.frames_done, progress.frames_total)

    with PairClips(folder, probe(fake_path, settings).frame_rate) as clips:
        comparison = compare(
            fake_path,
            original_path,
            settings=settings,
            progress=report,
            fake_analysis=read_json(fake_json),
            original_analysis=read_json(original_json),
            on_faces=clips,
        )
    (folder / COMPARISON_FILE).write_text(json_text(comparison_to_dict(comparison, with_analyses=False)), "utf-8")


def view_difference(
    fake_path: Path, original_path: Path, fake_s: float, original_s: float, fit: Fit, title: str
) -> go.Figure | None:
    """Return comparison.difference_view: a function of arguments by position, as the pool of workers calls it."""
    return difference_view(fake_path, original_path, fake_s, original_s, fit, title=title)
