"""Results as a reader of a terminal wants them: a few lines, the answer first."""

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from deepfake.analysis.model import Analysis
from deepfake.cli.terminal import printable
from deepfake.comparison.compare import Comparison
from deepfake.comparison.pair_wording import (
    FINDING_TITLES,
    alignment_sentences,
    finding_sentence,
    pair_sentence,
    pair_warnings,
)
from deepfake.comparison.report import moment_rows
from deepfake.files import SPELLED
from deepfake.report.card import marked_answer
from deepfake.report.document import Document
from deepfake.report.file_wording import adjustment_sentence, declared_sentences
from deepfake.report.table import people_table
from deepfake.report.wording import CAUTION, notes_of, reason_sentences, rule_sentence
from deepfake.video.info import VideoInfo
from deepfake.words import counted, score_text

VERDICT_STYLES = {"LIKELY_REAL": "bold cyan", "INCONCLUSIVE": "bold", "LIKELY_FAKE": "bold red"}
PIPE_WIDTH = 120  # columns, where the output is no terminal
MAX_NAMES = 10  # of missing clips, one by one


def console() -> Console:
    """Return the console on standard output. Names of files are shown as they are, never taken for markup."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors=SPELLED)
    return _Console(markup=False, highlight=False, emoji=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)


class _Console(Console):
    """Obeys no control character of what it prints, such as those of a file's name."""

    def print(self, *objects: Any, **options: Any) -> None:
        super().print(*(printable(item) if isinstance(item, str) else item for item in objects), **options)


def print_analysis(analysis: Analysis, written: Iterable[str]) -> None:
    """Print what the file declares, verdict, reasons, people, warnings and the files written."""
    out = console()
    declared = declared_sentences(analysis.video)
    for sentence in declared:
        out.print(sentence, style="bold", soft_wrap=True)
    _print_clip(out, analysis)
    out.print(CAUTION, style="dim")
    if analysis.tracks:
        out.print()
        header, *rows = people_table(analysis)
        out.print(_table(header, rows))
    _print_ends(out, [note for note in notes_of(analysis) if note not in declared], written)


def print_comparison(comparison: Comparison, written: Iterable[str]) -> None:
    """Print whether the clips belong together, how they were aligned, both verdicts and where they differ most."""
    out = console()
    finding = comparison.finding
    out.print(FINDING_TITLES[finding.code], style="bold")
    for sentence in filter(None, (finding_sentence(finding), pair_sentence(comparison.pair))):
        out.print(sentence, soft_wrap=True)
    for note in alignment_sentences(comparison):
        out.print(f"  · {note}", soft_wrap=True)
    for name, analysis in (("A", comparison.fake), ("B", comparison.original)):
        out.print()
        out.print(f"{name}:", style="dim")
        _print_clip(out, analysis)
    if comparison.moments:
        out.print()
        out.print("Moments of greatest difference (similarity of A to B, 1 = identical)")
        header, *rows = moment_rows(comparison)
        out.print(_table(header, rows))
    _print_ends(out, pair_warnings(comparison), written)


def print_case(document: Document, written: Iterable[str]) -> None:
    """Print the report of a case: its name and notes, and a table of answers."""
    out = console()
    about, answers, *_ = document.sections
    out.print(document.title, style="bold", soft_wrap=True)
    for paragraph in about.text:
        out.print(paragraph, soft_wrap=True)
    for name, value in about.rows[1:]:
        out.print(f"{name}: {value}", soft_wrap=True)
    if len(answers.rows) > 1:
        out.print()
        header, *rows = answers.rows
        out.print(_table(header, rows))
    _print_ends(out, (), written)


def print_dataset(summary: dict[str, Any], written: Iterable[str]) -> None:
    """Print the counts of a data set: summary as dataset.summary_json has it."""
    out = console()
    originals = summary["originals"]
    out.print(f"{summary['root']} ({summary['layout']})", style="bold", soft_wrap=True)
    out.print(f"{counted(summary['clips'], 'clip')}: {summary['on_disk']} on disk, {summary['missing']} missing")
    out.print(
        f"{counted(originals['named'], 'original')} named: {originals['present']} on disk, "
        f"{originals['missing']} missing"
    )
    labels = list(summary["by_label"])
    rows = [
        (split, *(str(of_split.get(label, 0)) for label in labels), str(sum(of_split.values())))
        for split, of_split in summary["labels_by_split"].items()
    ]
    rows.append(("all", *(str(count) for count in summary["by_label"].values()), str(summary["clips"])))
    out.print()
    out.print(_table(("split", *labels, "clips"), rows))
    _print_names(out, "Missing clips", summary["missing_clips"])
    _print_names(out, "Missing originals", originals["missing_names"])
    _print_ends(out, summary["warnings"], written)


def _print_clip(out: Console, analysis: Analysis) -> None:
    verdict = analysis.verdict
    out.print(_clip_line(analysis), soft_wrap=True)
    if analysis.video.adjustments:
        out.print(_adjustments_line(analysis.video), style="dim", soft_wrap=True)
    answer = (marked_answer(verdict.answer), score_text(verdict.told_probability))
    out.print(Text(", ".join(filter(None, answer)), style=VERDICT_STYLES[verdict.label]))
    for reason in reason_sentences(verdict):
        out.print(f"  · {reason}", soft_wrap=True)
    rule = analysis.notebook_rule
    if rule.label is not None:
        out.print(f"  The notebook's rule, a heuristic, {rule_sentence(rule)}.", style="dim", soft_wrap=True)


def _adjustments_line(video: VideoInfo) -> str:
    return "  Changed on reading: " + "; ".join(map(adjustment_sentence, video.adjustments))


def _clip_line(analysis: Analysis) -> str:
    video = analysis.video
    parts = [
        " ".join(str(video.path).split()),
        f"{video.width}×{video.height}",
        f"{float(video.frame_rate):.2f} frames/s",
        f"{analysis.length_s:.1f} s",
        counted(len(analysis.frame_timestamps_s), "frame"),
        video.codec,
        f"sha256 {video.sha256[:12]}…",
    ]
    return ", ".join(parts)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(*header, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*map(printable, row))
    return table


def _print_names(out: Console, title: str, names: Sequence[str]) -> None:
    if not names:
        return
    rest = f", and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    out.print(f"{title}: {', '.join(names[:MAX_NAMES])}{rest}", soft_wrap=True)


def _print_ends(out: Console, warnings: Iterable[str], written: Iterable[str]) -> None:
    for warning in warnings:
        out.print(f"Warning: {warning}", soft_wrap=True)
    for name in written:
        out.print(f"Wrote {name}", soft_wrap=True)
