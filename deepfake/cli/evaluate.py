"""`evaluate`: verdicts against labels."""

import argparse
import csv
import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from deepfake.cli.options import add_analysis_options, config_of

if TYPE_CHECKING:
    from deepfake.analysis.verdict import VerdictLabel
    from deepfake.evaluation import ClipResult, ManifestRow

COLUMNS = ("path", "label", "probability_fake", "verdict", "error")
STANDARD_OUTPUT = "-"
DESCRIPTION = """Analyse labelled clips and measure how well the verdicts agree with the labels. MANIFEST.csv has the
columns path,label (REAL or FAKE) and optionally group: clips that share a person or a source, drawn together when the
interval of the AUC is computed. Relative paths are relative to the CSV. Clips that cannot be analysed and clips without
a probability are listed, and never scored. The numbers are printed as JSON."""


def add_evaluate(subparsers: Any) -> None:
    """Add the command to the subparsers of an argparse parser."""
    parser = subparsers.add_parser(
        "evaluate", help="measure verdicts against the labels of many clips", description=DESCRIPTION
    )
    parser.add_argument("manifest", metavar="MANIFEST.csv", type=Path, help="the labelled clips")
    parser.add_argument("--json", metavar="FILE", help="write the numbers to this file as well")
    parser.add_argument(
        "--out", metavar="CSV", type=Path, help=f"write a row a clip, as they are done: {','.join(COLUMNS)}"
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="keep the rows of --out that have a probability and analyse the others only; for the same version, "
        "settings and labels",
    )
    parser.add_argument("--workers", metavar="N", type=_positive, default=1, help="worker processes (default 1)")
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="of the bootstrap (default 0)")
    add_analysis_options(parser)
    parser.set_defaults(run=evaluate, usage_error=parser.error)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def evaluate(options: argparse.Namespace) -> None:
    """Run the command. Raises DeepfakeError for the manifest, OSError where a result cannot be written."""
    if options.resume and options.out is None:
        options.usage_error("--resume needs --out: the file to go on with")
    if options.out is not None and str(options.out) == STANDARD_OUTPUT:
        options.usage_error("--out needs a file: standard output has the numbers")
    from deepfake.evaluation import evaluate_clips, read_manifest, summarize
    from deepfake.settings import load_settings
    from deepfake.store import analyze_kept

    rows = read_manifest(options.manifest)
    settings = load_settings()
    _check_writable(options.json)
    results = _kept_results(options.out, rows) if options.resume else {}
    missing = [row for row in rows if row.path not in results]
    found = evaluate_clips(
        missing,
        config=config_of(options),
        analyze=analyze_kept,
        workers=options.workers,
        timeout_s=settings.job_timeout_s,
    )
    with _table(options.out, list(results.values())) as table:
        for result in _with_progress(found, len(missing), len(rows)):
            results[result.row.path] = result
            table(result)
    in_order = [results[row.path] for row in rows]
    if options.out is not None:
        _write_table(options.out, in_order)
    _write_numbers(summarize(in_order, seed=options.seed).to_dict(), options.json)


def _check_writable(name: str | None) -> None:
    """Raise OSError before hours of work, not after them."""
    if name is not None and name != STANDARD_OUTPUT:
        with Path(name).open("a", encoding="utf-8"):
            pass


def _write_numbers(numbers: dict[str, Any], name: str | None) -> None:
    from deepfake.report.files import write_text

    text = json.dumps(numbers, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    if name is not None and name != STANDARD_OUTPUT:
        write_text(name, text)
    sys.stdout.write(text)


@contextmanager
def _table(path: Path | None, kept: Sequence["ClipResult"]) -> Iterator[Any]:
    """Give a function that adds a row to the file: whoever stops the run keeps what is done. Starts with `kept`."""
    if path is None:
        yield lambda result: None
        return
    _write_table(path, kept)
    with path.open("a", encoding="utf-8", newline="") as file:

        def add(result: "ClipResult") -> None:
            _write_rows(file, [result])
            file.flush()

        yield add


def _write_table(path: Path, results: Sequence["ClipResult"]) -> None:
    from deepfake.report.files import write_text

    text = StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerow(COLUMNS)
    _write_rows(text, results)
    write_text(path, text.getvalue())


def _write_rows(file: TextIO, results: Sequence["ClipResult"]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    for result in results:
        probability = "" if result.probability_fake is None else repr(float(result.probability_fake))
        writer.writerow((result.row.path, result.row.label, probability, result.verdict or "", result.failure))


def _kept_results(path: Path, rows: Sequence["ManifestRow"]) -> dict[str, "ClipResult"]:
    """Return the results of an earlier run that have a probability, by path; none where there is no such file.

    Raises DatasetError when the file is not one that this command writes.
    """
    from deepfake.errors import DatasetError
    from deepfake.evaluation import ClipResult

    if not path.exists():
        return {}
    by_path = {row.path: row for row in rows}
    text = path.read_text(encoding="utf-8", errors="replace")
    # A run that was killed may have left half a line.
    whole = text[: text.rfind("\n") + 1]
    lines = list(csv.reader(StringIO(whole)))
    if whole and tuple(lines[0]) != COLUMNS:
        raise DatasetError(
            path, f"its columns are not {','.join(COLUMNS)}; name the file of an earlier run, or a new one"
        )
    kept = {}
    for line in lines[1:]:
        row = by_path.get(line[0]) if len(line) == len(COLUMNS) else None
        if row is None or not line[2]:
            continue
        try:
            kept[row.path] = ClipResult(row, float(line[2]), cast("VerdictLabel", line[3]))
        except ValueError as error:
            raise DatasetError(path, f"{line[2]!r} is not a probability; remove that line or the file") from error
    return kept


def _with_progress(results: Iterator["ClipResult"], missing: int, total: int) -> Iterator["ClipResult"]:
    """Pass results on and say how far they are, one line a clip on standard error."""
    if missing < total:
        sys.stderr.write(f"{total - missing} of {total} clips were done before\n")
    started = time.monotonic()
    for done, result in enumerate(results, 1):
        left_s = (time.monotonic() - started) / done * (missing - done)
        left = f", {left_s / 60:.0f} min left" if left_s >= 60 else ""
        sys.stderr.write(f"[{done}/{missing}{left}] {result.row.path}: {_in_words(result)}\n")
        sys.stderr.flush()
        yield result


def _in_words(result: "ClipResult") -> str:
    if result.error is not None:
        return f"failed: {' '.join(result.error.split())}"
    if result.probability_fake is None:
        from deepfake.report.wording import named_sentence

        reason = "" if result.reason is None else f": {named_sentence(result.reason)}"
        return f"{result.verdict}, without a probability{reason}"
    return f"{result.verdict}, P(fake) {result.probability_fake:.2f} ({result.row.label})"
