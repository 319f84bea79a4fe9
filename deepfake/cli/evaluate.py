"""`evaluate`: verdicts against labels."""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepfake.cli.batch import add_work_options, whole_number
from deepfake.cli.commands import STANDARD_OUTPUT, outputs_of
from deepfake.cli.options import add_compare_option, config_of
from deepfake.cli.terminal import tell, warn

if TYPE_CHECKING:
    from deepfake.analysis.model import AnalysisConfig
    from deepfake.batch import Batch, BatchResult
    from deepfake.dataset import ClipEntry

COLUMNS = ("path", "label", "probability_fake", "verdict", "error")
DESCRIPTION = """Analyze labeled clips and measure how well the verdicts agree with the labels. A CSV has the columns
path,label (REAL or FAKE) and optionally group: clips that share a person or a source, drawn together when the interval
of the AUC is computed. Relative paths are relative to the CSV. A folder in a layout that is known has its own labels.
Clips that cannot be analyzed and clips without a probability are listed, and never scored. Every analysis is kept in
the store: stopped and run again, it does only what is missing. The numbers are printed as JSON."""


def add_evaluate(subparsers: Any) -> None:
    """Add the command to the subparsers of an argparse parser."""
    parser = subparsers.add_parser(
        "evaluate", help="measure verdicts against the labels of many clips", description=DESCRIPTION
    )
    parser.add_argument("manifest", metavar="CSV|DIR|URL", help="the labeled clips: a CSV, or a data set's folder")
    parser.add_argument("--json", metavar="FILE", help="write the numbers to this file as well")
    parser.add_argument("--out", metavar="CSV", type=Path, help=f"write one row per clip: {','.join(COLUMNS)}")
    parser.add_argument(
        "--by",
        metavar="COLUMN",
        help="also give false alarms and misses for each value of this column, with exact intervals: group, split, "
        "method, compression, original, or a column of the CSV",
    )
    add_compare_option(parser)
    parser.add_argument(
        "--with-training-clips",
        action="store_true",
        help="count also the clips that the classifier was trained on; without it they are left out of the numbers, "
        "unless no other remains",
    )
    parser.add_argument(
        "--seed", metavar="N", type=whole_number(least=0), default=0, help="of the bootstrap (default 0)"
    )
    add_work_options(parser, workers=1)
    parser.set_defaults(run=evaluate, usage_error=parser.error)


def evaluate(options: argparse.Namespace) -> None:
    """Run the command. Raises DeepfakeError for the clips or the store, OSError where a result cannot be written."""
    if options.out is not None and str(options.out) == STANDARD_OUTPUT:
        options.usage_error("--out needs a file: standard output has the numbers")
    from deepfake.batch import write_table
    from deepfake.evaluation.parts import by_column, check_column
    from deepfake.evaluation.results import result_of
    from deepfake.evaluation.scored import auc_difference, scored_clips
    from deepfake.evaluation.summary import summarize

    lists: list[str] = []
    clips = labeled_clips(options.manifest, read=lists.append)
    outputs_of(options, "out", "json", inputs=[options.manifest, *lists, *(clip.location for clip in clips)])
    if options.by is not None:
        check_column(clips, options.by)  # a wrong name is told before the work
    config = config_of(options)
    other = None if options.compare is None else replace(config, classifier=options.compare)
    if other is not None:
        if other == config:
            options.usage_error(f"--compare needs another classifier than {config.classifier}")
        other.fingerprint()  # reads its weights: better told now than after the first classifier
    in_order = _analyzed(clips, config, options)
    _tell_contradictions(in_order)
    if options.out is not None:
        write_table(options.out, map(_named, in_order), columns=COLUMNS)  # the second classifier may be interrupted
    known = set() if options.with_training_clips else _trained_on(in_order, config, other)
    results = [result_of(result, config.classifier) for result in in_order if result.clip.location not in known]
    numbers = {"left_out": len(known), **asdict(summarize(results, seed=options.seed))}
    if options.by is not None:
        numbers["by"] = {options.by: [asdict(part) for part in by_column(results, options.by)]}
    if other is not None:
        remaining = tuple(result.clip for result in results)
        others = [result_of(result, other.classifier) for result in _analyzed(remaining, other, options)]
        difference = auc_difference(scored_clips(results), scored_clips(others), seed=options.seed)
        numbers["compared"] = {
            "classifier": other.classifier,
            "auc_difference": None if difference is None else asdict(difference),
            "numbers": asdict(summarize(others, seed=options.seed)),
        }
    _write_numbers(numbers, options.json)


def _tell_contradictions(results: list["BatchResult"]) -> None:
    """Tell of clips that are one content and have different labels: one of the labels is wrong, and both count."""
    first: dict[str, BatchResult] = {}
    for result in results:
        if result.sha256 is None:
            continue
        other = first.setdefault(result.sha256, result)
        if other.clip.label != result.clip.label:
            warn(
                f"{other.clip.shown} and {result.clip.shown} are the same clip, labeled {other.clip.label} and "
                f"{result.clip.label}; both count"
            )


def _trained_on(results: list["BatchResult"], config: "AnalysisConfig", other: "AnalysisConfig | None") -> set[str]:
    """Return the locations of the clips that do not count, because a classifier was trained on them, and tell of them;
    none where no clip would remain, as on the page."""
    from deepfake.detectors import training_clips

    names = [item.classifier for item in (config, other) if item is not None]
    known = frozenset[str]().union(*map(training_clips, names))
    found = {result.clip.location for result in results if result.sha256 in known}
    if not found or all(result.sha256 in known for result in results if result.verdict is not None):
        return set()
    who = "the classifier" if other is None else "one of the classifiers"
    warn(
        f"{len(found)} of {len(results)} clips are left out of the numbers: {who} was trained on them. "
        "--with-training-clips counts them"
    )
    return found


def _analyzed(
    clips: tuple["ClipEntry", ...], config: "AnalysisConfig", options: argparse.Namespace
) -> list["BatchResult"]:
    """Analyze what is missing, telling of each clip; return the result of every clip, in their order."""
    from deepfake.batch import Batch

    work = Batch(
        clips,
        config=config,
        workers=options.workers,
        timeout_s=options.timeout,
        retry_failed=options.retry_failed,
    )
    found: dict[str, BatchResult] = {}
    try:
        for result in work.run():
            found[result.clip.location] = result
            _tell(result, work)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("interrupted; what is done is kept: run the same command again to go on") from None
    return [found[clip.location] for clip in clips]


def labeled_clips(named: str, *, read: Callable[[str], None] = lambda _: None) -> tuple["ClipEntry", ...]:
    """Return the clips that have a label, telling of the others. read: as in collect_clips.

    Raises DatasetError where none has.
    """
    from deepfake.batch import collect_clips
    from deepfake.errors import DatasetError

    clips = collect_clips([named], warn=warn, read=read)
    labeled = tuple(clip for clip in clips if clip.label is not None)
    if not labeled:
        raise DatasetError(
            named, f"none of its {len(clips)} clips has a label; a CSV names it in the column label (REAL or FAKE)"
        )
    if len(labeled) < len(clips):
        warn(f"{named}: {len(clips) - len(labeled)} of {len(clips)} clips have no label, and are left out")
    return labeled


def _write_numbers(numbers: dict[str, Any], name: str | None) -> None:
    from deepfake.files import readable
    from deepfake.report.files import write_text

    text = readable(json.dumps(numbers, indent=2, ensure_ascii=False, allow_nan=False)) + "\n"
    if name is not None and name != STANDARD_OUTPUT:
        write_text(name, text)
    sys.stdout.write(text)


def _named(result: "BatchResult") -> "BatchResult":
    """Return a result whose error begins with the clip's name, as this command's table has it."""
    return result if result.error is None else replace(result, error=f"{result.clip.shown}: {result.error}")


def _tell(result: "BatchResult", work: "Batch") -> None:
    """Say what was found and how far it is, one line per clip on standard error; nothing of what was known before."""
    progress = work.progress()
    if result.status == "known":
        return
    left_s = progress.seconds_left or 0.0
    left = f", {left_s / 60:.0f} min left" if left_s >= 60 else ""
    tell(f"[{progress.done}/{progress.total}{left}] {result.clip.shown}: {_in_words(result)}")


def _in_words(result: "BatchResult") -> str:
    if result.error is not None:
        again = ", before; --retry-failed tries again" if result.status == "failed_before" else ""
        return f"failed{again}: {' '.join(result.error.split())}"
    if result.probability_fake is None:
        from deepfake.report.wording import named_sentence

        reason = "" if result.reason is None else f": {named_sentence(result.reason)}"
        return f"{result.verdict}, without a probability{reason}"
    return f"{result.verdict}, P(fake) {result.probability_fake:.2f} ({result.clip.label})"
