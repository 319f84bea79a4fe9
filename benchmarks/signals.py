"""How much each face signal is worth: its AUC on labeled clips, and what it costs.

    python benchmarks/signals.py MANIFEST.csv [--seconds 5] [--eye-seconds 20] [--cache DIR] [--only NAME,NAME]
                                              [--sets ff++,dfdc] [--json FILE] [--auc FILE] [--real FILE]

Faces are found and followed by analyze(); of each clip the first seconds are used, and the face that is seen longest.
Blinks need longer: for them the face is followed on by its mesh. Where the faces are, and what was measured, is kept
in the cache folder: delete it after a change of the signals. The AUC is that of the signal's statistic, turned around
where low is the suspicious side; 0.5 is chance. Its 95% interval draws whole groups of people. Real and fake
clips of FaceForensics++ at one rate are compared; clips of all other sources are one set, in which what differs between
sources counts as well. Only clips that have a statistic count. The last column is the share of fakes that are more
suspicious than their own original. --auc and --real leave what their files have of other signals as it is.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from deepfake.analysis.model import CROP_SIZE_PX  # noqa: E402
from deepfake.analysis.pipeline import analyze  # noqa: E402
from deepfake.dataset import ClipEntry, open_dataset  # noqa: E402
from deepfake.errors import DeepfakeError  # noqa: E402
from deepfake.evaluation.metrics import auc, auc_interval  # noqa: E402
from deepfake.faces.alignment import FaceCrop, crop_face, crop_to_frame_from_landmarks  # noqa: E402
from deepfake.faces.landmarks import MESH_POINTS, face_mesh  # noqa: E402
from deepfake.signals.base import (  # noqa: E402
    FaceSignal,
    FaceView,
    SignalTrace,
)
from deepfake.signals.registry import FACE_SIGNALS  # noqa: E402
from deepfake.video.info import Frame  # noqa: E402
from deepfake.video.reader import VideoReader  # noqa: E402

MIN_CROPS = 10  # a face that is seen in fewer frames is not measured
SAMPLED_HZ = 4.0  # signals that do not need every frame
# Of the mesh: right eye, left eye, tip of the nose, corners of the mouth, each the mean of the points named.
FIVE_POINTS = ((33, 133), (263, 362), (1,), (61,), (291,))
EYE_SIGNAL = "eye_openness"
OTHER_SOURCES = "other sources, taken together"
AUC_SETS = ("ff++ c23", "ff++ c40", OTHER_SOURCES)  # what the pages show


@dataclass(frozen=True, slots=True)
class FacePath:
    """Where the longest seen face of a clip is. frame_indices: i64 (n,). crop_to_frame: f32 (n, 2, 3). meshes: f32
    (n, 468, 3), NaN where there is none."""

    frame_indices: NDArray[np.int64]
    crop_to_frame: NDArray[np.float32]
    meshes: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ClipStatistics:
    """Statistics and milliseconds per crop of one clip, by signal."""

    clip: ClipEntry
    statistics: dict[str, float]
    milliseconds: dict[str, float]


class _EnoughError(Exception):
    """Ends an analysis that has seen as much of the clip as is needed."""


def source_of(clip: ClipEntry) -> str:
    """Return what the manifest's column "set" says of a clip, "" without one."""
    return clip.extra.get("set", "")


def face_path(clip: ClipEntry, seconds: float, cache: Path) -> FacePath:
    """Return where the clip's face is, from the cache or by an analysis. Raises DeepfakeError."""
    key = hashlib.sha256(f"{clip.path.resolve()} {seconds}".encode()).hexdigest()[:16]
    stored = cache / f"{clip.path.stem}-{key}.npz"
    if not stored.is_file():
        found = _followed(clip.path, seconds)
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(stored, frames=found.frame_indices, transforms=found.crop_to_frame, meshes=found.meshes)
    with np.load(stored) as arrays:
        return FacePath(arrays["frames"], arrays["transforms"], arrays["meshes"])


def _followed(path: Path, seconds: float) -> FacePath:
    rows: dict[int, list[tuple[int, NDArray[np.float32], NDArray[np.float32]]]] = defaultdict(list)
    nothing = np.full((MESH_POINTS, 3), np.nan, np.float32)

    def note(crop: FaceCrop, frame: Frame) -> None:
        if crop.timestamp_s >= seconds:
            raise _EnoughError
        mesh = face_mesh().landmarks(frame.image, crop.crop_to_frame, crop_px=CROP_SIZE_PX)
        rows[crop.track_id].append((crop.frame_index, crop.crop_to_frame, nothing if mesh is None else mesh))

    with contextlib.suppress(_EnoughError):
        analyze(path, on_crop=note)
    longest = max(rows.values(), key=len, default=[])
    return FacePath(
        np.array([index for index, _, _ in longest], dtype=np.int64),
        np.array([transform for _, transform, _ in longest], dtype=np.float32).reshape(-1, 2, 3),
        np.array([mesh for _, _, mesh in longest], dtype=np.float32).reshape(-1, MESH_POINTS, 3),
    )


def crops(path: Path, face: FacePath) -> Iterator[tuple[FaceCrop, Frame, NDArray[np.float32] | None]]:
    """Yield the crops of a followed face with their frame and mesh, decoding the clip again."""
    rows = {int(frame): row for row, frame in enumerate(face.frame_indices)}
    last = int(face.frame_indices[-1])
    with VideoReader(path) as reader:
        for frame in reader.frames():
            row = rows.get(frame.index)
            if row is not None:
                transform = face.crop_to_frame[row]
                image = crop_face(frame.image, transform, CROP_SIZE_PX)
                mesh = face.meshes[row]
                crop = FaceCrop(0, frame.index, frame.timestamp_s, image, transform)
                yield crop, frame, None if np.isnan(mesh[0, 0]) else mesh
            if frame.index >= last:
                return


def crops_by_mesh(
    path: Path, face: FacePath, seconds: float
) -> Iterator[tuple[FaceCrop, Frame, NDArray[np.float32] | None]]:
    """Yield the crops of a face that is followed on by its mesh alone, from where it was first seen."""
    transform = face.crop_to_frame[0]
    with VideoReader(path) as reader:
        for frame in reader.frames():
            if frame.index < face.frame_indices[0]:
                continue
            if frame.timestamp_s >= seconds:
                return
            mesh = face_mesh().landmarks(frame.image, transform, crop_px=CROP_SIZE_PX)
            yield FaceCrop(0, frame.index, frame.timestamp_s, frame.image[:1, :1], transform), frame, mesh
            if mesh is not None:
                points = np.stack([mesh[list(chosen), :2].mean(axis=0) for chosen in FIVE_POINTS])
                transform = crop_to_frame_from_landmarks(points, CROP_SIZE_PX)


def measure(clip: ClipEntry, names: Sequence[str], seconds: float, eye_seconds: float, cache: Path) -> ClipStatistics:
    """Return what the named signals say of a clip, from the cache where it was measured before."""
    found = ClipStatistics(clip, {}, {})
    face = face_path(clip, seconds, cache / "faces")
    if len(face.frame_indices) < MIN_CROPS:
        return found
    for by_mesh in (False, True):
        wanted = [name for name in names if (name == EYE_SIGNAL) is by_mesh]
        length = eye_seconds if by_mesh else seconds
        key = hashlib.sha256(f"{clip.path.resolve()} {length} {wanted}".encode()).hexdigest()[:16]
        stored = cache / "values" / f"{clip.path.stem}-{key}.json"
        if wanted and not stored.is_file():
            walk = crops_by_mesh(clip.path, face, length) if by_mesh else crops(clip.path, face)
            stored.parent.mkdir(parents=True, exist_ok=True)
            stored.write_text(json.dumps(_statistics(wanted, walk)), encoding="utf-8")
        for name, (statistic, milliseconds) in json.loads(stored.read_text() if wanted else "{}").items():
            found.statistics[name], found.milliseconds[name] = statistic, milliseconds
    return found


def _statistics(
    names: Sequence[str], walk: Iterator[tuple[FaceCrop, Frame, NDArray[np.float32] | None]]
) -> dict[str, tuple[float, float]]:
    """Return statistic and milliseconds per crop of each signal over the crops of one face."""
    signals: list[FaceSignal] = [kind() for kind in FACE_SIGNALS if kind.info.name in names]
    rows: dict[str, list[tuple[int, float, float, float]]] = defaultdict(list)
    next_sample_s = 0.0
    for crop, frame, mesh in walk:
        sampled = crop.timestamp_s >= next_sample_s
        next_sample_s += 1 / SAMPLED_HZ if sampled else 0
        for signal in signals:
            if signal.every_frame or sampled:
                started = time.perf_counter()
                value = signal.push(FaceView(crop, frame, mesh))
                taken_ms = 1000 * (time.perf_counter() - started)
                if value is not None:
                    rows[signal.info.name].append((crop.frame_index, crop.timestamp_s, value, taken_ms))
    found = {}
    for signal in signals:
        indices, seconds, values, taken = (np.array(column) for column in zip(*rows[signal.info.name], strict=True))
        trace = SignalTrace(signal.info.name, 0, indices, seconds, values.astype(np.float32), signal.info.unit)
        found[signal.info.name] = (signal.statistic(trace), float(np.median(taken)))
    return found


def print_table(measured: Sequence[ClipStatistics], names: Sequence[str]) -> list[dict[str, Any]]:
    """Print a row for each set of clips, rate and method, and return the same rows."""
    rows = []
    print(f"{'signal':22} {'clips':24} {'real':>4} {'fake':>4} {'AUC':>6} {'95% by group':>14} {'> own original':>15}")
    for name in names:
        info = next(kind.info for kind in FACE_SIGNALS if kind.info.name == name)
        sign = -1 if info.suspicious == "low" else 1
        known = [item for item in measured if not np.isnan(item.statistics.get(name, np.nan))]
        for what, chosen in _subsets(known):
            scores = np.array([sign * item.statistics[name] for item in chosen])
            fake = np.array([item.clip.is_fake for item in chosen], dtype=bool)
            if fake.all() or not fake.any():
                continue
            low, high = auc_interval(scores, fake, [item.clip.group for item in chosen])
            area, interval = auc(scores, fake), f"[{low:.2f}, {high:.2f}]"
            reals, fakes, (above, pairs) = int((~fake).sum()), int(fake.sum()), _pairs(chosen, name, sign)
            rows.append({"signal": name, "clips": what.strip(), "real": reals, "fake": fakes, "auc": area})
            rows[-1] |= {"low": low, "high": high, "above_original": above, "pairs": pairs}
            print(f"{name:22} {what:24} {reals:4d} {fakes:4d} {area:6.3f} {interval:>14} {f'{above:g} of {pairs}':>15}")
        taken = [item.milliseconds[name] for item in measured if name in item.milliseconds]
        if taken:
            print(f"{'':22} {np.median(taken):.1f} ms per crop")
    return rows


def _pairs(measured: Sequence[ClipStatistics], name: str, sign: int) -> tuple[float, int]:
    """Return how many fakes are more suspicious than their own original, ties half, and how many have one."""
    by_clip = {item.clip.name: item.statistics[name] for item in measured}
    differences = [
        sign * (item.statistics[name] - by_clip[item.clip.original])
        for item in measured
        if item.clip.is_fake and item.clip.original in by_clip
    ]
    return sum((np.sign(difference) + 1) / 2 for difference in differences), len(differences)


def _subsets(measured: Sequence[ClipStatistics]) -> Iterator[tuple[str, list[ClipStatistics]]]:
    """Yield name and clips of each data set and rate, and of each method with the real clips of its set."""
    kinds = sorted({_kind(item) for item in measured})
    for kind in kinds:
        inside = [item for item in measured if _kind(item) == kind]
        yield kind, inside
        for source in sorted({source_of(item.clip) for item in inside if item.clip.is_fake} - {kind, ""}):
            method = source.removeprefix(kind).strip()
            yield f"  {method}", [item for item in inside if not item.clip.is_fake or source_of(item.clip) == source]


def _kind(item: ClipStatistics) -> str:
    """Return the set that a clip is compared in: "ff++ c23 Deepfakes" is of "ff++ c23"."""
    source = source_of(item.clip)
    return " ".join(source.split()[:2]) if source.startswith("ff++ ") else OTHER_SOURCES


def real_values(measured: Sequence[ClipStatistics], name: str) -> list[float]:
    """Return a signal's statistic of every real clip that has one, increasing."""
    found = [item.statistics.get(name, float("nan")) for item in measured if not item.clip.is_fake]
    return [round(float(value), 4) for value in np.sort(found) if np.isfinite(value)]


def main() -> None:
    known = [kind.info.name for kind in FACE_SIGNALS]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--eye-seconds", type=float, default=20.0)
    parser.add_argument("--cache", type=Path, default=Path("signals-cache"))
    parser.add_argument("--only", default=",".join(known), help="names of signals")
    parser.add_argument("--sets", default="", help="beginnings of the names of sets; all when left out")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--auc", type=Path, help="write what the pages show: deepfake/signals/reference/auc.json")
    parser.add_argument("--real", type=Path, help="write where real clips lie: deepfake/signals/reference/real.json")
    arguments = parser.parse_args()
    names = [name for name in known if name in arguments.only.split(",")]
    cv2.setNumThreads(1)
    measured = []
    for clip in open_dataset(arguments.manifest, anywhere=True).entries:
        if not source_of(clip).startswith(tuple(arguments.sets.split(","))):
            continue
        try:
            measured.append(measure(clip, names, arguments.seconds, arguments.eye_seconds, arguments.cache))
        except DeepfakeError as error:
            print(f"not measured: {error}", file=sys.stderr)
    rows = print_table(measured, names)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    if arguments.auc:
        keys = ("signal", "clips", "real", "fake", "auc", "low", "high")
        kept = [row for row in _already(arguments.auc, []) if row["signal"] not in names]
        shown = [{key: row[key] for key in keys} for row in rows if row["clips"] in AUC_SETS]
        for row in shown:
            row["clips"] = row["clips"].replace("ff++", "FaceForensics++")
        arguments.auc.write_text(json.dumps([*kept, *shown], indent=1) + "\n", encoding="utf-8")
    if arguments.real:
        values = _already(arguments.real, {}) | {name: real_values(measured, name) for name in names}
        lines = (f'"{name}": {json.dumps(found)}' for name, found in values.items())
        arguments.real.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def _already(path: Path, nothing: Any) -> Any:
    """Return what a file has of signals that were measured before."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else nothing


if __name__ == "__main__":
    main()
