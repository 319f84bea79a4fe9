"""Mutants of files, each the same for the same number; and what the program makes of one."""

from __future__ import annotations

import random
import shutil
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from deepfake.analysis.model import AnalysisConfig
from deepfake.analysis.pipeline import analyze
from deepfake.errors import DeepfakeError
from deepfake.settings import Settings
from deepfake.video.browser import transcode
from deepfake.video.credentials import read_credentials
from deepfake.video.file_facts import read_file_facts
from deepfake.views.stills import thumbnail_jpeg

MOST_CHANGES = 48
LIMITS = Settings(max_duration_s=60, max_pixels=2_000_000)
HAAR = AnalysisConfig(face_detector="haar")

Outcome = Literal["answer", "sentence"]


def mutated(content: bytes, number: int) -> bytes:
    """Return content with some of its bytes changed, cut, repeated, swapped or blanked."""
    generator = random.Random(number)
    data = bytearray(content)
    for _ in range(generator.randint(1, 3)):
        generator.choice((_change, _change, _cut, _repeat, _blank, _swap, _stretch))(data, generator)
    return bytes(data)


def mutated_text(content: str, number: int, words: list[str]) -> bytes:
    """Return text with pieces replaced by odd words, lines lost and doubled, and sometimes bytes changed."""
    generator = random.Random(number)
    pieces = list(content)
    for _ in range(generator.randint(1, 6)):
        start = generator.randrange(len(pieces) or 1)
        end = min(len(pieces), start + generator.randint(0, 12))
        pieces[start:end] = list(generator.choice(words))
    data = "".join(pieces).encode("utf-8", "surrogatepass")
    return mutated(data, number) if generator.random() < 0.3 else data


def clip_outcomes(path: Path) -> list[str]:
    """Do with a clip all that a page does with one: return for each an Outcome, or the trace of another exception."""
    out = path.with_suffix(".out.mp4")
    steps: tuple[Callable[[], object], ...] = (
        lambda: analyze(path, HAAR, settings=LIMITS),
        lambda: analyze(path, AnalysisConfig(face_detector="haar", quick=True), settings=LIMITS),
        lambda: transcode(path, out, settings=LIMITS),
        lambda: thumbnail_jpeg(path, settings=LIMITS),
        lambda: read_file_facts(path, settings=LIMITS),
        lambda: read_credentials(path),
    )
    try:
        return [outcome(step) for step in steps]
    finally:
        out.unlink(missing_ok=True)


def outcome(step: Callable[[], object], *expected: type[Exception]) -> str:
    """Return "answer", "sentence" for an error that was raised on purpose, or the trace of any other."""
    try:
        step()
    except (DeepfakeError, *expected) as error:
        return "sentence" if str(error) else "an error without a word"
    except Exception:
        return traceback.format_exc()
    return "answer"


def variants(seeds: list[Path], count: int, folder: Path) -> Iterator[tuple[int, Path]]:
    """Yield the number and the file of each mutant; the file is gone when the next one comes."""
    folder.mkdir()
    for number in range(count):
        seed = seeds[number % len(seeds)]
        path = folder / f"{number}{seed.suffix}"
        path.write_bytes(mutated(seed.read_bytes(), number))
        yield number, path
        path.unlink(missing_ok=True)
    shutil.rmtree(folder)


def _change(data: bytearray, generator: random.Random) -> None:
    # Half of them at the start, where headers are.
    for _ in range(generator.randint(1, MOST_CHANGES)):
        if data:
            end = len(data) if generator.random() < 0.5 else min(len(data), 600)
            data[generator.randrange(end)] = generator.choice((0, 1, 0x7F, 0x80, 0xFF, generator.randrange(256)))


def _cut(data: bytearray, generator: random.Random) -> None:
    del data[generator.randrange(len(data) + 1) :]


def _piece(data: bytearray, generator: random.Random) -> slice:
    start = generator.randrange(len(data) + 1)
    return slice(start, min(len(data), start + generator.randint(1, 400)))


def _repeat(data: bytearray, generator: random.Random) -> None:
    piece = data[_piece(data, generator)]
    at = generator.randrange(len(data) + 1)
    data[at:at] = piece * generator.randint(1, 4)


def _blank(data: bytearray, generator: random.Random) -> None:
    piece = _piece(data, generator)
    data[piece] = bytes(piece.stop - piece.start)


def _swap(data: bytearray, generator: random.Random) -> None:
    first, second = data[_piece(data, generator)], _piece(data, generator)
    data[second] = first


def _stretch(data: bytearray, generator: random.Random) -> None:
    """Make a number of four bytes, such as a size or a count, very large or very small."""
    if len(data) >= 4:
        at = generator.randrange(len(data) - 3)
        value = generator.choice((0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, generator.randrange(2**32)))
        data[at : at + 4] = value.to_bytes(4, "big")
