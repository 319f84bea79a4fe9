"""File: what the clip is, how it was analyzed, and the results to take away."""

import dataclasses
from collections.abc import Callable
from functools import partial

import pandas as pd
import streamlit as st

from deepfake.analysis.model import Analysis
from deepfake.dashboard.downloads import draw_download, readers_paper, stem_of
from deepfake.dashboard.results import ReadyAnalysis
from deepfake.dashboard.text import plain
from deepfake.detectors import classifier_title, quality_limits
from deepfake.faces.detection import face_detector_title
from deepfake.report import EXPORTS, ExportOptions
from deepfake.report.file_wording import adjustment_sentence
from deepfake.video.info import VideoInfo
from deepfake.words import counted, format_time

STAGES = {
    "models": "Loading the models",
    "decode": "Decoding",
    "faces": "Finding and following faces",
    "crops": "Cutting out faces",
    "signals": "Face signals",
    "scoring": "Scoring by the classifier",
    "similarity_wait": "Waiting for the frames' similarity",
    "total": "In all",
}
SETTINGS = {
    "face_detector": "Face detector",
    "classifier": "Classifier",
    "search_every_s": "Whole frame searched every",
    "resume_within_s": "A lost face is found again within",
    "min_track_s": "Shortest time that a person is kept for",
    "quick": "Quick look",
}
TITLES = {"face_detector": face_detector_title, "classifier": classifier_title}


def draw_file(ready: ReadyAnalysis) -> None:
    """Draw the clip's properties, warnings and timings."""
    analysis = ready.analysis
    clip, run = st.columns(2, gap="large")
    with clip:
        if analysis.video.adjustments:
            st.markdown("**Changed on reading**")
            st.markdown("\n".join(f"- {plain(adjustment_sentence(item))}" for item in analysis.video.adjustments))
        st.markdown("**The clip**")
        st.table(_properties(analysis), border="horizontal", hide_header=True)
        st.caption("SHA-256 of the file")
        st.code(analysis.video.sha256, language=None, wrap_lines=True)
    with run:
        st.markdown("**The analysis**")
        st.table(_run(analysis), border="horizontal", hide_header=True)
        st.markdown("**Seconds by stage**")
        seconds = {STAGES.get(stage, stage): f"{value:.2f} s" for stage, value in analysis.timings_s.items()}
        st.table(_rows(seconds), border="horizontal", hide_header=True)


def draw_export(ready: ReadyAnalysis, draw_first: Callable[[ReadyAnalysis], None] = lambda _: None) -> None:
    """Draw the downloads and one line about the clip. draw_first: what stands before them."""
    analysis, stem = ready.analysis, stem_of(ready.clip.name)
    options = ExportOptions(shown_path=ready.clip.name, moments=ready.moments_at_hand, paper=readers_paper())
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        draw_first(ready)
        for export in EXPORTS:
            make = partial(export.make, analysis, options)
            draw_download(export.title, make, f"{stem}.{export.kind}", key=f"export-{export.kind}")
        st.caption(clip_line(analysis))


def clip_line(analysis: Analysis) -> str:
    """Return the clip in one line: size, rate, length, codec, hash."""
    video = analysis.video
    return (
        f"{video.width}×{video.height} px · {float(video.frame_rate):.2f} frames/s · {analysis.length_s:.1f} s · "
        f"{counted(len(analysis.frame_timestamps_s), 'frame')} · {video.codec} · SHA-256 {video.sha256[:12]}…"
    )


def _properties(analysis: Analysis) -> pd.DataFrame:
    video, count = analysis.video, len(analysis.frame_timestamps_s)
    claimed = "" if video.frame_count in (None, count) else f" (the header says {video.frame_count})"
    return _rows(
        {
            "Name": str(video.path),
            "Size": f"{video.width}×{video.height} px",
            "Frame rate": f"{float(video.frame_rate):.3f} frames/s" + (", variable" * video.variable_frame_rate),
            "Frames": f"{count}{claimed}",
            "Last frame at": format_time(float(analysis.frame_timestamps_s[-1])),
            "Codec": f"{video.codec}, {video.pixel_format}",
            "Container": video.container,
            "Bit rate": _bit_rate(video, quality_limits(analysis.config.classifier).min_bits_per_pixel),
            "Sound": "yes" if video.has_audio else "no",
            "Scene cuts": str(len(analysis.cuts)),
        }
    )


def _bit_rate(video: VideoInfo, needed: float) -> str:
    if video.bit_rate is None or video.bits_per_pixel is None:
        return "unknown"
    limit = f"the verdict needs at least {needed:g}"
    return f"{video.bit_rate / 1000:.0f} kbit/s, {video.bits_per_pixel:.2g} bits per pixel of each frame ({limit})"


def _run(analysis: Analysis) -> pd.DataFrame:
    settings = {SETTINGS[name]: _setting(name, value) for name, value in dataclasses.asdict(analysis.config).items()}
    ran_on = {"Classifier ran on": analysis.device} if analysis.device else {}
    return _rows({"Software": f"deepfake {analysis.software_version}", **settings, **ran_on})


def _setting(name: str, value: object) -> str:
    if name in TITLES:
        return TITLES[name](str(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value} s" if name.endswith("_s") else str(value)


def _rows(values: dict[str, str]) -> pd.DataFrame:
    return pd.DataFrame({"what": list(map(plain, values)), "value": list(map(plain, values.values()))})
