"""Cut the crops that training uses out of the data folder, with the application's own detection and alignment.

    python -m training.prepare DATA WORK [--only faces,clips,soft,dftimit]

Writes one shard a clip, or a hundred photographs, to WORK/crops. Stops and resumes at any shard.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from deepfake.detectors.efficientnet import CROP_PX
from deepfake.faces.alignment import crop_face, crop_to_frame_from_landmarks
from deepfake.faces.base import FaceDetection
from deepfake.faces.landmarks import face_mesh
from deepfake.faces.mtcnn import MtcnnDetector
from deepfake.files import file_sha256
from deepfake.video.info import Image
from deepfake.video.reader import VideoReader
from training.pairs import HELD_OUT
from training.shards import MARGIN_PX, STORED_PX, Shard, ShardInfo, clip_name, has_shard, read_rows, write_shard

PHOTOS_A_SHARD = 100
FRAMES_PER_CLIP = 16  # spread over it; clips are short, and neighboring frames are nearly the same picture
DETECT_EVERY = 25  # frames between searches of the whole frame while following a face
SOFT_SIDES_PX = (144, 480)  # shorter side of the re-encoded clips
SOFT_CODECS = ("libx264", "libx264", "libx264", "mpeg4", "libvpx-vp9")

Cut = tuple[Image, NDArray[np.float32], float]


class Cutter:
    """Finds a face in each image of a sequence, follows it, and cuts it out with its mesh."""

    def __init__(self, detector: MtcnnDetector) -> None:
        self._detector = detector
        self._face: FaceDetection | None = None
        self._since_search = 0

    def restart(self, box_xyxy: NDArray[np.float32] | None = None) -> None:
        """Forget the face; or expect one at a box."""
        self._face = None if box_xyxy is None else FaceDetection(box_xyxy, None, None)
        self._since_search = 0

    def advance(self, image: Image) -> FaceDetection | None:
        """Return the face in the next image, or None."""
        self._since_search += 1
        face = self._detector.follow(image, self._face) if self._face is not None else None
        if face is None or self._since_search > DETECT_EVERY:
            faces = self._detector.detect(image)
            self._since_search = 0
            face = _nearest(faces, face)
        self._face = face
        return face

    def cut(self, image: Image) -> Cut | None:
        """Return the crop with its margin, its mesh in crop px and the side of the inner crop in image px."""
        face = self.advance(image)
        return None if face is None or face.landmarks is None else cut_face(image, face.landmarks)


def cut_face(image: Image, landmarks: NDArray[np.float32]) -> Cut | None:
    """Return crop, mesh and side of the face with these five landmarks; None where the mesh finds no face."""
    inner_to_frame = crop_to_frame_from_landmarks(landmarks, CROP_PX)
    mesh = face_mesh().landmarks(image, inner_to_frame, crop_px=CROP_PX)
    if mesh is None:
        return None
    outer_to_frame = inner_to_frame.astype(np.float64)
    outer_to_frame[:, 2] -= inner_to_frame[:, :2].sum(axis=1) * MARGIN_PX
    inverse = cv2.invertAffineTransform(outer_to_frame)
    crop = crop_face(image, outer_to_frame.astype(np.float32), STORED_PX, outside="mean")
    in_crop = (mesh[:, :2] @ inverse[:, :2].T + inverse[:, 2]).astype(np.float32)
    return crop, in_crop, float(np.hypot(*inner_to_frame[:, 0])) * CROP_PX


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Cut the crops that training uses.")
    parser.add_argument("data", type=Path, help="data folder with clips.csv")
    parser.add_argument("work", type=Path, help="scratch folder; crops go to WORK/crops")
    parser.add_argument("--only", default="faces,clips,dftimit,soft", help="parts to make, by comma")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    cutter = Cutter(MtcnnDetector())
    parts = {"faces": cut_photographs, "clips": cut_clips, "dftimit": cut_dftimit, "soft": cut_soft_clips}
    for part in arguments.only.split(","):
        parts[part](arguments.data, arguments.work / "crops", cutter)


def cut_photographs(data: Path, crops: Path, cutter: Cutter) -> None:
    """One shard a hundred photographs of a set."""
    for name, rows in photograph_batches(data):
        if has_shard(crops, name):
            continue
        cuts = []
        for number, row in enumerate(rows):
            cutter.restart(_box(row))
            cuts.append((number, cutter.cut(read_image(data / "faces" / row["file"]))))
        info = ShardInfo(name, rows[0]["set"], "real", name, "train")
        _save(crops, info, cuts)


def photograph_batches(data: Path) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Yield (name, rows of the index) a hundred photographs of a set. Monochrome ones are left out."""
    rows = [row for row in read_rows(data / "faces" / "index.csv") if row["mono"] == "0"]
    for name in sorted({row["set"] for row in rows}):
        chosen = [row for row in rows if row["set"] == name]
        for start in range(0, len(chosen), PHOTOS_A_SHARD):
            yield f"{name}_{start:04d}", chosen[start : start + PHOTOS_A_SHARD]


def cut_clips(data: Path, crops: Path, cutter: Cutter) -> None:
    """One shard per clip: frames spread over it."""
    rows = read_rows(data / "clips.csv")
    trained_on = [row for row in rows if row["split"] == "train" and not clip_name(row["path"]).endswith(HELD_OUT)]
    hashes = sorted({file_sha256(data / row["path"]) for row in trained_on})
    wild = data / "wild" / "index.csv"
    methods = {row["path"]: row["method"] for row in read_rows(wild)} if wild.is_file() else {}
    crops.parent.mkdir(parents=True, exist_ok=True)
    (crops.parent / "training_clips.txt").write_text("\n".join(hashes) + "\n", encoding="ascii")
    for row in sorted(rows, key=lambda row: row["label"] == "FAKE"):  # training can start on the real ones
        name = clip_name(row["path"])
        if has_shard(crops, name):
            continue
        total = int(row["frames"])
        chosen = {round((k + 0.5) * total / FRAMES_PER_CLIP - 0.5) for k in range(min(FRAMES_PER_CLIP, total))}
        original = clip_name(row["original"]) if row["original"] else ""
        source = row["set"].removesuffix(" " + row["set"].split()[-1]) if row["set"].startswith("ff++") else row["set"]
        method = "real" if row["label"] == "REAL" else methods.get(row["path"]) or row["set"].split()[-1]
        info = ShardInfo(name, source, method, row["group"], row["split"], original)
        with VideoReader(data / row["path"]) as reader:
            _save(crops, info, _cut_frames((frame.image for frame in reader.frames()), chosen, cutter))


def cut_dftimit(data: Path, crops: Path, cutter: Cutter) -> None:
    """One shard a person and label. Real frames are squashed to the shape of the fakes first: it gives them away."""
    rows = read_rows(data / "dftimit" / "index.csv")
    for group in sorted({row["group"] for row in rows}):
        for label, method in (("REAL", "real"), ("FAKE", "dftimit")):
            name = f"dftimit_{group}_{method}"
            chosen = [row for row in rows if row["group"] == group and row["label"] == label]
            if has_shard(crops, name):
                continue
            cuts = []
            for number, row in enumerate(chosen):
                image = cv2.resize(read_image(data / "dftimit" / row["path"]), (299, 299), interpolation=cv2.INTER_AREA)
                cutter.restart()
                cuts.append((number, cutter.cut(image.astype(np.uint8))))
            original = f"dftimit_{group}_real" if method != "real" else ""
            _save(crops, ShardInfo(name, "dftimit", method, group, chosen[0]["split"], original), cuts)


def cut_soft_clips(data: Path, crops: Path, cutter: Cutter) -> None:
    """Real faces as poor clips show them: photographs that move a little, encoded small and at low rates."""
    for name, rows in photograph_batches(data):
        soft_name = "soft_" + name
        if has_shard(crops, soft_name):
            continue
        random = np.random.default_rng([2, *soft_name.encode()])
        cuts = []
        for number, row in enumerate(rows):
            image = read_image(data / "faces" / row["file"])
            decoded, box = soft_frame(image, _box(row), random)
            cutter.restart(box)
            cuts.append((number, cutter.cut(decoded)))
        _save(crops, ShardInfo(soft_name, "soft " + rows[0]["set"], "real", name, "train"), cuts)


def soft_frame(
    image: Image, box: NDArray[np.float32], random: np.random.Generator
) -> tuple[Image, NDArray[np.float32]]:
    """Animate a photograph, encode it small and at a low rate, and return a late frame and the face's box there."""
    low, high = SOFT_SIDES_PX
    side = float(np.exp(random.uniform(np.log(low), np.log(high))))
    scale = side / min(image.shape[:2])
    width, height = (int(v * scale) // 2 * 2 for v in image.shape[1::-1])
    count = int(random.integers(4, 9))
    turn, zoom = random.normal(0, 0.4), random.normal(0, 0.004)
    shift = random.normal(0, 0.004 * side, 2)
    frames = []
    matrix = np.zeros((2, 3))
    for k in range(count):
        matrix = cv2.getRotationMatrix2D((image.shape[1] / 2, image.shape[0] / 2), turn * k, 1 + zoom * k) * scale
        matrix[:, 2] += shift * k
        source = cv2.GaussianBlur(image, (0, 0), 0.35 / scale) if scale < 0.8 else image
        moved = cv2.warpAffine(source, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        frames.append(moved.astype(np.uint8))
    decoded = encoded_and_decoded(frames, random)[-1]
    corners = np.array([[box[0], box[1]], [box[2], box[1]], [box[0], box[3]], [box[2], box[3]]]) @ matrix[:, :2].T
    corners += matrix[:, 2]
    return decoded, np.concatenate([corners.min(axis=0), corners.max(axis=0)]).astype(np.float32)


def encoded_and_decoded(frames: list[Image], random: np.random.Generator) -> list[Image]:
    """Return the frames after a random codec at a random rate. They must have even sides."""
    codec = str(random.choice(SOFT_CODECS))
    options = {
        "libx264": {"preset": "veryfast", "crf": str(random.integers(22, 39))},
        "mpeg4": {"qmin": "2", "qmax": "31", "flags": "+qscale", "global_quality": str(118 * random.integers(3, 13))},
        "libvpx-vp9": {"crf": str(random.integers(28, 50)), "b": "0", "cpu-used": "8", "deadline": "realtime"},
    }[codec]
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="matroska") as container:
        stream: Any = container.add_stream(codec, rate=Fraction(25), options=options)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    buffer.seek(0)
    with av.open(buffer, "r") as source:
        return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in source.decode(video=0)]


def read_image(path: Path) -> Image:
    """Return an image file as RGB uint8 (H, W, 3). Raises FileNotFoundError."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise FileNotFoundError(f"{path}: there is no such image, or it cannot be read")
    return np.ascontiguousarray(image[..., ::-1])


def _cut_frames(images: Iterable[Image], chosen: set[int], cutter: Cutter) -> list[tuple[int, Cut | None]]:
    cutter.restart()
    cuts = []
    for index, image in enumerate(images):
        if index > max(chosen):
            break
        if index in chosen:
            cuts.append((index, cutter.cut(image)))
        elif index % 2 == 0:  # a face does not leave its own surroundings within two frames
            cutter.advance(image)
    return cuts


def _save(crops: Path, info: ShardInfo, cuts: list[tuple[int, Cut | None]]) -> None:
    found = [(index, cut) for index, cut in cuts if cut is not None]
    shape = (len(found), STORED_PX, STORED_PX, 3)
    write_shard(
        crops,
        Shard(
            info,
            np.array([cut[0] for _, cut in found], dtype=np.uint8).reshape(shape),
            np.array([cut[1] for _, cut in found], dtype=np.float32).reshape(-1, 468, 2),
            np.array([index for index, _ in found], dtype=np.int64),
            np.array([cut[2] for _, cut in found], dtype=np.float32),
        ),
    )
    print(f"{info.name}: {len(found)} of {len(cuts)}", flush=True)


def _box(row: dict[str, str]) -> NDArray[np.float32]:
    x, y, w, h = (float(row[key]) for key in "xywh")
    return np.array([x, y, x + w, y + h], dtype=np.float32)


def _nearest(faces: list[FaceDetection], last: FaceDetection | None) -> FaceDetection | None:
    if last is None or not faces:
        return faces[0] if faces else last
    center = (last.box_xyxy[:2] + last.box_xyxy[2:]) / 2
    return min(faces, key=lambda face: float(np.linalg.norm((face.box_xyxy[:2] + face.box_xyxy[2:]) / 2 - center)))


if __name__ == "__main__":
    main()
