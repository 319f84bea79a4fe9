"""How well an excerpt of a fake is laid on its original: the numbers behind deepfake/comparison/offset.py.

    python -m benchmarks.offsets DATASET [--pairs N]

DATASET: one whose fakes name their originals (FaceForensics++, DFDC, CSV); N of its pairs, evenly spread. Each fake is
laid on its original as it is, with its beginning cut off and encoded again, also at half the size and half the rate,
and on the original of another; and the original with its beginning cut off is laid under it. Printed is by how much the
place is off, in frames of the coarser clip, and the correlation of the movement that proposes it.
"""

import argparse
import tempfile
from collections import defaultdict
from pathlib import Path

import av
import cv2
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from deepfake.comparison import offset
from deepfake.dataset import ClipEntry, open_dataset
from deepfake.signals.base import SignalTrace
from deepfake.signals.ssim import FrameSimilarity
from deepfake.video.reader import VideoReader

MOST_CUT_S = 1.3
CRF = 30


def changes(path: Path) -> SignalTrace:
    """Return the similarity of successive frames, as an analysis has it."""
    measured = FrameSimilarity()
    with VideoReader(path) as reader:
        rows = [(frame.timestamp_s, measured.push(frame.image)) for frame in reader.frames()]
    times_s, values = np.array(rows, dtype=np.float64).T
    return SignalTrace("frame_similarity", None, np.arange(1, len(rows)), times_s[1:], values[1:].astype(np.float32))


def cut(source: Path, to: Path, first: int, *, halved: bool = False) -> None:
    """Write a clip from a frame on, encoded again; halved: at half the size, of each two frames the first."""
    with VideoReader(source) as reader, av.open(str(to), "w") as container:
        rate = reader.info.frame_rate / (2 if halved else 1)
        stream = container.add_stream("libx264", rate=rate.limit_denominator(1000), options={"crf": str(CRF)})
        factor = 2 if halved else 1
        stream.width, stream.height = (side // factor // 2 * 2 for side in (reader.info.width, reader.info.height))
        stream.pix_fmt = "yuv420p"
        for frame in reader.frames():
            if frame.index < first or (halved and (frame.index - first) % 2):
                continue
            size = stream.width, stream.height
            image = cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))


def laid(fake: Path, original: Path, fake_changes: SignalTrace, original_changes: SignalTrace) -> tuple[float, float]:
    """Return where a fake is laid, seconds, and the highest correlation of the movement, NaN where none was taken."""
    seen: list[float] = []
    measure = offset._correlations

    def keep(*arguments: object) -> object:
        found = measure(*arguments)  # type: ignore[arg-type]
        seen.append(float(found[0].max()))
        return found

    offset._correlations = keep  # type: ignore[assignment]
    try:
        place = offset.find_place(fake, original, fake_changes, original_changes)
    finally:
        offset._correlations = measure
    return place[0], seen[0] if seen else float("nan")


def trials(fake: ClipEntry, original: ClipEntry, stranger: ClipEntry, folder: Path) -> dict[str, tuple[float, float]]:
    """Return, by what was done, by how many frames of the coarser clip the place is off, and the correlation."""
    fake_changes, original_changes = changes(fake.path), changes(original.path)
    times_s = np.concatenate([[0.0], fake_changes.timestamps_s])
    first = int(np.searchsorted(times_s, min(MOST_CUT_S, times_s[-1] / 3)))
    step_s = float(np.median(np.diff(times_s)))
    found = {}

    def add(name: str, a: Path, b: Path, a_changes: SignalTrace, b_changes: SignalTrace, true_s: float) -> None:
        place_s, correlation = laid(a, b, a_changes, b_changes)
        coarser_s = max(float(np.median(np.diff(item.timestamps_s))) for item in (a_changes, b_changes))
        found[name] = (place_s - true_s) / coarser_s, correlation

    add("as it is", fake.path, original.path, fake_changes, original_changes, 0.0)
    add("another original", fake.path, stranger.path, fake_changes, changes(stranger.path), 0.0)
    for name, halved in (("fake cut", False), ("fake cut, half size and rate", True)):
        path = folder / "cut.mp4"
        cut(fake.path, path, first, halved=halved)
        if len(times_s) - first >= offset.MIN_MOMENTS * (4 if halved else 2):
            add(name, path, original.path, changes(path), original_changes, first * step_s)
    path = folder / "original.mp4"
    cut(original.path, path, first)
    add("original cut", fake.path, path, fake_changes, changes(path), -first * step_s)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--pairs", type=int, default=15)
    options = parser.parse_args()
    dataset = open_dataset(options.dataset)
    on_disk = {entry.name: entry for entry in dataset.entries if entry.on_disk}
    fakes = [entry for entry in on_disk.values() if entry.label == "FAKE" and entry.original in on_disk]
    chosen = [fakes[row] for row in np.linspace(0, len(fakes) - 1, min(options.pairs, len(fakes))).astype(int)]
    originals = [on_disk[str(entry.original)] for entry in chosen]
    by_name: dict[str, list[tuple[float, float, str]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        for row, (fake, original) in enumerate(track(list(zip(chosen, originals, strict=True)), "pairs")):
            stranger = originals[(row + len(originals) // 2) % len(originals)]
            for name, (off, correlation) in trials(fake, original, stranger, Path(folder)).items():
                by_name[name].append((off, correlation, fake.name))
    table = Table("", "n", "within half a frame", "furthest off (frames)", "least correlation", "not right")
    for name, rows in by_name.items():
        offs, correlations = np.array([row[:2] for row in rows]).T
        wrong = [f"{row[2]} {row[0]:+.1f}" for row in rows if abs(row[0]) > 0.5]
        numbers = (str(len(rows)), str(len(rows) - len(wrong)), f"{np.abs(offs).max():.1f}")
        table.add_row(name, *numbers, f"{np.nanmin(correlations):.2f}", "\n".join(wrong))
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
