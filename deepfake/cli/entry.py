"""Arguments, and what becomes of errors."""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from deepfake import __version__
from deepfake.cli import INTERRUPTED, commands
from deepfake.cli.app import add_app
from deepfake.cli.batch import add_batch
from deepfake.cli.evaluate import add_evaluate
from deepfake.cli.options import add_analysis_options, add_outputs, add_quick_option
from deepfake.cli.report import add_report
from deepfake.cli.store import add_store
from deepfake.cli.terminal import complain, give_up, printable, quiet_libraries
from deepfake.errors import DeepfakeError, output_problem
from deepfake.report import EXPORTS

EPILOG = (
    "Exit status: 0 done, 1 the input cannot be used or a result cannot be written, 2 wrong usage, 130 interrupted. A "
    "clip judged fake is a result: status 0."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status. arguments: by default those of the process."""
    no_output = sys.stdout is None
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started this program (>&-), who wants none of it
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
    try:
        _run(arguments, no_output=no_output)
    except KeyboardInterrupt as interrupt:
        complain(str(interrupt) or "interrupted")
        return INTERRUPTED
    except BrokenPipeError:  # whoever read standard output has left
        return 1
    except DeepfakeError as error:
        complain(str(error))
        return 1
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}" if error.filename else output_problem(error) or str(error))
        return 1
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:
                give_up(stream)
    return 0


def _run(arguments: Sequence[str] | None, *, no_output: bool) -> None:
    """Do what the arguments ask for. no_output: standard output is closed."""
    parser = _parser()
    try:
        options = parser.parse_args(arguments)
    except SystemExit:  # --help and lists of choices
        sys.stdout.flush()
        raise
    if options.version:
        sys.stdout.write("\n".join(_versions(verbose=options.verbose)) + "\n")
        sys.stdout.flush()
        return
    if not hasattr(options, "run"):
        parser.error("the following arguments are required: COMMAND")
    kinds = {"json", *(export.kind for export in EXPORTS)}
    to_output = [getattr(options, kind, None) for kind in kinds].count(commands.STANDARD_OUTPUT)
    if to_output > 1:
        parser.error("standard output (-) can take one result only; name a file for the others")
    if to_output and no_output:
        parser.error("standard output is closed; name a file for the result")
    with _interruptible(), quiet_libraries(verbose=options.verbose):
        options.run(options)
        sys.stdout.flush()


class _Interrupt(KeyboardInterrupt):
    """Ctrl-C, or SIGTERM, with which services and clusters end what they run.

    After a bare KeyboardInterrupt in code that exec() runs, as it does where modules with dataclasses are loaded,
    Python ends with a status of its own, not with main's, even where the interrupt was caught.
    """


@contextmanager
def _interruptible() -> Iterator[None]:
    """Have Ctrl-C and SIGTERM raise _Interrupt, each unless somebody else has a say in it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    usual: dict[signal.Signals, Any] = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    ours = [number for number, handler in usual.items() if signal.getsignal(number) is handler]

    was_interrupted = False

    def interrupt(*_: object) -> NoReturn:
        nonlocal was_interrupted
        was_interrupted = True
        raise _Interrupt

    for number in ours:
        signal.signal(number, interrupt)
    try:
        yield
    except Exception as error:
        # A library that was being loaded makes an error of its own of it; what is raised here since is told.
        if was_interrupted and not isinstance(error, DeepfakeError | OSError):
            raise _Interrupt from error
        raise
    finally:
        for number in ours:
            signal.signal(number, usual[number])


def _versions(*, verbose: bool) -> list[str]:
    lines = [f"deepfake workbench {__version__}"]
    if verbose:
        from deepfake.detectors import CLASSIFIERS, classifier
        from deepfake.report.document import installed_libraries

        lines += [f"{c.name} runs on {c.device}" for c in map(classifier, CLASSIFIERS) if c.device]
        lines += installed_libraries()
    return lines


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """End with what is wrong in a line, as complain writes it: arguments may be names of files."""
        super().error(printable(" ".join(message.split())))


def _parser() -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = _Parser(
        prog="deepfake",
        description="Evidence and a verdict on whether a video clip was manipulated.",
        epilog=EPILOG,
    )
    parser.add_argument(
        "--version", action="store_true", help="show the version and end; with -v, the libraries and what they run on"
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="show log messages, those of libraries as well")
    subparsers = parser.add_subparsers(metavar="COMMAND")
    _add_demo(subparsers)
    _add_analyze(subparsers)
    _add_compare(subparsers)
    _add_dataset(subparsers)
    add_batch(subparsers)
    add_evaluate(subparsers)
    add_report(subparsers)
    add_store(subparsers)
    add_app(subparsers)
    return parser


_Subparsers = argparse._SubParsersAction  # argparse has no public name for it


def _add_demo(subparsers: "_Subparsers[argparse.ArgumentParser]") -> None:
    demo = subparsers.add_parser(
        "demo",
        help="write the built-in data set",
        description="Write the built-in, synthetic data set: a few seconds of an animated portrait, real and faked.",
    )
    demo.add_argument("folder", metavar="DIR", type=Path, help="a new or empty folder")
    demo.set_defaults(run=commands.demo)


def _add_analyze(subparsers: "_Subparsers[argparse.ArgumentParser]") -> None:
    analyze = subparsers.add_parser(
        "analyze",
        help="analyze one clip",
        description="Follow every face of a clip, measure how steady picture and faces are, and give a verdict.",
        epilog=EPILOG,
    )
    analyze.add_argument("clip", metavar="CLIP", type=Path, help="a video file")
    add_outputs(analyze, **{export.kind: export.what for export in EXPORTS})
    analyze.add_argument(
        "--faces", metavar="DIR", type=Path, help="write a clip of every person's face there: face-0.mp4, face-1.mp4, …"
    )
    analyze.add_argument(
        "--recompress",
        action="store_true",
        help="also encode the clip again at three rates and tell how stable the verdict is (in the JSON as well)",
    )
    add_quick_option(analyze)
    add_analysis_options(analyze)
    analyze.set_defaults(run=commands.analyze, usage_error=analyze.error)


def _add_compare(subparsers: "_Subparsers[argparse.ArgumentParser]") -> None:
    compare = subparsers.add_parser(
        "compare",
        help="compare a fake with its original",
        description="Lay a fake on its original, frame by frame in time, and say how alike they are at each moment.",
        epilog=EPILOG,
    )
    compare.add_argument("fake", metavar="FAKE", type=Path, help="the clip in doubt")
    compare.add_argument("original", metavar="ORIGINAL", type=Path, help="the clip that it was made from")
    add_outputs(
        compare,
        html="a report that opens in any browser",
        pdf="the report on paper",
        json="both analyses and what was measured between them, as JSON",
    )
    add_analysis_options(compare)
    compare.set_defaults(run=commands.compare, usage_error=compare.error)


def _add_dataset(subparsers: "_Subparsers[argparse.ArgumentParser]") -> None:
    dataset = subparsers.add_parser(
        "dataset",
        help="say what a folder of labeled clips holds",
        description="Count clips, labels, splits and originals of a data set, and name what is missing. The layout is "
        "recognized: DFDC (metadata.json), FaceForensics++, Celeb-DF v2, FakeAVCeleb, DeeperForensics, real/ and "
        "fake/, a CSV, or plain clips.",
    )
    dataset.add_argument("folder", metavar="DIR", type=Path, help="the data set's folder, or its CSV")
    add_outputs(dataset, json="the counts, as JSON")
    dataset.set_defaults(run=commands.dataset, usage_error=dataset.error)
