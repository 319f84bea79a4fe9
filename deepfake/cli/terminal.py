"""Standard error: progress bars, one-line complaints, and silence from libraries."""

import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from deepfake.files import readable

Report = Callable[[str, int, int | None], None]
# Line feed and tab are what a text may have; of the rest, a name of a file could move the cursor or color what follows.
CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}
# Marks that turn the direction of writing: "\u202e4pm.exe" reads as "exe.mp4". Right-to-left letters need none.
DIRECTIONS = (0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
CONTROLS |= {code: f"\\u{code:04x}" for code in DIRECTIONS}


def complain(message: str) -> None:
    """Write one line to standard error."""
    tell(f"deepfake: {message}")


def printable(text: str) -> str:
    r"""Return text with its control characters spelled out, which a terminal obeys, and with its marks of direction.

    Example:
        >>> printable("clip\x1b[2J.mp4")
        'clip\\x1b[2J.mp4'
    """
    return text.translate(CONTROLS)


def tell(line: str) -> None:
    """Write one line to standard error, also of a name with line feeds, which would be a line of its own. Where it goes
    to a disk that is full, the work goes on without it."""
    try:
        sys.stderr.write(f"{printable(readable(' '.join(line.split())))}\n")
        sys.stderr.flush()
    except BrokenPipeError:  # whoever read it has left
        raise
    except OSError:
        give_up(sys.stderr)


def give_up(stream: TextIO) -> None:
    """Have what a stream holds and could not write go nowhere: each flush would fail again, such as that of the
    interpreter as it ends, which then has a status of its own."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def warn(sentence: str) -> None:
    """Write one line to standard error about something odd that stops nothing."""
    complain(f"warning: {sentence}")


@contextmanager
def quiet_libraries(*, verbose: bool) -> Iterator[None]:
    """Keep what libraries say of themselves off standard error; with verbose, show it and this package's log.

    TensorFlow and FFmpeg write to file descriptor 2 from C++, past sys.stderr and, in part, past TensorFlow's own
    log level. The descriptor is pointed at a scratch file for the time, and sys.stderr at a copy of the real one.
    """
    if verbose:
        logging.basicConfig(level=logging.INFO)
        yield
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in ("absl", "tensorflow"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings(), _descriptor_2_aside():
        if not sys.warnoptions:
            warnings.simplefilter("ignore")
        yield


@contextmanager
def _descriptor_2_aside() -> Iterator[None]:
    try:
        is_real = sys.stderr.fileno() == 2
        saved = os.dup(2)
    except (OSError, ValueError, AttributeError):
        yield  # there is no standard error to protect
        return
    ours = sys.stderr
    with tempfile.TemporaryFile() as scratch:
        ours.flush()
        os.dup2(scratch.fileno(), 2)
        if is_real:
            sys.stderr = os.fdopen(os.dup(saved), "w", buffering=1, encoding=ours.encoding, errors="backslashreplace")
        try:
            yield
        finally:
            if is_real:
                sys.stderr.close()
                sys.stderr = ours
            os.dup2(saved, 2)
            os.close(saved)


@contextmanager
def progress_bars(words: dict[str, str]) -> Iterator[Report]:
    """Give a function that shows how far each stage is; silent where standard error is not a terminal.

    words: what each stage is called on the screen. The function takes the stage, the steps done, and their number or
    None where it is not known.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        tasks = {stage: bars.add_task(word, total=None, visible=False) for stage, word in words.items()}

        def report(stage: str, done: int, total: int | None) -> None:
            bars.update(tasks[stage], completed=done, total=total, visible=True)

        yield report
