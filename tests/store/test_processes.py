"""Real processes: they write at once, open at once, are forked, and are killed in the middle of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deepfake.analysis.model import Analysis, AnalysisConfig
from deepfake.store import AnalysisStore, open_store

MakeAnalysis = Callable[..., Analysis]
ROOT = Path(__file__).parents[2]
FINGERPRINT = AnalysisConfig().fingerprint()
PATIENCE_S = 180
unix_only = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL and no fork")


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.store.writer", *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def put_at_once(address: str, *, processes: int, count: int) -> list[int]:
    """Return how many of the same `count` analyses were new to each process, all let go at one moment."""
    running = [start(address, "put", count) for _ in range(processes)]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    new = []
    for process in running:
        output, error = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, error
        new.append(int(output))
    return new


def assert_whole(store: AnalysisStore, count: int) -> None:
    rows = store.find(limit=1000).rows
    assert len(rows) == len({row.sha256 for row in rows}) == count
    for row in rows:
        assert store.get(row.sha256, row.fingerprint) is not None
    with store._database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM payloads").scalar_one() == count


def test_processes_that_make_and_fill_a_store_at_once_leave_one_of_each(address: str) -> None:
    assert sum(put_at_once(address, processes=4, count=25)) == 25
    with open_store(url=address) as store:
        assert_whole(store, 25)


@unix_only
# In the order in which a put comes to them: an empty store is made first.
@pytest.mark.parametrize("statement", ["CREATE TABLE files", "CREATE INDEX ix_failures", "INSERT INTO analyses",
                                       "INSERT INTO payloads", "DELETE FROM failures"])  # fmt: skip
def test_a_process_killed_in_the_middle_leaves_no_half_entry(
    address: str, make_analysis: MakeAnalysis, statement: str
) -> None:
    process = start(address, "die", statement)
    _, error = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == -signal.SIGKILL, error
    with open_store(url=address) as store:
        assert_whole(store, 0)
        assert store.put(make_analysis(1), name="clip 1.mp4", location="/1")
        assert_whole(store, 1)
        assert store.get(make_analysis(1).video.sha256, FINGERPRINT) is not None


@unix_only
def test_a_forked_process_has_connections_of_its_own(address: str) -> None:
    process = start(address, "fork")
    output, error = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, error
    assert output == "39\n"
    with open_store(url=address) as store:
        assert_whole(store, 39)
