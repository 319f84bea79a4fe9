"""`batch`: many clips into the store."""

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepfake.cli.options import add_analysis_options, add_quick_option, config_of
from deepfake.cli.outputs import check_apart
from deepfake.cli.terminal import complain, printable, tell, warn
from deepfake.errors import DeepfakeError

if TYPE_CHECKING:
    from deepfake.batch import Batch, BatchProgress, BatchResult, BatchSummary
    from deepfake.dataset import ClipEntry

MAX_REASONS = 10  # why clips failed, one by one
LOG_EVERY_S = 10.0  # how often progress is told where standard error is no terminal
DESCRIPTION = """Analyze many clips and keep every analysis in the store, so that nothing is ever analyzed twice:
stopped in any way and run again, it does only what is missing. A clip that cannot be analyzed is a row with its error,
and is tried again only with --retry-failed; one that was over a limit, once the limit is another. The store is a file
in the user's data folder, or the PostgreSQL that DEEPFAKE_DATABASE_URL names. Exit status 0 also when clips failed."""


def add_batch(subparsers: Any) -> None:
    """Add the command to the subparsers of an argparse parser."""
    parser = subparsers.add_parser("batch", help="analyze many clips into the store", description=DESCRIPTION)
    parser.add_argument(
        "inputs",
        metavar="DIR|CSV|FILE|URL",
        nargs="+",
        help="data sets, folders, lists (a CSV with the column path and optionally label), clips; by path, or by a URL "
        "that fsspec reads (s3://, gs://, https://)",
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        help="write one row per clip, .csv or .parquet; a batch that is interrupted leaves a FILE that is "
        "there as it is and writes what it has beside it, to NAME-interrupted",
    )
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="let the workers of this Dask scheduler (tcp://host:port) do it (requirements-cluster.txt)",
    )
    add_work_options(parser, workers=None)
    add_quick_option(
        parser,
        what="first look at a few moments spread over each clip, whatever its length. This provisional verdict stays "
        "where more frames would hardly change it; the other clips are then analyzed in full. The column `look` says "
        "what an answer rests on",
    )
    parser.set_defaults(run=batch, usage_error=parser.error)


def add_work_options(parser: argparse.ArgumentParser, *, workers: int | None) -> None:
    """Add the options of every command that analyses many clips. workers: the default, None for what the machine
    carries."""
    parser.add_argument(
        "--workers",
        metavar="N",
        type=whole_number(least=1),
        default=workers,
        help=f"worker processes on this machine (default: {workers or 'as many as its cores and memory carry'})",
    )
    parser.add_argument(
        "--timeout",
        metavar="S",
        type=_seconds,
        help="stop a clip that takes longer, in seconds (default: job_timeout_s of the settings)",
    )
    parser.add_argument("--retry-failed", action="store_true", help="try clips whose failure was recorded again")
    add_analysis_options(parser)


def whole_number(*, least: int) -> Callable[[str], int]:
    """Return a type of argparse for whole numbers from `least` on."""

    def convert(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} on")
        return number

    return convert


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not number > 0:  # nor is nan
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return number


def batch(options: argparse.Namespace) -> None:
    """Run the command. Raises DeepfakeError for an input, the store or the workers; OSError for --out."""
    if options.scheduler and options.workers:
        options.usage_error("--workers counts processes on this machine; with --scheduler the cluster has its own")
    from deepfake.batch import Batch, check_table, collect_clips

    if options.out is not None:
        check_table(options.out)
    lists: list[str] = []
    clips = collect_clips(options.inputs, warn=warn, read=lists.append)
    if options.out is not None:
        read = [*options.inputs, *lists, *(clip.location for clip in clips)]
        outputs = [("--out", options.out), ("An interrupted batch", interrupted_table(options.out))]
        check_apart(outputs, read, options.usage_error)
    work = Batch(
        clips,
        config=config_of(options),
        workers=options.workers,
        scheduler=options.scheduler,
        timeout_s=options.timeout,
        retry_failed=options.retry_failed,
    )
    results: dict[str, BatchResult] = {}
    try:
        with _display(len(clips)) as show:
            for result in work.run():
                results[result.clip.location] = result
                show(result, work)
    except KeyboardInterrupt:
        _finish(options.out, clips, results, work.summary())
        raise KeyboardInterrupt("interrupted; what is done is kept: run the same command again to go on") from None
    except DeepfakeError:  # the store or the workers are gone
        if results:
            _finish(options.out, clips, results, work.summary())
        raise
    _finish(options.out, clips, results, work.summary())


def interrupted_table(out: Path) -> Path:
    """Return where an interrupted batch writes what it has when there is a table at `out`."""
    return out.with_stem(f"{out.stem}-interrupted")


def _finish(
    out: Path | None, clips: Sequence["ClipEntry"], results: dict[str, "BatchResult"], summary: "BatchSummary"
) -> None:
    """Write the table, in the order of the clips, and say how it went. What an interrupted batch has takes no older
    table's place."""
    from deepfake.batch import write_table
    from deepfake.cli.summaries import console

    say = console()
    for sentence in _summary_lines(summary, results):
        say.print(sentence, soft_wrap=True)
    if out is not None:
        kept = summary.canceled and out.exists()
        place = interrupted_table(out) if kept else out
        write_table(place, [results[clip.location] for clip in clips if clip.location in results])
        say.print(f"Wrote {place}; {out} is as it was" if kept else f"Wrote {place}", soft_wrap=True)


def _summary_lines(summary: "BatchSummary", results: dict[str, "BatchResult"]) -> Iterator[str]:
    from deepfake.words import duration_text

    progress = summary.progress
    rate = "" if progress.clips_per_minute is None else f", {progress.clips_per_minute:.1f} clips per minute"
    yield (
        f"{progress.done} of {progress.total} clips: {progress.analyzed} analyzed, {progress.known} known before, "
        f"{progress.failed} failed; {duration_text(progress.seconds)}{rate}"
    )
    looks = Counter(result.look for result in results.values() if result.look is not None)
    if looks["quick"]:
        yield f"Answers: {looks['quick']} by a quick look, {looks['full']} by the full analysis"
    verdicts = Counter(result.verdict for result in results.values() if result.verdict is not None)
    if verdicts:
        yield "Verdicts: " + ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())
    declared = sum(result.declared is not None for result in results.values())
    if declared:
        yield f"Files that say of themselves that a program made their pictures (column declared): {declared}"
    if summary.reasons:
        yield "Failed because:"
        for reason, count in summary.reasons[:MAX_REASONS]:
            yield f"  {count} × {reason}"
        if len(summary.reasons) > MAX_REASONS:
            yield f"  and {len(summary.reasons) - MAX_REASONS} more reasons"


@contextmanager
def _display(total: int) -> Iterator[Callable[["BatchResult", "Batch"], None]]:
    """Give a function that shows how far the batch is: a bar on a terminal, else a line now and then; and each failure
    as it happens."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.text import Text

    console = Console(stderr=True, markup=False, highlight=False, emoji=False, soft_wrap=True)
    columns = (TextColumn("Analyzing"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rest]}"))
    told_s = time.monotonic()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task("", total=total, rest="")

        def show(result: "BatchResult", work: "Batch") -> None:
            nonlocal told_s
            progress = work.progress()
            bars.update(task, completed=progress.done, rest=_rest(progress))
            if result.status == "failed":
                line = " ".join(f"failed: {result.clip.shown}: {result.error or ''}".split())
                if console.is_terminal:
                    console.print(Text(printable(line)))
                else:
                    complain(line)
            if not console.is_terminal and time.monotonic() - told_s > LOG_EVERY_S:
                told_s = time.monotonic()
                tell(f"{progress.done}/{total} clips, {_rest(progress)}")

        yield show


def _rest(progress: "BatchProgress") -> str:
    from deepfake.words import duration_text

    parts = [f"{progress.failed} failed"] if progress.failed else []
    if progress.clips_per_minute is not None and progress.seconds_left is not None:
        parts += [f"{progress.clips_per_minute:.1f} per minute", f"{duration_text(progress.seconds_left)} left"]
    return ", ".join(parts)
