"""Evidence: where the classifier looked, the most suspicious moments, and every other signal of the chosen face."""

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from deepfake.analysis.evidence import SCORE
from deepfake.analysis.moments import suspicious_rows
from deepfake.dashboard.analyze.attribution_panel import draw_attribution_clip
from deepfake.dashboard.analyze.spectrum_card import draw_spectrum
from deepfake.dashboard.analyze.tabs import anchor_of
from deepfake.dashboard.grid import in_columns
from deepfake.dashboard.results import ReadyAnalysis
from deepfake.dashboard.selection import set_time, time_chart
from deepfake.dashboard.signal_words import auc_sentence, side_sentence
from deepfake.dashboard.snapshots import scored_crop
from deepfake.dashboard.state import PageState
from deepfake.detectors import classifier
from deepfake.faces.tracking import track_crop_to_frame
from deepfake.figures.scores import signal_figure, why_no_score
from deepfake.report.wording import person_name
from deepfake.signals.base import FaceSignal, SignalInfo, SignalTrace
from deepfake.signals.blink import MIN_MEASURED_S, USUAL_PER_MINUTE, BlinkSignal, BlinkSummary, summarize_blinks
from deepfake.signals.registry import FACE_SIGNALS, real_band, real_values, signal_auc, signal_info
from deepfake.signals.spectrum import SpectrumSignal
from deepfake.words import counted, format_time

MOMENTS_LISTED = 5
HOW_TO_READ = (
    "How to read this: orange with a solid outline is where the picture adds to the score, as fakes do; teal with a "
    "broken outline is where it takes from it. The denser, the more. {attribution} It shows what moved the classifier, "
    "not that something is wrong there."
)
NO_ATTRIBUTION = "This classifier gives a score and does not tell which places of the picture it rests on."


def draw_evidence(ready: ReadyAnalysis, moment_s: float, track_id: int | None, *, page: PageState) -> None:
    """Draw what speaks for and against the chosen person's face."""
    trace = None if track_id is None else ready.analysis.trace(SCORE, track_id)
    if track_id is None or trace is None or not np.isfinite(trace.values).any():
        st.info(why_no_score(ready.analysis, track_id), icon=":material/search_off:")
    else:
        _draw_where(ready, trace, track_id, moment_s)
        _draw_moments(trace, track_id, page)
        track = ready.analysis.track(track_id)
        if track is not None and classifier(ready.analysis.config.classifier).info.attribution:
            draw_attribution_clip(ready, track, moment_s, page=page)
    if track_id is not None:
        _draw_signals(ready, track_id, moment_s, page)


def _draw_where(ready: ReadyAnalysis, trace: SignalTrace, track_id: int, moment_s: float) -> None:
    row = int(np.argmin(np.abs(trace.timestamps_s - moment_s)))
    frame, time_s = int(trace.frame_indices[row]), float(trace.timestamps_s[row])
    track = ready.analysis.track(track_id)
    scorer = classifier(ready.analysis.config.classifier)
    transform = None if track is None else track_crop_to_frame(track, frame, scorer.crop_px)
    st.subheader("Where the classifier looked", anchor=anchor_of(SCORE))
    st.markdown(f"{person_name(track_id)}, frame {frame}, {format_time(time_s)}")
    if transform is None:
        st.info("This picture cannot be cut out of the clip again.", icon=":material/image_not_supported:")
        return
    look = scored_crop(ready.clip, time_s, transform, scorer.name)
    plain, attributed, words = st.columns(3, gap="small")
    chance = f"P(fake) {look.probability_fake:.2f}"
    outlined = " · outlined: what seems to hide a part of it" if look.hidden is not None else ""
    plain.image(
        look.crop if look.hidden is None else look.hidden,
        caption=f"The face as the classifier sees it{outlined}",
        width="stretch",
        alt=f"The face{outlined}",
    )
    if look.attributed is None:
        attributed.markdown(f"{chance} of this picture alone")
    else:
        attributed.image(
            look.attributed, caption=f"Where it looked · {chance} of this picture alone", width="stretch",
            alt="The face with what speaks for fake and for real",
        )  # fmt: skip
    with words:
        if abs(time_s - moment_s) > 1e-6:
            st.caption(
                f"Up to {scorer.sampling.most} pictures of a person are scored; this is the nearest to the moment "
                f"{format_time(moment_s)}."
            )
        known = scorer.info.attribution
        st.caption(HOW_TO_READ.format(attribution=known) if known else NO_ATTRIBUTION)


def _draw_moments(trace: SignalTrace, track_id: int, page: PageState) -> None:
    rows = suspicious_rows(trace, MOMENTS_LISTED)
    above = int(np.sum(trace.values > 0.5))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**Most suspicious moments of {person_name(track_id)}**", width="content")
        for row in rows:
            time_s, frame = float(trace.timestamps_s[row]), int(trace.frame_indices[row])
            st.button(
                f"{format_time(time_s)} · {trace.values[row]:.2f}",
                key=page.key(f"suspicious-{frame}"),
                help=f"Frame {frame}: P(fake) {trace.values[row]:.2f}",
                on_click=set_time,
                args=(page, time_s),
            )
    if above == 0:
        st.caption("None of the scored pictures looks more fake than real; these are the highest.")


def _draw_signals(ready: ReadyAnalysis, track_id: int, moment_s: float, page: PageState) -> None:
    """Cards of the other signals of this face that were measured; without one, nothing."""
    measured = [
        (trace, info)
        for trace in ready.analysis.traces
        if trace.track_id == track_id and np.isfinite(trace.values).any() and (info := signal_info(trace.signal))
    ]
    if not measured:
        return
    st.markdown("**Other signals of this face.** None of them decides the verdict.")
    spectrum_place = None
    for (trace, info), column in in_columns(measured, 2):
        with column.container(border=True):
            place = _draw_signal(trace, info, moment_s, page)
            spectrum_place = place if info.name == SpectrumSignal.info.name else spectrum_place
    # Last, because the clip has to be read for it: all other cards are there by then.
    if spectrum_place is not None:
        with spectrum_place:
            draw_spectrum(ready, track_id, page=page)


def _draw_signal(trace: SignalTrace, info: SignalInfo, moment_s: float, page: PageState) -> DeltaGenerator:
    """Draw a card; return a place in it below the chart."""
    signal = next(row for row in FACE_SIGNALS if row.info.name == info.name)
    is_median = signal.statistic is FaceSignal.statistic  # else it has a unit of its own, which the chart has not
    statistic = float(signal().statistic(trace))
    value = statistic if np.isfinite(statistic) else None
    st.subheader(info.title, anchor=anchor_of(info.name))
    time_chart(
        page,
        signal_figure(
            trace,
            title="Over time",
            unit=info.axis,
            moment_s=moment_s,
            real=real_band(info.name) if is_median else None,
            value=value if is_median else None,
        ),
        key=page.key(f"signal-{info.name}"),
        alt=f"{info.title} over time",
    )
    place = st.container()
    st.markdown(band_sentence(info.name, value, info.unit if is_median else signal.statistic_unit))
    st.markdown(f"{info.measures} {side_sentence(info, signal_auc(info.name))}")
    if info.name == BlinkSignal.info.name:
        st.markdown(blink_sentence(summarize_blinks(trace)))
    st.caption(f":material/straighten: {auc_sentence(info, signal_auc(info.name))}")
    papers = "".join(f" · [{citation}]({address})" for citation, address in info.papers)
    st.caption(f":material/warning: When it misleads: {info.misleads}{papers}")
    return place


def band_sentence(name: str, value: float | None, unit: str) -> str:
    """Return where this clip lies beside real ones."""
    band = real_band(name)
    if band is None:
        return "How real clips measure here is not known."
    between = f"{band[0]:.3g} to {band[1]:.3g} {unit}".strip()
    real = f"9 in 10 of {len(real_values(name))} real clips: {between}."
    return (
        f"**This clip: {f'{value:.3g} {unit}'.strip()}.** {real}"
        if value is not None
        else f"This clip is too short for that. {real}"
    )


def blink_sentence(summary: BlinkSummary) -> str:
    """Return how many blinks were found and how their rate compares with people's."""
    count = len(summary.blinks)
    blinks = counted(count, "blink")
    times = ", ".join(format_time(blink.lowest_s) for blink in summary.blinks[:MOMENTS_LISTED])
    found = f"{blinks} in {summary.measured_s:.1f} s" + (
        f" (at {times}{' …' if count > MOMENTS_LISTED else ''})" if count else ""
    )
    if summary.rate == "too short":
        return f"{found}: too short to tell a rate, at least {MIN_MEASURED_S:g} s are needed."
    low, high = USUAL_PER_MINUTE
    return (
        f"{found}: {summary.per_minute:.0f} per minute [{summary.interval95[0]:.0f}, {summary.interval95[1]:.0f}]; "
        f"people usually blink {low:.0f} to {high:.0f} times per minute, so this is {summary.rate}."
    )
