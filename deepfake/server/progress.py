"""How far a job is: a small JSON file and a small picture in the job's folder, replaced atomically.

The worker writes, the page reads. Files survive a worker that is killed and need no connection between the two.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from deepfake.analysis.verdict import Verdict
from deepfake.files import replacing
from deepfake.serialize import from_bytes, to_bytes

logger = logging.getLogger(__name__)

PROGRESS_FILE = "progress.json"
PREVIEW_FILE = "preview.jpg"
FIRST_LOOK_FILE = "first_look.bin"
MIN_INTERVAL_S = 0.5
MAX_CURVE_POINTS = 600  # of the similarity so far: more than a page's width has pixels to show


@dataclass(frozen=True, slots=True)
class ProgressReport:
    """stage: what is being done, in words. done, total: frames; total is None where it is not known. left_s: seconds to
    the end, where that can be told. curve: similarity of successive frames so far, thinned to its minima; curve_step:
    frames from one value to the next."""

    stage: str
    done: int
    total: int | None
    left_s: float | None
    curve: tuple[float, ...] = ()
    curve_step: int = 1


@dataclass(frozen=True, slots=True)
class FirstLook:
    """A provisional answer, before the job is done. faces: JPEG, square, of those whom the answer is about."""

    verdict: Verdict
    faces: tuple[bytes, ...]


class ProgressWriter:
    """Writes the reports of one job, about twice a second."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written = -MIN_INTERVAL_S
        self._stage = ""
        self._stage_started = time.monotonic()
        self._stage_done = 0
        self._has_failed = False  # to write, which is told once a job

    def write(
        self,
        stage: str,
        done: int,
        total: int | None,
        *,
        similarity: Sequence[float] = (),
        preview_jpeg: Callable[[], bytes] | None = None,
    ) -> None:
        """Report, unless the last report is too recent and of the same stage. preview_jpeg: makes the picture."""
        now = time.monotonic()
        if stage != self._stage:
            self._stage, self._stage_started, self._stage_done = stage, now, done
        elif now - self._written < MIN_INTERVAL_S:
            return
        self._written = now
        curve, step = _thinned(similarity)
        report = ProgressReport(stage, done, total, self._left_s(now, done, total), curve, step)
        if preview_jpeg is not None:
            self._leave(PREVIEW_FILE, preview_jpeg())
        self._leave(PROGRESS_FILE, msgspec.json.encode(report))

    def _leave(self, name: str, content: bytes) -> None:
        self._has_failed |= not _replace(self._folder / name, content, tell=not self._has_failed)

    def _left_s(self, now: float, done: int, total: int | None) -> float | None:
        moved = done - self._stage_done
        if not total or moved <= 0 or now - self._stage_started < 1.0:
            return None
        return (total - done) * (now - self._stage_started) / moved


def read_progress(folder: Path) -> ProgressReport | None:
    """Return a job's latest report, or None while there is none."""
    try:
        return msgspec.json.decode((folder / PROGRESS_FILE).read_bytes(), type=ProgressReport)
    except (OSError, ValueError, msgspec.MsgspecError):
        return None


def should_give_way(folder: Path) -> bool:
    """Return whether another job of this server is under way, and none waits that may be waiting for this one.

    folder: of a job that can wait; those of the server's other jobs lie beside it.
    """
    others = [other for other in folder.parent.iterdir() if other != folder]
    return bool(others) and all((other / PROGRESS_FILE).exists() for other in others)


def read_preview(folder: Path) -> bytes | None:
    """Return a job's latest picture, JPEG, or None while there is none."""
    try:
        return (folder / PREVIEW_FILE).read_bytes()
    except OSError:
        return None


def write_first_look(folder: Path, look: FirstLook) -> None:
    """Leave a provisional answer in a job's folder."""
    _replace(folder / FIRST_LOOK_FILE, to_bytes(look))


def read_first_look(folder: Path) -> FirstLook | None:
    """Return a job's provisional answer, or None while there is none."""
    try:
        return from_bytes((folder / FIRST_LOOK_FILE).read_bytes(), FirstLook)
    except (OSError, ValueError):
        return None


def remove_progress(folder: Path) -> None:
    """Remove the reports of a job that is done."""
    for name in (PROGRESS_FILE, PREVIEW_FILE, FIRST_LOOK_FILE):
        (folder / name).unlink(missing_ok=True)


def _thinned(values: Sequence[float]) -> tuple[tuple[float, ...], int]:
    """Keep the least value of each group, so that no drop is lost."""
    step = -(-len(values) // MAX_CURVE_POINTS) or 1
    array = np.array(values, dtype=np.float64)
    groups = np.pad(array, (0, -len(array) % step), constant_values=np.nan).reshape(-1, step)
    filled = np.where(np.isnan(groups), np.inf, groups).min(axis=1, initial=np.inf)
    return tuple(round(float(value), 4) for value in np.where(np.isinf(filled), 1.0, filled)), step


def _replace(path: Path, content: bytes, *, tell: bool = True) -> bool:
    """Write a report and return whether it is there. One that cannot be written, on a full disk say, ends nothing: what
    it reports on may still be. tell: of that, in the log."""
    try:
        with replacing(path) as draft:
            draft.write_bytes(content)
    except OSError as error:
        if tell:
            logger.warning("%s cannot be written: %s", path.name, error)
        return False
    return True
