"""The built-in data set: a synthetic set of labelled clips in the DFDC layout, made from what is installed.

A portrait photograph is animated (see puppet.py) into talking-head clips; the fakes are made from these, frame by
frame, by the flaws that face swaps are known for: a face of lower resolution, blended with a blurred or misplaced
boundary, in another tone, that jumps in some frames and does not always blink. It shows what the workbench does. It
says nothing about how well deepfakes are found: the flaws were put there.
"""

import json
import logging
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from deepfake.errors import DatasetError
from deepfake.puppet import Look, Placement, Pose, Puppet, cut_out, dress, face_canvas, figure_canvas, photograph

logger = logging.getLogger(__name__)

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]

DEMO_VERSION = 1  # of the clips' content: a set written by another version is written anew
MARKER = "demo.json"
TRAIN_FOLDER, TEST_FOLDER = "train_sample_videos", "test_videos"
FRAME_RATE = 25
FRAME_COUNT = 85
NOISE_STD = 1.6  # grey levels
BACKDROP_BLUR_PX = 30.0
BACKDROP_RGB = {"grey": (146, 150, 158), "warm": (158, 128, 104)}
JUMP_PX, JUMP_SIZE, JUMP_TONE = (5.0, 3.0), 0.05, 0.13  # of the face in a flicker: place, size and brightness
LIGHT_DRIFT = 0.035  # fraction of brightness
X264 = {"preset": "superfast", "crf": "23", "threads": "1"}
WORKERS = 2

LOOK_A = Look()
LOOK_B = Look(
    hair_rgb=(0.42, 0.34, 0.33),
    skin_rgb=(0.9, 0.80, 0.72),
    blue_suit=True,
    features=((223, 124, 16, 1.22, 1.08), (225, 165, 30, 1.12, 1.05), (228, 30, 24, 0.94, 0.80)),
)
SWAPPED_ONTO_A = replace(LOOK_B, skin_rgb=(0.97, 0.90, 0.86))
SWAPPED_ONTO_B = replace(LOOK_A, skin_rgb=(0.92, 0.84, 0.77))


@dataclass(frozen=True, slots=True)
class Fake:
    """How one fake is made from its original.

    person: which of the scene's people. downscale: the face's resolution is divided by this. mask_blur_px, hull: blur
    and size of the blended region, in pixels of the photograph and relative to the face. gain_rgb: the tone that is
    off. offset_px: constant misplacement; jitter_px: its random part in every frame; canvas pixels. blinks: whether
    the swapped face does. flicker_frames: where the face jumps in place, size and brightness, for one frame;
    flicker: by how much, 1 being JUMP_PX, JUMP_SIZE and JUMP_TONE.
    """

    name: str
    look: Look
    flicker_frames: tuple[int, ...]
    person: int = 0
    downscale: float = 2.5
    mask_blur_px: float = 3.0
    hull: float = 0.95
    gain_rgb: tuple[float, float, float] = (1.0, 1.0, 1.0)
    offset_px: tuple[float, float] = (0.0, 0.0)
    jitter_px: float = 0.3
    blinks: bool = True
    flicker: float = 1.0


@dataclass(frozen=True, slots=True)
class Scene:
    """One take: people before a background, the fakes made from it, and where the clips go. name: the original's
    file name, or None when only its fake is kept."""

    name: str | None
    seed: int
    backdrop: str
    people: tuple[tuple[Look, Placement], ...]
    fakes: tuple[Fake, ...] = ()
    folder: str = TRAIN_FOLDER

    @property
    def clip_count(self) -> int:
        """Clips that the scene writes."""
        return len(self.fakes) + (self.name is not None)


SCENES = (
    Scene(
        "real_pair.mp4",
        seed=31,
        backdrop="grey",
        people=(
            (LOOK_A, Placement(854, 480, 1.5, -128.0, 62.0)),
            (LOOK_B, Placement(854, 480, 1.46, 966.0, 70.0, mirrored=True)),
        ),
        fakes=(Fake("fake_pair_right.mp4", SWAPPED_ONTO_B, (24, 25, 58, 80), person=1, gain_rgb=(1.05, 0.98, 0.94)),),
    ),
    Scene(
        "real_a.mp4",
        seed=11,
        backdrop="warm",
        people=((LOOK_A, Placement(640, 480, 2.1, -154.0, -4.0)),),
        fakes=(
            Fake("fake_a_flicker.mp4", SWAPPED_ONTO_A, (20, 21, 47, 70, 71), flicker=2.0, gain_rgb=(1.03, 1.0, 0.96)),
            Fake("fake_a_blurred.mp4", SWAPPED_ONTO_A, (55,), downscale=5, mask_blur_px=7, hull=0.9, blinks=False),
        ),
    ),
    Scene(
        "real_b.mp4",
        seed=23,
        backdrop="rocket",
        people=((LOOK_B, Placement(640, 480, 1.75, 712.0, 12.0, mirrored=True)),),
        fakes=(
            Fake("fake_b_misplaced.mp4", SWAPPED_ONTO_B, (33, 64), offset_px=(4, -3), jitter_px=0.7, mask_blur_px=1.5),
            Fake("fake_b_warped.mp4", SWAPPED_ONTO_B, (15, 50, 51, 78), downscale=4, gain_rgb=(0.92, 0.96, 1.05)),
        ),
    ),
    Scene(
        "test_1.mp4",
        seed=47,
        backdrop="rocket",
        people=((LOOK_A, Placement(640, 480, 1.55, 640.0, 50.0, mirrored=True)),),
        folder=TEST_FOLDER,
    ),
    Scene(
        None,
        seed=59,
        backdrop="warm",
        people=((LOOK_B, Placement(640, 480, 1.6, -30.0, 40.0)),),
        fakes=(Fake("test_2.mp4", SWAPPED_ONTO_B, (28, 29, 66), downscale=3, blinks=False),),
        folder=TEST_FOLDER,
    ),
)

README = """This is a synthetic data set. No clip in it was filmed, and no fake in it was made by a face-swapping model.

It was written by `python -m deepfake demo` so that the workbench has something to open. The one person is the
photograph "astronaut" that ships with scikit-image (NASA, public domain), animated by warping. Person A is the
photograph; person B is the same photograph mirrored, recoloured and reshaped, before another background. The
backgrounds are computed, or scikit-image's photograph "rocket" (SpaceX, public domain), blurred.

train_sample_videos/    clips with labels in metadata.json (the layout of the Deepfake Detection Challenge)
    real_a.mp4, real_b.mp4        one person; real_pair.mp4 both
    fake_*.mp4                    made from the clip that metadata.json names as original, frame by frame
    fake_pair_right.mp4           only the person on the right is faked
test_videos/            clips without labels: test_1.mp4 is as real as the rest, test_2.mp4 is a fake

The fakes carry flaws that were put there: a face of lower resolution, a blurred or misplaced boundary, another tone,
missing blinks, and jumps of the face in the frames that demo.json lists (counted from 0). That they are found says
nothing about fakes made in earnest.
"""


def write_demo(folder: Path, *, progress: Callable[[int, int], None] | None = None) -> Path:
    """Write the built-in data set into folder, or leave it when it is there already; return folder.

    progress: called with the frames written and the frames to write, from several threads but one at a time.
    The clips are written beside folder and moved there at the end: what is found at folder is complete.

    Raises DatasetError when folder holds something else.
    """
    folder = Path(folder)
    if demo_is_complete(folder):
        return folder
    _refuse_foreign(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _write_scenes(building, _Progress(progress))
        _write_texts(building)
        building.chmod(0o755)
        _move_into_place(building, folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return folder


def demo_is_complete(folder: Path) -> bool:
    """Return whether folder holds all of the built-in data set, as this version of the software writes it."""
    marker = _read_marker(folder)
    return marker.get("version") == DEMO_VERSION and all((folder / name).is_file() for name in marker["files"])


def _read_marker(folder: Path) -> dict[str, Any]:
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    usable = isinstance(marker, dict) and isinstance(marker.get("files"), list)
    return marker if usable else {}


def _refuse_foreign(folder: Path) -> None:
    """Raise DatasetError when something in folder was not written by write_demo: it would be lost."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise DatasetError(f"{folder} is a file; name a folder for the built-in data set")
    ours = {*_read_marker(folder).get("files", []), MARKER}
    for path in sorted(folder.rglob("*")):
        if not path.is_dir() and path.relative_to(folder).as_posix() not in ours:
            raise DatasetError(f"{folder} holds other files ({path.name}); name a new or empty folder for the demo")


def _move_into_place(building: Path, folder: Path) -> None:
    """Rename building to folder. Another process may have been faster: then its set stays."""
    if demo_is_complete(folder):
        return
    if folder.exists():
        outdated = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
        folder.rename(outdated / folder.name)
        shutil.rmtree(outdated, ignore_errors=True)
    try:
        building.rename(folder)
    except OSError:
        if not demo_is_complete(folder):
            raise


def _write_texts(root: Path) -> None:
    metadata: dict[str, dict[str, str | None]] = {}
    for scene in SCENES:
        if scene.folder == TRAIN_FOLDER:
            metadata |= {fake.name: {"label": "FAKE", "split": "train", "original": scene.name} for fake in scene.fakes}
            metadata[str(scene.name)] = {"label": "REAL", "split": "train", "original": None}
    (root / TRAIN_FOLDER / "metadata.json").write_text(json.dumps(dict(sorted(metadata.items())), indent=1) + "\n")
    (root / "README.txt").write_text(README, encoding="utf-8")
    marker = {
        "version": DEMO_VERSION,
        "files": sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()),
        "flicker_frames": {fake.name: list(fake.flicker_frames) for scene in SCENES for fake in scene.fakes},
    }
    (root / MARKER).write_text(json.dumps(marker, indent=1) + "\n", encoding="utf-8")


@dataclass(slots=True)
class _Progress:
    report: Callable[[int, int], None] | None
    written: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, frames: int) -> None:
        with self.lock:
            self.written += frames
            if self.report is not None:
                self.report(self.written, FRAME_COUNT * sum(scene.clip_count for scene in SCENES))


def _write_scenes(root: Path, progress: _Progress) -> None:
    for name in (TRAIN_FOLDER, TEST_FOLDER):
        (root / name).mkdir()
    photo, opacity = cut_out()
    stop = threading.Event()

    def write(scene: Scene) -> None:
        try:
            _write_scene(root / scene.folder, scene, (photo, opacity), progress, stop)
        except BaseException:
            stop.set()  # a failure, or a caller that cancels from its progress callback, ends the other thread too
            raise

    with ThreadPoolExecutor(WORKERS) as pool:
        for _ in pool.map(write, SCENES):
            pass


def _write_scene(
    folder: Path, scene: Scene, portrait: tuple[Image, Floats], progress: _Progress, stop: threading.Event
) -> None:
    """Render the scene once, and write its original and its fakes side by side."""
    performances = [performance(scene.seed + 7 * k) for k in range(len(scene.people))]
    swaps = [_Swap(fake, scene, performances[fake.person], portrait[0], portrait[1]) for fake in scene.fakes]
    width, height = scene.people[0][1].width, scene.people[0][1].height
    with ExitStack() as stack:
        kept = stack.enter_context(_ClipWriter(folder / scene.name, width, height)) if scene.name else None
        writers = [stack.enter_context(_ClipWriter(folder / fake.name, width, height)) for fake in scene.fakes]
        for index, frame in enumerate(_take(scene, performances, portrait)):
            if stop.is_set():
                return
            if kept is not None:
                kept.write(frame)
            for swap, writer in zip(swaps, writers, strict=True):
                writer.write(swap.apply(frame, index))
            progress.add(scene.clip_count)


def performance(seed: int) -> list[Pose]:
    """Return FRAME_COUNT poses of a person who talks: slow head motion, syllables, a blink every two seconds or so."""
    rng = np.random.default_rng(seed)
    t = np.arange(FRAME_COUNT) / FRAME_RATE

    def wave(amplitude: float, *periods_s: float) -> NDArray[np.float64]:
        parts = [np.sin(2 * np.pi * (t / period + rng.random())) / (k + 1) for k, period in enumerate(periods_s)]
        return np.asarray(amplitude * np.sum(parts, axis=0))

    blinks = np.cumsum([rng.uniform(0.5, 1.1), rng.uniform(1.4, 2.0), rng.uniform(1.8, 2.4)])
    closed = np.max([np.interp(t, b + np.array([0.0, 0.08, 0.12, 0.24]), [0, 1, 1, 0]) for b in blinks], axis=0)
    phrases = np.clip(0.55 + wave(0.6, 1.9, 1.1), 0.0, 1.0)
    syllables = 0.5 - 0.5 * np.cos(2 * np.pi * 3.6 * t + wave(0.9, 0.9, 0.5))
    columns = {
        "sway": wave(2.6, 4.1, 2.3),
        "shift": wave(2.6, 3.1, 1.7),
        "bob": wave(1.3, 2.2, 1.2),
        "roll": wave(0.026, 3.7, 1.9),
        "yaw": wave(4.0, 2.9, 1.6),
        "pitch": wave(1.8, 2.4, 1.3),
        "lean": wave(0.012, 5.0, 3.0),
        "mouth_open": 6.5 * phrases * syllables,
        "eyes_closed": closed,
    }
    return [Pose(**{name: float(values[k]) for name, values in columns.items()}) for k in range(FRAME_COUNT)]


def _take(scene: Scene, performances: Sequence[list[Pose]], portrait: tuple[Image, Floats]) -> Iterator[Image]:
    """Yield the scene's frames, uint8 (height, width, 3) RGB: people, background, drifting light, sensor noise."""
    first = scene.people[0][1]
    puppets = [Puppet(figure_canvas(*dress(*portrait, look), place), place) for look, place in scene.people]
    rng = np.random.default_rng(scene.seed + 1000)
    background = _backdrop(scene.backdrop, first.width, first.height)
    noise = _grey(rng.normal(0.0, NOISE_STD, (first.height + 64, first.width + 64)).astype(np.float32))
    slope = _grey(np.tile(np.linspace(0.0, 2.0, first.width, dtype=np.float32), (first.height, 1)))
    for index in range(FRAME_COUNT):
        image = background.copy()
        for puppet, poses in zip(puppets, performances, strict=True):
            figure = puppet.render(poses[index])
            image -= image * _opacity(figure)
            image += figure[..., :3]
        drift = LIGHT_DRIFT * np.sin(2 * np.pi * index / FRAME_RATE / 5.3 + scene.seed)
        y, x = rng.integers(0, 64, 2)
        image += image * (np.float32(drift) * slope)
        image += noise[y : y + first.height, x : x + first.width]
        yield np.clip(image, 0, 255, out=image).astype(np.uint8)


def _grey(plane: Floats) -> Floats:
    """Return plane in three equal channels: NumPy is several times faster on these than on one broadcast to three."""
    return np.asarray(cv2.merge([plane, plane, plane]), np.float32)


def _opacity(layers: Image) -> Floats:
    """Return the fourth channel as opacity in [0, 1], float32 (h, w, 3)."""
    return _grey(layers[..., 3].astype(np.float32) * np.float32(1 / 255))


def _backdrop(name: str, width: int, height: int) -> Floats:
    """Return a background out of focus, float32 (height, width, 3): soft blotches of a colour, or the blurred
    photograph of that name."""
    if name not in BACKDROP_RGB:
        photo = cv2.resize(photograph(name), (width, height), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.GaussianBlur(photo, (0, 0), BACKDROP_BLUR_PX), np.float32)
    blotches = np.random.default_rng(5).normal(0.0, 11.0, (6, 10)).astype(np.float32)
    smooth = _grey(np.asarray(cv2.resize(blotches, (width, height), interpolation=cv2.INTER_CUBIC), np.float32))
    fall = np.linspace(1.08, 0.86, height, dtype=np.float32)[:, None, None]
    return (smooth + np.array(BACKDROP_RGB[name], np.float32)) * fall


class _Swap:
    """Replaces one person's face in the frames of a take."""

    def __init__(self, fake: Fake, scene: Scene, poses: Sequence[Pose], photo: Image, opacity: Floats) -> None:
        placement = scene.people[fake.person][1]
        face, _ = dress(photo, opacity, fake.look)
        canvas = face_canvas(face, placement, blur_px=fake.mask_blur_px, grow=fake.hull)
        self._puppet = Puppet(canvas, placement, face_only=True)
        self._poses = list(poses) if fake.blinks else [replace(pose, eyes_closed=0.0) for pose in poses]
        self._fake = fake
        self._rng = np.random.default_rng(scene.seed + 2000 + len(fake.name))

    def apply(self, frame: Image, index: int) -> Image:
        """Return a copy of the frame with the face of this moment replaced, uint8 (height, width, 3) RGB."""
        fake, (x0, y0, x1, y1) = self._fake, self._puppet.box
        layers = self._puppet.render(self._poses[index])
        jump = fake.flicker * (1 if index % 2 else -1) if index in fake.flicker_frames else 0.0
        offset = np.array(fake.offset_px) + self._rng.normal(0.0, fake.jitter_px, 2) + jump * np.array(JUMP_PX)
        coarse = _coarsened(layers, fake.downscale * (1.0 + abs(jump)), offset, 1.0 + JUMP_SIZE * jump)
        tone = np.array(fake.gain_rgb, np.float32) * np.float32(1.0 + JUMP_TONE * jump)
        weight, below = _opacity(coarse), frame[y0:y1, x0:x1].astype(np.float32)
        result = frame.copy()
        blended = below + (coarse[..., :3] * tone - below) * weight
        result[y0:y1, x0:x1] = np.clip(blended, 0, 255, out=blended)
        return result


def _coarsened(layers: Image, downscale: float, offset_px: NDArray[np.float64], size: float) -> Image:
    """Return layers reduced by downscale and enlarged again, moved by offset_px and resized about the centre."""
    height, width = layers.shape[:2]
    small = cv2.resize(layers, (round(width / downscale), round(height / downscale)), interpolation=cv2.INTER_AREA)
    scale = np.array([width / small.shape[1], height / small.shape[0]]) * size
    # Pixel centres lie at half-integers in both images: (x + 0.5) / scale, then about the box's centre.
    shift = (1.0 - size) * np.array([width, height]) / 2 + offset_px + 0.5 * scale - 0.5
    matrix = np.array([[scale[0], 0.0, shift[0]], [0.0, scale[1], shift[1]]])
    enlarged = cv2.warpAffine(small, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(enlarged, np.uint8)


class _ClipWriter:
    """Writes RGB frames as H.264 in MP4 at FRAME_RATE."""

    def __init__(self, path: Path, width: int, height: int) -> None:
        self._container = av.open(str(path), "w", options={"movflags": "+faststart"})
        self._stream = self._container.add_stream("libx264", rate=FRAME_RATE, options=X264)
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"

    def write(self, image: Image) -> None:
        """Append one frame, uint8 (height, width, 3) RGB."""
        self._container.mux(self._stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()
