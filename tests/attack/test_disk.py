"""A disk that fills up: one sentence that says what to do, nothing left behind, and the next one works."""

from __future__ import annotations

import io
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from deepfake.cli import main
from deepfake.dashboard.door import on_script_error
from deepfake.errors import ClipError, DiskError, OutsideRootError, StoreError, disk_problem
from deepfake.server.cache import ResultCache
from deepfake.server.jobs import Job, JobQueue, JobState
from deepfake.server.progress import ProgressWriter, read_preview, read_progress
from deepfake.server.sessions import SessionFiles
from deepfake.store import open_store
from deepfake.video.light import PQ
from deepfake.video.writer import ClipWriter
from deepfake.worker_pool import WorkerPool
from tests.attack.conftest import SMALL_DISK_BYTES
from tests.store.samples import sample_analysis
from tests.video.test_light import write_light
from tests.waiting import LIMIT_S, until

ROOT = Path(__file__).resolve().parents[2]


# Tasks: functions of a module, which workers import.
def fill(folder: Path) -> None:
    (folder / "large.bin").write_bytes(bytes(2 * SMALL_DISK_BYTES))


def encode(folder: Path) -> None:
    """Write a clip that does not fit, as face clips and players are written."""
    generator = np.random.default_rng(0)
    with ClipWriter(folder / "clip.mp4", 25, (640, 480)) as writer:
        for number in range(40):
            writer.write(generator.integers(0, 255, (480, 640, 3), dtype=np.uint8), number / 25)


# What FaceClips does: pictures wait for a second thread while the first of them fails.
WRITE_ON = """
import sys
import numpy as np
from fractions import Fraction
from pathlib import Path
from deepfake.video.writer import ClipWriter
writer = ClipWriter(Path(sys.argv[1], "clip.mp4"), Fraction(25), (320, 320), threads=1)
generator = np.random.default_rng(0)
failed = 0
for number in range(300):
    try:
        writer.write(generator.integers(0, 255, (320, 320, 3), dtype=np.uint8), number / 25)
    except OSError:
        failed += 1
assert failed > 100
writer.discard()
"""


def report_while_full(folder: Path) -> None:
    """Report to a full disk, then make room and leave a result."""
    filling = folder / "filling"
    with pytest.raises(OSError, match="No space left"):
        filling.write_bytes(bytes(2 * SMALL_DISK_BYTES))
    writer = ProgressWriter(folder)
    writer.write("frames", 1, 2, preview_jpeg=lambda: bytes(50_000))
    assert (read_progress(folder), read_preview(folder)) == (None, None)
    assert [path.name for path in folder.iterdir()] == ["filling"]
    filling.unlink()
    writer.write("finishing", 1, 2)
    assert read_progress(folder) is not None


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    workers = WorkerPool(1)
    yield workers
    workers.close()


def finished(disk: Path, pool: WorkerPool, task: object) -> Job:
    jobs = JobQueue(pool, ResultCache(disk / "results", disk, 2**30), timeout_s=LIMIT_S)
    job = jobs.submit("key", task, owner="me", source=Path("clip.mp4"), name="clip.mp4")  # type: ignore[arg-type]
    until(lambda: job.finished is not None)
    until(lambda: job.finished is JobState.DONE or not job.folder.exists())
    return job


def test_an_upload_that_does_not_fit_leaves_nothing(small_disk: Path) -> None:
    files = SessionFiles(small_disk)
    with pytest.raises(DiskError, match=r"^a\.mp4: the disk is full\. Make room on it, or name a folder"):
        files.save("a.mp4", io.BytesIO(bytes(3 * SMALL_DISK_BYTES)), 2**30)
    assert not any(path.is_file() for path in small_disk.rglob("*"))
    assert files.save("a.mp4", io.BytesIO(bytes(1000)), 2**30).size_bytes == 1000


def test_a_result_that_does_not_fit_names_its_file_and_leaves_the_former(
    small_disk: Path, moving_square_clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = small_disk / "a.json"
    out.write_text("former")
    (small_disk / "filling").write_bytes(bytes(SMALL_DISK_BYTES - 4096))
    assert main(["analyze", str(moving_square_clip), "--detector", "haar", "--json", str(out)]) == 1
    assert capsys.readouterr().err.endswith(
        f"deepfake: {out}: the disk is full. Make room on it, or name a file on another disk\n"
    )
    assert out.read_text() == "former"
    assert {path.name for path in small_disk.iterdir()} == {"a.json", "filling"}


def test_a_full_disk_of_temporary_files_is_not_told_as_that_of_the_faces(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = write_light(tmp_path / "bright.mp4", np.full((4, 3), 0.5), transfer=PQ)
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    (small_disk / "filling").write_bytes(bytes(SMALL_DISK_BYTES - 4096))
    assert main(["analyze", str(clip), "--detector", "haar", "--faces", str(tmp_path / "faces")]) == 1
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith(f"deepfake: {small_disk}")
    assert told.endswith("light.cube: No space left on device")
    assert [path.name for path in small_disk.iterdir()] == ["filling"]


def test_faces_that_do_not_fit_are_told_by_their_folder(
    small_disk: Path, talking_clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (small_disk / "filling").write_bytes(bytes(SMALL_DISK_BYTES - 4096))
    assert main(["analyze", str(talking_clip), "--faces", str(small_disk)]) == 1
    assert capsys.readouterr().err.endswith(
        f"deepfake: {small_disk}: the disk is full. Make room on it, or name a file on another disk\n"
    )
    assert [path.name for path in small_disk.iterdir()] == ["filling"]


@pytest.mark.parametrize("task", [fill, encode])
def test_an_analysis_on_a_full_disk_says_so_and_leaves_nothing(
    small_disk: Path, pool: WorkerPool, task: object
) -> None:
    job = finished(small_disk, pool, task)
    assert isinstance(job.error, DiskError)
    assert str(job.error).startswith("clip.mp4: the analysis was ended: the disk is full. Make room on it")
    assert not any(path.is_file() for path in small_disk.rglob("*"))


def test_pictures_that_still_wait_for_a_full_disk_crash_nothing(small_disk: Path) -> None:
    """A container whose header could not be written takes no other packet: FFmpeg ends the process at the next."""
    with suppress(OSError), (small_disk / "filling").open("wb", buffering=0) as file:
        while True:  # to the last byte
            file.write(bytes(4096))
    command = [sys.executable, "-c", WRITE_ON, str(small_disk)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in small_disk.iterdir()] == ["filling"]


def test_a_copy_of_the_store_that_does_not_fit_names_the_copy(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    address = f"sqlite:///{tmp_path}/store.db"
    monkeypatch.setenv("DEEPFAKE_DATABASE_URL", address)
    with open_store(url=address) as store:
        store.put(sample_analysis(), name="a.mp4")
    (small_disk / "filling").write_bytes(bytes(SMALL_DISK_BYTES - 4096))
    copy = small_disk / "copy.db"
    assert main(["store", "backup", str(copy)]) == 1
    full = "the disk is full. Make room on it, or name a file on another disk"
    assert capsys.readouterr().err == f"deepfake: {copy}: {full}\n"
    assert [path.name for path in small_disk.iterdir()] == ["filling"]


def test_a_progress_picture_that_cannot_be_written_ends_nothing(small_disk: Path, pool: WorkerPool) -> None:
    assert finished(small_disk, pool, report_while_full).state is JobState.DONE


def test_progress_that_cannot_be_written_is_logged_once_a_job(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        writer = ProgressWriter(tmp_path / "gone")
        for stage in ("models", "frames", "finishing"):
            writer.write(stage, 1, 2, preview_jpeg=lambda: b"picture")
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == ["preview.jpg cannot be written"] * 2


def test_an_entry_of_the_cache_that_does_not_fit_leaves_nothing(small_disk: Path) -> None:
    cache = ResultCache(small_disk / "results", small_disk, 2**30)
    with pytest.raises(OSError, match="No space left"), cache.making("key") as folder:
        fill(folder)
    assert cache.get("key") is None
    assert list((small_disk / "building").iterdir()) == []


def test_a_store_on_a_full_disk_says_so_and_keeps_what_it_has(small_disk: Path) -> None:
    with open_store(url=f"sqlite:///{small_disk / 'store.db'}") as store:
        store.put(sample_analysis(1), name="a.mp4")
        (small_disk / "filling").write_bytes(bytes(shutil.disk_usage(small_disk).free))
        with pytest.raises(StoreError, match="the disk is full"):
            store.put(sample_analysis(2, frames=20_000), name="b.mp4")
        (small_disk / "filling").unlink()
        assert store.put(sample_analysis(2), name="b.mp4")
        assert store.find().total == 2


def test_a_page_that_meets_a_full_disk_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr("streamlit.error", lambda text, icon: said.append(text))
    assert on_script_error(OSError(28, "No space left on device"))
    assert on_script_error(StoreError("", "it is busy"))
    assert not on_script_error(KeyError("x"))
    assert on_script_error(PermissionError(13, "Permission denied", "/cache/results"))
    assert said[0].startswith("This cannot be done now: the disk is full")
    assert said[1] == "it is busy"
    assert said[2].startswith("This cannot be done now: permission is missing for results.")


def test_a_full_disk_is_told_from_other_errors() -> None:
    error = ValueError("wrapped")
    error.__cause__ = OSError(28, "No space left on device")
    assert (disk_problem(error) or "").startswith("the disk is full")
    unnamed = PermissionError(13, "Permission denied")
    assert (disk_problem(unnamed) or "").startswith("permission is missing for a file that is needed.")
    clip = disk_problem(PermissionError(13, "Permission denied", "/data/set/a.mp4")) or ""
    assert clip.startswith("permission is missing for a.mp4."), "not every file that is read is of the cache"
    unreadable = ClipError("a.mp4", "the file cannot be read")
    unreadable.__cause__ = PermissionError(13, "Permission denied")
    assert disk_problem(unreadable) is None
    assert disk_problem(OutsideRootError("a", "outside")) is None
    assert disk_problem(sqlite3.OperationalError("database is locked")) is None


def test_a_disk_that_is_read_only_is_told(small_disk: Path, pool: WorkerPool) -> None:
    with open_store(url=f"sqlite:///{small_disk / 'store.db'}") as store:
        store.put(sample_analysis(1), name="a.mp4")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(DiskError, match=r"^a\.mp4: the disk is read-only"):
        SessionFiles(small_disk).save("a.mp4", io.BytesIO(b"x"), 10)
    with (
        pytest.raises(StoreError, match=r"the store cannot be used"),
        open_store(url=f"sqlite:///{small_disk / 'store.db'}") as store,
    ):
        store.put(sample_analysis(2), name="b.mp4")


def test_a_store_on_a_read_only_disk_can_be_read(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEEPFAKE_DATABASE_URL", f"sqlite:///{small_disk / '100% #1.db'}")
    with open_store() as store:
        store.put(sample_analysis(1), name="a.mp4")
        kept = store.find().rows[0]
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with open_store() as store:
        assert store.find(text="a.mp4").rows == (kept,)
        assert store.get(kept.sha256, kept.fingerprint) == sample_analysis(1).with_path(Path("a.mp4"))
    assert main(["store", "check"]) == 0
    assert "1 analysis and" in capsys.readouterr().out
    assert main(["store", "backup", str(tmp_path / "copy.db")]) == 0
    with open_store(url=f"sqlite:///{tmp_path / 'copy.db'}") as copy:
        assert copy.find().total == 1
        assert copy.put(sample_analysis(2), name="b.mp4")
