"""The spectrum of a face against the range of real faces, and what the classifier on it says."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from deepfake.analysis.model import CROP_SIZE_PX
from deepfake.dashboard.charts import draw_chart
from deepfake.dashboard.results import ReadyAnalysis
from deepfake.dashboard.snapshots import face_spectrum
from deepfake.dashboard.state import PageState
from deepfake.faces.tracking import track_crop_to_frame
from deepfake.figures.spectrum import share_inside, spectrum_figure
from deepfake.report.wording import person_name
from deepfake.signals.spectrum import (
    SPECTRUM_BINS,
    SpectrumClassifier,
    SpectrumRange,
    SpectrumSignal,
    real_face_range,
    spectrum_classifier,
)
from deepfake.spread import spread

MAX_FRAMES = 20  # the mean of so many moves little with more; each has to be decoded anew
HOW_TO_READ = (
    "How to read this: left coarse detail, right the finest that the clip can hold; every curve is moved so that the "
    "coarse part lies at 0 dB. Below, the same as the distance from the median of real faces. Generators leave too "
    "much or too little at the right. So do compression, focus and denoising, and they move it further."
)


def draw_spectrum(ready: ReadyAnalysis, track_id: int, *, page: PageState) -> None:
    """Draw the mean spectrum of a face over the range of real faces. Raises DeepfakeError."""
    spectrum = track_spectrum(ready, track_id)
    real = real_face_range()
    draw_chart(
        spectrum_figure(spectrum, real, track_id), key=page.key("spectrum"),
        alt=spectrum_sentence(spectrum, real, spectrum_classifier(), track_id),
    )  # fmt: skip
    st.markdown(spectrum_sentence(spectrum, real, spectrum_classifier(), track_id))
    st.caption(f"{HOW_TO_READ} Real faces: {real.source}.")


def track_spectrum(ready: ReadyAnalysis, track_id: int) -> NDArray[np.float32]:
    """Return the mean power spectrum of a face, f32 (64,), dB, over frames spread evenly over those measured."""
    track, trace = ready.analysis.track(track_id), ready.analysis.trace(SpectrumSignal.info.name, track_id)
    measured = np.flatnonzero(np.isfinite(trace.values)) if trace is not None else np.empty(0, dtype=np.int64)
    if track is None or trace is None or not len(measured):
        return np.full(SPECTRUM_BINS, np.nan, dtype=np.float32)
    rows = measured[spread(len(measured), MAX_FRAMES)]
    frames = trace.frame_indices[rows].tolist()
    transforms = [track_crop_to_frame(track, frame, CROP_SIZE_PX) for frame in frames]
    known = [
        (frame, time_s, transform)
        for frame, time_s, transform in zip(frames, trace.timestamps_s[rows].tolist(), transforms, strict=True)
        if transform is not None
    ]
    indices, times_s, crops_to_frame = zip(*known, strict=True)
    return face_spectrum(ready.clip, indices, times_s, crops_to_frame, CROP_SIZE_PX)


def spectrum_sentence(
    spectrum: NDArray[np.float32], real: SpectrumRange, classifier: SpectrumClassifier, track_id: int
) -> str:
    """Return in words how a spectrum lies to those of real faces and what the classifier says of it, with its worth."""
    share = share_inside(spectrum, real)
    if np.isnan(share):
        return f"The face of {person_name(track_id)} is too small, or cut off, for a spectrum."
    inside = f"At {share:.0%} of the frequencies {person_name(track_id)} lies within the range of real faces."
    probability = classifier.probability_fake(spectrum)
    says = (
        "The classifier on it needs a face at least 128 px wide."
        if np.isnan(probability)
        else f"The classifier of the paper, on the curve alone: P(fake) {probability:.2f}. Do not rely on it (an AUC "
        f"of 0.5 is chance): {classifier.worth}."
    )
    return f"{inside} {says}"
