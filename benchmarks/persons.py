"""Who is a person, and who can be judged: how heads are turned, how often the mesh sees a face, how faces change.

    python -m benchmarks.persons DATA [--clips NAME ...] [--every 1] [--seconds 2.3] [--photos 630] [--out FILE]

DATA is a folder with clips.csv (column path) and, for the photographs, faces/index.csv (column file). The faces of each
clip's first seconds are followed as an analysis follows them. Prints, for photographs and for clips, how far heads are
turned (the limit is MAX_YAW_DEG); the tracks in which the mesh misses the face (MIN_MESH_SHARE); and the tracks that
change least in place (MAX_CHANGE). --out: a table with one row per track.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from deepfake.analysis.judging import MIN_MESH_SHARE
from deepfake.analysis.model import CROP_SIZE_PX
from deepfake.analysis.quality import MAX_YAW_DEG
from deepfake.faces.alignment import crop_to_frame_from_landmarks
from deepfake.faces.detection import face_detector
from deepfake.faces.landmarks import face_mesh
from deepfake.faces.picture import EVERY_S, MAX_CHANGE, MIN_SHOWN_S, PictureCheck
from deepfake.faces.pose import head_yaw_deg
from deepfake.faces.tracking import FaceTracker
from deepfake.signals.cuts import CutDetector
from deepfake.video.info import Frame
from deepfake.video.reader import VideoReader
from training.prepare import read_image

TOLD = 8  # tracks of each kind that are named


@dataclass(frozen=True, slots=True)
class Track:
    """One face followed. width_px: of its first box. mesh_share: of the frames looked at. yaw_deg: median of how far
    the head is turned, NaN where the mesh never saw it. change: see PictureCheck, over shown_s seconds."""

    clip: str
    track_id: int
    width_px: float
    mesh_share: float
    yaw_deg: float
    change: float
    shown_s: float


class _Seen:
    def __init__(self) -> None:
        self.widths_px: list[float] = []
        self.yaws_deg: list[float] = []
        self.check = PictureCheck(stop_at=float("inf"))
        self._next_s = 0.0

    def push(self, frame: Frame, box_xyxy: np.ndarray, landmarks: np.ndarray) -> None:
        place = crop_to_frame_from_landmarks(landmarks, CROP_SIZE_PX)
        self.check.push(frame.image, place, CROP_SIZE_PX, frame.timestamp_s)
        if frame.timestamp_s < self._next_s:
            return
        self._next_s = frame.timestamp_s + EVERY_S
        mesh = face_mesh().landmarks(frame.image, place, crop_px=CROP_SIZE_PX)
        self.widths_px.append(float(box_xyxy[2] - box_xyxy[0]))
        self.yaws_deg.append(float("nan") if mesh is None else head_yaw_deg(mesh))

    def track(self, clip: str, track_id: int) -> Track:
        yaws = np.abs(self.yaws_deg)
        known = yaws[np.isfinite(yaws)]
        yaw = float(np.median(known)) if len(known) else float("nan")
        share = len(known) / len(yaws)
        return Track(clip, track_id, self.widths_px[0], share, yaw, self.check.change, self.check.shown_s)


def tracks_of(path: Path, clip: str, seconds: float) -> list[Track]:
    """Follow the faces of a clip's first seconds."""
    seen: dict[int, _Seen] = {}
    with VideoReader(path) as reader:
        tracker = FaceTracker(face_detector("mtcnn"), search_every=1, resume_within=1)
        cuts = CutDetector()
        for frame in reader.frames():
            if frame.timestamp_s > seconds:
                break
            for track_id, face in tracker.update(frame, is_cut=cuts.push(frame.image)).items():
                assert face.landmarks is not None
                seen.setdefault(track_id, _Seen()).push(frame, face.box_xyxy, face.landmarks)
    return [item.track(clip, track_id) for track_id, item in seen.items()]


def photo_yaws_deg(index: Path, count: int) -> Iterator[float]:
    """How far the heads of photographs are turned, where detector and mesh find the face."""
    with index.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for k in np.random.default_rng(0).permutation(len(rows))[:count]:
        image = read_image(index.parent / rows[k]["file"])
        faces = face_detector("mtcnn").detect(image)
        if faces and faces[0].landmarks is not None:
            place = crop_to_frame_from_landmarks(faces[0].landmarks, CROP_SIZE_PX)
            mesh = face_mesh().landmarks(image, place, crop_px=CROP_SIZE_PX)
            if mesh is not None:
                yield abs(head_yaw_deg(mesh))


def summary(tracks: Sequence[Track]) -> list[str]:
    """Return what the tracks say about each limit."""
    people = [item for item in tracks if item.mesh_share > 0]
    turned = sorted((item for item in people if item.yaw_deg > MAX_YAW_DEG), key=lambda item: -item.yaw_deg)
    missed = sorted((item for item in tracks if item.mesh_share < 1), key=lambda item: item.mesh_share)
    whole = [item for item in people if item.shown_s >= MIN_SHOWN_S]
    least = sorted(whole, key=lambda item: item.change)
    return [
        f"{len(tracks)} tracks of {len({item.clip for item in tracks})} clips",
        f"turned by more than {MAX_YAW_DEG:g} degrees in the middle: {len(turned)} of {len(people)}",
        *(f"  {item.yaw_deg:5.1f}  {item.clip} track {item.track_id}" for item in turned[:TOLD]),
        f"the mesh misses a face at times: {len(missed)} (no person below {MIN_MESH_SHARE})",
        *(f"  {item.mesh_share:5.2f}  {item.clip} track {item.track_id}" for item in missed[:TOLD]),
        f"least change in place, levels (a picture at {MAX_CHANGE:g} or less over {MIN_SHOWN_S:g} s)",
        *(f"  {item.change:5.1f}  {item.clip} track {item.track_id}" for item in least[:TOLD]),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--clips", nargs="+", default=(), metavar="NAME", help="paths within DATA; default: all")
    parser.add_argument("--every", type=int, default=1, help="take only every n-th clip")
    parser.add_argument("--seconds", type=float, default=2.3)
    parser.add_argument("--photos", type=int, default=0, help="how many photographs")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.photos:
        yaws = np.array(list(photo_yaws_deg(options.data / "faces" / "index.csv", options.photos)))
        print(f"{len(yaws)} photographs: 99% are turned by less than {np.percentile(yaws, 99):.1f} degrees")
    names = options.clips
    if not names:
        with (options.data / "clips.csv").open(encoding="utf-8", newline="") as file:
            names = [row["path"] for row in csv.DictReader(file)][:: options.every]
    tracks = [track for name in names for track in tracks_of(options.data / name, name, options.seconds)]
    print("\n".join(summary(tracks)))
    if options.out is not None:
        with options.out.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, [field.name for field in fields(Track)], lineterminator="\n")
            writer.writeheader()
            writer.writerows(asdict(track) for track in tracks)


if __name__ == "__main__":
    main()
