"""The built-in data set: a synthetic set of labeled clips in the DFDC layout, made from what is installed.

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
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av

from deepfake.demo.puppet import cut_out
from deepfake.demo.render import Swap, performance, take
from deepfake.demo.scenes import FRAME_COUNT, FRAME_RATE, SCENES, TEST_FOLDER, TRAIN_FOLDER, Floats, Scene
from deepfake.errors import DatasetError
from deepfake.video.info import Image

logger = logging.getLogger(__name__)

DEMO_VERSION = 1  # of the clips' content: a set written by another version is written anew
MARKER = "demo.json"
X264 = {"preset": "superfast", "crf": "23", "threads": "1"}
WORKERS = 2

README = """This is a synthetic data set. No clip in it was filmed, and no fake in it was made by a face-swapping model.

It was written by `python -m deepfake demo` so that the workbench has something to open. The one person is the
photograph "astronaut" that ships with scikit-image (NASA, public domain), animated by warping. Person A is the
photograph; person B is the same photograph mirrored, recolored and reshaped, before another background. The
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


def write_demo(
    folder: Path, *, building: Path | None = None, progress: Callable[[int, int], None] | None = None
) -> Path:
    """Write the built-in data set into folder, or leave it when it is there already; return folder.

    progress: called with the frames written and the frames to write, from several threads but one at a time.
    building: a folder on the same file system, in which the clips are written before they are moved into place; by
    default the one around folder. What is found at folder is complete.

    Raises DatasetError when folder holds something else.
    """
    folder = Path(folder)
    if demo_is_complete(folder):
        return folder
    _refuse_foreign(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=building or folder.parent))
    try:
        _write_scenes(made, _Progress(progress))
        _write_texts(made)
        made.chmod(0o755)
        _move_into_place(made, folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
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
        raise DatasetError(folder, "this is a file; name a folder for the built-in data set")
    ours = {*_read_marker(folder).get("files", []), MARKER}
    for path in sorted(folder.rglob("*")):
        if not path.is_dir() and path.relative_to(folder).as_posix() not in ours:
            raise DatasetError(folder, f"it holds other files ({path.name}); name a new or empty folder for the demo")


def _move_into_place(made: Path, folder: Path) -> None:
    """Rename made to folder. Another process may have been faster: then its set stays."""
    if demo_is_complete(folder):
        return
    if folder.exists():
        outdated = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=made.parent))
        folder.rename(outdated / folder.name)
        shutil.rmtree(outdated, ignore_errors=True)
    try:
        made.rename(folder)
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
        try:
            for _ in pool.map(write, SCENES):
                pass
        except BaseException:  # Ctrl-C as well, which comes here alone: nobody waits for whole scenes
            stop.set()
            raise


def _write_scene(
    folder: Path, scene: Scene, portrait: tuple[Image, Floats], progress: _Progress, stop: threading.Event
) -> None:
    """Render the scene once, and write its original and its fakes side by side."""
    performances = [performance(scene.seed + 7 * k) for k in range(len(scene.people))]
    swaps = [Swap(fake, scene, performances[fake.person], portrait[0], portrait[1]) for fake in scene.fakes]
    width, height = scene.people[0][1].width, scene.people[0][1].height
    with ExitStack() as stack:
        kept = stack.enter_context(_ClipWriter(folder / scene.name, width, height)) if scene.name else None
        writers = [stack.enter_context(_ClipWriter(folder / fake.name, width, height)) for fake in scene.fakes]
        for index, frame in enumerate(take(scene, performances, portrait)):
            if stop.is_set():
                return
            if kept is not None:
                kept.write(frame)
            for swap, writer in zip(swaps, writers, strict=True):
                writer.write(swap.apply(frame, index))
            progress.add(scene.clip_count)


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
