"""Jobs in worker processes: results, sharing, canceling, crashes, timeouts; the cache and the uploads behind them."""

from __future__ import annotations

import io
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from filelock import FileLock

from deepfake import files
from deepfake.errors import ClipError, LimitError, WorkerError
from deepfake.files import LOCK_FILE, claim_folder
from deepfake.server.cache import ResultCache
from deepfake.server.jobs import Job, JobQueue, JobState
from deepfake.server.progress import MAX_CURVE_POINTS, ProgressWriter, read_progress
from deepfake.server.sessions import SessionRegistry, display_name
from deepfake.worker_pool import WorkerPool
from tests.waiting import LIMIT_S, until

NOBODY = 65534  # the number of a user who may do nothing in particular


# Tasks: module-level functions, so that a spawned worker can import them.
def write_word(folder: Path, word: str) -> None:
    (folder / "word.txt").write_text(word)


def wait_for_file(folder: Path, path: Path) -> None:
    (folder.parent / f"{path.name}.pid").write_text(str(os.getpid()))
    while not path.exists():
        time.sleep(0.02)


def crash(_folder: Path) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def be_killed(_folder: Path) -> None:
    os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does when memory runs out


def run_out_of_memory(_folder: Path) -> None:
    bytearray(2**62)


def refuse(_folder: Path, path: Path) -> None:
    raise ClipError(path, "the file is empty")


def fault(_folder: Path) -> None:
    raise ZeroDivisionError("a fault of the program")


def pid() -> int:
    return os.getpid()


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    workers = WorkerPool(1)
    yield workers
    workers.close()


@pytest.fixture
def cache(tmp_path: Path) -> ResultCache:
    return ResultCache(tmp_path / "results", tmp_path, max_bytes=10_000)


@pytest.fixture
def jobs(pool: WorkerPool, cache: ResultCache) -> JobQueue:
    return JobQueue(pool, cache, timeout_s=LIMIT_S)


def submit(jobs: JobQueue, key: str, task: Callable[..., None], *args: object, owner: str = "a") -> Job:
    return jobs.submit(key, task, *args, owner=owner, source=Path("clip.mp4"), name="clip.mp4")


def finished(job: Job) -> Job:
    until(lambda: job.finished is not None)
    return job


def test_a_job_leaves_its_result_in_the_cache(jobs: JobQueue, cache: ResultCache) -> None:
    assert cache.get("word") is None
    assert finished(submit(jobs, "word", write_word, "hello")).state is JobState.DONE
    folder = cache.get("word")
    assert folder is not None
    assert [path.name for path in folder.iterdir()] == ["word.txt"]
    assert jobs.find("word") is None


def test_two_sessions_share_a_job_and_one_leaving_does_not_end_it(jobs: JobQueue, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    first = submit(jobs, "shared", wait_for_file, gate, owner="a")
    assert submit(jobs, "shared", wait_for_file, gate, owner="b") is first
    jobs.leave("shared", "a")
    assert first.finished is None
    gate.touch()
    assert finished(first).state is JobState.DONE


def test_jobs_wait_in_a_queue_and_know_their_place(jobs: JobQueue, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    first = submit(jobs, "first", wait_for_file, gate)
    second = submit(jobs, "second", write_word, "later")
    until(lambda: first.state is JobState.RUNNING)
    assert (second.state, jobs.ahead_of(first), jobs.ahead_of(second)) == (JobState.QUEUED, 0, 1)
    gate.touch()
    assert finished(second).state is JobState.DONE


def test_who_waits_is_told_how_long_at_the_pace_of_the_jobs_before(
    jobs: JobQueue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 100.0
    monkeypatch.setattr("deepfake.server.jobs.time", SimpleNamespace(monotonic=lambda: now_s))
    first = submit(jobs, "first", wait_for_file, tmp_path / "first gate")
    failed = submit(jobs, "failed", fault)
    second = submit(jobs, "second", wait_for_file, tmp_path / "second gate")
    third = submit(jobs, "third", write_word, "later")
    assert jobs.wait_s(third) is None, "nothing has been timed"
    now_s = 107.0
    (tmp_path / "first gate").touch()
    finished(first)
    finished(failed)
    until(lambda: second.state is JobState.RUNNING)
    assert (jobs.wait_s(second), jobs.wait_s(third)) == (0, 7.0)
    now_s = 110.0  # 3 s after the one that failed: its end counts, its time does not
    (tmp_path / "second gate").touch()
    finished(third)
    fourth = submit(jobs, "fourth", wait_for_file, tmp_path / "third gate")
    fifth = submit(jobs, "fifth", write_word, "last")
    assert jobs.wait_s(fifth) == pytest.approx((7 + 3 + 0) / 3)
    jobs.leave("fourth", "a")
    assert fourth.state is JobState.CANCELED
    assert finished(fifth).state is JobState.DONE


def test_canceling_ends_the_worker_and_the_next_job_runs(jobs: JobQueue, tmp_path: Path) -> None:
    job = submit(jobs, "endless", wait_for_file, tmp_path / "never")
    note = tmp_path / "building" / "never.pid"
    until(lambda: note.exists() and note.read_text() != "")
    worker = int(note.read_text())
    jobs.leave("endless", "a")
    assert job.state is JobState.CANCELED
    assert jobs.find("endless") is None
    until(lambda: not Path(f"/proc/{worker}").exists() if Path("/proc").is_dir() else True)
    assert finished(submit(jobs, "word", write_word, "hello")).state is JobState.DONE
    assert not job.folder.exists()


def test_a_queued_job_can_be_canceled(jobs: JobQueue, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    first = submit(jobs, "first", wait_for_file, gate)
    second = submit(jobs, "second", write_word, "never", owner="b")
    jobs.leave_all("b")
    gate.touch()
    assert finished(first).state is JobState.DONE
    assert second.state is JobState.CANCELED


def test_a_crash_is_a_message_and_the_next_job_works(jobs: JobQueue) -> None:
    job = finished(submit(jobs, "crash", crash))
    assert job.state is JobState.FAILED
    assert isinstance(job.error, WorkerError)
    assert str(job.error).startswith("clip.mp4: the clip made the decoder crash")
    assert finished(submit(jobs, "word", write_word, "hello")).state is JobState.DONE


@pytest.mark.parametrize("task", [be_killed, run_out_of_memory])
def test_a_worker_that_runs_out_of_memory_says_so_and_is_replaced(jobs: JobQueue, task: Callable[..., None]) -> None:
    job = finished(submit(jobs, "large", task))
    assert job.state is JobState.FAILED
    assert isinstance(job.error, WorkerError)
    assert str(job.error).startswith("clip.mp4: the analysis needed more memory than there is")
    assert finished(submit(jobs, "word", write_word, "hello")).state is JobState.DONE
    until(lambda: not job.folder.exists())


def test_a_timeout_names_the_limit_and_how_to_change_it(pool: WorkerPool, cache: ResultCache, tmp_path: Path) -> None:
    jobs = JobQueue(pool, cache, timeout_s=0.5)
    job = finished(submit(jobs, "slow", wait_for_file, tmp_path / "never"))
    assert "0.5 s" in str(job.error)
    assert "DEEPFAKE_JOB_TIMEOUT_S" in str(job.error)
    assert pool.call(pid, timeout_s=LIMIT_S, name="") != os.getpid()


def test_an_error_about_the_clip_arrives_as_it_was_raised(jobs: JobQueue) -> None:
    job = finished(submit(jobs, "empty", refuse, Path("x.mp4")))
    assert isinstance(job.error, ClipError)
    assert str(job.error) == "x.mp4: the file is empty"


def test_a_fault_of_the_program_is_told_apart_from_a_bad_clip(jobs: JobQueue) -> None:
    assert "fault of the program" in str(finished(submit(jobs, "fault", fault)).error)


def test_a_failed_job_stays_until_it_is_forgotten(jobs: JobQueue) -> None:
    job = finished(submit(jobs, "empty", refuse, Path("x.mp4")))
    assert submit(jobs, "empty", refuse, Path("x.mp4")) is job
    jobs.forget("empty")
    assert submit(jobs, "empty", write_word, "now") is not job


def test_a_failure_of_one_copy_of_a_clip_does_not_answer_for_another(jobs: JobQueue) -> None:
    job = finished(submit(jobs, "empty", refuse, Path("x.mp4")))
    other = jobs.submit("empty", write_word, "fine", owner="b", source=Path("copy.mp4"), name="copy.mp4")
    assert other is not job
    assert finished(other).state is JobState.DONE


def test_a_worker_killed_while_idle_is_replaced(cache: ResultCache) -> None:
    workers = WorkerPool(1)
    try:
        idle = workers.call(pid, timeout_s=LIMIT_S, name="")
        os.kill(idle, signal.SIGKILL)
        jobs = JobQueue(workers, cache, timeout_s=LIMIT_S)

        def works() -> bool:
            jobs.forget("word")
            return finished(submit(jobs, "word", write_word, "hello")).state is JobState.DONE

        until(works)
    finally:
        workers.close()


def test_the_cache_drops_the_least_recently_used_but_nothing_in_use(cache: ResultCache) -> None:
    for position, key in enumerate(["old", "held", "new"]):
        folder = cache.new_folder()
        (folder / "data").write_bytes(bytes(4_000))
        os.utime(cache.commit(folder, key), (position, position))
        if key == "held":
            cache.get("held", owner="session")
            os.utime(cache.get("held"), (0, 0))
    cache.trim()
    assert [key for key in ("old", "held", "new") if cache.get(key)] == ["held", "new"]
    cache.release("session")
    os.utime(cache.get("held"), (0, 0))
    folder = cache.new_folder()
    (folder / "data").write_bytes(bytes(4_000))
    cache.commit(folder, "newest")
    assert cache.get("held") is None


def test_deleting_what_came_from_a_clip_spares_what_another_session_looks_at(cache: ResultCache) -> None:
    for key in ("abc-1", "abc-2", "other-1"):
        cache.commit(cache.new_folder(), key)
    cache.get("abc-1", owner="me")
    cache.get("abc-2", owner="you")
    cache.drop_all("abc", owner="me")
    assert [key for key in ("abc-1", "abc-2", "other-1") if cache.get(key)] == ["abc-2", "other-1"]


@pytest.mark.parametrize("key", ["../up", "a/b", "", ".hidden"])
def test_the_cache_refuses_keys_that_leave_its_folder(cache: ResultCache, key: str) -> None:
    with pytest.raises(ValueError, match="cannot name"):
        cache.get(key)


def test_progress_keeps_every_drop_of_a_long_curve(tmp_path: Path) -> None:
    values = [0.99] * 5_000
    values[1_234] = 0.5
    ProgressWriter(tmp_path).write("frames", 5_000, 10_000, similarity=values)
    report = read_progress(tmp_path)
    assert report is not None
    assert len(report.curve) <= MAX_CURVE_POINTS
    assert min(report.curve) == 0.5
    assert report.curve.index(0.5) == 1_234 // report.curve_step


def test_an_upload_is_kept_under_a_random_name_and_removed_on_request(tmp_path: Path) -> None:
    sessions = SessionRegistry(tmp_path, on_end=lambda _: None)
    files = sessions.open(None)
    upload = files.save("../../etc/evil\u202e.MP4", io.BytesIO(b"abc"), max_bytes=10)
    assert upload.name == "evil.MP4"
    assert upload.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert upload.path.is_relative_to(tmp_path)
    assert "evil" not in upload.path.name
    assert files.save("again.mp4", io.BytesIO(b"abc"), max_bytes=10).path == upload.path
    files.remove(upload.sha256)
    assert not upload.path.exists()
    assert files.uploads == {}


def test_an_upload_over_the_limit_leaves_nothing_behind(tmp_path: Path) -> None:
    files = SessionRegistry(tmp_path, on_end=lambda _: None).open(None)
    with pytest.raises(LimitError, match=r"big\.mp4.*DEEPFAKE_MAX_CLIP_MB"):
        files.save("big.mp4", io.BytesIO(bytes(2**20 + 1)), max_bytes=2**20)
    with pytest.raises(ClipError, match="kind of file"):
        files.save("notes.txt", io.BytesIO(b"abc"), max_bytes=10)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_sessions_do_not_see_each_other_and_end_with_their_files(tmp_path: Path) -> None:
    ended: list[str] = []
    sessions = SessionRegistry(tmp_path, on_end=lambda files: ended.append(files.session_id), grace_s=0.01)
    first, second = sessions.open(None), sessions.open("forged")
    upload = first.save("a.mp4", io.BytesIO(b"abc"), max_bytes=10)
    assert second.uploads == {}
    assert sessions.open(first.session_id) is first
    sessions.disconnected(first.session_id)
    until(lambda: ended == [first.session_id])
    until(lambda: not upload.path.exists())


def test_a_session_that_comes_back_in_time_keeps_its_files(tmp_path: Path) -> None:
    sessions = SessionRegistry(tmp_path, on_end=lambda _: None, grace_s=3600)
    files = sessions.open(None)
    sessions.disconnected(files.session_id)
    assert sessions.open(files.session_id) is files


def test_a_session_that_a_reloaded_page_goes_on_with_outlives_the_page_before(tmp_path: Path) -> None:
    ended: list[str] = []
    sessions = SessionRegistry(tmp_path, on_end=lambda files: ended.append(files.session_id), grace_s=0.01)
    files = sessions.open(None)
    upload = files.save("a.mp4", io.BytesIO(b"abc"), max_bytes=10)
    assert sessions.uploads_of(files.session_id) == (upload,)
    assert sessions.uploads_of("forged") == ()
    for _ in ("the page before", "the page that was reloaded"):
        sessions.connected(files.session_id)
    sessions.disconnected(files.session_id)
    assert not sessions._ending, "somebody still looks at it"
    sessions.disconnected(files.session_id)
    until(lambda: ended == [files.session_id])


@pytest.fixture
def patient(tmp_path: Path) -> SessionRegistry:
    """Sessions whose time is up when a test says so."""
    return SessionRegistry(tmp_path, on_end=lambda _: None, grace_s=3600)


def _time_is_up(sessions: SessionRegistry, session_id: str) -> Callable[[], None]:
    """Return what the timer of a session calls when its time is up."""
    timer = sessions._ending[session_id]
    return lambda: timer.function(*timer.args, **timer.kwargs)


def test_a_page_that_shows_a_session_keeps_it_although_the_page_before_went_after_it_opened(
    patient: SessionRegistry,
) -> None:
    files = patient.open(None)
    patient.connected(files.session_id)
    assert patient.open(files.session_id) is files  # the reloaded page
    patient.disconnected(files.session_id)  # the page before
    end = _time_is_up(patient, files.session_id)
    patient.connected(files.session_id)
    assert not patient._ending, "a browser shows it"
    end()  # the timer was too late to be canceled
    assert patient.is_open(files.session_id)
    patient.disconnected(files.session_id)
    _time_is_up(patient, files.session_id)()
    assert not patient.is_open(files.session_id)


def test_a_session_that_is_opened_as_its_time_is_up_keeps_its_files(patient: SessionRegistry) -> None:
    files = patient.open(None)
    patient.disconnected(files.session_id)
    end = _time_is_up(patient, files.session_id)
    assert patient.open(files.session_id) is files
    end()
    assert patient.open(files.session_id) is files


def test_what_a_dead_server_left_is_removed_and_a_living_ones_folder_stays(tmp_path: Path) -> None:
    living, lock = claim_folder(tmp_path)
    dead, dead_lock = claim_folder(tmp_path)
    (dead / "upload.mp4").write_bytes(b"abc")
    dead_lock.release()
    mine, my_lock = claim_folder(tmp_path)
    assert (living.exists(), dead.exists(), mine.exists()) == (True, False, True)
    lock.release()
    my_lock.release()


@pytest.mark.skipif(os.name != "posix", reason="rights of POSIX")
def test_a_folder_that_another_user_made_there_is_left_alone() -> None:
    """Users share the folder for temporary files: the first one's folder failed every clip of the others."""
    with tempfile.TemporaryDirectory() as shared:
        theirs = Path(shared, "pool-theirs")
        theirs.mkdir()
        (theirs / LOCK_FILE).touch()
        theirs.chmod(0)
        Path(shared).chmod(0o777)
        me = os.geteuid()
        os.seteuid(me or NOBODY)  # root may look into every folder
        try:
            mine, lock = claim_folder(Path(shared), "pool-")
            lock.release()
        finally:
            os.seteuid(me)
        theirs.chmod(0o700)
        assert {folder.name for folder in Path(shared).iterdir()} == {mine.name, theirs.name}


def test_folders_that_are_claimed_at_one_moment_are_all_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As pools and servers do that start together: one that lost its folder failed its clip. To a lock of a file it is
    the same whether threads or processes hold it."""

    class LockInTwoSteps(FileLock):  # as it is: the file is there before it is locked, and others try it meanwhile
        def acquire(self, *args: Any, **options: Any) -> Any:
            Path(self.lock_file).touch()
            threading.Event().wait(0.001)
            return super().acquire(*args, **options)

        def __enter__(self) -> Any:
            return super().acquire()

    monkeypatch.setattr(files, "FileLock", LockInTwoSteps)
    with ThreadPoolExecutor(4) as threads:
        claimed = list(threads.map(lambda _: claim_folder(tmp_path), range(40)))
    assert all((folder / LOCK_FILE).is_file() for folder, _ in claimed)
    for _, lock in claimed:
        lock.release()


def test_display_names_are_short_and_visible() -> None:
    assert display_name("C:\\clips\\my clip.mov") == "my clip.mov"
    assert display_name("\x00\n") == "clip"
    assert len(display_name("x" * 300 + ".mp4")) == 80
    assert display_name("x" * 300 + ".mp4").endswith(".mp4")
