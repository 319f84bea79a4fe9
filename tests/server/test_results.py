"""Results: from the cache, else the store, else a job; one that is damaged is made anew."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deepfake.analysis.keeping import read_analysis
from deepfake.analysis.model import AnalysisConfig
from deepfake.server import results
from deepfake.server.jobs import JobState
from deepfake.server.results import Request, analysis_key, analysis_request, comparison_key, player_key
from deepfake.server.runtime import Runtime
from deepfake.server.store_access import StoreName
from deepfake.server.tasks import ANALYSIS_FILE
from deepfake.settings import Settings
from tests import batch_work
from tests.server.test_jobs import wait_for_file
from tests.waiting import until

CLIP = Path("clip.mp4")


def write_word(folder: Path, word: str) -> None:
    (folder / "word.txt").write_text(word)


def read_word(folder: Path) -> str:
    word = (folder / "word.txt").read_text()
    if not word:
        raise ValueError("no word")
    return word


def word(word: str) -> Request:
    return Request("word", write_word, (word,), source=CLIP, name="clip.mp4", is_media=True)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Runtime]:
    runtime = Runtime(Settings(cache_dir=tmp_path / "cache", database_url=f"sqlite:///{tmp_path / 'store.db'}"))
    yield runtime
    runtime.close()


@pytest.fixture
def wanted(server: Runtime) -> Request:
    """The request for an analysis that the store has."""
    analysis = batch_work.analysis(b"kept", CLIP, AnalysisConfig())
    server.store.ask(lambda store: store.put(analysis, name="clip.mp4", location=str(CLIP)), None)
    name = StoreName("clip.mp4", str(CLIP))
    return analysis_request(CLIP, analysis.video.sha256, "clip.mp4", AnalysisConfig(), server, name)


def test_what_the_store_has_is_found_and_from_then_on_in_the_cache(server: Runtime, wanted: Request) -> None:
    assert server.cache.get(wanted.key) is None
    folder = results.find(server, wanted, "session")
    assert folder is not None
    assert read_analysis(folder / ANALYSIS_FILE).video.sha256 == wanted.stored[0]
    server.store.ask(lambda store: store.delete([row.id for row in store.find().rows]), None)
    assert results.find(server, wanted, "session") == folder


def test_what_is_kept_nowhere_has_to_be_made(server: Runtime, wanted: Request) -> None:
    other = analysis_request(CLIP, "0" * 64, "clip.mp4", AnalysisConfig(), server, StoreName("clip.mp4", "clip.mp4"))
    assert results.find(server, other, "session") is None
    assert list((server.settings.cache_dir / "results").iterdir()) == []


def test_an_uploads_result_is_apart_from_that_of_the_same_bytes_in_a_data_set(server: Runtime, wanted: Request) -> None:
    upload = analysis_request(CLIP, wanted.stored[0], "mine.mp4", AnalysisConfig(), server, None)
    assert upload.key != wanted.key
    assert upload.key.startswith(wanted.key)  # so that what is deleted with the clip goes too


def test_all_that_was_made_of_an_upload_goes_with_it_and_results_of_data_sets_stay(server: Runtime) -> None:
    files = server.sessions.open(None)
    sha256, other = server.save_upload(files, "mine.mp4", io.BytesIO(b"mine")).sha256, "f" * 64
    made = {
        is_upload: [
            f"{analysis_key(sha256, 'print', server, is_upload=is_upload)}-moments",
            player_key(sha256, is_upload=is_upload),
            comparison_key(sha256, other, "print", is_upload=is_upload),
            f"{comparison_key(other, sha256, 'print', is_upload=is_upload)}-side-by-side",
        ]
        for is_upload in (True, False)
    }
    of_another = player_key(other, is_upload=True)
    for key in (*made[True], *made[False], of_another):
        with server.cache.making(key):
            pass
    server.delete_upload(files, sha256)
    assert [key for key in made[True] if server.cache.get(key)] == []
    assert [key for key in (*made[False], of_another) if not server.cache.get(key)] == []


def test_results_of_uploads_are_this_servers_alone_and_go_with_it(server: Runtime) -> None:
    mine, shared = player_key("a" * 64, is_upload=True), player_key("a" * 64, is_upload=False)
    for key in (mine, shared):
        with server.cache.making(key):
            pass
    left = server.settings.cache_dir / "results" / f"{'b' * 64}-print-24-upload"  # as an earlier version kept it
    left.mkdir()
    beside = Runtime(server.settings)
    assert server.cache.get(mine) is not None
    assert (beside.cache.get(mine), beside.cache.get(shared)) == (None, server.cache.get(shared))
    assert not left.exists()
    beside.close()
    server._lock.release()  # as a server that is ended does
    Runtime(server.settings).close()
    assert (server.cache.get(mine), server.cache.get(shared) is None) == (None, False)


def test_a_server_that_ends_in_good_order_removes_uploads_and_their_results(tmp_path: Path) -> None:
    script = f"""
import io
from pathlib import Path
from deepfake.server.results import player_key
from deepfake.server.runtime import Runtime
from deepfake.settings import Settings
server = Runtime(Settings(cache_dir=Path({str(tmp_path)!r})))
for is_upload in (True, False):
    with server.cache.making(player_key("a" * 64, is_upload=is_upload)) as folder:
        (folder / "player.mp4").touch()
server.sessions.open(None).save("a.mp4", io.BytesIO(b"clip"), 4)
"""
    subprocess.run([sys.executable, "-c", script], check=True)
    assert [path.parent.name for path in tmp_path.rglob("*.mp4")] == [player_key("a" * 64, is_upload=False)]


def test_jobs_of_a_deleted_upload_end_and_leave_nothing_but_what_somebody_else_waits_for(
    server: Runtime, tmp_path: Path
) -> None:
    files, gate = server.sessions.open(None), tmp_path / "gate"
    sha256 = server.save_upload(files, "mine.mp4", io.BytesIO(b"mine")).sha256
    compared, converted = (
        Request(key, wait_for_file, (gate,), source=CLIP, name="clip.mp4", is_media=is_media)
        for key, is_media in (
            (comparison_key("f" * 64, sha256, "print", is_upload=True), False),
            (player_key(sha256, is_upload=True), True),
        )
    )
    mine, shared = (results.start(server, request, files.session_id) for request in (compared, converted))
    assert results.start(server, converted, "somebody else") is shared
    until(lambda: mine.state is shared.state is JobState.RUNNING)
    server.delete_upload(files, sha256)
    assert (mine.state, shared.state) == (JobState.CANCELED, JobState.RUNNING)
    gate.touch()
    until(lambda: shared.finished is not None and not mine.folder.exists())
    assert (server.cache.get(compared.key), shared.state) == (None, JobState.DONE)


def test_a_job_makes_what_is_not_there(server: Runtime) -> None:
    assert results.find(server, word("hello"), "session") is None
    job = results.start(server, word("hello"), "session")
    until(lambda: job.finished is not None)
    folder = results.find(server, word("hello"), "session")
    assert folder is not None
    assert results.read_or_drop(server, word("hello"), folder, read_word) == "hello"


@pytest.mark.parametrize("damage", ["emptied", "deleted"])
def test_a_damaged_result_is_removed(server: Runtime, damage: str) -> None:
    building = server.cache.new_folder()
    write_word(building, "" if damage == "emptied" else "hello")
    folder = server.cache.commit(building, "word")
    if damage == "deleted":
        (folder / "word.txt").unlink()
    assert results.read_or_drop(server, word("hello"), folder, read_word) is None
    assert results.find(server, word("hello"), "session") is None
