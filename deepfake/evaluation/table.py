"""Evaluations as tables of text: the numbers with their intervals, one row per method, one row per clip."""

import math
from collections.abc import Sequence

from deepfake.dataset import ClipEntry
from deepfake.evaluation.measured import Measured
from deepfake.evaluation.metrics import Share, share
from deepfake.files import csv_cell, csv_text
from deepfake.report.wording import named_sentence
from deepfake.words import counted

CLIP_COLUMNS = (
    "settings",
    "fingerprint",
    "path",
    "label",
    "group",
    "split",
    "method",
    "compression",
    "status",
    "probability_fake",
    "called_fake",
    "verdict",
    "reason",
    "error",
)
NOT_KNOWN = "–"
Row = tuple[str, ...]


def clips_csv(evaluations: Sequence[Measured], threshold: float) -> str:
    """Return one row per labeled clip and evaluation, with a header.

    status: analyzed, failed, missing (on disk, not analyzed) or absent (not on disk). called_fake: 1 or 0 at the
    threshold, empty without a probability.
    """
    return csv_text([CLIP_COLUMNS, *(row for measured in evaluations for row in _clip_rows(measured, threshold))])


def numbers_rows(evaluations: Sequence[Measured], threshold: float) -> list[Row]:
    """Return a header and one row per number: what it is, then value, 95% interval and n for each evaluation."""
    return _beside_each_other(evaluations, [_numbers(measured, threshold) for measured in evaluations])


def side_by_side_rows(evaluations: Sequence[Measured], threshold: float) -> list[Row]:
    """Return a header and the numbers to choose between settings by: AUC, wrong verdicts, what is left open."""
    return _beside_each_other(evaluations, [_verdict_numbers(measured, threshold) for measured in evaluations])


def method_rows(measured: Measured, threshold: float) -> list[Row]:
    """Return a header and one row per manipulation method."""
    header = ("method", "fakes", "found", "AUC", "real clips against it", "not decided")
    return [
        header,
        *(
            (
                method.name,
                str(method.n),
                share_text(method.found_at(threshold)),
                number_text(method.auc, method.auc_ci95),
                str(method.n_real),
                str(method.abstained),
            )
            for method in measured.methods
        ),
    ]


def number_text(value: float | None, interval: tuple[float, float] | None) -> str:
    """Return a number with its 95% interval in brackets, or a dash."""
    if value is None or math.isnan(value):
        return NOT_KNOWN
    if interval is None:
        return f"{value:.3f}"
    return f"{value:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"


def share_text(share: Share, interval: tuple[float, float] | None = None) -> str:
    """Return "12 of 40: 30% (17% to 47%)", with the share's own interval unless one is given, or a dash."""
    if share.rate is None:
        return NOT_KNOWN
    known = interval or share.ci95
    spread = "" if known is None else f" ({known[0]:.0%} to {known[1]:.0%})"
    return f"{share.count} of {share.n}: {share.rate:.0%}{spread}"


def _beside_each_other(evaluations: Sequence[Measured], columns: Sequence[list[tuple[str, str]]]) -> list[Row]:
    """columns: what each number is and its value, in one order for every evaluation."""
    rows = ((row[0][0], *(value for _, value in row)) for row in zip(*columns, strict=True))
    return [("", *(measured.name for measured in evaluations)), *rows]


def _verdict_numbers(measured: Measured, threshold: float) -> list[tuple[str, str]]:
    found, analyzed = measured.evaluation, measured.stored.n_analyzed
    accuracy = share_text(measured.confusion_at(threshold).accuracy, measured.accuracy_ci95_at(threshold))
    return [
        ("AUC", number_text(found.auc, found.auc_ci95)),
        ("false alarms: real clips called likely fake", share_text(found.false_alarms)),
        ("misses: fakes with no signs found", share_text(found.missed)),
        ("left open", share_text(share(found.abstained, analyzed))),
        ("log loss", number_text(found.log_loss, found.log_loss_ci95)),
        (f"accuracy at P(fake) ≥ {threshold:.2f}", accuracy),
    ]


def _numbers(measured: Measured, threshold: float) -> list[tuple[str, str]]:
    found, stored, at = measured.evaluation, measured.stored, measured.confusion_at(threshold)
    precision = measured.precision_recall
    return [
        ("labeled clips", str(stored.n_labeled)),
        ("analyzed", str(stored.n_analyzed)),
        ("failed", str(len(found.failed))),
        ("with a P(fake)", f"{found.n_scored} in {counted(found.n_groups, 'group')}"),
        ("AUC", number_text(found.auc, found.auc_ci95)),
        ("average precision", NOT_KNOWN if precision is None else f"{precision.average_precision:.3f}"),
        ("log loss", number_text(found.log_loss, found.log_loss_ci95)),
        ("log loss of always answering the share of fakes", number_text(found.log_loss_base_rate, None)),
        ("calibration error", number_text(found.calibration_error, None)),
        (f"accuracy at P(fake) ≥ {threshold:.2f}", share_text(at.accuracy, measured.accuracy_ci95_at(threshold))),
        ("fakes found there", share_text(at.found_rate)),
        ("false alarms there", share_text(at.false_alarm_rate)),
        ("precision there", share_text(at.precision)),
        ("decided (likely fake, or no signs of a fake)", f"{found.accuracy_decided.n} of {stored.n_analyzed} analyzed"),
        ("right among the decided", share_text(found.accuracy_decided)),
        ("real clips called likely fake", share_text(found.false_alarms)),
        ("fakes with no signs found", share_text(found.missed)),
    ]


def _clip_rows(measured: Measured, threshold: float) -> list[Row]:
    stored = measured.stored
    front = (measured.name, stored.fingerprint)
    rows: list[Row] = []
    for result in stored.results:
        score = result.probability_fake
        called = "" if score is None else str(int(score >= threshold))
        answer = (
            "" if score is None else repr(float(score)),
            called,
            result.verdict or "",
            "" if result.reason is None else csv_cell(named_sentence(result.reason)),
        )
        status = "analyzed" if result.error is None else "failed"
        rows.append(
            (*front, *_label_cells(result.clip), status, *answer, csv_cell(" ".join((result.error or "").split())))
        )
    for status, clips in (("missing", stored.missing), ("absent", stored.absent)):
        rows.extend((*front, *_label_cells(clip), status, *("",) * 5) for clip in clips)
    return rows


def _label_cells(clip: ClipEntry) -> Row:
    fields = (clip.shown, clip.label, clip.group, clip.split, clip.method, clip.compression)
    return tuple(csv_cell(field or "") for field in fields)
