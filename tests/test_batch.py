"""Batches: every clip ends as one analysis in the store or one row with its error, whatever happens on the way.

Most tests put a stand-in (batch_work) in the place of the analysis: what becomes of a clip is in its bytes.
"""

from __future__ import annotations

import csv
import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pandas as pd
import pytest

from deepfake.batch import Batch, BatchResult, collect_clips, write_table
from deepfake.errors import DatasetError, StoreError, WorkerError
from deepfake.pipeline import AnalysisConfig
from deepfake.settings import Settings
from deepfake.store import open_store
from tests import batch_work

ROOT = Path(__file__).resolve().parents[1]
FINGERPRINT = AnalysisConfig().fingerprint()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    home = tmp_path / "home"
    home.mkdir()
    return Settings(cache_dir=home, database_url=f"sqlite:///{home}/store.db", job_timeout_s=60)


def _clips(folder: Path, *contents: str) -> Path:
    """Write files named 00.mp4, 01.mp4 … that hold these words."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(contents):
        (folder / f"{number:02}.mp4").write_text(content)
    return folder


def _batch(folder: Path | str, settings: Settings, **options) -> Batch:
    options.setdefault("workers", 1)
    return Batch(collect_clips([str(folder)]), settings=settings, analyze=batch_work.analyze, **options)


def _calls(settings: Settings) -> list[str]:
    """What the stand-in was asked to analyse, in the order of asking."""
    file = settings.cache_dir / "calls.txt"
    return file.read_text().splitlines() if file.exists() else []


def _stored(settings: Settings) -> dict[str, float | None]:
    """P(fake) of everything in the store by the clip's name."""
    with open_store(settings) as store:
        page = store.find(limit=1000)
        assert page.total == len(page.rows) == len({row.sha256 for row in page.rows})
        return {row.name: row.probability_fake for row in page.rows}


def _until(condition: Callable[[], bool], *, limit_s: float = 60) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


# --- what a batch does ---


@pytest.mark.parametrize("workers", [1, 2])
def test_every_clip_has_one_result_and_is_in_the_store(tmp_path: Path, settings: Settings, workers: int) -> None:
    words = ["a", "b", "bad c", "d", "bug e", "f"]
    batch = _batch(_clips(tmp_path / "clips", *words), settings, workers=workers)
    results = {result.clip.name: result for result in batch.run()}
    assert {name: result.status for name, result in results.items()} == {
        "00.mp4": "analyzed", "01.mp4": "analyzed", "02.mp4": "failed",
        "03.mp4": "analyzed", "04.mp4": "failed", "05.mp4": "analyzed",
    }  # fmt: skip
    expected = {f"{n:02}.mp4": batch_work.probability_of(w.encode()) for n, w in enumerate(words) if n not in (2, 4)}
    assert {name: results[name].probability_fake for name in expected} == expected
    assert _stored(settings) == expected
    assert "this is not a video" in (results["02.mp4"].error or "")
    assert "KeyError" in (results["04.mp4"].error or "")
    summary = batch.summary()
    assert (summary.progress.done, summary.progress.analyzed, summary.progress.failed) == (6, 4, 2)
    assert ("this is not a video", 1) in summary.reasons
    assert not summary.cancelled


def test_a_second_run_reads_nothing_and_gives_the_same_results(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _clips(tmp_path / "clips", "a", "bad b", "c")
    first = {result.clip.name: result for result in _batch(folder, settings).run()}
    monkeypatch.setattr("builtins.open", None)
    second = {result.clip.name: result for result in _batch(folder, settings).run()}
    assert [second[name].status for name in sorted(second)] == ["known", "failed_before", "known"]
    for name, result in second.items():
        assert (result.probability_fake, result.verdict, result.error) == (
            first[name].probability_fake, first[name].verdict, first[name].error,
        )  # fmt: skip
    assert Counter(_calls(settings)) == Counter({"a": 1, "bad b": 1, "c": 1})
