"""Stands in for the analysis in tests of batches: what becomes of a clip is in its name. Workers import this module."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from deepfake import __version__
from deepfake.analysis.evidence import Evidence
from deepfake.analysis.model import SCHEMA_VERSION, Analysis, AnalysisConfig
from deepfake.analysis.notebook_rule import NotebookRule
from deepfake.analysis.verdict import TrackVerdict, Verdict
from deepfake.errors import ClassifierError, ClipError, LimitError, SignalError
from deepfake.settings import Settings
from deepfake.video.info import Declaration, VideoInfo

SLOW_S = 0.4


def analyze(path: Path, config: AnalysisConfig, *, settings: Settings, sha256: str) -> Analysis:
    """Return an analysis whose P(fake) follows from the clip's bytes, or do what the bytes ask for."""
    content = path.read_bytes()
    with (settings.cache_dir / "calls.txt").open("a") as calls:
        calls.write(f"{content.decode()}\n")
    if content.startswith(b"bad"):
        raise ClipError(path.name, "this is not a video")
    if content.startswith(b"over") and settings.max_duration_s <= int(content.split()[1]):
        raise LimitError(path.name, "too long")
    if content.startswith(b"classifier"):
        raise ClassifierError(config.classifier, "it gave no score")
    if content.startswith(b"signal"):
        raise SignalError("The signal 'own'", "it has to give one number")
    if content.startswith(b"bug"):
        raise KeyError("a fault of the program")
    if content.startswith(b"hang"):
        time.sleep(600)
    if content.startswith(b"exit"):
        os._exit(7)
    if content.startswith(b"crash"):
        os.kill(os.getpid(), signal.SIGSEGV)
    if content.startswith(b"kill"):
        os.kill(os.getpid(), signal.SIGKILL)  # as Linux does where memory runs out
    if content.startswith(b"slow"):
        time.sleep(SLOW_S)
    found = analysis(content, path, config)
    if content.startswith(b"crowd") and settings.max_faces < int(content.split()[1]):
        more = Evidence("faces_left_out", "face_count", None, {"count": 1, "most": settings.max_faces})
        found = replace(found, verdict=replace(found.verdict, reasons=(more,)))
    if content.startswith(b"made"):
        declared = Declaration("generated", "label", "1")
        found = replace(found, video=replace(found.video, declared=declared))
    return found


def analysis(content: bytes, path: Path, config: AnalysisConfig) -> Analysis:
    sha256 = hashlib.sha256(content).hexdigest()
    probability = probability_of(content)
    video = VideoInfo(
        path, sha256, 64, 48, 0, Fraction(25), 5, 0.2, "h264", "yuv420p", False, "mp4", 100_000, has_audio=False
    )
    return Analysis(
        schema_version=SCHEMA_VERSION,
        software_version=__version__,
        video=video,
        config=config,
        frame_timestamps_s=np.arange(5) / 25,
        cuts=np.zeros(0, np.int64),
        tracks=(),
        traces=(),
        notebook_rule=NotebookRule(None, None, None),
        verdict=_sure(content) or Verdict("LIKELY_FAKE" if probability > 0.5 else "LIKELY_REAL", probability, ()),
        timings_s={},
    )


def _sure(content: bytes) -> Verdict | None:
    """The verdict of a clip that begins with "sure": more frames would not change it."""
    if not content.startswith(b"sure"):
        return None
    person = TrackVerdict(0, "LIKELY_FAKE", 0.99, (0.985, 0.995), 0.003, ())
    return Verdict("LIKELY_FAKE", 0.99, (), person.interval, (person,))


def probability_of(content: bytes) -> float:
    return hashlib.sha256(content).digest()[0] / 255


def command_line() -> None:
    """Run the command line with this analysis in place of the real one."""
    from deepfake.batch import Batch
    from deepfake.cli import main
    from tests import batch_work  # by the name that workers import, which __main__ is not

    Batch.__init__.__kwdefaults__["analyze"] = batch_work.analyze
    sys.exit(main())


if __name__ == "__main__":
    command_line()
