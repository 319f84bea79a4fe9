"""A store that is locked, copied in use, or damaged: a short wait and a sentence, a whole copy, each fault named."""

from __future__ import annotations

import os
import random
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from deepfake.cli import main
from deepfake.errors import StoreBusyError, StoreError
from deepfake.server.results import keep_late
from deepfake.server.runtime import Runtime
from deepfake.server.store_access import StoreAccess, StoreName, keep_analysis
from deepfake.server.tasks import NOT_KEPT_FILE
from deepfake.settings import Settings
from deepfake.store import database, open_store
from tests.store.samples import sample_analysis

SHORT_S = 0.3


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The store in force, with two analyses."""
    path = tmp_path / "data" / "store.db"
    monkeypatch.setenv("DEEPFAKE_DATABASE_URL", f"sqlite:///{path}")
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", SHORT_S)
    with open_store() as store:
        for number in (1, 2):
            store.put(sample_analysis(number), name=f"{number}.mp4")
    return path


@pytest.fixture
def locked(file: Path) -> Iterator[sqlite3.Connection]:
    """The store, which another process keeps to itself."""
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    yield other
    other.close()


def settings_of(file: Path, folder: Path) -> Settings:
    return Settings(database_url=f"sqlite:///{file}", cache_dir=folder / "cache", cases_dir=folder / "cases")


def test_the_wait_for_a_store_is_short() -> None:
    assert database.BUSY_TIMEOUT_S <= 5


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everything")
def test_a_store_of_another_user_is_told_as_one_that_may_not_be_written_to(file: Path) -> None:
    file.chmod(0o400)
    file.parent.chmod(0o500)
    try:
        with open_store() as store:
            assert store.find(text="1.mp4").total == 1, "it can be read"
            with pytest.raises(StoreError, match=r"it may not be written to \(.*make the file and its folder writable"):
                store.put(sample_analysis(3), name="3.mp4")
    finally:
        file.parent.chmod(0o700)


def test_who_may_only_read_sees_what_the_owner_of_the_store_writes_meanwhile(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(os, "access", lambda *_: False)
        reader = open_store()
    with reader, open_store() as owner:
        assert reader.find().total == 2
        owner.put(sample_analysis(3), name="3.mp4")
        assert reader.find().total == 3
        owner.close()
        assert reader.find().total == 3
        with pytest.raises(StoreError, match="it may not be written to"):
            reader.put(sample_analysis(4), name="4.mp4")


def test_a_locked_store_costs_one_wait_and_is_told(file: Path, locked: sqlite3.Connection, tmp_path: Path) -> None:
    access = StoreAccess(settings_of(file, tmp_path), retry_s=60)
    assert access.ask(lambda store: store.find().total, None) == 2, "it can still be read"
    started = time.monotonic()
    kept = [access.ask(lambda store: store.put(sample_analysis(3), name="3.mp4"), None) for _ in range(5)]
    assert time.monotonic() - started < 5 * SHORT_S
    assert kept == [None] * 5
    assert access.problem is not None
    assert "another process has kept the store busy" in access.problem
    access.close()


def test_an_analysis_that_was_not_kept_is_told_and_kept_later(
    file: Path, locked: sqlite3.Connection, tmp_path: Path
) -> None:
    settings = settings_of(file, tmp_path)
    analysis, name = sample_analysis(3), StoreName("3.mp4", "/clips/3.mp4")
    problem = keep_analysis(analysis, name, None, settings)
    assert problem is not None
    (tmp_path / NOT_KEPT_FILE).write_text(problem)
    server = Runtime(settings)
    try:
        assert "busy" in (keep_late(server, tmp_path, analysis, name) or "")
        locked.rollback()
        server.store._failed_at = -60.0  # as if the time before the next try had passed
        assert keep_late(server, tmp_path, analysis, name) is None
        assert not (tmp_path / NOT_KEPT_FILE).exists()
        assert server.store.ask(lambda store: store.find().total, None) == 3
    finally:
        server.close()


def test_a_busy_store_is_told_from_one_that_cannot_be_used(file: Path, locked: sqlite3.Connection) -> None:
    with open_store() as store, pytest.raises(StoreBusyError):
        store.put(sample_analysis(3), name="3.mp4")


def test_a_backup_is_whole_while_others_write(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = tmp_path / "copy.db"
    with open_store() as writer:  # keeps the write-ahead log from being merged
        writer.put(sample_analysis(3), name="3.mp4")
        assert main(["store", "backup", str(copy)]) == 0
    assert str(copy) in capsys.readouterr().out
    with open_store(url=f"sqlite:///{copy}") as store:
        assert store.find().total == 3
    assert main(["store", "backup", str(copy)]) == 1
    assert "exists already" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["data", "copy.db"] or not list(tmp_path.glob(".copy*"))


def test_postgresql_is_left_to_its_own_tools(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(database.Database, "_bring_up_to_date", lambda _: None)
    monkeypatch.setenv("DEEPFAKE_DATABASE_URL", "postgresql://somebody:secret@localhost/store")
    assert main(["store", "backup", str(tmp_path / "copy.db")]) == 1
    said = capsys.readouterr().err
    assert "pg_dump" in said
    assert "secret" not in said


def test_a_check_reads_everything_and_names_what_is_damaged(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["store", "check"]) == 0
    assert "2 analyses and 0 kept clips read" in capsys.readouterr().out
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE payloads SET data = x'00' WHERE analysis_id = 1")
        connection.execute("UPDATE analyses SET name = ? WHERE id = 1", ("\x1b[2J\n1.mp4",))
    assert main(["store", "check"]) == 1
    told = capsys.readouterr()
    assert "- entry 1 (\\x1b[2J 1.mp4) cannot be read" in told.out
    assert "faults: 1" in told.err


def test_nothing_is_made_where_there_is_no_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEEPFAKE_DATABASE_URL", f"sqlite:///{tmp_path}/none.db")
    assert main(["store", "check"]) == 1
    assert "there is no such store" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_only_its_owner_reads_a_store_and_what_lies_in_the_cache(file: Path, tmp_path: Path) -> None:
    server = Runtime(settings_of(file, tmp_path))
    try:
        files = [file, *file.parent.glob("*-wal"), *file.parent.glob("*-shm")]
        folders = [file.parent, server.server_folder, *(tmp_path / "cache" / name for name in ("servers", "results"))]
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
        assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}
    finally:
        server.close()


@pytest.mark.parametrize("seed", range(25))
def test_a_store_with_any_bytes_changed_answers_or_says_why(file: Path, seed: int) -> None:
    change_bytes(file, seed)
    with suppress(StoreError), open_store() as store:
        for row in store.find().rows:
            store.get(row.sha256, row.fingerprint)
        store.put(sample_analysis(3), name="3.mp4")
        store.fingerprints()


def change_bytes(file: Path, seed: int) -> None:
    generator = random.Random(seed)
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(file.read_bytes())
    for _ in range(generator.randint(1, 40)):
        content[generator.randrange(len(content))] = generator.randrange(256)
    file.write_bytes(content[: generator.choice((len(content), len(content) // 2))])
