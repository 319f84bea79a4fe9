"""An evaluation as one page of HTML that needs nothing else: numbers, charts, and what they do not tell."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from deepfake import __version__
from deepfake.evaluation.bootstrap import BOOTSTRAP_DRAWS
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
from deepfake.evaluation.scored import AucDifference
from deepfake.evaluation.table import method_rows, numbers_rows
from deepfake.report.html import render

SHOWN_ERRORS = 50
CHART_INK = "#1b1f24"


def evaluation_html(
    title: str,
    evaluations: Sequence[Measured],
    threshold: float,
    *,
    difference: AucDifference | None = None,
) -> str:
    """Return a page with everything that was measured, for one setting or two side by side.

    It loads nothing from the network: the chart library is in it, which makes it about 5 MB. title: the data set's.
    difference: of the first evaluation's AUC to the second's.
    """
    return render(
        "evaluation.html",
        title=f"Evaluation of {title}",
        plotly=get_plotlyjs(),
        summary=" ".join(map(coverage_sentence, evaluations)),
        draws=BOOTSTRAP_DRAWS,
        threshold=f"{threshold:.2f}",
        numbers=numbers_rows(evaluations, threshold),
        difference="" if difference is None else difference_sentence(difference, evaluations),
        charts="".join(_chart(figure) for figure in _figures(evaluations, threshold)),
        parts=[_part(measured, threshold) for measured in evaluations],
        made=_made(evaluations),
    )


def coverage_sentence(measured: Measured) -> str:
    """Return how much of the data set the numbers are about, a sentence or two."""
    stored = measured.stored
    parts = [f"{measured.name}: {stored.n_analyzed} of {stored.n_labeled} labeled clips are analyzed"]
    failed = len(measured.evaluation.failed)
    rest = [
        f"{failed} failed" if failed else "",
        f"{len(stored.missing)} still to be analyzed" if stored.missing else "",
        f"{len(stored.absent)} not on disk" if stored.absent else "",
    ]
    parts += [part for part in rest if part]
    left_out = [
        f"{stored.unlabeled} without a label" if stored.unlabeled else "",
        f"{stored.left_out} that the classifier was trained on" if stored.left_out else "",
    ]
    named = " and ".join(part for part in left_out if part)
    return f"{', '.join(parts)}.{f' Left out: {named}.' if named else ''}"


def difference_sentence(difference: AucDifference, evaluations: Sequence[Measured]) -> str:
    """Return how two evaluations compare on the clips that both score, in a sentence."""
    first, second = evaluations[0].name, evaluations[1].name
    spread = ""
    if difference.ci95 is not None:
        low, high = difference.ci95
        spread = f", 95% interval {low:+.3f} to {high:+.3f}"
        spread += ": a difference" if low > 0 or high < 0 else ": no difference can be told"
    return (
        f"On the {difference.n} clips that both score, the AUC is {difference.first:.3f} with {first} and "
        f"{difference.second:.3f} with {second}: {difference.difference:+.3f}{spread}."
    )


def _figures(evaluations: Sequence[Measured], threshold: float) -> list[go.Figure]:
    named = len(evaluations) > 1
    return [
        roc_chart(evaluations, threshold),
        precision_recall_chart(evaluations, threshold),
        *(confusion_chart(measured, threshold, named=named) for measured in evaluations),
        reliability_chart(evaluations),
        *(label_chart(measured, threshold, named=named) for measured in evaluations),
        *(method_chart(measured, threshold, named=named) for measured in evaluations),
    ]


def _chart(figure: go.Figure) -> str:
    figure.update_layout(font={"color": CHART_INK}, template="none", paper_bgcolor="white", plot_bgcolor="white")
    html: str = figure.to_html(
        full_html=False, include_plotlyjs=False, config={"displaylogo": False, "responsive": True}
    )
    return html


def _part(measured: Measured, threshold: float) -> dict[str, Any]:
    """What the page shows of each setting apart; tables begin with their header, and are empty without rows."""
    results, errors = measured.stored.results, measured.errors_at(threshold)
    not_decided = [
        *(("not decided", cause, count) for cause, count in abstention_causes(results)),
        *(("failed", cause, count) for cause, count in failure_causes(results)),
    ]
    worst = [
        (result.clip.shown, result.clip.label, f"{result.probability_fake or 0.0:.3f}", result.verdict or "")
        for result in errors[:SHOWN_ERRORS]
    ]
    return {
        "name": measured.name,
        "caveats": measured.caveats,
        "methods": method_rows(measured, threshold),
        "not_decided": [("", "why", "clips"), *not_decided] if not_decided else [],
        "errors": [("clip", "label", "P(fake)", "verdict"), *worst] if worst else [],
        "n_errors": len(errors),
    }


def _made(evaluations: Sequence[Measured]) -> list[tuple[str, str]]:
    return [
        ("field", "value"),
        *(("settings", f"{measured.name}, fingerprint {measured.stored.fingerprint}") for measured in evaluations),
        ("page written by", f"deepfake workbench {__version__}"),
        ("page written", datetime.now(UTC).isoformat(timespec="seconds")),
    ]
