"""An evaluation as one page of HTML that needs nothing else: numbers, charts, and what they do not tell."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from html import escape
from pathlib import Path
from string import Template

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

SHOWN_ERRORS = 50
CHART_INK = "#1b1f24"


def evaluation_html(
    title: str,
    evaluations: Sequence[Measured],
    threshold: float,
    *,
    difference: AucDifference | None = None,
    written: datetime | None = None,
) -> str:
    """Return a page with everything that was measured, for one setting or two side by side.

    It loads nothing from the network: the chart library is in it, which makes it about 5 MB. title: the data set's.
    difference: of the first evaluation's AUC to the second's. written: the time to name as the page's own, by default
    now.
    """
    heading = escape(f"Evaluation of {title}")
    return _template().substitute(
        title=heading,
        plotly=get_plotlyjs(),
        summary=" ".join(escape(coverage_sentence(measured)) for measured in evaluations),
        draws=BOOTSTRAP_DRAWS,
        threshold=f"{threshold:.2f}",
        numbers=_table(numbers_rows(evaluations, threshold)),
        difference="" if difference is None else f"<p>{escape(difference_sentence(difference, evaluations))}</p>",
        caveats=_each(evaluations, lambda measured: _items(measured.caveats)),
        charts="".join(_chart(figure) for figure in _figures(evaluations, threshold)),
        methods=_each(
            evaluations, lambda measured: f'<div class="wide">{_table(method_rows(measured, threshold))}</div>'
        ),
        coverage=_each(evaluations, _coverage),
        errors=_each(evaluations, lambda measured: _errors(measured, threshold)),
        made=_table(_made(evaluations, written or datetime.now(UTC))),
    )


def coverage_sentence(measured: Measured) -> str:
    """Return how much of the data set the numbers are about, a sentence or two."""
    stored = measured.stored
    parts = [f"{measured.name}: {stored.n_analysed} of {stored.n_labelled} labelled clips are analysed"]
    failed = len(measured.evaluation.failed)
    rest = [
        f"{failed} failed" if failed else "",
        f"{len(stored.missing)} still to be analysed" if stored.missing else "",
        f"{len(stored.absent)} not on disk" if stored.absent else "",
    ]
    parts += [part for part in rest if part]
    left_out = [
        f"{stored.unlabelled} without a label" if stored.unlabelled else "",
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
        spread = f", 95 % interval {low:+.3f} to {high:+.3f}"
        spread += ": a difference" if low > 0 or high < 0 else ": no difference can be told"
    return (
        f"On the {difference.n} clips that both score, the AUC is {difference.first:.3f} with {first} and "
        f"{difference.second:.3f} with {second}: {difference.difference:+.3f}{spread}."
    )


@cache
def _template() -> Template:
    return Template((Path(__file__).parent / "page.html").read_text(encoding="utf-8"))


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


def _coverage(measured: Measured) -> str:
    rows = [
        *(("not judged", cause, count) for cause, count in abstention_causes(measured.stored.results)),
        *(("failed", cause, count) for cause, count in failure_causes(measured.stored.results)),
    ]
    if not rows:
        return "<p>Every clip that was analysed was judged.</p>"
    return _wide([("", "why", "clips"), *rows])


def _errors(measured: Measured, threshold: float) -> str:
    errors = measured.errors_at(threshold)
    if not errors:
        return "<p>None at this threshold.</p>"
    rows = [
        (result.row.path, result.row.label, f"{result.probability_fake or 0.0:.3f}", result.verdict or "")
        for result in errors[:SHOWN_ERRORS]
    ]
    more = f"<p>The worst {SHOWN_ERRORS} of {len(errors)}.</p>" if len(errors) > SHOWN_ERRORS else ""
    return more + _wide([("clip", "label", "P(fake)", "verdict"), *rows])


def _made(evaluations: Sequence[Measured], written: datetime) -> list[tuple[str, str]]:
    return [
        ("field", "value"),
        *(("settings", f"{measured.name}, fingerprint {measured.stored.fingerprint}") for measured in evaluations),
        ("page written by", f"deepfake workbench {__version__}"),
        ("page written", written.isoformat(timespec="seconds")),
    ]


def _each(evaluations: Sequence[Measured], part: Callable[[Measured], str]) -> str:
    if len(evaluations) == 1:
        return part(evaluations[0])
    return "".join(f"<h3>{escape(measured.name)}</h3>{part(measured)}" for measured in evaluations)


def _items(sentences: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(sentence)}</li>' for sentence in sentences)}</ul>"


def _wide(rows: Sequence[Sequence[object]]) -> str:
    return f'<div class="wide">{_table(rows)}</div>'


def _table(rows: Sequence[Sequence[object]]) -> str:
    """A table whose first row is its header. Every cell is escaped."""
    head = "".join(f"<th>{escape(str(cell))}</th>" for cell in rows[0])
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows[1:])
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
