"""Re-compress: on demand, the verdict on the clip as others would have it after sending it on."""

from pathlib import Path

import pandas as pd
import streamlit as st

from deepfake.analysis.recompression import PRESET, RATES_CRF, RateVerdict, Recompression
from deepfake.dashboard.charts import draw_chart
from deepfake.dashboard.on_demand import made_on_demand
from deepfake.dashboard.results import ReadyAnalysis
from deepfake.dashboard.state import PageState, runtime
from deepfake.figures.robustness import recompression_figure
from deepfake.figures.scores import why_no_score
from deepfake.report.card import ANSWER_WORDS, marked_answer, stability_sentence
from deepfake.report.wording import abstention_sentences, person_name, rate_name
from deepfake.serialize import from_bytes
from deepfake.server.results import Request
from deepfake.server.tasks import RECOMPRESSION_FILE, recompress_clip
from deepfake.words import bit_rate_text, probability_text, size_text

WHAT = (
    f"The clip is encoded again with H.264 (x264, preset {PRESET}, same size) at CRF "
    f"{', '.join(map(str, RATES_CRF[:-1]))} and {RATES_CRF[-1]}: about the encoder's usual quality, what a messenger "
    "sends on, and a heavily compressed copy. The same pictures of the same faces are scored again; nothing is kept "
    "of the copies."
)
HOW_TO_READ = (
    "How to read this: from left to right the clip holds less. A circle is no signs of a fake, an open square "
    "inconclusive, a cross likely fake; the whisker is the 95% interval over the choice of frames. A verdict that "
    "holds over all rates does not hang on fine detail that any upload removes. One that changes is a reason to look "
    "for a better copy of the clip, not a reason to believe the last label. The limits are those of the clip as it is: "
    "with several people they move with the scores of all."
)


def draw_recompression(ready: ReadyAnalysis, track_id: int | None, *, page: PageState) -> None:
    """Draw how the verdict stands up to compression; a button starts it, unless it is known already."""
    st.markdown("**What if the clip is re-compressed?**")
    if all(track.probability_fake is None for track in ready.analysis.verdict.tracks):
        st.info(why_no_score(ready.analysis, track_id), icon=":material/search_off:")
        return
    result = _result_when_ready(ready, page)
    if result is not None:
        _draw_result(result, track_id)


def _result_when_ready(ready: ReadyAnalysis, page: PageState) -> Recompression | None:
    request = Request(
        f"{ready.key}-recompressed",
        recompress_clip,
        (ready.clip.path, ready.analysis, runtime().settings),
        source=ready.clip.path,
        name=ready.clip.name,
    )
    return made_on_demand(
        page,
        request,
        _read,
        name="recompress",
        label="Re-compress and score again",
        icon=":material/compress:",
        what=WHAT,
        heading="Re-compressing and scoring again",
    )


def _read(folder: Path) -> Recompression:
    return from_bytes((folder / RECOMPRESSION_FILE).read_bytes(), Recompression)


def _draw_result(result: Recompression, track_id: int | None) -> None:
    holds = result.keeps_label and result.spread is not None
    icon = ":material/verified:" if holds else ":material/warning:"
    (st.success if holds else st.warning)(stability_sentence(result), icon=icon)
    chart, words = st.columns([3, 2], gap="medium")
    with chart:
        figure = recompression_figure(result, track_id)
        draw_chart(figure, key="recompression-chart", alt=figure_text(result), is_whole=True)
    with words:
        st.caption(HOW_TO_READ)
        for sentence in abstentions(result):
            st.caption(f":material/block: {sentence}")
    st.dataframe(recompression_table(result), hide_index=True, width="stretch", key="recompression-table")
    encoded = "" if result.frames_encoded >= 0.9 * result.frames_total else (
        f" Of {result.frames_total} frames {result.frames_encoded} were encoded: those scored, and the second before "
        "each; sizes are estimates from these."
    )  # fmt: skip
    st.caption(f"{WHAT} It took {result.seconds:.1f} s.{encoded}")


def abstentions(result: Recompression) -> list[str]:
    """Return, for each rate at which the quality gate stopped the verdict, why."""
    return [
        f"{rate_name(rate)}: {' '.join(abstention_sentences(rate.clip.abstained))}"
        for rate in result.rates
        if rate.clip.abstained
    ]


def recompression_table(result: Recompression) -> pd.DataFrame:
    """Return one row per rate: bit rate, size, verdict, P(fake) of the clip and, where several are there, of each."""
    several = len(result.rates[0].tracks) > 1
    rows = []
    for rate in result.rates:
        row = {
            "Rate": rate_name(rate),
            "Bit rate": bit_rate_text(rate.bit_rate),
            "Size": size_text(rate.size_bytes),
            "Verdict": marked_answer(rate.clip.answer),
            "P(fake)": _probability(rate.clip),
        }
        people = {person_name(outcome.track_id or 0): _probability(outcome) for outcome in rate.tracks}
        rows.append({**row, **(people if several else {})})
    return pd.DataFrame(rows)


def figure_text(result: Recompression) -> str:
    """Return the figure in words, for those who do not see it."""
    points = "; ".join(
        f"{rate_name(rate)}, {bit_rate_text(rate.bit_rate)}: {_probability(rate.clip)}, "
        f"{ANSWER_WORDS[rate.clip.answer].lower()}"
        for rate in result.rates
    )
    return f"P(fake) of the clip with its interval by rate. {points}"


def _probability(outcome: RateVerdict) -> str:
    return probability_text(outcome.told_probability, outcome.interval)
