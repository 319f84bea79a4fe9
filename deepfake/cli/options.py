"""The options that every command with an analysis has, and the AnalysisConfig that they ask for.

Their choices are in registries that import what --help does without: they are looked up when a name was given.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, get_args

from deepfake.report import Paper

if TYPE_CHECKING:
    from deepfake.analysis.model import AnalysisConfig

LIST = "list"


def add_analysis_options(parser: argparse.ArgumentParser) -> None:
    """Add --face-detector (also --detector) and --classifier."""
    parser.add_argument(
        "--face-detector",
        "--detector",
        dest="face_detector",
        metavar="NAME",
        action=_Choice,
        titles=_face_detectors,
        help=f"what finds the faces; {LIST} names the choices, the default first. --detector is the same option",
    )
    parser.add_argument(
        "--classifier",
        metavar="NAME",
        action=_Choice,
        titles=_classifiers,
        help=f"what scores the faces; {LIST} names the choices, the default first",
    )


def add_outputs(parser: argparse.ArgumentParser, **what_by_kind: str) -> None:
    """Add an option for each kind of file that a command writes. what_by_kind: what is in such a file, for the help."""
    for kind, what in what_by_kind.items():
        help_text = f"write {what}; - for standard output, without the summary"
        parser.add_argument(f"--{kind}", metavar="FILE", help=help_text)
    if "pdf" in what_by_kind:
        parser.add_argument("--paper", choices=get_args(Paper), default="a4", help="of the PDF (default a4)")


def add_compare_option(parser: argparse.ArgumentParser) -> None:
    """Add --compare."""
    parser.add_argument(
        "--compare",
        metavar="NAME",
        action=_Choice,
        titles=_classifiers,
        help="a second classifier for the same clips: its numbers, and how the AUC differs on the clips that both "
        f"score, with the interval of the difference; {LIST} names the choices",
    )


def add_quick_option(
    parser: argparse.ArgumentParser,
    *,
    what: str = "only look at a few moments spread over a clip, whatever its length: a provisional verdict in seconds",
) -> None:
    """Add --quick. what: it does, for the help."""
    parser.add_argument("--quick", action="store_true", help=what)


def config_of(options: argparse.Namespace) -> "AnalysisConfig":
    """Return the settings of the analysis that the options ask for.

    Raises ClassifierError where the weights of the classifier are missing.
    """
    from deepfake.analysis.model import AnalysisConfig

    chosen = {name: getattr(options, name) for name in ("face_detector", "classifier")}
    given = {name: value for name, value in chosen.items() if value is not None}
    config = AnalysisConfig(**given, quick=getattr(options, "quick", False))
    config.fingerprint()  # reads all weights: better told now than after the first clip
    return config


class _Choice(argparse.Action):
    """Takes a name of a registry; "list" prints the names with their titles and ends the program."""

    def __init__(self, *, titles: Callable[[], Mapping[str, str]], **options: Any) -> None:
        super().__init__(**options)
        self._titles = titles

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        titles = self._titles()
        if values == LIST:
            width = max(map(len, titles))
            sys.stdout.writelines(f"{name:{width}}  {title}\n" for name, title in titles.items())
            parser.exit()
        if values not in titles:
            parser.error(f"argument {option}: invalid choice: {values!r} (choose from {', '.join(titles)})")
        setattr(namespace, self.dest, values)


def _face_detectors() -> Mapping[str, str]:
    from deepfake.faces.detection import FACE_DETECTORS

    return {name: row.title for name, row in FACE_DETECTORS.items()}


def _classifiers() -> Mapping[str, str]:
    from deepfake.detectors import CLASSIFIERS

    return {name: row.info.title for name, row in CLASSIFIERS.items()}
