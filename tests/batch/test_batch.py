"""Batches: every clip ends as one analysis in the store or one row with its error, whatever happens on the way.

A stand-in (batch_work) is in the place of the analysis: what becomes of a clip is in its bytes.
"""

from __future__ import annotations

import dataclasses
import itertools
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray
from pebble import ProcessExpired

from deepfake.analysis.model import AnalysisConfig
from deepfake.batch import Batch, BatchResult, collect_clips, progress, worker
from deepfake.batch.worker import Task, analyze_clip, looks_of
from deepfake.detectors import CLASSIFIERS, DEFAULT_CLASSIFIER, ClassifierInfo, FaceClassifier, register_classifier
from deepfake.errors import SettingsError, StoreBusyError, StoreError, WorkerError
from deepfake.settings import Settings
from deepfake.signals.base import FaceSignal, FaceView, SignalInfo
from deepfake.signals.registry import FACE_SIGNALS, register_signal
from deepfake.store import database, open_store
from tests import batch_work
from tests.batch.runs import calls, new_batch, stored, write_clips
from tests.waiting import until

# The network's weights are part of what a result is known by: each worker would read them for that alone.
pytestmark = pytest.mark.usefixtures("quick_network")


class Own(FaceClassifier):
    info = ClassifierInfo("own", "Own", "", "")

    def scores(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.full(len(images), 0.5, np.float32)


class OwnSignal(FaceSignal):
    info = SignalInfo("own", "Own", "", "", "", suspicious=None)

    def push(self, view: FaceView) -> float:
        return 1.0


@pytest.mark.parametrize(
    "wrong", [{"workers": 0}, {"workers": -1}, {"workers": 1.5}, {"timeout_s": 0}, {"timeout_s": "soon"}]
)
def test_a_number_that_cannot_be_is_told_before_the_work(settings: Settings, wrong: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match=f"Batch: {next(iter(wrong))} "):
        Batch([], settings=settings, **wrong)


def test_what_a_batch_cannot_call_is_told(settings: Settings) -> None:
    with pytest.raises(TypeError, match="analyze has to be a function, not 5"):
        Batch([], settings=settings, analyze=5)


@pytest.mark.parametrize("workers", [1, 2])
def test_every_clip_has_one_result_and_is_in_the_store(tmp_path: Path, settings: Settings, workers: int) -> None:
    words = ["a", "b", "bad c", "d", "bug e", "f"]
    batch = new_batch(write_clips(tmp_path / "clips", *words), settings, workers=workers)
    results = {result.clip.name: result for result in batch.run()}
    assert {name: result.status for name, result in results.items()} == {
        "00.mp4": "analyzed", "01.mp4": "analyzed", "02.mp4": "failed",
        "03.mp4": "analyzed", "04.mp4": "failed", "05.mp4": "analyzed",
    }  # fmt: skip
    expected = {f"{n:02}.mp4": batch_work.probability_of(w.encode()) for n, w in enumerate(words) if n not in (2, 4)}
    assert {name: results[name].probability_fake for name in expected} == expected
    assert stored(settings) == expected
    assert "this is not a video" in (results["02.mp4"].error or "")
    assert "KeyError" in (results["04.mp4"].error or "")
    summary = batch.summary()
    assert (summary.progress.done, summary.progress.analyzed, summary.progress.failed) == (6, 4, 2)
    assert ("this is not a video", 1) in summary.reasons
    assert not summary.canceled


def test_a_second_run_reads_nothing_and_gives_the_same_results(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_clips(tmp_path / "clips", "a", "bad b", "c")
    first = {result.clip.name: result for result in new_batch(folder, settings).run()}
    monkeypatch.setattr("builtins.open", None)
    second = {result.clip.name: result for result in new_batch(folder, settings).run()}
    assert [second[name].status for name in sorted(second)] == ["known", "failed_before", "known"]
    for name, result in second.items():
        assert (result.probability_fake, result.verdict, result.error, result.answer) == (
            first[name].probability_fake, first[name].verdict, first[name].error, first[name].answer,
        )  # fmt: skip
    assert Counter(calls(settings)) == Counter({"a": 1, "bad b": 1, "c": 1})


def test_a_quick_batch_analyzes_in_full_what_a_quick_look_leaves_open(tmp_path: Path, settings: Settings) -> None:
    folder = write_clips(tmp_path / "clips", "sure", "open", "bad")
    quick = AnalysisConfig(quick=True)
    first = {result.clip.name: result for result in new_batch(folder, settings, config=quick).run()}
    assert {name: result.look for name, result in first.items()} == {
        "00.mp4": "quick",
        "01.mp4": "full",
        "02.mp4": None,
    }
    assert Counter(calls(settings)) == Counter({"sure": 1, "open": 2, "bad": 1})
    again = {result.clip.name: result for result in new_batch(folder, settings, config=quick).run()}
    assert [(again[name].status, again[name].look) for name in sorted(again)] == [
        ("known", "quick"), ("known", "full"), ("failed_before", None),
    ]  # fmt: skip
    assert len(calls(settings)) == 4


def test_a_full_analysis_counts_in_a_quick_batch_and_no_quick_look_in_a_full_one(
    tmp_path: Path, settings: Settings
) -> None:
    quick = AnalysisConfig(quick=True)
    known = write_clips(tmp_path / "known", "sure a")
    assert [result.look for result in new_batch(known, settings).run()] == ["full"]
    assert [(r.status, r.look) for r in new_batch(known, settings, config=quick).run()] == [("known", "full")]
    looked_at = write_clips(tmp_path / "looked_at", "sure b")
    assert [result.look for result in new_batch(looked_at, settings, config=quick).run()] == ["quick"]
    assert [(r.status, r.look) for r in new_batch(looked_at, settings).run()] == [("analyzed", "full")]
    assert [(r.status, r.look) for r in new_batch(looked_at, settings, config=quick).run()] == [("known", "full")]


def test_what_failed_in_a_full_batch_is_not_tried_by_a_quick_one_until_it_changes(
    tmp_path: Path, settings: Settings
) -> None:
    folder = write_clips(tmp_path / "clips", "bad a")
    quick = AnalysisConfig(quick=True)
    assert [result.status for result in new_batch(folder, settings).run()] == ["failed"]
    assert [result.status for result in new_batch(folder, settings, config=quick).run()] == ["failed_before"]
    (folder / "00.mp4").write_text("bad again")
    assert [result.status for result in new_batch(folder, settings, config=quick).run()] == ["failed"]
    # The full batch's failure is that of another file by now, and does not hide the quick one's.
    assert [result.status for result in new_batch(folder, settings, config=quick).run()] == ["failed_before"]
    assert calls(settings) == ["bad a", "bad again"]


def test_a_clip_over_a_limit_is_tried_again_once_the_limit_is_another(tmp_path: Path, settings: Settings) -> None:
    folder = write_clips(tmp_path / "clips", "over 5", "bad b", "x" * 2**20 + "too much")

    def run(**limits: float) -> dict[str, str]:
        given = dataclasses.replace(settings, **limits)
        return {result.clip.name: result.status for result in new_batch(folder, given).run()}

    assert set(run(max_duration_s=5, max_clip_mb=1).values()) == {"failed"}
    assert set(run(max_duration_s=5, max_clip_mb=1).values()) == {"failed_before"}
    assert run() == {"00.mp4": "analyzed", "01.mp4": "failed_before", "02.mp4": "analyzed"}


def test_a_clip_that_took_too_long_is_tried_again_with_more_time(tmp_path: Path, settings: Settings) -> None:
    folder = write_clips(tmp_path / "clips", "hang a")
    for timeout_s, status in ((1.0, "failed"), (1.0, "failed_before"), (1.5, "failed")):
        assert [result.status for result in new_batch(folder, settings, timeout_s=timeout_s).run()] == [status]


def test_faces_left_out_are_looked_for_once_the_limit_is_raised(tmp_path: Path, settings: Settings) -> None:
    folder = write_clips(tmp_path / "clips", "crowd 2", "a")

    def run(most: int) -> list[str]:
        return sorted(
            result.status for result in new_batch(folder, dataclasses.replace(settings, max_faces=most)).run()
        )

    assert run(1) == ["analyzed", "analyzed"]
    assert run(1) == ["known", "known"]
    assert run(2) == ["analyzed", "known"]
    assert run(2) == run(1) == ["known", "known"]


def test_a_full_analysis_mends_what_failed_in_a_quick_batch(tmp_path: Path, settings: Settings) -> None:
    folder = write_clips(tmp_path / "clips", "bad a")
    quick = AnalysisConfig(quick=True)
    list(new_batch(folder, settings, config=quick).run())
    (folder / "00.mp4").write_text("open a")
    assert [result.look for result in new_batch(folder, settings, config=quick).run()] == ["full"]
    with open_store(settings) as store:
        assert not store.failures(quick.fingerprint())


def test_a_changed_file_and_a_changed_setting_are_analyzed_again(tmp_path: Path, settings: Settings) -> None:
    folder = write_clips(tmp_path / "clips", "a", "b")
    list(new_batch(folder, settings).run())
    (folder / "00.mp4").write_text("another a")
    assert sorted(result.status for result in new_batch(folder, settings).run()) == ["analyzed", "known"]
    assert calls(settings)[2:] == ["another a"]
    other = new_batch(folder, settings, config=AnalysisConfig(min_track_s=0.3))
    assert {result.status for result in other.run()} == {"analyzed"}


def test_the_same_clip_under_another_name_is_not_analyzed_again(tmp_path: Path, settings: Settings) -> None:
    folder = write_clips(tmp_path / "clips", "a", "a")
    assert [result.status for result in new_batch(folder, settings).run()] == ["analyzed", "known"]
    assert calls(settings) == ["a"]


@pytest.mark.parametrize(
    ("register", "why"),
    [
        (lambda: register_classifier(Own()), r"does not have the caller's classifier \(own: there is no such"),
        (lambda: register_signal(OwnSignal), "another version of this program, its weights or its signals"),
    ],
)
def test_what_only_the_caller_has_registered_is_told_and_no_fault_of_the_clip(
    tmp_path: Path, settings: Settings, register: Callable[[], None], why: str
) -> None:
    signals = [*FACE_SIGNALS]
    folder = write_clips(tmp_path / "clips", "a")
    try:
        register()
        config = AnalysisConfig(classifier="own" if "own" in CLASSIFIERS else "capsule")
        with pytest.raises(WorkerError, match=f"{why}.*register your own"):
            list(new_batch(folder, settings, config=config).run())
        with open_store(settings) as store:
            assert not store.failures(config.fingerprint())
    finally:
        FACE_SIGNALS[:] = signals
        CLASSIFIERS.pop("own", None)


def test_a_fault_of_the_callers_classifier_or_signal_is_told_and_not_recorded(
    tmp_path: Path, settings: Settings
) -> None:
    folder = write_clips(tmp_path / "clips", "classifier", "signal", "a")
    for third in ("analyzed", "known"):
        results = sorted(new_batch(folder, settings).run(), key=lambda result: result.clip.name)
        assert [result.status for result in results] == ["failed", "failed", third]
        assert [result.error for result in results[:2]] == [
            f"{DEFAULT_CLASSIFIER}: it gave no score",
            "The signal 'own': it has to give one number",
        ]


def test_a_batch_runs_once(tmp_path: Path, settings: Settings) -> None:
    batch = new_batch(write_clips(tmp_path / "clips", "a"), settings)
    assert len(list(batch.run())) == 1
    with pytest.raises(RuntimeError, match="a Batch runs once"):
        list(batch.run())
    assert batch.progress().done == 1


def test_an_unknown_face_detector_is_told_before_anything_is_done(tmp_path: Path, settings: Settings) -> None:
    folder = write_clips(tmp_path / "clips", "a")
    with pytest.raises(SettingsError, match="unknown face detector 'retina'"):
        new_batch(folder, settings, config=AnalysisConfig(face_detector="retina"))


def test_a_recorded_failure_is_tried_again_on_request_only(tmp_path: Path, settings: Settings) -> None:
    folder = write_clips(tmp_path / "clips", "bad a")
    for retry, status in ((False, "failed"), (False, "failed_before"), (True, "failed")):
        (result,) = new_batch(folder, settings, retry_failed=retry).run()
        assert result.status == status
        assert "this is not a video" in (result.error or "")
    assert calls(settings) == ["bad a", "bad a"]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_clip_that_hangs_or_crashes_costs_no_other(tmp_path: Path, settings: Settings, workers: int) -> None:
    folder = write_clips(tmp_path / "clips", "a", "hang b", "c", "crash d", "e", "exit f", "g")
    batch = new_batch(folder, settings, workers=workers, timeout_s=8)
    results = {result.clip.name: result for result in batch.run()}
    assert sorted(stored(settings)) == ["00.mp4", "02.mp4", "04.mp4", "06.mp4"]
    assert "stopped after 8 s" in (results["01.mp4"].error or "")
    assert "crash" in (results["03.mp4"].error or "")
    assert "crash" in (results["05.mp4"].error or "")
    assert batch.progress().failed == 3
    again = {result.clip.name: result.status for result in new_batch(folder, settings, timeout_s=8).run()}
    assert Counter(again.values()) == {"known": 4, "failed_before": 3}


def test_a_worker_keeps_no_second_connection_after_its_child_crashed(tmp_path: Path, settings: Settings) -> None:
    """PostgreSQL counts them. This process is the worker here, and of SQLite a connection is an open file."""
    folder = write_clips(tmp_path / "clips", "crash a")
    assert [result.status for result in new_batch(folder, settings, workers=1).run()] == ["failed"]
    mine = str(settings.cache_dir / "store.db")  # other tests of this process may hold stores of their own
    assert mine not in [file.path for file in psutil.Process().open_files()]


def test_a_file_that_is_missing_is_a_row_and_is_looked_for_again(tmp_path: Path, settings: Settings) -> None:
    folder = write_clips(tmp_path / "clips", "a")
    table = tmp_path / "clips" / "list.csv"
    table.write_text("path,label\n00.mp4,REAL\n01.mp4,FAKE\n")
    results = {result.clip.shown: result for result in new_batch(table, settings).run()}
    assert results["00.mp4"].status == "analyzed"
    assert "there is no such file" in (results["01.mp4"].error or "")
    (folder / "01.mp4").write_text("b")
    assert Counter(r.status for r in new_batch(table, settings).run()) == {"known": 1, "analyzed": 1}


def test_missing_files_do_not_count_in_the_rate(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = write_clips(tmp_path / "clips", "a", "bad b") / "list.csv"
    table.write_text("path\n" + "".join(f"{number:02}.mp4\n" for number in range(10)))
    # The clock is read as the run starts, as its work starts and as it ends, one second apart.
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=itertools.count(1).__next__))
    batch = new_batch(table, settings)
    assert len(list(batch.run())) == 10
    found = batch.progress()
    assert (found.analyzed, found.failed, found.seconds, found.clips_per_minute) == (1, 9, 2, 120)


def test_a_clip_over_the_limit_is_a_failure_that_names_the_setting(tmp_path: Path, settings: Settings) -> None:
    folder = write_clips(tmp_path / "clips", "a" * 2**20, "b")
    (folder / "00.mp4").write_bytes(b"a" * (2**20 + 1))
    results = {r.clip.name: r for r in new_batch(folder, dataclasses.replace(settings, max_clip_mb=1)).run()}
    assert "max_clip_mb" in (results["00.mp4"].error or "")
    assert results["01.mp4"].status == "analyzed"


def test_a_store_that_cannot_be_used_stops_the_batch(tmp_path: Path, settings: Settings) -> None:
    folder = write_clips(tmp_path / "clips", "a")
    (settings.cache_dir / "store.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreError):
        list(new_batch(folder, settings).run())


def test_a_store_that_is_busy_for_a_while_costs_no_analysis(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (clip,) = collect_clips(write_clips(tmp_path / "clips", "0.5"))
    config = AnalysisConfig()
    task = Task(config, config.fingerprint(), looks_of(config), settings, 60.0, batch_work.analyze)
    open_store(settings).close()
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.05)  # what others wait
    other = sqlite3.connect(settings.cache_dir / "store.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    free = threading.Timer(0.5, other.rollback)
    free.start()
    assert analyze_clip(clip, task, str(tmp_path)).status == "analyzed"
    free.join()
    assert calls(settings) == ["0.5"]
    forget_store(settings)
    other.execute("BEGIN EXCLUSIVE")
    monkeypatch.setattr(worker, "BUSY_PATIENCE_S", 0.0)
    with pytest.raises(StoreBusyError, match="busy for 0 s"):
        analyze_clip(clip, task, str(tmp_path))
    other.close()
    forget_store(settings)


def test_a_clip_whose_worker_was_ended_from_outside_is_tried_once_more_alone(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = [ProcessExpired("killed", -9), TimeoutError(), AssertionError("tried a third time")]

    def failing(*_: object) -> BatchResult:
        raise failures.pop(0)

    monkeypatch.setattr(worker, "_asked", failing)
    (clip,) = collect_clips(write_clips(tmp_path / "clips", "0.5"))
    config = AnalysisConfig()
    task = Task(config, config.fingerprint(), looks_of(config), settings, 60.0, batch_work.analyze)
    result = worker.run_clip(clip, task, None)
    assert result.status == "failed"
    assert len(failures) == 1


def forget_store(settings: Settings) -> None:
    """Close what this process keeps open as the worker that it was."""
    worker._store(settings).close()
    worker._store.cache_clear()


# --- stopping and going on ---


@pytest.mark.parametrize("workers", [1, 2])
def test_cancel_from_another_thread_gives_up_the_clips_in_hand_and_the_rest_follows(
    tmp_path: Path, settings: Settings, workers: int
) -> None:
    folder = write_clips(tmp_path / "clips", "a", "b", "hang c", "hang d", "e", "f")
    batch = new_batch(folder, settings, workers=workers)
    seen: list[BatchResult] = []
    thread = threading.Thread(target=lambda: seen.extend(batch.run()))
    thread.start()
    until(lambda: sum(call.startswith("hang") for call in calls(settings)) == workers)
    started = time.monotonic()
    batch.cancel()
    thread.join(20)
    assert not thread.is_alive()
    assert time.monotonic() - started < 15
    assert {result.clip.name for result in seen} == {"00.mp4", "01.mp4"}
    assert batch.summary().canceled
    for name in ("02.mp4", "03.mp4"):
        (folder / name).write_text(f"well {name}")
    assert Counter(r.status for r in new_batch(folder, settings).run()) == {"known": 2, "analyzed": 4}


def test_leaving_the_loop_stops_the_batch(tmp_path: Path, settings: Settings) -> None:
    folder = write_clips(tmp_path / "clips", "a", "hang b", "c")
    for result in (run := new_batch(folder, settings).run()):
        assert result.clip.name == "00.mp4"
        break
    run.close()
    assert sorted(stored(settings)) == ["00.mp4"]
