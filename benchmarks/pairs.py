"""How alike fakes are to their originals and to other clips: the numbers behind MIN_PAIR_SIMILARITY and the timing.

    python -m benchmarks.pairs FOLDER [--frames N]

FOLDER: a data set whose fakes name their originals (FaceForensics++, DFDC, CSV). Every fake is compared with its
original, with that original a second later, and with the originals of the other fakes; medians over N moments,
reduced as in the application. How the timing is told is tried in step, and with a fake that begins later.
"""

import argparse
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from deepfake.comparison.findings import NUDGE_S, SHIFT_S
from deepfake.comparison.overlap import Overlap, find_overlap, reduced_similarity
from deepfake.dataset import Dataset, open_dataset
from deepfake.video.info import Image
from deepfake.video.reader import VideoReader, probe

STEP_FRAMES = 6
LATER_STEPS = (0, 2, 10)  # by how many steps a fake begins later, to see that it is told


@dataclass(frozen=True, slots=True)
class PairSimilarity:
    """Median similarities of one fake: to its original, to the original a second later, to each other original; and
    for each of LATER_STEPS what check_pair goes by: the share lost in SHIFT_S and what NUDGE_S apart gains."""

    fake: str
    overlap: str
    pair: float
    shifted: float
    others: tuple[float, ...]
    timing: tuple[tuple[float, float], ...]


def pictures(path: Path, count: int) -> list[Image]:
    """Return every STEP_FRAMES-th frame, at most `count`."""
    with VideoReader(path) as reader:
        return [frame.image for frame in islice(reader.frames(), 0, count * STEP_FRAMES, STEP_FRAMES)]


def median_similarity(overlap: Overlap, fakes: list[Image], originals: list[Image]) -> float:
    size = overlap.reduced_size
    pairs = zip(fakes, originals, strict=False)
    values = [reduced_similarity(overlap.fake_view(a, size), overlap.original_view(b, size)) for a, b in pairs]
    return float(np.median(values)) if values else float("nan")


def timing_of(overlap: Overlap, fakes: list[Image], originals: list[Image], rate: float) -> tuple[float, float]:
    """Return the share that a fake loses in SHIFT_S of what its original changes by, and what NUDGE_S apart gains."""
    apart, near = (max(1, round(seconds * rate / STEP_FRAMES)) for seconds in (SHIFT_S, NUDGE_S))
    whole = Overlap(overlap.kind, overlap.original_xyxy, overlap.original_xyxy, overlap.size)
    here = median_similarity(overlap, fakes, originals)
    lost = here - median_similarity(overlap, fakes[apart:], originals)
    nudged = median_similarity(overlap, fakes[near:], originals), median_similarity(overlap, fakes, originals[near:])
    return lost / (1 - median_similarity(whole, originals[apart:], originals)), max(nudged) - here


def reduced(images: list[Image]) -> list[Image]:
    """Pictures small enough to keep those of all originals; another clip's size hardly matters to their similarity."""
    height, width = images[0].shape[:2]
    overlap = Overlap("same size", (0, 0, width, height), (0, 0, width, height), (width, height))
    return [overlap.fake_view(image, overlap.reduced_size) for image in images]


def scaled_similarity(fakes: list[Image], originals: list[Image]) -> float:
    a, b = fakes[0].shape[1::-1], originals[0].shape[1::-1]
    size = min(a[0], b[0]), min(a[1], b[1])
    return median_similarity(Overlap("scaled", (0, 0, *a), (0, 0, *b), size), fakes, originals)


def measure(dataset: Dataset, count: int) -> list[PairSimilarity]:
    by_name = {entry.name: entry for entry in dataset.entries}
    fakes = [
        (entry, by_name[entry.original])
        for entry in dataset.entries
        if entry.label == "FAKE" and entry.original in by_name
    ]
    fakes = [(entry, original) for entry, original in fakes if entry.on_disk and original.on_disk]
    fakes.sort(key=lambda pair: pair[1].name)
    small = {
        name: reduced(pictures(by_name[name].path, count))
        for name in track(sorted({original.name for _, original in fakes}), "originals")
    }
    rows = []
    original_name, originals = "", list[Image]()
    for entry, original in track(fakes, "fakes"):
        path = original.path
        if original.name != original_name:
            original_name, originals = original.name, pictures(path, count)
        overlap, images = find_overlap(entry.path, path), pictures(entry.path, count)
        rate = float(probe(path).frame_rate)
        later = originals[round(SHIFT_S * rate / STEP_FRAMES) :]
        # The same scene may be there twice, as in FaceForensics++ at two compressions: it is no stranger.
        strangers = [clip for name, clip in small.items() if Path(name).stem != Path(original.name).stem]
        small_fake = reduced(images)
        rows.append(
            PairSimilarity(
                entry.name,
                overlap.kind,
                pair=median_similarity(overlap, images, originals),
                shifted=median_similarity(overlap, images, later),
                others=tuple(scaled_similarity(small_fake, clip) for clip in strangers),
                timing=tuple(timing_of(overlap, images[steps:], originals, rate) for steps in LATER_STEPS),
            )
        )
    return rows


def print_rows(rows: list[PairSimilarity]) -> None:
    console = Console()
    table = Table("fake", "overlap", "its original", "1 s later", "most similar other original")
    for row in rows:
        most = f"{max(row.others):.3f}" if row.others else "–"
        table.add_row(row.fake, row.overlap, f"{row.pair:.3f}", f"{row.shifted:.3f}", most)
    console.print(table)
    pairs = np.array([row.pair for row in rows])
    lost = np.array([row.pair - row.shifted for row in rows])
    others = np.array([value for row in rows for value in row.others])
    console.print(f"pairs: n = {len(pairs)}, {pairs.min():.3f} to {pairs.max():.3f}")
    console.print(f"lost when shifted by {SHIFT_S:g} s: {np.nanmin(lost):.3f} to {np.nanmax(lost):.3f}")
    for steps, *timings in zip(LATER_STEPS, *(row.timing for row in rows), strict=True):
        shares, gains = np.array(timings).T
        console.print(
            f"begins {steps * STEP_FRAMES} frames later: loses {shares.min():.2f} to {shares.max():.2f} of what "
            f"changes in {SHIFT_S:g} s; {NUDGE_S:g} s apart {gains.min():+.4f} to {gains.max():+.4f}"
        )
    if len(others):
        console.print(f"other originals: n = {len(others)}, {others.min():.3f} to {others.max():.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--frames", type=int, default=40, help="moments of each clip (default 40)")
    arguments = parser.parse_args()
    print_rows(measure(open_dataset(arguments.folder), arguments.frames))


if __name__ == "__main__":
    main()
