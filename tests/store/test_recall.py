"""A clip is analyzed once; a store that cannot be used stops nothing."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deepfake.analysis.evidence import Evidence
from deepfake.analysis.model import Analysis, AnalysisConfig
from deepfake.cli import main
from deepfake.errors import ClipError, StoreError
from deepfake.report.analysis_json import analysis_to_dict
from deepfake.report.card import ANSWER_WORDS
from deepfake.settings import Settings
from deepfake.store import AnalysisStore, analyze_once, open_store, recall

HAAR = AnalysisConfig(face_detector="haar")


@pytest.fixture(autouse=True)
def _own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A store of the test's own, as a new process would open it."""
    monkeypatch.setenv("DEEPFAKE_DATABASE_URL", f"sqlite:///{tmp_path / 'data' / 'analyses.db'}")
    monkeypatch.setattr(recall, "_opened", {})
    yield
    for store in recall._opened.values():
        if store is not None:
            store.close()


@pytest.fixture
def clip(tmp_path: Path, moving_square_clip: Path) -> Path:
    return Path(shutil.copy(moving_square_clip, tmp_path / "square.mp4"))


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The clips that were read, in order."""
    read: list[Path] = []

    def analyze(path: Path, *arguments: object, **options: object) -> Analysis:
        read.append(path)
        return original(path, *arguments, **options)

    original: Callable[..., Analysis] = recall.analyze
    monkeypatch.setattr(recall, "analyze", analyze)
    return read


def fail(message: str) -> None:
    pytest.fail(message)


def test_a_clip_with_faces_left_out_is_analyzed_again_once_the_limit_is_raised(
    clip: Path, runs: list[Path], tmp_path: Path
) -> None:
    def most(number: int) -> Settings:
        return Settings(max_faces=number, database_url=f"sqlite:///{tmp_path / 'data' / 'analyses.db'}")

    analysis = analyze_once(clip, HAAR, settings=most(1), trouble=fail).analysis
    reason = Evidence("faces_left_out", "face_count", None, {"count": 1, "most": 1})
    with open_store(most(1)) as store:
        store.delete([row.id for row in store.find().rows])
        store.put(replace(analysis, verdict=replace(analysis.verdict, reasons=(reason,))), name=clip.name)
    assert analyze_once(clip, HAAR, settings=most(1), trouble=fail).kept_at is not None
    assert analyze_once(clip, HAAR, settings=most(2), trouble=fail).analysis.faces_limit is None
    assert len(runs) == 2
    assert analyze_once(clip, HAAR, settings=most(3), trouble=fail).kept_at is not None, "it left nobody out"


def test_a_second_time_is_answered_from_the_store(clip: Path, runs: list[Path]) -> None:
    first = analyze_once(clip, HAAR, trouble=fail)
    second = analyze_once(clip, HAAR, trouble=fail)
    assert runs == [clip]
    assert first.kept_at is None
    assert second.kept_at is not None
    assert analysis_to_dict(second.analysis) == analysis_to_dict(first.analysis)
    with open_store() as store:
        [row] = store.find().rows
    assert (row.name, row.location, row.created_at) == ("square.mp4", str(clip), second.kept_at)


def test_the_same_bytes_under_another_name_are_the_same_clip(clip: Path, runs: list[Path]) -> None:
    analyze_once(clip, HAAR)
    other = clip.rename(clip.with_name("other.mp4"))
    assert analyze_once(other, HAAR).analysis.video.path == other
    assert runs == [clip]


def test_other_settings_are_analyzed(clip: Path, runs: list[Path]) -> None:
    analyze_once(clip, HAAR)
    analyze_once(clip, AnalysisConfig(face_detector="haar", search_every_s=0.5))
    assert len(runs) == 2


def test_pictures_are_asked_of_the_clip_itself(clip: Path, runs: list[Path]) -> None:
    for _ in range(2):
        assert analyze_once(clip, HAAR, on_crop=lambda crop, frame: None).kept_at is None
    assert len(runs) == 2
    assert analyze_once(clip, HAAR).kept_at is not None


def test_what_is_no_clip_any_more_is_no_answer(clip: Path) -> None:
    analyze_once(clip, HAAR)
    clip.write_bytes(b"text")
    with pytest.raises(ClipError):
        analyze_once(clip, HAAR)


def test_a_store_that_cannot_be_opened_stops_nothing(clip: Path, tmp_path: Path, runs: list[Path]) -> None:
    (tmp_path / "damaged.db").write_bytes(b"Once upon a time.\n" * 500)
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'damaged.db'}")
    said: list[str] = []
    for _ in range(2):
        assert analyze_once(clip, HAAR, settings=settings, trouble=said.append).kept_at is None
    assert len(runs) == 2
    [sentence] = said
    assert "damaged.db" in sentence


def test_a_damaged_entry_is_analyzed_anew_and_replaced(
    clip: Path, runs: list[Path], damage_payload: Callable[[AnalysisStore, str], None]
) -> None:
    sha256 = analyze_once(clip, HAAR).analysis.video.sha256
    with open_store() as store:
        damage_payload(store, sha256)
    said: list[str] = []
    assert analyze_once(clip, HAAR, trouble=said.append).kept_at is None
    assert len(said) == 1
    assert analyze_once(clip, HAAR, trouble=fail).kept_at is not None
    assert len(runs) == 2


def test_a_store_that_fails_later_stops_nothing(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> bool:
        raise StoreError("analyses.db", "the disk is full")

    monkeypatch.setattr(AnalysisStore, "put", full)
    said: list[str] = []
    assert analyze_once(clip, HAAR, trouble=said.append).analysis.tracks == ()
    assert said == ["warning: the analysis could not be kept: analyses.db: the disk is full"]


def test_the_command_line_says_that_it_knew(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["analyze", str(clip), "--detector", "haar", "--json", "-"]
    assert main(command) == 0
    first = capsys.readouterr()
    assert main(command) == 0
    second = capsys.readouterr()
    assert first.err == ""
    assert f"{clip}: from the store, analyzed on 20" in second.err
    shown, shown_again = json.loads(first.out), json.loads(second.out)
    assert shown["made"].pop("written") <= shown_again["made"].pop("written")
    assert shown_again == shown


def test_the_command_line_goes_on_without_a_store(
    clip: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEEPFAKE_DATABASE_URL", "postgresql://someone:geheim@127.0.0.1:1/clips")
    assert main(["analyze", str(clip), "--detector", "haar"]) == 0
    captured = capsys.readouterr()
    assert "warning: analyses are not kept" in captured.err
    assert captured.err.count("\n") == 1
    assert "geheim" not in captured.err
    assert ANSWER_WORDS["NO_FACE"] in captured.out


def test_evaluate_takes_from_the_store(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    analyze_once(clip, HAAR)
    with open_store() as store:
        [row] = store.find().rows
        analysis = store.get(row.sha256, row.fingerprint)
        assert analysis is not None
        store.delete([row.id])
        # What no analysis of this clip would say shows that none was made.
        store.put(_judged(analysis), name="square.mp4", location=str(clip))
    manifest = tmp_path / "clips.csv"
    with manifest.open("w", newline="") as file:
        csv.writer(file).writerows([("path", "label"), (clip.name, "FAKE")])
    assert main(["evaluate", str(manifest), "--detector", "haar"]) == 0
    numbers = json.loads(capsys.readouterr().out)
    assert numbers["n_scored"] == 1
    assert numbers["log_loss"] == pytest.approx(-np.log(0.75), abs=1e-3)


def _judged(analysis: Analysis) -> Analysis:
    return replace(analysis, verdict=replace(analysis.verdict, probability_fake=0.75))
