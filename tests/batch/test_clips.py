"""What a batch takes in and gives out: clips by path and URL, tables as CSV and Parquet."""

from __future__ import annotations

import dataclasses
import os
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import fsspec
import pandas as pd
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from deepfake.analysis.model import AnalysisConfig
from deepfake.batch import (
    TABLE_COLUMNS,
    Batch,
    BatchResult,
    check_table,
    collect_clips,
    write_table,
)
from deepfake.batch.remote import local_copy
from deepfake.dataset import ClipEntry, open_dataset
from deepfake.errors import ClipError, DatasetError, LimitError
from deepfake.files import stamp_of
from deepfake.settings import Settings
from deepfake.store import open_store
from tests import batch_work


def _write(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


@pytest.fixture
def memory() -> fsspec.AbstractFileSystem:
    """A remote file system that lives in this process."""
    system = fsspec.filesystem("memory")
    system.store.clear()
    return system


# --- what goes in ---


def test_a_data_set_keeps_labels_and_names_and_lists_what_is_missing(tmp_path: Path) -> None:
    root = _write(tmp_path / "set", "real/a.mp4", "fake/a.mp4")
    clips = {clip.name: clip for clip in collect_clips([str(root)])}
    assert {name: clip.label for name, clip in clips.items()} == {"real/a.mp4": "REAL", "fake/a.mp4": "FAKE"}
    assert clips["fake/a.mp4"].shown == str(root / "fake/a.mp4") == clips["fake/a.mp4"].location
    assert clips["fake/a.mp4"].group == clips["real/a.mp4"].group
    (root / "metadata.json").write_text('{"gone.mp4": {"label": "FAKE"}}')
    assert [(clip.name, clip.label) for clip in collect_clips([str(root)])] == [("gone.mp4", "FAKE")]


def test_a_path_is_as_good_as_its_text_and_one_as_good_as_a_list(tmp_path: Path) -> None:
    root = _write(tmp_path / "set", "real/a.mp4", "fake/b.mp4")
    listed = collect_clips([str(root)])
    assert len(listed) == 2
    for inputs in (root, str(root), [root], (path for path in [root])):
        assert collect_clips(inputs) == listed


def test_a_batch_says_what_it_takes() -> None:
    for given in (["a.mp4"], "a.mp4", None, 5):
        with pytest.raises(
            TypeError, match=r"collect_clips lists, or the entries of a data set, not ('a\.mp4'|None|5)"
        ):
            Batch(given)  # type: ignore[arg-type]


def test_an_empty_name_is_not_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(tmp_path, "a.mp4")
    monkeypatch.chdir(tmp_path)
    for inputs in ("", [""]):
        with pytest.raises(DatasetError, match="a name is empty"):
            collect_clips(inputs)


def test_a_folder_in_no_layout_gives_all_clips_below_it(tmp_path: Path) -> None:
    root = _write(tmp_path / "set", "a.mp4", "x/y/b.MOV", "x/c.mp4", "x/notes.txt", "x/.hidden.mp4")
    assert [clip.name for clip in collect_clips([str(root)])] == ["a.mp4", "x/c.mp4", "x/y/b.MOV"]
    assert [clip.label for clip in collect_clips([str(root / "x")])] == [None, None]


def test_a_list_may_name_clips_anywhere(tmp_path: Path) -> None:
    elsewhere = _write(tmp_path / "elsewhere", "b.mp4")
    table = tmp_path / "lists" / "list.csv"
    table.parent.mkdir()
    rows = ["Path,Label,group", "sub/a.mp4,real,p1", f"{elsewhere}/b.mp4,FAKE,", "s3://bucket/c.mp4,,p2"]
    table.write_text("\n".join(rows) + "\n")
    clips = collect_clips([str(table)])
    assert [clip.location for clip in clips] == [
        str(table.parent / "sub/a.mp4"), str(elsewhere / "b.mp4"), "s3://bucket/c.mp4",
    ]  # fmt: skip
    assert [clip.shown for clip in clips] == ["sub/a.mp4", f"{elsewhere}/b.mp4", "s3://bucket/c.mp4"]
    assert [(clip.label, clip.group) for clip in clips] == [
        ("REAL", "p1"),
        ("FAKE", f"{elsewhere}/b.mp4"),
        (None, "p2"),
    ]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("name\na.mp4\n", "has no column path"),
        ("path,label\na.mp4,MAYBE\n", "line 2: 'a.mp4' has the label 'MAYBE', neither REAL nor FAKE"),
        ("path,label\n,REAL\n", "line 2: the path is empty"),
        ("path,label\n", "no clips found"),
    ],
)
def test_an_unusable_list_is_one_clear_sentence(tmp_path: Path, content: str, says: str) -> None:
    table = tmp_path / "list.csv"
    table.write_text(content)
    with pytest.raises(DatasetError, match=says):
        collect_clips([str(table)])


def test_a_clip_has_the_same_location_however_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store finds files again by it: through a link, a list, or the data set's page."""
    root = _write(tmp_path / "set", "real/a.mp4", "fake/a.mp4")
    (tmp_path / "list.csv").write_text("path\nset/real/a.mp4\n./set/fake/../fake/a.mp4\n")
    (tmp_path / "link").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    expected = {str(entry.path) for entry in open_dataset(root).entries}
    for inputs in (
        ["set"],
        ["link/set"],
        [f"file://{root}"],
        [f"local://{root}"],
        ["link/list.csv"],
        ["set/real/a.mp4", "link/set/fake/a.mp4"],
    ):
        assert {clip.location for clip in collect_clips(inputs)} == expected, inputs
    monkeypatch.chdir(root)
    assert {clip.location for clip in collect_clips(["."])} == expected


def test_several_inputs_are_joined_and_a_clip_named_twice_is_one(tmp_path: Path) -> None:
    root = _write(tmp_path / "set", "a.mp4", "b.mp4")
    clips = collect_clips([str(root / "b.mp4"), str(root), f"file://{root}/a.mp4"])
    assert [clip.name for clip in clips] == ["b.mp4", "a.mp4"]


@pytest.mark.parametrize("text", ["nowhere", "memory://nowhere", "nosuchscheme://bucket/a"])
def test_an_input_that_is_not_there_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(DatasetError, match=r"nowhere|nosuchscheme"):
        collect_clips([text if "://" in text else str(tmp_path / text)])


def test_clips_of_a_remote_folder_have_urls_and_stamps(memory: fsspec.AbstractFileSystem) -> None:
    memory.pipe({"/set/a.mp4": b"a", "/set/x/b.mp4": b"b", "/set/readme.txt": b"no clip"})
    clips = collect_clips(["memory://set"])
    assert [(clip.location, clip.name) for clip in clips] == [
        ("memory://set/a.mp4", "a.mp4"),
        ("memory://set/x/b.mp4", "x/b.mp4"),
    ]
    assert [clip.version for clip in clips] == [stamp_of(clip.location) for clip in clips]
    assert all(clip.version for clip in clips)
    memory.pipe("/set/a.mp4", b"another")
    assert stamp_of("memory://set/a.mp4") != clips[0].version
    assert stamp_of("memory://set/gone.mp4") is None


@pytest.mark.parametrize("root", ["memory://set", "memory://set/"])
def test_a_remote_data_set_is_recognized(memory: fsspec.AbstractFileSystem, root: str) -> None:
    metadata = b'{"a.mp4": {"label": "FAKE", "split": "train", "original": "b.mp4"}, "b.mp4": {"label": "REAL"}}'
    memory.pipe({"/set/train/metadata.json": metadata, "/set/train/a.mp4": b"a"})
    clips = collect_clips([root])
    assert [(clip.location, clip.label, clip.group) for clip in clips] == [
        ("memory://set/train/a.mp4", "FAKE", "b.mp4"),
        ("memory://set/train/b.mp4", "REAL", "b.mp4"),  # listed, and not there
    ]
    assert clips[0].version == stamp_of(clips[0].location)
    memory.store.clear()
    memory.pipe({"/set/real/a.mp4": b"a", "/set/fake/sub/b.mp4": b"b"})
    assert {clip.location: clip.label for clip in collect_clips([root])} == {
        "memory://set/real/a.mp4": "REAL",
        "memory://set/fake/sub/b.mp4": "FAKE",
    }


def test_a_remote_list_names_clips_beside_it(memory: fsspec.AbstractFileSystem) -> None:
    memory.pipe({"/set/list.csv": b"path,label\na.mp4,FAKE\n"})
    (clip,) = collect_clips(["memory://set/list.csv"])
    assert (clip.location, clip.label) == ("memory://set/a.mp4", "FAKE")


def test_a_remote_list_is_read_like_one_on_this_computer(memory: fsspec.AbstractFileSystem) -> None:
    rows = [r"real\001.mp4,REAL,", "fake/f.mp4,FAKE,001.mp4", "'-x.mp4,REAL,"]
    memory.pipe("/set/list.csv", "\n".join(["path,label,original", *rows]).encode())
    clips = collect_clips(["memory://set/list.csv"])
    assert [(clip.name, clip.original, clip.group) for clip in clips] == [
        ("real/001.mp4", None, "real/001.mp4"),
        ("fake/f.mp4", "real/001.mp4", "real/001.mp4"),
        ("-x.mp4", None, "-x.mp4"),
    ]


def test_a_remote_clip_is_copied_and_held_to_the_limit(tmp_path: Path, memory: fsspec.AbstractFileSystem) -> None:
    memory.pipe({"/set/a.mp4": b"a", "/set/b.mp4": b"b" * (2**20 + 1)})
    copy = local_copy("memory://set/a.mp4", tmp_path, Settings())
    assert copy.file.parent == tmp_path
    assert copy.file.suffix == ".mp4"
    assert copy.file.read_bytes() == b"a"
    assert copy.sha256 == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
    with pytest.raises(LimitError, match="max_clip_mb"):
        local_copy("memory://set/b.mp4", tmp_path, Settings(max_clip_mb=1))
    with pytest.raises(ClipError, match="cannot be reached"):
        local_copy("nosuchscheme://bucket/a.mp4", tmp_path, Settings())


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("a.mp4?X-Signature=" + "f" * 300, ".mp4"), ("b.mp4?key=c%2Fd.e", ".mp4"), ("c", "")],
)
def test_the_copy_of_a_clip_behind_a_signed_url_has_a_short_name(
    tmp_path: Path, memory: fsspec.AbstractFileSystem, name: str, suffix: str
) -> None:
    memory.pipe(f"/set/{name}", b"a")
    assert local_copy(f"memory://set/{name}", tmp_path, Settings()).file.name == f"clip{suffix}"


class WebServer(MemoryFileSystem):
    """Lists names only, as fsspec reads them from a page of links; about one file it tells what a server's answer says
    of it. Everything in this process."""

    protocol = "webserver"

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return super()._strip_protocol(path.replace("webserver://", "memory://"))

    def info(self, path: str, **options: Any) -> dict[str, Any]:
        found = super().info(path, **options)
        return {**_bare(found), "Last-Modified": found["created"].ctime()} if found["type"] == "file" else found

    def find(self, path: str, **options: Any) -> Any:
        return {name: _bare(info) for name, info in super().find(path, **options).items()}


def _bare(info: dict[str, Any]) -> dict[str, Any]:
    return {"name": info["name"], "type": info["type"], "size": info["size"]}


def test_what_is_known_of_clips_on_a_web_server_is_known_by_their_time_of_change(
    memory: fsspec.AbstractFileSystem, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list of a folder does not tell it: each file is asked for it."""
    fsspec.register_implementation("webserver", WebServer, clobber=True)
    memory.pipe("/set/bad.mp4", b"bad")
    [clip] = collect_clips(["webserver://set"])
    assert clip.version == ""
    stamp, fingerprint = stamp_of(clip.location), AnalysisConfig().fingerprint()
    assert stamp
    with open_store(settings) as store:
        store.put_failure(clip.location, stamp, fingerprint, "no video", name=clip.name, limits="")
    monkeypatch.setattr("deepfake.batch.run.LocalWorkers", lambda *_: pytest.fail("it was given to a worker"))
    [result] = Batch([clip], settings=settings, workers=1).run()
    assert result.status == "failed_before"


def test_workers_read_clips_behind_a_url_and_leave_no_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive, home, scratch = tmp_path / "set.zip", tmp_path / "home", tmp_path / "scratch"
    home.mkdir()
    scratch.mkdir()
    with zipfile.ZipFile(archive, "w") as file:
        for name in ("a.mp4", "x/b.mp4", "bad.mp4"):
            file.writestr(name, name)
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr("tempfile.tempdir", None)
    settings = Settings(cache_dir=home, database_url=f"sqlite:///{home}/store.db")
    clips = collect_clips([f"zip://::file://{archive}"])
    assert [clip.location for clip in clips] == [
        f"zip://{name}::file://{archive}" for name in ("a.mp4", "bad.mp4", "x/b.mp4")
    ]
    results = {r.clip.name: r for r in Batch(clips, settings=settings, workers=2, analyze=batch_work.analyze).run()}
    assert {name: result.status for name, result in results.items()} == {
        "a.mp4": "analyzed", "bad.mp4": "failed", "x/b.mp4": "analyzed",
    }  # fmt: skip
    assert results["a.mp4"].probability_fake == batch_work.probability_of(b"a.mp4")
    assert not list(scratch.rglob("clip*"))
    with open_store(settings) as store:
        assert {row.location for row in store.find().rows} == {clips[0].location, clips[2].location}
    again = Batch(clips, settings=settings, workers=1, analyze=batch_work.analyze)
    assert Counter(r.status for r in again.run()) == {"known": 2, "failed_before": 1}


# --- what comes out ---


def _results() -> list[BatchResult]:
    clip = ClipEntry("a.mp4", "/set/a.mp4", label="FAKE", group="p1")
    other = dataclasses.replace(clip, location="/set/b.mp4", shown="b,\nb.mp4", label=None)
    return [
        BatchResult(clip, "analyzed", "ab" * 32, 0.1 + 0.2, "LIKELY_FAKE", seconds=1.23456),
        BatchResult(other, "failed", error="b.mp4: this is\nnot a video"),
    ]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_has_one_row_per_clip(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"table{suffix}"
    write_table(path, _results())
    table = pd.read_csv(path) if suffix == ".csv" else pd.read_parquet(path)
    assert tuple(table.columns) == TABLE_COLUMNS
    assert TABLE_COLUMNS[:5] == ("path", "label", "probability_fake", "verdict", "error")
    first, second = table.to_dict("records")
    assert (first["path"], first["label"], first["verdict"]) == ("a.mp4", "FAKE", "LIKELY_FAKE")
    assert first["probability_fake"] == 0.1 + 0.2
    assert first["seconds"] == 1.235
    assert pd.isna(first["error"])
    assert second["path"] == "b,\nb.mp4"
    assert second["error"] == "b.mp4: this is not a video"
    assert pd.isna(second["probability_fake"])
    assert pd.isna(second["label"])
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_an_empty_table_has_its_columns(tmp_path: Path) -> None:
    write_table(tmp_path / "table.parquet", [])
    assert tuple(pd.read_parquet(tmp_path / "table.parquet").columns) == TABLE_COLUMNS


@pytest.mark.parametrize("name", ["table.txt", "nowhere/table.csv", "folder.csv"])
def test_a_table_that_cannot_be_written_is_told_before_the_work(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(OSError, match=r"\.csv or \.parquet|does not exist|is a folder"):
        check_table(tmp_path / name)


@pytest.mark.parametrize("wrong", [b"clips", 3, None])
def test_what_is_no_name_of_a_clip_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError):
        collect_clips(wrong)
    with pytest.raises(TypeError, match="named by a text or a Path"):
        collect_clips([wrong])


def test_a_name_that_is_too_long_and_a_pipe_are_told(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="File name too long"):
        collect_clips("x" * 5000)
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(DatasetError, match="no ordinary file and no folder"):
        collect_clips(tmp_path / "pipe.mp4")
