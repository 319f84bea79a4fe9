"""Fixtures that several test modules share: small real clips, the portrait, the demo set, the real data."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import skimage.data
from filelock import FileLock

from tests import quick_network as quick
from tests.watched import Watched, watch

ROOT = Path(__file__).resolve().parents[1]
TIME_BASE = Fraction(1, 90_000)

FrameSource = Iterable[np.ndarray] | tuple[int, tuple[int, int]]
WriteClip = Callable[..., Path]


@pytest.fixture(autouse=True)
def _own_main_module() -> Iterator[None]:
    """A test of a page leaves its script as the main module, which processes that are spawned later would run."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture(scope="session", autouse=True)
def _own_cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep the tests out of the user's cache and store."""
    cache_dir = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEEPFAKE_CACHE_DIR", str(cache_dir))
        patch.setenv("DEEPFAKE_DATABASE_URL", f"sqlite:///{(cache_dir / 'analyses.db').as_posix()}")
        patch.setenv("DEEPFAKE_CASES_DIR", str(cache_dir / "cases"))
        yield cache_dir


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real clips: DEEPFAKE_REAL_DATA, else ../shared/data beside the repository."""
    folder = Path(os.environ.get("DEEPFAKE_REAL_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real clips are not here: {folder} is missing")
    return folder


def _plain_frames(count: int, size: tuple[int, int]) -> Iterator[np.ndarray]:
    """Gray gradient frames of size (height, width) that brighten by one level per frame."""
    height, width = size
    ramp = np.linspace(40, 180, width, dtype=np.float32)[None, :, None]
    for index in range(count):
        yield np.broadcast_to(ramp + index % 60, (height, width, 3)).astype(np.uint8)


def _add_tone(container: av.container.OutputContainer, stream: av.AudioStream, duration_s: float) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(int(16_000 * duration_s)) / 16_000).astype(np.float32)
    for start in range(0, len(tone), 1024):
        block = av.AudioFrame.from_ndarray(tone[None, start : start + 1024], format="fltp", layout="mono")
        block.sample_rate, block.pts, block.time_base = 16_000, start, Fraction(1, 16_000)
        container.mux(stream.encode(block))
    container.mux(stream.encode(None))


def _add_pictures(
    container: av.container.OutputContainer,
    frames: Iterable[np.ndarray],
    *,
    codec: str,
    pix_fmt: str,
    rate: Fraction,
    codec_options: Mapping[str, str],
    rotation_deg: int,
    timestamps_s: Sequence[float] | None,
) -> None:
    stream = None
    for index, image in enumerate(frames):
        if stream is None:
            stream = container.add_stream(codec, rate=rate, options=dict(codec_options))
            stream.height, stream.width = image.shape[:2]
            stream.pix_fmt = pix_fmt
            if timestamps_s is not None:
                stream.codec_context.time_base = TIME_BASE
            if rotation_deg:
                stream.set_display_rotation(rotation_deg)
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24").reformat(format=pix_fmt)
        if timestamps_s is not None:
            frame.pts, frame.time_base = round(timestamps_s[index] / TIME_BASE), TIME_BASE
        else:
            frame.pts, frame.time_base = index, 1 / rate
        container.mux(stream.encode(frame))
    if stream is not None:
        container.mux(stream.encode(None))


@pytest.fixture(scope="session")
def write_clip() -> WriteClip:
    """Factory of small real clips; the container follows from the path's suffix."""

    def write(
        path: Path,
        frames: FrameSource,
        *,
        rate: int | Fraction = 25,
        codec: str = "libx264",
        pix_fmt: str = "yuv420p",
        codec_options: Mapping[str, str] | None = None,
        container_options: Mapping[str, str] | None = None,
        rotation_deg: int = 0,
        timestamps_s: Sequence[float] | None = None,
        audio_s: float = 0.0,
    ) -> Path:
        """Encode `frames` (RGB uint8 images, or (count, (height, width)) for plain ones) into `path`.

        No frames and audio_s > 0 makes a clip with sound only. rotation_deg is stored in the container (anticlockwise,
        as FFmpeg's display matrix has it), the pictures stay as they are. timestamps_s makes the frame rate variable.
        """
        plain = isinstance(frames, tuple) and len(frames) == 2 and isinstance(frames[0], int)
        pictures = _plain_frames(*frames) if plain else frames
        if codec_options is None:
            codec_options = {"crf": "18", "preset": "veryfast"} if codec == "libx264" else {}
        with av.open(str(path), "w", options=dict(container_options or {})) as container:
            # The header is written with the first packet: every stream has to be there by then.
            sound = container.add_stream("aac", rate=16_000, layout="mono") if audio_s else None
            _add_pictures(
                container,
                pictures,
                codec=codec,
                pix_fmt=pix_fmt,
                rate=Fraction(rate),
                codec_options=codec_options,
                rotation_deg=rotation_deg,
                timestamps_s=timestamps_s,
            )
            if sound is not None:
                _add_tone(container, sound, audio_s)
        return path

    return write


@pytest.fixture(scope="session")
def moving_square_frames() -> list[np.ndarray]:
    """24 RGB images of 96×160 px: a white square of 16 px that moves 4 px to the right in each frame."""
    images = []
    for index in range(24):
        image = np.full((96, 160, 3), 32, np.uint8)
        image[40:56, 8 + 4 * index : 24 + 4 * index] = 235
        images.append(image)
    return images


@pytest.fixture(scope="session")
def moving_square_clip(
    tmp_path_factory: pytest.TempPathFactory, write_clip: WriteClip, moving_square_frames: list[np.ndarray]
) -> Path:
    """The moving square as an H.264 clip of 24 frames at 24 frames per second."""
    return write_clip(tmp_path_factory.mktemp("square") / "square.mp4", moving_square_frames, rate=24)


@pytest.fixture(scope="session")
def portrait() -> np.ndarray:
    """Eileen Collins (NASA, public domain): RGB uint8 (512, 512, 3), one frontal face about 100 px wide."""
    return np.ascontiguousarray(skimage.data.astronaut())


def swaying(photo: np.ndarray, count: int = 38) -> list[np.ndarray]:
    """RGB images of 480×640 px: a photograph of 512×512 px that sways smoothly by ±12 px and ±1.5 degrees."""
    images = []
    for index in range(count):
        phase = 2 * np.pi * index / 38
        matrix = cv2.getRotationMatrix2D((256.0, 150.0), 1.5 * np.sin(phase), 1.25)
        matrix[:, 2] += (64 + 12 * np.sin(phase), 60 + 6 * np.cos(phase))
        images.append(cv2.warpAffine(photo, matrix, (640, 480), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT))
    return images


@pytest.fixture(scope="session")
def talking_frames(portrait: np.ndarray) -> list[np.ndarray]:
    """38 RGB images of 480×640 px: the portrait swaying smoothly by ±12 px and ±1.5 degrees."""
    return swaying(portrait)


@pytest.fixture(scope="session")
def talking_clip(run_folder: Path, write_clip: WriteClip, talking_frames: list[np.ndarray]) -> Path:
    """The swaying portrait as a 640×480 H.264 clip of 38 frames at 25 frames per second: one face in every frame."""
    path = run_folder / "talking.mp4"
    with FileLock(run_folder / "talking.lock"):
        return path if path.exists() else write_clip(path, talking_frames)


@pytest.fixture(scope="session")
def watched(run_folder: Path, talking_clip: Path) -> Watched:
    """An analysis of the talking clip with the default models, made once per run."""
    kept = run_folder / "watched.pickle"
    with FileLock(run_folder / "watched.lock"):
        if not kept.exists():
            kept.write_bytes(pickle.dumps(watch(talking_clip, run_folder / "watched")))
        found: Watched = pickle.loads(kept.read_bytes())
        return found


@pytest.fixture
def quick_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a test that does not ask what the default classifier's network says: a stand-in a thousand times as quick, in
    this process and in workers that it starts. What fixtures of a wider scope make comes from the network itself."""
    quick.put_in_place(monkeypatch.setattr)


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this run, the same for all processes that its tests run in."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def demo_set(run_folder: Path) -> Path:
    """The built-in data set, written once per run."""
    from deepfake.demo.writer import write_demo

    with FileLock(run_folder / "demo.lock"):
        return write_demo(run_folder / "demo")  # one that is there stays
