"""Analyses that the store has are shown at once, their face clips made when wanted; uploads never get into it."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepfake.analysis.keeping import read_analysis
from deepfake.analysis.model import AnalysisConfig
from deepfake.files import stamp_of
from deepfake.server.store_access import StoreName
from deepfake.server.tasks import ANALYSIS_FILE, analyze_clip, cut_face_clips
from deepfake.settings import Settings
from deepfake.store import open_store
from deepfake.video.reader import VideoReader, probe
from deepfake.views.face_clips import FACE_CLIP_SIZE_PX
from tests.app.driver import User

HAAR = AnalysisConfig(face_detector="haar")  # needs no neural network: quick


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An empty store and an empty cache, which the application uses as well."""
    url = f"sqlite:///{tmp_path / 'store.db'}"
    monkeypatch.setenv("DEEPFAKE_DATABASE_URL", url)
    monkeypatch.setenv("DEEPFAKE_CACHE_DIR", str(tmp_path / "cache"))
    return Settings(database_url=url, cache_dir=tmp_path / "cache")


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, talking_clip: Path) -> Path:
    """A clip of a data set that the server may open."""
    (tmp_path / "shown" / "real").mkdir(parents=True)
    path = tmp_path / "shown" / "real" / "talking.mp4"
    path.write_bytes(talking_clip.read_bytes())
    monkeypatch.setenv("DEEPFAKE_DATA_DIRS", str(tmp_path / "shown"))
    return path


def analyzed(folder: Path, clip: Path, settings: Settings, store_name: StoreName | None) -> Path:
    folder.mkdir()
    analyze_clip(folder, clip, HAAR, settings, store_name)
    return folder


def test_the_worker_keeps_the_analysis_and_the_files_hash(tmp_path: Path, clip: Path, settings: Settings) -> None:
    folder = analyzed(tmp_path / "made", clip, settings, StoreName("real/talking.mp4", str(clip)))
    with open_store(settings) as store:
        [row] = store.find().rows
        assert (row.name, row.location, row.fingerprint) == ("real/talking.mp4", str(clip), HAAR.fingerprint())
        assert store.known_hashes({str(clip): stamp_of(str(clip)) or ""}) == {str(clip): row.sha256}
        kept = store.get(row.sha256, row.fingerprint)
    assert kept is not None
    assert len(kept.tracks) == len(read_analysis(folder / ANALYSIS_FILE).tracks) == 1


def test_what_is_not_to_be_kept_is_not(tmp_path: Path, clip: Path, settings: Settings) -> None:
    analyzed(tmp_path / "made", clip, settings, None)
    with open_store(settings) as store:
        assert store.find().total == 0


def test_a_store_that_cannot_be_used_costs_no_analysis(tmp_path: Path, clip: Path, settings: Settings) -> None:
    (tmp_path / "store.db").write_text("this is no database, and long enough to be taken for one" * 20)
    folder = analyzed(tmp_path / "made", clip, settings, StoreName("talking.mp4", str(clip)))
    assert (folder / ANALYSIS_FILE).is_file()


def test_face_clips_cut_later_are_those_that_the_analysis_makes(tmp_path: Path, clip: Path, settings: Settings) -> None:
    made = analyzed(tmp_path / "made", clip, settings, None)
    again = tmp_path / "again"
    again.mkdir()
    cut_face_clips(again, clip, read_analysis(made / ANALYSIS_FILE), settings)
    for folder in (made, again):
        assert probe(folder / "face-0.mp4", settings).width == FACE_CLIP_SIZE_PX
    first, second = (VideoReader(folder / "face-0.mp4", settings) for folder in (made, again))
    with first, second:
        pairs = list(zip(first.frames(), second.frames(), strict=True))
    assert len(pairs) == 38
    # The report's boxes and landmarks are rounded: the same picture to within a gray level or two.
    worst = max(abs(one.image.astype(int) - two.image.astype(int)).mean() for one, two in pairs)
    assert worst < 2.0


def test_a_kept_analysis_is_shown_at_once_and_its_face_clips_when_wanted(
    tmp_path: Path,
    clip: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    analyzed(tmp_path / "made", clip, settings, StoreName("real/talking.mp4", str(clip)))

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("analyzed again")

    monkeypatch.setattr("deepfake.server.results.analyze_clip", refuse)
    user = User().at_tab("motion").with_haar().arrive(clip="shown/real/talking.mp4")
    assert user.has_verdict()  # in the first run, without waiting
    assert not user.error
    assert "face clips are made anew" in str([item.proto for item in user.get("progress")])
    user.wait_until(lambda page: "Quarter speed" in page.words)
    assert not user.exception


def test_an_upload_is_answered_for_and_not_kept(clip: Path, settings: Settings) -> None:
    User().with_haar().arrive().upload(clip).wait_for_verdict()
    with open_store(settings) as store:
        assert store.find().total == 0
    User().with_haar().arrive(clip="shown/real/talking.mp4").wait_for_verdict()
    with open_store(settings) as store:  # the same bytes as a data set's clip are
        assert [row.name for row in store.find().rows] == ["real/talking.mp4"]
