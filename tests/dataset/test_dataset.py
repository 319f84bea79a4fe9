"""Data sets: each layout is recognized by itself, counted right, and nothing outside its folder is touched."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from deepfake.dataset import allowed_root, counts, open_dataset, summary_json, to_frame
from deepfake.errors import DatasetError, DeepfakeError, OutsideRootError


def _touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def _dfdc(folder: Path, rows: dict[str, object], clips: Iterable[str] = ()) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metadata.json").write_text(json.dumps(rows), encoding="utf-8")
    _touch(folder, *clips)
    return folder


def _fake(original: str | None = None) -> dict[str, object]:
    return {"label": "FAKE", "split": "train", "original": original}


REAL = {"label": "REAL", "split": "train", "original": None}


def test_dfdc_folder_says_what_is_on_disk_and_what_is_missing(tmp_path: Path) -> None:
    rows = {"f1.mp4": _fake("r1.mp4"), "f2.mp4": _fake("r1.mp4"), "f3.mp4": _fake("gone.mp4"), "r1.mp4": REAL}
    dataset = open_dataset(_dfdc(tmp_path, rows, ["f1.mp4", "r1.mp4", "note.txt"]))
    assert dataset.layout == "dfdc"
    assert [entry.name for entry in dataset.fakes_of("r1.mp4")] == ["f1.mp4", "f2.mp4"]
    assert dataset.originals_named() == ("gone.mp4", "r1.mp4")
    assert dataset.missing_originals() == ("gone.mp4",)
    assert [entry.name for entry in dataset.missing_clips()] == ["f2.mp4", "f3.mp4"]
    assert dataset.by_name("f1.mp4").path == tmp_path / "f1.mp4"
    assert dataset.original_path(dataset.by_name("f1.mp4")) == tmp_path / "r1.mp4"
    assert dataset.original_path(dataset.by_name("f3.mp4")) is None
    assert dataset.by_name("r1.mp4").original_on_disk is None


def test_dfdc_parent_joins_train_and_test(tmp_path: Path) -> None:
    _dfdc(tmp_path / "train_sample_videos", {"f.mp4": _fake("r.mp4"), "r.mp4": REAL}, ["f.mp4", "r.mp4"])
    _touch(tmp_path / "test_videos", "t1.mp4", "t2.mp4")
    total = counts(open_dataset(tmp_path))
    assert total.by_split == {"train": 2, "test": 2}
    assert total.by_label == {"FAKE": 1, "REAL": 1, None: 2}
    assert total.labels_by_split == {"train": {"FAKE": 1, "REAL": 1}, "test": {None: 2}}
    assert (total.on_disk, total.missing) == (4, 0)


def test_same_name_in_two_parts_stays_two_clips(tmp_path: Path) -> None:
    _dfdc(tmp_path / "dfdc_train_part_0", {"a.mp4": REAL}, ["a.mp4"])
    _dfdc(tmp_path / "dfdc_train_part_1", {"a.mp4": _fake("b.mp4"), "b.mp4": REAL}, ["a.mp4", "b.mp4"])
    dataset = open_dataset(tmp_path)
    assert dataset.by_name("a.mp4").path == tmp_path / "dfdc_train_part_0" / "a.mp4"
    assert dataset.by_name("dfdc_train_part_1/a.mp4").label == "FAKE"
    assert len(dataset.entries) == 3


def test_original_in_another_part_is_found(tmp_path: Path) -> None:
    _dfdc(tmp_path / "train_0", {"f.mp4": _fake("r.mp4")}, ["f.mp4"])
    _dfdc(tmp_path / "train_1", {"r.mp4": REAL}, ["r.mp4"])
    dataset = open_dataset(tmp_path)
    assert dataset.original_path(dataset.by_name("f.mp4")) == tmp_path / "train_1" / "r.mp4"


def test_clips_that_metadata_does_not_list_are_kept_without_label(tmp_path: Path) -> None:
    dataset = open_dataset(_dfdc(tmp_path, {"r.mp4": REAL}, ["r.mp4", "extra.mp4", "._r.mp4"]))
    assert dataset.by_name("extra.mp4").label is None
    assert len(dataset.entries) == 2
    assert any("extra.mp4" in warning for warning in dataset.warnings)


@pytest.mark.parametrize("label", ["MAYBE", 2, True, ["REAL"], {"x": 1}])
def test_a_label_that_is_neither_is_left_out_and_named(tmp_path: Path, label: object) -> None:
    dataset = open_dataset(_dfdc(tmp_path, {"odd.mp4": {"label": label}, "r.mp4": REAL}))
    assert [entry.name for entry in dataset.entries] == ["r.mp4"]
    assert "odd.mp4" in dataset.warnings[0]
    assert "neither REAL nor FAKE" in dataset.warnings[0]


def test_a_label_in_small_letters_is_understood(tmp_path: Path) -> None:
    assert open_dataset(_dfdc(tmp_path, {"a.mp4": {"label": " fake "}})).entries[0].label == "FAKE"


def test_nothing_usable_is_an_error_that_says_why(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no clips found.*'a.mp4' has the label 'MAYBE'"):
        open_dataset(_dfdc(tmp_path, {"a.mp4": {"label": "MAYBE"}}))


@pytest.mark.parametrize(
    "name",
    ["../secret.mp4", "a/../../secret.mp4", "/etc/passwd", "C:\\clip.mp4", "C:/clip.mp4", "a\\b.mp4", "a\0b.mp4", ""],
)
def test_an_entry_that_climbs_out_is_left_out_and_named(tmp_path: Path, name: str) -> None:
    _touch(tmp_path, "secret.mp4")
    dataset = open_dataset(_dfdc(tmp_path / "set", {name: REAL, "r.mp4": REAL, "f.mp4": _fake(name)}, ["r.mp4"]))
    assert [entry.name for entry in dataset.entries] == ["r.mp4", "f.mp4"]
    assert repr(name) in dataset.warnings[0]
    assert dataset.by_name("f.mp4").original is None


def test_links_are_followed_only_inside_the_folder(tmp_path: Path) -> None:
    _touch(tmp_path, "outside/secret.mp4")
    root = _dfdc(tmp_path / "set", {"in.mp4": REAL, "out.mp4": REAL, "sub/secret.mp4": REAL}, ["r.mp4"])
    (root / "in.mp4").symlink_to(root / "r.mp4")
    (root / "out.mp4").symlink_to(tmp_path / "outside" / "secret.mp4")
    (root / "sub").symlink_to(tmp_path / "outside")
    (root / "loop.mp4").symlink_to(root / "loop.mp4")
    dataset = open_dataset(root)
    assert dataset.by_name("in.mp4").on_disk
    assert not dataset.by_name("out.mp4").on_disk
    assert not dataset.by_name("sub/secret.mp4").on_disk
    assert any("'out.mp4' is a link" in warning for warning in dataset.warnings)


def test_the_first_of_two_rows_with_one_name_counts(tmp_path: Path) -> None:
    (tmp_path / "metadata.json").write_text('{"a.mp4": {"label": "REAL"}, "a.mp4": {"label": "FAKE"}}')
    dataset = open_dataset(tmp_path)
    assert [entry.label for entry in dataset.entries] == ["REAL"]
    assert "more than once" in dataset.warnings[0]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'{"a.mp4": {"label": "REAL"}\n  "b"}', r"metadata.json: this is not valid JSON at line 2, column 3"),
        (b"", r"metadata.json: this is not valid JSON at line 1, column 1"),
        (b'["a.mp4"]', r"metadata.json: this is not a table of clips"),
        (b'{"a.mp4": "REAL"}', r"'a.mp4' has no label and split"),
        (b'{"caf\xe9.mp4": {"label": "REAL"}}', r"metadata.json: this is not UTF-8 text \(byte 5\)"),
        (b"[" * 100_000, r"metadata.json: this is no table of clips"),
        (b'{"a.mp4": {"label": ' + b"9" * 5000 + b"}}", r"metadata.json: this is no table of clips"),
    ],
)
def test_malformed_metadata_is_one_clear_sentence(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "metadata.json").write_bytes(content)
    with pytest.raises(DatasetError, match=says):
        open_dataset(tmp_path)


def test_byte_order_mark_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "metadata.json").write_text('{"a.mp4": {"label": "REAL"}}', encoding="utf-8-sig")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "list.csv").write_text("path,label\nx.mp4,FAKE\n", encoding="utf-8-sig")
    assert open_dataset(tmp_path / "metadata.json").entries[0].label == "REAL"
    assert open_dataset(tmp_path / "sub").entries[0].label == "FAKE"


def test_warnings_are_limited_in_number(tmp_path: Path) -> None:
    dataset = open_dataset(_dfdc(tmp_path, {"r.mp4": REAL} | {f"{k}.mp4": {"label": "?"} for k in range(500)}))
    assert len(dataset.warnings) == 21
    assert dataset.warnings[-1] == "and 480 more such entries"


def _faceforensics(root: Path) -> Path:
    for compression in ("c23", "c40"):
        _touch(root / f"original_sequences/youtube/{compression}/videos", "183.mp4", "469.mp4")
        _touch(root / f"manipulated_sequences/Deepfakes/{compression}/videos", "183_253.mp4", "253_183.mp4")
        _touch(root / f"manipulated_sequences/Deepfakes/{compression}/masks", "183_253.mp4")
    _touch(root / "original_sequences/actors/c23/videos", "01__podium.mp4")
    _touch(root / "manipulated_sequences/DeepFakeDetection/c23/videos", "01_02__podium__A1B2.mp4")
    return root


def test_faceforensics_links_fakes_with_targets_of_the_same_compression(tmp_path: Path) -> None:
    dataset = open_dataset(_faceforensics(tmp_path))
    assert dataset.layout == "faceforensics"
    assert counts(dataset).by_label == {"REAL": 5, "FAKE": 5}
    fake = dataset.by_name("Deepfakes/c40/183_253.mp4")
    assert (fake.method, fake.compression, fake.original) == ("Deepfakes", "c40", "youtube/c40/183.mp4")
    assert dataset.original_path(fake) == tmp_path / "original_sequences/youtube/c40/videos/183.mp4"
    assert not dataset.by_name("Deepfakes/c23/253_183.mp4").original_on_disk
    assert dataset.by_name("DeepFakeDetection/c23/01_02__podium__A1B2.mp4").original == "actors/c23/01__podium.mp4"


def test_faceforensics_groups_hold_all_that_a_swap_links(tmp_path: Path) -> None:
    dataset = open_dataset(_faceforensics(tmp_path))
    groups = {entry.name: entry.group for entry in dataset.entries}
    assert groups["Deepfakes/c23/253_183.mp4"] == groups["youtube/c40/183.mp4"] == "183"
    assert groups["youtube/c23/469.mp4"] == "469"
    assert groups["actors/c23/01__podium.mp4"] == groups["DeepFakeDetection/c23/01_02__podium__A1B2.mp4"] == "actor01"


def _celebdf(root: Path) -> Path:
    for file in (
        "Celeb-real/id0_0000.mp4",
        "Celeb-real/id1_0000.mp4",
        "YouTube-real/00170.mp4",
        "Celeb-synthesis/id0_id1_0000.mp4",
        "Celeb-synthesis/id0_id1_0005.mp4",
    ):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(b"clip")
    return root


def test_celebdf_has_labels_originals_and_the_split_of_its_test_list(tmp_path: Path) -> None:
    root = _celebdf(tmp_path)
    lines = ["1 YouTube-real/00170.mp4", "0 Celeb-synthesis/id0_id1_0000.mp4", "0 Celeb-synthesis/id2_id3_0001.mp4"]
    (root / "List_of_testing_videos.txt").write_text("\n".join(lines) + "\n")
    dataset = open_dataset(root)
    assert dataset.layout == "celebdf"
    fake = dataset.by_name("Celeb-synthesis/id0_id1_0000.mp4")
    assert (fake.label, fake.split, fake.method) == ("FAKE", "test", "Celeb-synthesis")
    assert (fake.original, fake.original_on_disk) == ("Celeb-real/id0_0000.mp4", True)
    assert (
        fake.group
        == dataset.by_name("Celeb-real/id0_0000.mp4").group
        != dataset.by_name("Celeb-real/id1_0000.mp4").group
    )
    youtube = dataset.by_name("YouTube-real/00170.mp4")
    assert (youtube.label, youtube.split, youtube.original) == ("REAL", "test", None)
    assert dataset.by_name("Celeb-real/id0_0000.mp4").split == "train"
    assert dataset.missing_originals() == ("Celeb-real/id0_0005.mp4", "Celeb-real/id2_0001.mp4")
    assert [entry.name for entry in dataset.missing_clips()] == ["Celeb-synthesis/id2_id3_0001.mp4"]
    assert dataset.warnings == ()


def test_celebdf_without_its_list_has_no_split_and_a_wrong_line_is_named(tmp_path: Path) -> None:
    root = _celebdf(tmp_path)
    assert {entry.split for entry in open_dataset(root).entries} == {None}
    (root / "List_of_testing_videos.txt").write_text("0 YouTube-real/00170.mp4\n1 ../outside.mp4\n2 x\n\n")
    dataset = open_dataset(root)
    assert dataset.by_name("YouTube-real/00170.mp4").label == "REAL"
    assert len(dataset.warnings) == 3
    assert "which counts" in " ".join(dataset.warnings)


def test_real_and_fake_folders(tmp_path: Path) -> None:
    _touch(tmp_path, "Real/a.mp4", "Real/deep/b.mov", "fake/a.mp4", "fake/c.avi", "fake/notes.txt")
    dataset = open_dataset(tmp_path)
    assert dataset.layout == "real_fake"
    assert {entry.name: entry.label for entry in dataset.entries} == {
        "Real/a.mp4": "REAL", "Real/deep/b.mov": "REAL", "fake/a.mp4": "FAKE", "fake/c.avi": "FAKE",
    }  # fmt: skip
    assert dataset.by_name("fake/a.mp4").original == "Real/a.mp4"
    assert dataset.by_name("fake/c.avi").original is None


def test_folders_0_and_1_are_labels_and_told_but_not_beside_other_numbers(tmp_path: Path) -> None:
    _touch(tmp_path, "0/a.mp4", "1/a.mp4")
    dataset = open_dataset(tmp_path)
    assert [(entry.name, entry.label) for entry in dataset.entries] == [("0/a.mp4", "REAL"), ("1/a.mp4", "FAKE")]
    assert any("'0' as REAL (1 clip), '1' as FAKE (1 clip)" in note for note in dataset.warnings)
    _touch(tmp_path, "2/a.mp4")
    with pytest.raises(DatasetError, match="in 0/, 1/, 2/, in no layout that is known"):
        open_dataset(tmp_path)


def test_numbers_of_one_split_are_parts_in_all(tmp_path: Path) -> None:
    _touch(tmp_path, "train/0/a.mp4", "train/1/a.mp4", "train/2/a.mp4", "test/0/b.mp4", "test/1/b.mp4")
    with pytest.raises(DatasetError, match="in no layout that is known"):
        open_dataset(tmp_path)


def test_real_and_fake_folders_below_splits(tmp_path: Path) -> None:
    _touch(tmp_path, "train/real/a.mp4", "train/fake/b.mp4", "test/fake/a.mp4")
    dataset = open_dataset(tmp_path)
    assert counts(dataset).labels_by_split == {"train": {"REAL": 1, "FAKE": 1}, "test": {"FAKE": 1}}
    assert dataset.by_name("test/fake/a.mp4").original is None  # an original of another split would be a leak


def test_csv_by_itself_or_as_the_only_one_in_a_folder(tmp_path: Path) -> None:
    _touch(tmp_path, "clips/r.mp4", "clips/f.mp4")
    table = tmp_path / "list.csv"
    table.write_text(
        "Path,Label,original,split,group,method\n"
        "clips/r.mp4,REAL,,val,g1,\n"
        './clips/f.mp4,fake,r.mp4,val,g1,"Face, swapped"\n'
        "clips/gone.mp4,FAKE,clips/nowhere.mp4,train,g2,\n"
        "clips/unknown.mp4,,,,,\n"
        "../out.mp4,REAL,,,,\n"
    )
    dataset = open_dataset(table)
    assert dataset == open_dataset(tmp_path)
    assert dataset.layout == "csv"
    assert [entry.label for entry in dataset.entries] == ["REAL", "FAKE", "FAKE", None]
    fake = dataset.by_name("clips/f.mp4")
    assert (fake.original, fake.split, fake.group, fake.method) == ("clips/r.mp4", "val", "g1", "Face, swapped")
    assert fake.on_disk
    assert fake.original_on_disk
    assert dataset.missing_originals() == ("clips/nowhere.mp4",)
    assert "'../out.mp4' leads out" in dataset.warnings[0]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"file,label\na.mp4,REAL\n", "has no column path"),
        (b"", "has no column path"),
        (b"path,label\n", "no clips found"),
        (b"path,label\ncaf\xe9.mp4,REAL\n", "not UTF-8"),
        (b'path,label\n"' + b"x" * 200_000 + b'",REAL\n', "is not a CSV"),
    ],
)
def test_unusable_csv_is_one_clear_sentence(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "list.csv").write_bytes(content)
    with pytest.raises(DatasetError, match=says):
        open_dataset(tmp_path / "list.csv")


def test_csv_link_out_of_the_folder_is_not_read(tmp_path: Path) -> None:
    _touch(tmp_path, "set/r.mp4")
    (tmp_path / "secret.csv").write_text("path,label\npassword,REAL\n")
    (tmp_path / "set" / "list.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(DatasetError, match="link that leaves"):
        open_dataset(tmp_path / "set" / "list.csv")
    assert [entry.name for entry in open_dataset(tmp_path / "set").entries] == ["r.mp4"]


def test_plain_folder_has_clips_without_labels(tmp_path: Path) -> None:
    _touch(tmp_path, "b.mkv", "a.MP4", "readme.txt", "other.csv")
    dataset = open_dataset(tmp_path)
    assert dataset.layout == "clips"
    assert [(entry.name, entry.label) for entry in dataset.entries] == [("a.MP4", None), ("b.mkv", None)]


@pytest.mark.parametrize("names", [(), ("readme.txt",), ("sub/deeper/clip.txt",), ("real/notes.txt",)])
def test_folder_without_clips_says_what_is_expected(tmp_path: Path, names: tuple[str, ...]) -> None:
    _touch(tmp_path, *names)
    with pytest.raises(DatasetError, match="no clips found; expected one of") as caught:
        open_dataset(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_no_such_folder_a_clip_and_an_impossible_path(tmp_path: Path) -> None:
    _touch(tmp_path, "clip.mp4")
    with pytest.raises(DatasetError, match="no such folder"):
        open_dataset(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match="is a file"):
        open_dataset(tmp_path / "clip.mp4")
    with pytest.raises(DatasetError):
        open_dataset(Path("a\0b"))


def test_summary_is_json_and_agrees_with_the_table(tmp_path: Path) -> None:
    rows = {"f1.mp4": _fake("r.mp4"), "f2.mp4": _fake("r.mp4"), "f3.mp4": _fake("gone.mp4"), "r.mp4": REAL}
    dataset = open_dataset(_dfdc(tmp_path, rows, ["r.mp4", "f1.mp4"]))
    summary = json.loads(json.dumps(summary_json(dataset)))
    table = to_frame(dataset)
    assert summary["clips"] == len(table) == 4
    assert summary["by_label"] == table["label"].value_counts().to_dict() == {"FAKE": 3, "REAL": 1}
    assert summary["missing_clips"] == table.loc[~table["on_disk"], "name"].tolist() == ["f2.mp4", "f3.mp4"]
    assert summary["originals"]["missing_names"] == ["gone.mp4"]
    assert summary["originals"]["fakes_each"] == {"min": 1, "median": 1.5, "max": 2}
    assert counts(dataset).fakes_per_original == {"gone.mp4": 1, "r.mp4": 2}


def test_a_large_set_is_listed_once_and_no_file_is_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {f"{k}.mp4": _fake(f"r{k}.mp4") for k in range(3000)}
    _dfdc(tmp_path, rows, [f"{k}.mp4" for k in range(0, 3000, 2)])
    listed: list[str] = []
    real_scandir = os.scandir

    def scandir(path: str) -> object:
        listed.append(os.fspath(path))
        return real_scandir(path)

    looked_up: list[str] = []
    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(os.path, "realpath", _counted(os.path.realpath, looked_up))
    monkeypatch.setattr(Path, "stat", _counted(Path.stat, looked_up))
    dataset = open_dataset(tmp_path)
    assert len(dataset.missing_clips()) == 1500
    assert listed == [str(tmp_path)]
    assert len(looked_up) < 20


def _counted(function: object, calls: list[str]) -> object:
    def counted(*args: object, **options: object) -> object:
        calls.append(str(args[0]))
        return function(*args, **options)  # type: ignore[operator]

    return counted


def test_only_paths_below_the_configured_folders_are_allowed(tmp_path: Path) -> None:
    inside, outside = tmp_path / "data", tmp_path / "data-private"
    _touch(tmp_path, "data/a/clip.mp4", "data-private/clip.mp4")
    (inside / "link").symlink_to(outside)
    assert allowed_root(inside / "a", [inside]) == (inside / "a").resolve()
    assert allowed_root(inside, [tmp_path / "other", inside]) == inside.resolve()
    for path in (outside, inside / ".." / "data-private", inside / "link", Path("/"), Path("a\0b")):
        with pytest.raises(OutsideRootError):
            allowed_root(path, [inside])
    with pytest.raises(OutsideRootError, match="DEEPFAKE_DATA_DIRS"):
        allowed_root(outside, [])
    assert issubclass(OutsideRootError, (DeepfakeError, PermissionError))


@pytest.mark.real_data
def test_dfdc_sample(real_data: Path) -> None:
    train = open_dataset(real_data / "dfdc" / "train_sample_videos")
    total = counts(train)
    assert (total.clips, total.on_disk) == (400, 2)
    assert total.by_label == {"FAKE": 323, "REAL": 77}
    assert (total.originals_named, total.originals_present) == (209, 0)
    both = counts(open_dataset(real_data / "dfdc"))
    assert both.by_split == {"train": 400, "test": 2}


@pytest.mark.real_data
def test_faceforensics_sample(real_data: Path) -> None:
    dataset = open_dataset(real_data / "faceforensics")
    by_folder = {entry.path: (entry.label, entry.group, dataset.original_path(entry)) for entry in dataset.entries}
    listed = open_dataset(real_data / "clips.csv")
    by_table = {entry.path: (entry.label, entry.group, listed.original_path(entry)) for entry in listed.entries}
    assert len(by_folder) == 93
    assert by_folder == {path: by_table[path] for path in by_folder}
