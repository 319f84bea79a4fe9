"""An evaluation on a page: how much of the set it is about, its numbers, charts, tables and downloads."""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from deepfake.dashboard.charts import draw_chart, draw_how_to_read
from deepfake.dashboard.downloads import draw_download
from deepfake.dashboard.grid import in_columns
from deepfake.dashboard.navigation import DATASET
from deepfake.dashboard.sources import DatasetSource
from deepfake.dashboard.text import plain
from deepfake.evaluation.charts import (
    confusion_chart,
    label_chart,
    method_chart,
    precision_recall_chart,
    reliability_chart,
    roc_chart,
)
from deepfake.evaluation.coverage import abstention_causes, failure_causes
from deepfake.evaluation.measured import Measured
from deepfake.evaluation.page import coverage_sentence, difference_sentence, evaluation_html
from deepfake.evaluation.scored import AucDifference
from deepfake.evaluation.table import NOT_KNOWN, Row, clips_csv, method_rows, numbers_rows, side_by_side_rows
from deepfake.words import counted

BATCH_COMMAND = "python -m deepfake batch DIR"
HOW_TO_READ = {
    "roc": "the nearer the curve comes to the upper left corner, the better; along the dotted line lies guessing. The "
    "large mark is the chosen threshold.",
    "precision": "of what is called fake, how much is (up), and how many of the fakes that finds (right). Precision "
    "falls where fakes are rarer than here.",
    "confusion": "each row is a label; the right answers lie from upper right to lower left.",
    "reliability": "a point on the dotted line means that a P(fake) of 0.7 is right: 70% of such clips are fake. Bars "
    "are 95% intervals that take clips for independent.",
    "label": "the further apart the two kinds lie, the better. The line is the threshold: right of it a clip is called "
    "fake.",
    "method": "a method whose scores lie where the real clips' lie is not recognized. Each row has a scale of its own.",
}


def draw_nothing_yet(source: DatasetSource, labeled: int, on_disk: int) -> None:
    """Say that the store has no analysis of this data set, and how to get them."""
    clips = counted(on_disk, "labeled clip")
    absent = f" {labeled - on_disk} more are named and not on disk." if labeled > on_disk else ""
    st.info(
        f"No clip of this data set has been analyzed yet: {clips} on disk to do.{absent} Start “Analyze this data set” "
        "on the Data set page, or run the command below; what is done shows here at once, also while it runs.",
        icon=":material/hourglass_empty:",
    )
    _batch_link(source)
    st.code(BATCH_COMMAND, language="bash")
    st.caption(
        "DIR is this data set's folder on the computer that has it. Both need the same store and settings. Clips that "
        "were analyzed at another place, or were copied since, are recognized by their content and not analyzed again."
    )


def draw_coverage(source: DatasetSource, evaluations: Sequence[Measured]) -> None:
    """Draw how many clips the numbers are about, and what is still to be done."""
    for measured in evaluations:
        st.markdown(plain(coverage_sentence(measured)))
    if any(measured.stored.missing for measured in evaluations):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption("The numbers below are about the analyzed part only.")
            _batch_link(source)


def draw_numbers(measured: Measured, threshold: float) -> None:
    """Draw AUC, log loss, accuracy and how many were decided, each with its interval and n."""
    found, right = measured.evaluation, measured.evaluation.accuracy_decided
    at, analyzed = measured.confusion_at(threshold), measured.stored.n_analyzed
    known = found.auc is not None
    base = found.log_loss_base_rate
    cards = [
        (
            "AUC",
            _three(found.auc),
            _spread(found.auc_ci95, 3) if known else "needs fakes and real clips",
            f"{counted(found.n_scored, 'clip')} in {counted(found.n_groups, 'group')}" if known else "",
        ),
        (
            "Log loss",
            _three(found.log_loss),
            _spread(found.log_loss_ci95, 3),
            "" if base is None else f"always answering the share of fakes: {base:.3f}",
        ),
        (
            f"Accuracy at {threshold:.2f}",
            NOT_KNOWN if at.accuracy.rate is None else f"{at.accuracy.rate:.0%}",
            _spread(measured.accuracy_ci95_at(threshold), 0),
            f"{at.accuracy.count} of {at.n} clips",
        ),
        (
            "Decided",
            f"{right.n / analyzed:.0%}" if analyzed else NOT_KNOWN,
            f"{right.n} of {analyzed} analyzed clips",
            f"right: {right.count} of these {right.n}" if right.n else "",
        ),
    ]
    for place, card in zip(st.columns(4, gap="small"), cards, strict=True):
        _number(place, *card)


def draw_side_by_side(evaluations: Sequence[Measured], threshold: float, difference: AucDifference | None) -> None:
    """Draw what two settings are worth beside each other, and how they compare on the clips that both score."""
    st.table(_frame(side_by_side_rows(evaluations, threshold)))
    st.caption("In parentheses: 95% intervals. “All numbers” below says how they are made.")
    if difference is not None:
        st.markdown(plain(difference_sentence(difference, evaluations)))
    else:
        st.caption("The clips that both score are not of both labels: the two cannot be compared by AUC.")


def draw_caveats(evaluations: Sequence[Measured]) -> None:
    """Draw what the numbers do not tell."""
    with st.expander("What these numbers do not tell", icon=":material/help:", expanded=True):
        shared = [sentence for sentence in evaluations[0].caveats if all(sentence in m.caveats for m in evaluations)]
        for measured in evaluations:
            own = [sentence for sentence in measured.caveats if sentence not in shared]
            if own:
                st.markdown(f"**{plain(measured.name)}**")
                _draw_sentences(own)
        _draw_sentences(shared)


def draw_curves(evaluations: Sequence[Measured], threshold: float) -> None:
    """Draw ROC, precision and recall, and the counts at the threshold: what moves with it."""
    named = len(evaluations) > 1
    charts = [
        ("roc", roc_chart(evaluations, threshold)),
        ("precision", precision_recall_chart(evaluations, threshold)),
        *(("confusion", confusion_chart(measured, threshold, named=named)) for measured in evaluations),
    ]
    if not named:
        charts.append(("reliability", reliability_chart(evaluations)))
    _draw_in_pairs(charts, "evaluate-curves")


def draw_scores(evaluations: Sequence[Measured], threshold: float) -> None:
    """Draw where the scores lie, by label and by method; for two settings the reliability of both as well."""
    named = len(evaluations) > 1
    charts = [("label", label_chart(measured, threshold, named=named)) for measured in evaluations]
    charts += [("method", method_chart(measured, threshold, named=named)) for measured in evaluations]
    if named:
        charts.append(("reliability", reliability_chart(evaluations)))
    _draw_in_pairs(charts, "evaluate-scores")


def draw_methods(evaluations: Sequence[Measured], threshold: float) -> None:
    """Draw a table of the manipulation methods."""
    for measured in evaluations:
        rows = method_rows(measured, threshold)
        if len(evaluations) > 1:
            st.markdown(f"**{plain(measured.name)}**")
        if len(rows) == 1:
            st.caption("No fake of this set has been analyzed with these settings.")
            continue
        st.table(_frame(rows))
    st.caption(
        f"Found: called fake at P(fake) ≥ {threshold:.2f}, with its exact 95% interval. AUC: against the real "
        "clips of the same compression where there are any, else against all; its interval draws groups, and has no "
        "width where the two do not overlap: with few clips that is no certainty."
    )


def draw_not_decided(evaluations: Sequence[Measured]) -> None:
    """Draw why clips were not decided, and which could not be analyzed."""
    for measured in evaluations:
        if len(evaluations) > 1:
            st.markdown(f"**{plain(measured.name)}**")
        causes = abstention_causes(measured.stored.results)
        failures = failure_causes(measured.stored.results)
        if not causes and not failures:
            st.caption("Every clip that was analyzed was decided.")
            continue
        rows = [*(("not decided", *cause) for cause in causes), *(("failed", *cause) for cause in failures)]
        st.table(_frame([("", "why", "clips"), *((kind, why, str(count)) for kind, why, count in rows)]))
    st.caption("A clip that was not decided may have a P(fake); then it counts in the curves. A failed one never does.")


def draw_all_numbers(evaluations: Sequence[Measured], threshold: float) -> None:
    """Draw every number with its interval."""
    st.table(_frame(numbers_rows(evaluations, threshold)))
    st.caption(
        "95% intervals. Those of AUC, log loss and accuracy draw whole groups of clips (the same people or source); "
        "those of other counts are exact and take clips for independent."
    )


def draw_downloads(
    title: str, evaluations: Sequence[Measured], threshold: float, difference: AucDifference | None
) -> None:
    """Draw the downloads: one row per clip as CSV, and everything as one page."""
    stem = f"evaluation-{title.replace(' ', '-')}"
    with st.container(horizontal=True):
        draw_download(
            "CSV",
            lambda: clips_csv(evaluations, threshold),
            f"{stem}.csv",
            key="evaluate-csv",
            note="One row per labeled clip: P(fake), verdict, reason, error; also the clips still missing.",
        )
        draw_download(
            "Report",
            lambda: evaluation_html(title, evaluations, threshold, difference=difference),
            f"{stem}.html",
            key="evaluate-html",
            note="One page of HTML with all numbers and charts. It needs nothing else; about 5 MB.",
        )


def _draw_sentences(sentences: Sequence[str]) -> None:
    st.markdown("\n".join(f"- {plain(sentence)}" for sentence in sentences))


def _batch_link(source: DatasetSource) -> None:
    st.page_link(
        DATASET,
        label="Analyze this data set",
        icon=":material/play_circle:",
        query_params={"set": source.source_id},
    )


def _number(place: DeltaGenerator, name: str, value: str, spread: str, note: str) -> None:
    with place.container(border=True, height="stretch"):
        st.metric(name, value)
        st.caption("  \n".join(line for line in (spread, note) if line) or "\N{NO-BREAK SPACE}")


def _three(value: float | None) -> str:
    return NOT_KNOWN if value is None else f"{value:.3f}"


def _spread(interval: tuple[float, float] | None, digits: int) -> str:
    if interval is None:
        return "no interval"
    low, high = interval
    return f"95%: {low:.3f} to {high:.3f}" if digits else f"95%: {low:.0%} to {high:.0%}"


def _draw_in_pairs(charts: Sequence[tuple[str, go.Figure]], key: str) -> None:
    for number, ((kind, figure), place) in enumerate(in_columns(charts, 2)):
        with place:
            alt = f"{figure.layout.title.text}. {HOW_TO_READ[kind]}"
            draw_chart(figure, key=f"{key}-{kind}-{number}", alt=alt, is_whole=True)
            draw_how_to_read(figure, HOW_TO_READ[kind])


def _frame(rows: Sequence[Row]) -> pd.DataFrame:
    """A table whose first column names its rows."""
    header, *body = [[plain(cell) for cell in row] for row in rows]
    return pd.DataFrame(body, columns=list(header)).set_index(header[0])
