"""Data sets as people have them: what spreadsheets, Windows and other people's scripts make of a list of clips."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import pytest

from deepfake.batch import collect_clips
from deepfake.cli.evaluate import labeled_clips
from deepfake.dataset import LAYOUTS, Dataset, counts, layout_title, open_dataset
from deepfake.errors import DatasetError
from deepfake.files import readable

CASES = Path(__file__).resolve().parent / "cases"
ODD_NAMES = (
    os.fsdecode(b"caf\xe9.mp4"),
    "\N{GRINNING FACE}.mp4",
    "\N{RIGHT-TO-LEFT OVERRIDE}4pm.mp4",
    "x" * 251 + ".mp4",
    "-dash.mp4",
    "new\nline.mp4",
    "=1+1.mp4",
    "a::b.mp4",
)


def _touch(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def _labels(dataset: Dataset) -> dict[str, str | None]:
    return {entry.name: entry.label for entry in dataset.entries}


def _read_by_all(table: Path) -> list[tuple[str, str | None, bool]]:
    """What `dataset`, `batch` and `evaluate` read from a CSV; fails where they differ."""
    listed = open_dataset(table, anywhere=True).entries
    assert collect_clips([str(table)]) == listed
    assert labeled_clips(str(table)) == tuple(clip for clip in listed if clip.label is not None)
    return [(clip.name, clip.label, clip.on_disk) for clip in listed]


# --- tables ---


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_delimiter_line_end_and_mark_is_read(tmp_path: Path, delimiter: str, end: str, mark: str) -> None:
    _touch(tmp_path, "a.mp4", "b, b.mp4")
    rows = [("Path", " Label", "group"), ("a.mp4", "REAL", "g"), ('"b, b.mp4"', "FAKE", "")]
    text = "".join(delimiter.join(row) + end for row in rows)
    (tmp_path / "list.csv").write_bytes(text.encode(mark))
    assert _read_by_all(tmp_path / "list.csv") == [("a.mp4", "REAL", True), ("b, b.mp4", "FAKE", True)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_may_end_as_on_any_system(tmp_path: Path, end: str) -> None:
    for start in ("", f"sep=;{end}"):
        text = f"{start}path;label{end}a.mp4;REAL{end}"
        (_touch(tmp_path, "a.mp4") / "list.csv").write_bytes(text.encode())
        assert _read_by_all(tmp_path / "list.csv") == [("a.mp4", "REAL", True)]


def test_the_line_in_which_excel_names_its_delimiter_is_no_header(tmp_path: Path) -> None:
    (_touch(tmp_path, "a.mp4") / "list.csv").write_text("sep=;\npath;label\na.mp4;REAL\n")
    assert _read_by_all(tmp_path / "list.csv") == [("a.mp4", "REAL", True)]


def test_semicolons_of_a_spreadsheet(tmp_path: Path) -> None:
    shutil.copy(CASES / "semicolon.csv", _touch(tmp_path, "a.mp4", "b.mp4"))
    assert _read_by_all(tmp_path / "semicolon.csv") == [("a.mp4", "REAL", True), ("B.MP4", "FAKE", True)]
    assert open_dataset(tmp_path / "semicolon.csv").by_name("B.MP4").path == tmp_path / "b.mp4"


def test_a_table_from_windows_with_empty_and_doubled_rows(tmp_path: Path) -> None:
    shutil.copy(CASES / "windows.csv", _touch(tmp_path, "a.mp4", "b.mp4", "sub/c.mp4"))
    table = tmp_path / "windows.csv"
    assert _read_by_all(table) == [("sub/c.mp4", "FAKE", True), ("a.mp4", "REAL", True), ("b.mp4", "FAKE", True)]
    warnings = "\n".join(open_dataset(table).warnings)
    assert "line 4: 'a.mp4' is listed more than once" in warnings
    assert "line 5: 'a.mp4' is listed more than once" in warnings
    assert "2 empty rows left out (line 6, 7)" in warnings


def test_two_rows_that_contradict_each_other_are_told(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("path,label\na.mp4,REAL\na.mp4,FAKE\n")
    dataset = open_dataset(tmp_path / "list.csv")
    assert _labels(dataset) == {"a.mp4": "REAL"}
    assert "line 3: 'a.mp4' is listed more than once, as REAL and as FAKE" in dataset.warnings[0]


@pytest.mark.parametrize(
    ("real", "fake", "told"),
    [
        ("Real", "FAKE", False),
        (" real ", "Fake", False),
        ("0", "1", True),
        ("0.0", "1.0", True),
        ("original", "Manipulated", True),
        ("genuine", "deepfake", True),
    ],
)
def test_label_words_are_read_and_told(tmp_path: Path, real: str, fake: str, told: bool) -> None:
    (tmp_path / "list.csv").write_text(f"path,label\na.mp4,{real}\nb.mp4,{fake}\n")
    dataset = open_dataset(tmp_path / "list.csv")
    assert _labels(dataset) == {"a.mp4": "REAL", "b.mp4": "FAKE"}
    assert any("Labels were read like this" in warning for warning in dataset.warnings) is told
    if told:
        word = fake.casefold().removesuffix(".0")
        assert f"{word!r} as FAKE (1 clip)" in " ".join(dataset.warnings)


def test_rows_that_cannot_be_used_are_left_out_and_named_by_line(tmp_path: Path) -> None:
    rows = ["path,label", "a.mp4,REAL", "b.mp4,MAYBE", ",FAKE", "c.mp4,FAKE,extra", "d.mp4,FAKE,,", "e.mp4"]
    (tmp_path / "list.csv").write_text("\n".join(rows) + "\n")
    dataset = open_dataset(tmp_path / "list.csv")
    assert _labels(dataset) == {"a.mp4": "REAL", "d.mp4": "FAKE", "e.mp4": None}
    warnings = " ".join(dataset.warnings)
    for said in ("line 3: 'b.mp4' has the label 'MAYBE'", "line 4: the path is empty", "line 5: 3 fields"):
        assert said in warnings


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("path,group\na.mp4,1\n", "none of its 1 clips has a label"),
        ("", "has no column path"),
        ("path,label,label\na.mp4,REAL,REAL\n", "has the column 'label' twice"),
        ('path,label\n"a.mp4,REAL\n', "is not a CSV: line 2"),
        ("path,label\n", "list.csv: no clips found: the table has no rows below the names of its columns"),
    ],
)
def test_a_table_that_cannot_be_evaluated_is_one_clear_sentence(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "list.csv").write_text(content)
    with pytest.raises(DatasetError) as caught:
        labeled_clips(str(tmp_path / "list.csv"))
    assert says in str(caught.value)
    assert str(tmp_path / "list.csv") in str(caught.value) or str(tmp_path) in str(caught.value)


def test_clips_elsewhere_are_taken_for_the_command_line_and_refused_for_a_page(tmp_path: Path) -> None:
    _touch(tmp_path, "elsewhere/a.MP4", "set/b.mp4")
    rows = [f"{tmp_path}/elsewhere/a.mp4,REAL", f"{tmp_path}/set/b.mp4,FAKE", "../elsewhere/none.mp4,FAKE"]
    (tmp_path / "set" / "list.csv").write_text("path,label\n" + "\n".join(rows) + "\n")
    found = open_dataset(tmp_path / "set" / "list.csv", anywhere=True)
    assert [(str(e.path.relative_to(tmp_path)), e.on_disk) for e in found.entries] == [
        ("elsewhere/a.MP4", True), ("set/b.mp4", True), ("elsewhere/none.mp4", False),
    ]  # fmt: skip
    page = open_dataset(tmp_path / "set" / "list.csv")
    assert [entry.name for entry in page.entries] == ["b.mp4"]
    assert len(page.warnings) == 2


def test_links_out_of_a_folder_are_followed_for_the_command_line_alone(tmp_path: Path) -> None:
    _touch(tmp_path, "elsewhere/a.mp4", "set/real/b.mp4", "set/fake/b.mp4")
    (tmp_path / "set/real/a.mp4").symlink_to(tmp_path / "elsewhere/a.mp4")
    (tmp_path / "set/real/loop.mp4").symlink_to(tmp_path / "set/real/loop.mp4")
    assert len(open_dataset(tmp_path / "set").entries) == 2
    assert len(open_dataset(tmp_path / "set", anywhere=True).entries) == 3


def test_what_cannot_be_looked_at_in_a_folder_is_left_out_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _touch(tmp_path, "set/a.mp4", "set/locked/b.mp4")
    (tmp_path / "set/c.mp4").symlink_to(tmp_path / "set/nothing.mp4")
    scandir = os.scandir

    def refused(path: Path) -> object:
        if Path(path).name == "locked":
            raise PermissionError(errno.EACCES, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    found = open_dataset(tmp_path / "set", anywhere=True, below=True)
    assert [entry.name for entry in found.entries] == ["a.mp4"]
    assert sorted(found.warnings) == [
        "'c.mp4' is a link that leads to no file, and was left out",
        "the folder 'locked' cannot be listed (Permission denied), and was left out",
    ]
    with pytest.raises(DatasetError, match="cannot be listed: Permission denied"):
        open_dataset(tmp_path / "set/locked")


# --- names ---


def test_odd_names_are_found_in_folders_and_by_lists(tmp_path: Path) -> None:
    _touch(tmp_path / "set" / "real", *ODD_NAMES)
    _touch(tmp_path / "set" / "fake", "f.mp4")
    dataset = open_dataset(tmp_path / "set")
    assert {f"real/{readable(name)}" for name in ODD_NAMES} <= set(_labels(dataset))
    assert all(entry.path.exists() for entry in dataset.entries)
    listed = [name for name in ODD_NAMES if "\n" not in name]
    table = tmp_path / "set" / "real" / "list.csv"
    table.write_text("path,label\n" + "".join(f'"{readable(name)}",REAL\n' for name in listed), encoding="utf-8")
    assert {path.name for path in (clip.path for clip in collect_clips([str(table)]))} == set(listed)


def _listed(tmp_path: Path, *rows: str, header: str = "path,label,original,group") -> Dataset:
    (tmp_path / "list.csv").write_text("\n".join([header, *rows]))
    return open_dataset(tmp_path / "list.csv")


def test_an_original_of_the_fakes_own_name_is_the_real_clip_not_the_fake(tmp_path: Path) -> None:
    for order in (1, -1):
        rows = ["real/001.mp4,REAL,,", "fake/001.mp4,FAKE,001.mp4,"][::order]
        fake = _listed(tmp_path, *rows).by_name("fake/001.mp4")
        assert (fake.original, fake.group) == ("real/001.mp4", "real/001.mp4")


def test_no_fake_is_an_original_and_no_clip_its_own(tmp_path: Path) -> None:
    fakes = _listed(tmp_path, "Deepfakes/001.mp4,FAKE,001.mp4,", "Face2Face/001.mp4,FAKE,001.mp4,").entries
    assert [(fake.original, fake.group) for fake in fakes] == [("001.mp4", "001.mp4")] * 2
    dataset = _listed(tmp_path, "real/001.mp4,REAL,001.mp4,", "fake/001.mp4,FAKE,001.mp4,", "real/001.mp4,REAL,,")
    assert [(entry.original, entry.group) for entry in dataset.entries] == [
        (None, "real/001.mp4"),
        ("real/001.mp4", "real/001.mp4"),
    ]
    assert not any("not known" in warning for warning in dataset.warnings)


def test_an_original_that_may_be_one_of_several_is_none_and_told(tmp_path: Path) -> None:
    dataset = _listed(tmp_path, "a/001.mp4,REAL,,", "b/001.mp4,REAL,,", "fake/x.mp4,FAKE,001.mp4,")
    assert dataset.by_name("fake/x.mp4").original == "001.mp4"
    assert any("line 4: 2 clips are called '001.mp4'" in warning for warning in dataset.warnings)


def test_a_fake_has_the_group_of_its_original_wherever_that_stands(tmp_path: Path) -> None:
    rows = [f"{n}.mp4,REAL,,person {n}" for n in range(3)]
    rows += [f"{n}-{k}.mp4,FAKE,{n}.mp4," for n in range(3) for k in range(2)]
    for order in (1, -1):
        entries = _listed(tmp_path, *rows[::order]).entries
        assert {entry.group for entry in entries} == {"person 0", "person 1", "person 2"}


@pytest.mark.parametrize("above", ["", "ff/", "/elsewhere/ff/"])
def test_an_original_of_faceforensics_has_no_method_wherever_it_lies(tmp_path: Path, above: str) -> None:
    rows = [
        f"{above}original_sequences/youtube/c23/videos/001.mp4,REAL,,",
        f"{above}manipulated_sequences/Deepfakes/c23/videos/001_002.mp4,FAKE,,",
    ]
    (tmp_path / "list.csv").write_text("\n".join(["path,label,original,group", *rows]))
    entries = collect_clips([str(tmp_path / "list.csv")])
    assert [(entry.method, entry.compression) for entry in entries] == [(None, "c23"), ("Deepfakes", "c23")]


def test_a_name_that_no_file_can_have_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "metadata.json").write_text('{"\\ud800.mp4": {"label": "REAL"}, "a.mp4": {"label": "FAKE"}}')
    dataset = open_dataset(tmp_path)
    assert [entry.name for entry in dataset.entries] == ["a.mp4"]
    assert "no file's name can hold" in dataset.warnings[0]
    dataset.warnings[0].encode("utf-8")


def test_capitals_and_composed_letters_do_not_hide_a_clip(tmp_path: Path) -> None:
    _touch(tmp_path, "A.MP4", "both.mp4", "BOTH.mp4", "cafe\N{COMBINING ACUTE ACCENT}.mp4")
    (tmp_path / "list.csv").write_text(
        "path,label\na.mp4,REAL\nBoth.mp4,REAL\nboth.mp4,FAKE\ncaf\N{LATIN SMALL LETTER E WITH ACUTE}.mp4,FAKE\n"
    )
    found = {entry.name: entry.on_disk for entry in open_dataset(tmp_path / "list.csv").entries}
    assert list(found.values()) == [True, False, True, True]  # which of the two Both.mp4 means nobody knows


# --- metadata.json ---


def test_metadata_saved_by_column_is_read_and_told(tmp_path: Path) -> None:
    _touch(tmp_path, "a.mp4", "b.mp4")
    shutil.copy(CASES / "transposed-metadata.json", tmp_path / "metadata.json")
    dataset = open_dataset(tmp_path)
    assert [(e.name, e.label, e.split, e.original, e.on_disk) for e in dataset.entries] == [
        ("a.mp4", "FAKE", "train", "b.mp4", True),
        ("b.mp4", "REAL", "train", None, True),
    ]
    assert "by column" in dataset.warnings[0]


def test_metadata_by_column_with_numbers_for_rows(tmp_path: Path) -> None:
    table = {"filename": {"0": "a.mp4", "1": "b.mp4"}, "label": {"0": 1, "1": 0}}
    (tmp_path / "metadata.json").write_text(json.dumps(table))
    assert _labels(open_dataset(tmp_path)) == {"a.mp4": "FAKE", "b.mp4": "REAL"}


@pytest.mark.parametrize(
    "table",
    [
        [{"filename": "a.mp4", "label": "FAKE"}, {"filename": "b.mp4", "label": "REAL"}],
        {"columns": ["label"], "index": ["a.mp4", "b.mp4"], "data": [["FAKE"], ["REAL"]]},
        {"columns": ["name", "label"], "index": [0, 1], "data": [["a.mp4", "FAKE"], ["b.mp4", "REAL"]]},
        {"columns": [["label"], "label"], "index": ["a.mp4", "b.mp4"], "data": [[0, "FAKE"], [0, "REAL"]]},
        {"schema": {}, "data": [{"index": "a.mp4", "label": "FAKE"}, {"index": "b.mp4", "label": "REAL"}]},
        [{"File": "a.mp4", "Label ": "FAKE"}, {"File": "b.mp4", "Label ": "REAL"}],
        {"a.mp4": {"Label": "FAKE"}, "b.mp4": {"Label": "REAL"}},
    ],
)
def test_metadata_as_pandas_saves_it_is_read(tmp_path: Path, table: object) -> None:
    (_touch(tmp_path, "a.mp4", "b.mp4") / "metadata.json").write_text(json.dumps(table))
    dataset = open_dataset(tmp_path)
    assert _labels(dataset) == {"a.mp4": "FAKE", "b.mp4": "REAL"}
    assert dataset.warnings == ()


def test_the_first_of_two_rows_of_a_list_counts(tmp_path: Path) -> None:
    rows = [{"filename": "a.mp4", "label": "FAKE"}, {"filename": "a.mp4", "label": "REAL"}]
    (_touch(tmp_path, "a.mp4") / "metadata.json").write_text(json.dumps(rows))
    dataset = open_dataset(tmp_path)
    assert _labels(dataset) == {"a.mp4": "FAKE"}
    assert "'a.mp4' is listed more than once" in dataset.warnings[0]


@pytest.mark.parametrize("nameless", [{"filename": None}, {"filename": " "}, {"filename": 7}, {}])
def test_a_row_of_a_list_without_a_name_is_left_out_and_named(tmp_path: Path, nameless: dict[str, object]) -> None:
    rows = [{"filename": "a.mp4", "label": "FAKE"}, {**nameless, "label": "REAL"}]
    (_touch(tmp_path, "a.mp4") / "metadata.json").write_text(json.dumps(rows))
    dataset = open_dataset(tmp_path)
    assert _labels(dataset) == {"a.mp4": "FAKE"}
    assert dataset.warnings == ("metadata.json, row 2: there is no name of a clip; left out",)


def test_a_row_by_column_without_a_name_is_left_out_and_named(tmp_path: Path) -> None:
    table = {"Filename": {"0": None, "1": "b.mp4"}, "Label": {"0": "FAKE", "1": "REAL"}}
    (_touch(tmp_path, "b.mp4") / "metadata.json").write_text(json.dumps(table))
    dataset = open_dataset(tmp_path)
    assert _labels(dataset) == {"b.mp4": "REAL"}
    assert dataset.warnings[1] == "metadata.json, row 1: there is no name of a clip; left out"


@pytest.mark.parametrize(
    "table",
    [
        [1, 2],
        [],
        [{"label": "FAKE"}],
        [{"filename": None, "label": "FAKE"}],
        {"data": [], "columns": [], "index": []},
        {"data": [1, None], "columns": ["label"], "index": ["a.mp4", "b.mp4"]},
    ],
)
def test_metadata_without_names_is_refused(tmp_path: Path, table: object) -> None:
    (_touch(tmp_path, "a.mp4") / "metadata.json").write_text(json.dumps(table))
    with pytest.raises(DatasetError, match="not a table of clips"):
        open_dataset(tmp_path)


def test_metadata_in_small_letters_finds_clips_in_capitals_once(tmp_path: Path) -> None:
    (_touch(tmp_path, "A.MP4") / "metadata.json").write_text('{"a.mp4": {"label": "REAL"}}')
    assert [(e.name, e.on_disk) for e in open_dataset(tmp_path).entries] == [("a.mp4", True)]


# --- layouts ---


def test_every_layout_has_a_name_a_title_and_says_what_it_expects() -> None:
    assert all(layout_title(layout.name) == layout.title for layout in LAYOUTS)
    assert LAYOUTS[-1].name == "clips"  # which recognizes everything


@pytest.mark.parametrize("root", ["FaceForensics++_C23", "ff-c23", "anything"])
def test_faceforensics_of_kaggle(tmp_path: Path, root: str) -> None:
    folder = _touch(
        tmp_path / root,
        "original/000.MP4", "original/003.mp4", "original/01__podium.mp4",
        "Deepfakes/000_003.mp4", "Face2Face/003_000.mp4", "DeepFakeDetection/01_02__podium__A1B2C3.mp4",
    )  # fmt: skip
    (folder / "csv").mkdir()
    (folder / "csv" / "FF++_Metadata.csv").write_text("File Path,Label\noriginal/000.mp4,REAL\n")
    dataset = open_dataset(folder)
    assert dataset.layout == "faceforensics_kaggle"
    assert counts(dataset).by_label == {"REAL": 3, "FAKE": 3}
    fake = dataset.by_name("Deepfakes/000_003.mp4")
    assert (fake.method, fake.original, fake.original_on_disk) == ("Deepfakes", "original/000.MP4", True)
    assert fake.compression == ("c23" if "23" in root else None)
    assert dataset.original_path(fake) == folder / "original" / "000.MP4"
    assert {dataset.by_name(f"original/{name}").group for name in ("000.MP4", "003.mp4")} == {fake.group}
    actors = dataset.by_name("DeepFakeDetection/01_02__podium__A1B2C3.mp4")
    assert (actors.original, actors.original_on_disk) == ("original/01__podium.mp4", True)


def test_an_original_in_capitals_is_found_in_faceforensics(tmp_path: Path) -> None:
    _touch(tmp_path, "original_sequences/youtube/c23/videos/000.MP4")
    _touch(tmp_path, "manipulated_sequences/Deepfakes/c23/videos/000_003.mp4")
    dataset = open_dataset(tmp_path)
    fake = dataset.by_name("Deepfakes/c23/000_003.mp4")
    assert (fake.original, fake.original_on_disk) == ("youtube/c23/000.MP4", True)
    assert dataset.fakes_of("youtube/c23/000.MP4") == (fake,)


def test_fakeavceleb_is_labeled_by_its_pictures(tmp_path: Path) -> None:
    person = "African/men/id00076"
    _touch(
        tmp_path,
        f"RealVideo-RealAudio/{person}/00109.mp4",
        f"RealVideo-FakeAudio/{person}/00109_fake.mp4",
        f"FakeVideo-RealAudio/{person}/00109_2_id00166_faceswap.mp4",
        f"FakeVideo-FakeAudio/{person}/00109_2_id00166_wavtolip.mp4",
    )
    (tmp_path / "meta_data.csv").write_text("source,target1,method\nid00076,-,real\n")
    dataset = open_dataset(tmp_path)
    assert dataset.layout == "fakeavceleb"
    assert counts(dataset).by_label == {"REAL": 2, "FAKE": 2}
    assert {entry.group for entry in dataset.entries} == {"id00076"}
    swap, synced = dataset.entries[2:]
    assert (swap.method, synced.method) == ("faceswap", "wav2lip")
    assert swap.original == synced.original == f"RealVideo-RealAudio/{person}/00109.mp4"
    assert swap.original_on_disk
    assert "of 1 clip only the sound is fake" in dataset.warnings[0]


def test_deeperforensics_has_actors_methods_and_splits(tmp_path: Path) -> None:
    _touch(
        tmp_path,
        "source_videos/M101/light_down/surprise/camera_down/M101_down.mp4",
        "source_videos/W009/BlendShape/camera_front/W009.mp4",
        "manipulated_videos/end_to_end/000_M101.mp4",
        "manipulated_videos/reenact_postprocess/001_W009.mp4",
    )
    lists = tmp_path / "lists" / "splits"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("000_M101.mp4\n")
    (lists / "test.txt").write_text("001_W009.mp4\n")
    dataset = open_dataset(tmp_path)
    assert dataset.layout == "deeperforensics"
    assert [(e.label, e.method, e.split, e.group) for e in dataset.entries] == [
        ("REAL", None, None, "M101"),
        ("REAL", None, None, "W009"),
        ("FAKE", "end_to_end", "train", "M101"),
        ("FAKE", "reenact_postprocess", "test", "W009"),
    ]


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (("reals/a.mp4", "fakes/a.mp4"), {None}),
        (("0_real/a.mp4", "1_fake/a.mp4"), {None}),
        (("original_videos/a.mp4", "manipulated_videos/a.mp4"), {None}),
        (("train/0_real/a.mp4", "val/1_fake/a.mp4"), {"train", "val"}),
        (("Real/a.mp4", "Fakes/a.mp4"), {None}),
        (("original/a.mp4", "manipulated/a.mp4"), {None}),
        (("train/reals/a.mp4", "Validation/fakes/a.mp4"), {"train", "val"}),
    ],
)
def test_folders_that_labels_name(tmp_path: Path, names: tuple[str, ...], splits: set[str | None]) -> None:
    dataset = open_dataset(_touch(tmp_path, *names))
    assert dataset.layout == "real_fake"
    assert _labels(dataset) == {names[0]: "REAL", names[1]: "FAKE"}
    assert {entry.split for entry in dataset.entries} == splits


def test_a_folder_of_no_known_layout_says_what_it_saw_and_which_there_are(tmp_path: Path) -> None:
    _touch(tmp_path, "original/a.mp4", "someone/b.mp4", "someone/deep/c.mp4")
    with pytest.raises(DatasetError) as caught:
        open_dataset(tmp_path)
    said = str(caught.value)
    assert "3 clips in original/, someone/" in said
    for name in ("metadata.json", "original_sequences/", "Celeb-real/", "FakeAVCeleb", "DeeperForensics", "real/"):
        assert name in said
    told: list[str] = []
    assert len(collect_clips([str(tmp_path)], warn=told.append)) == 3
    assert "in no layout that is known, are taken without labels" in told[0]
    _touch(tmp_path, "top.mp4")
    assert "3 clips in original/, someone/, in no layout" in open_dataset(tmp_path).warnings[0]
