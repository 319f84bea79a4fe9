"""Evaluate weights on labeled clips, through the application's own tracking and cropping.

    python -m training.evaluate CLIPS.csv WORK [--whole FILE.npz] [--close FILE.npz] [--splits val,test]
                                [--json OUT.json]

CLIPS.csv has the columns path,label,set,group,split. A clip's crops are kept in WORK/tracked: a second evaluation of
other weights reads them from there. Prints AUC with a 95% bootstrap interval by group, log loss and accuracy, by set
and by method, and lists the clips in which no face was found: they are not scored.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepfake.detectors.efficientnet import CROP_PX, EfficientNetClassifier
from deepfake.detectors.pooling import choose_frames, pool_track
from deepfake.evaluation.metrics import auc, auc_interval, log_loss
from deepfake.faces.alignment import crop_face
from deepfake.faces.detection import face_detector
from deepfake.faces.tracking import FaceTrack, FaceTracker, track_crop_to_frame
from deepfake.files import replacing
from deepfake.video.reader import VideoReader
from training.judge import add_weights, chosen_detector
from training.shards import clip_name, read_rows

SEARCH_EVERY_S = 1.0
RESUME_WITHIN_S = 1.0
MIN_TRACK_FRAMES = 10


@dataclass(frozen=True, slots=True)
class ScoredClip:
    """One row of the manifest with its P(fake), or None where no face was found."""

    path: str
    label: str
    set: str
    group: str
    split: str
    probability_fake: float | None


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Evaluate weights on labeled clips.")
    parser.add_argument("manifest", type=Path)
    parser.add_argument("work", type=Path)
    add_weights(parser)
    parser.add_argument("--splits", default="val,test")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    detector = chosen_detector(arguments)
    splits = arguments.splits.split(",")
    rows = [row for row in read_rows(arguments.manifest) if row["split"] in splits]
    clips = [score_clip(row, arguments.manifest.parent, arguments.work / "tracked", detector) for row in rows]
    print_tables(clips)
    if arguments.json:
        keys = ScoredClip.__slots__
        arguments.json.write_text(json.dumps([{key: getattr(clip, key) for key in keys} for clip in clips], indent=1))


def score_clip(row: dict[str, str], folder: Path, cache: Path, detector: EfficientNetClassifier) -> ScoredClip:
    """Return a clip's score as the application gives it."""
    tracks = cached_crops(folder / row["path"], cache / f"{clip_name(row['path'])}.npz")
    scores = [pool_track(detector.scores(crops)) for crops in tracks]
    highest = max((score for score in scores if score is not None), default=None)  # one fake face makes a clip fake
    return ScoredClip(row["path"], row["label"], row["set"], row["group"], row["split"], highest)


def cached_crops(clip: Path, cached: Path) -> list[NDArray[np.uint8]]:
    """Return the crops uint8 (n, 280, 280, 3) of each track of a clip, from the cache where they are."""
    if not cached.is_file():
        cached.parent.mkdir(parents=True, exist_ok=True)
        with replacing(cached) as part, part.open("wb") as file:
            np.savez(file, *tracked_crops(clip))
        print(f"  tracked {clip.name}", flush=True)
    with np.load(cached) as arrays:
        return [arrays[name] for name in arrays.files]


def tracked_crops(clip: Path) -> list[NDArray[np.uint8]]:
    """Track all faces of a clip, then cut crops spread over each track."""
    with VideoReader(clip) as reader:
        tracker = FaceTracker(face_detector("mtcnn"), search_every=SEARCH_EVERY_S, resume_within=RESUME_WITHIN_S)
        for frame in reader.frames():
            tracker.update(frame)
    tracks = [track for track in tracker.tracks() if len(track) >= MIN_TRACK_FRAMES]
    wanted = [set(choose_frames(track.frame_indices).tolist()) for track in tracks]
    crops: list[list[NDArray[np.uint8]]] = [[] for _ in tracks]
    with VideoReader(clip) as reader:
        for frame in reader.frames():
            for number, track in enumerate(tracks):
                if frame.index in wanted[number]:
                    crops[number].append(_crop(track, frame.index, frame.image))
    return [np.stack(found) for found in crops]


def print_tables(clips: Sequence[ScoredClip]) -> None:
    """Print one row for all, for each split, set of clips and method."""
    print(f"{'what':38} {'real':>4} {'fake':>4} {'AUC':>6} {'95% by group':>14} {'log loss':>8} {'accuracy':>8}")
    for split in sorted({clip.split for clip in clips}):
        ours = [clip for clip in clips if clip.split == split]
        _row(split, ours)
        for prefix in ("ff++ c23", "ff++ c40", "dfdc", "grid", "hdtf"):
            some = [clip for clip in ours if clip.set.startswith(prefix)]
            if some:
                _row(f"{split}: {prefix}", some)
            for method in sorted({clip.set for clip in some if clip.label == "FAKE"} - {"dfdc"}):
                _row(f"{split}: {method}", [c for c in some if c.label == "REAL" or c.set == method])
    for clip in clips:
        if clip.probability_fake is None:
            print(f"no face, not scored: {clip.path} ({clip.label})")


def _row(name: str, clips: Sequence[ScoredClip]) -> None:
    scored = [clip for clip in clips if clip.probability_fake is not None]
    p = np.array([clip.probability_fake for clip in scored], dtype=np.float64)
    fake = np.array([clip.label == "FAKE" for clip in scored], dtype=bool)
    low, high = auc_interval(p, fake, [clip.group for clip in scored])
    print(
        f"{name:38} {int((~fake).sum()):4d} {int(fake.sum()):4d} {auc(p, fake):6.3f} [{low:5.2f}, {high:5.2f}] "
        f"{log_loss(p, fake):8.3f} {float(np.mean((p > 0.5) == fake)):8.2f}",
        flush=True,
    )


def _crop(track: FaceTrack, frame_index: int, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    transform = track_crop_to_frame(track, frame_index, CROP_PX)
    assert transform is not None, "the frames were chosen from the track"
    return crop_face(image, transform, CROP_PX)


if __name__ == "__main__":
    main()
