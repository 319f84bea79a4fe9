"""The History page: what was analyzed, found again, opened without computing, deleted; what a shared server hides."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deepfake.analysis.evidence import SCORE, Evidence
from deepfake.analysis.model import Analysis, AnalysisConfig
from deepfake.analysis.verdict import TrackVerdict, VerdictLabel
from deepfake.dashboard.history.rows import Place, history_table
from deepfake.dashboard.sources import DatasetSource
from deepfake.detectors import DEFAULT_CLASSIFIER, classifier_title
from deepfake.files import file_sha256
from deepfake.server.store_access import StoreAccess
from deepfake.settings import Settings
from deepfake.store import AnalysisStore, open_store
from deepfake.video.info import Declaration
from tests import batch_work
from tests.app.driver import User
from tests.store.samples import sample_analysis

Keep = Callable[..., Analysis]


def listed(user: User) -> list[str]:
    return user.dataframe[0].value["clip"].tolist()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AnalysisStore]:
    """An empty store that the application uses."""
    url = f"sqlite:///{tmp_path / 'store.db'}"
    monkeypatch.setenv("DEEPFAKE_DATABASE_URL", url)
    with open_store(url=url) as opened:
        yield opened


@pytest.fixture
def keep(store: AnalysisStore) -> Keep:
    """Factory: put an analysis of a made-up clip into the store."""

    def put(
        name: str,
        label: VerdictLabel = "LIKELY_REAL",
        *,
        location: str = "",
        config: AnalysisConfig | None = None,
        sha256: str | None = None,
        declared: Declaration | None = None,
    ) -> Analysis:
        analysis = batch_work.analysis(name.encode(), Path(name), config or AnalysisConfig())
        numbers = {"probability_fake": 0.36, "frames": 9, "share_fake": 1 / 3}
        reason = Evidence("score", SCORE, 0, numbers, 0.36)
        verdict = dataclasses.replace(analysis.verdict, label=label, reasons=(reason,))
        video = dataclasses.replace(analysis.video, sha256=sha256 or analysis.video.sha256, declared=declared)
        analysis = dataclasses.replace(analysis, verdict=verdict, video=video)
        store.put(analysis, name=name, location=location)
        return analysis

    return put


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, talking_clip: Path) -> Path:
    """A data set that the server may open, with one clip in which somebody talks."""
    (tmp_path / "shown" / "real").mkdir(parents=True)
    (tmp_path / "shown" / "real" / "talking.mp4").write_bytes(talking_clip.read_bytes())
    monkeypatch.setenv("DEEPFAKE_DATA_DIRS", str(tmp_path / "shown"))
    return tmp_path / "shown"


def test_an_empty_history_says_what_to_do(store: AnalysisStore) -> None:
    user = User("history").arrive()
    assert "Nothing was analyzed yet" in user.words
    assert "Uploads are not kept" in user.words
    assert [item.proto.label for item in user.get("page_link")] == ["Analyze a clip", "Analyze a data set"]
    assert not user.exception


def test_what_was_analyzed_is_listed_newest_first(keep: Keep) -> None:
    for name in ("first.mp4", "second.mp4", "third.mp4"):
        keep(name, "LIKELY_FAKE" if name == "second.mp4" else "INCONCLUSIVE")
    user = User("history").arrive()
    assert listed(user) == ["third.mp4", "second.mp4", "first.mp4"]
    assert "**3 analyses**" in user.words
    row = user.dataframe[0].value.set_index("clip").loc["second.mp4"]
    assert list(row["verdict"]) == ["⚠ Likely fake"]
    assert row["P(fake)"] == pytest.approx(batch_work.probability_of(b"second.mp4"))
    assert row["face detector"] == "MTCNN"
    assert row["classifier"] == classifier_title(DEFAULT_CLASSIFIER)
    assert not user.exception


def test_what_files_say_of_themselves_is_listed_where_any_says_something(keep: Keep) -> None:
    keep("silent.mp4")
    assert "the file says" not in User("history").arrive().dataframe[0].value
    keep("made.mp4", declared=Declaration("partly", "xmp", "compositeSynthetic"))
    table = User("history").arrive().dataframe[0].value.set_index("clip")
    assert table["the file says"].to_dict() == {"made.mp4": "partly generated (unsigned)", "silent.mp4": ""}


def test_search_and_verdict_narrow_the_list(keep: Keep) -> None:
    for name, label in {"Anna.mp4": "LIKELY_FAKE", "annex.mp4": "LIKELY_REAL", "bob.mp4": "LIKELY_FAKE"}.items():
        keep(name, label)
    user = User("history").arrive()
    user.text_input(key="text").set_value("ann").run()
    assert sorted(listed(user)) == ["Anna.mp4", "annex.mp4"]
    user.selectbox(key="verdict").set_value("LIKELY_FAKE").run()
    assert listed(user) == ["Anna.mp4"]
    user.text_input(key="text").set_value("nobody").run()
    assert "No analysis passes the filters" in user.words
    user.click("history-clear")
    assert len(listed(user)) == 3
    assert not user.exception


def test_two_settings_are_told_apart(keep: Keep) -> None:
    keep("clip.mp4")
    keep("clip.mp4", config=AnalysisConfig(face_detector="haar"))
    user = User("history").arrive()
    assert sorted(user.dataframe[0].value["face detector"]) == ["Haar", "MTCNN"]
    options = user.selectbox(key="settings").options
    assert sum("in force" in option for option in options) == 1
    user.selectbox(key="settings").set_value(AnalysisConfig(face_detector="haar").fingerprint()).run()
    assert user.dataframe[0].value["face detector"].tolist() == ["Haar"]


def test_the_address_names_filters_and_page(keep: Keep) -> None:
    for number in range(60):
        keep(f"clip{number:02d}.mp4", "LIKELY_FAKE" if number < 55 else "LIKELY_REAL")
    user = User("history").arrive()
    assert len(listed(user)) == 50
    assert "**60 analyses**, 1 to 50 shown" in user.words
    named = User("history").arrive(verdict="Likely fake", page="2", text="clip")
    assert listed(named) == [f"clip{number:02d}.mp4" for number in reversed(range(5))]
    assert "**55 analyses** pass the filters, 51 to 55 shown" in named.words
    named.text_input(key="text").set_value("clip0").run()
    assert listed(named)[0] == "clip09.mp4"  # a new search begins at its first page


def test_an_analysis_opens_without_being_computed_again(
    keep: Keep, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = folder / "real" / "talking.mp4"
    config = AnalysisConfig(face_detector="haar", search_every_s=2.0)
    keep("talking.mp4", "LIKELY_FAKE", location=str(clip), sha256=file_sha256(clip), config=config)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("computed again")

    user = User("history").arrive()
    assert user.dataframe[0].value.loc[0, ["clip", "data set"]].tolist() == ["real/talking.mp4", "shown"]
    user.select_rows(0)
    monkeypatch.setattr("deepfake.server.jobs.JobQueue.submit", refuse)
    user.click("history-open")
    assert user.heading == "Analyze a clip"
    assert "LIKELY FAKE" in user.words
    assert user.selectbox(key="settings-face-detector").value == "haar"
    assert user.query_params["clip"] == "shown/real/talking.mp4"
    assert not user.exception


def test_a_clip_of_a_folder_that_may_not_be_opened_shows_its_name_and_no_path(
    keep: Keep, folder: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "somebody" / "private"
    secret.mkdir(parents=True)
    (secret / "face.mp4").write_bytes((folder / "real" / "talking.mp4").read_bytes())
    keep("somebody/private/face.mp4", "LIKELY_FAKE", location=str(secret / "face.mp4"))
    user = User("history").arrive()
    assert listed(user) == ["face.mp4"]
    assert user.dataframe[0].value.loc[0, "data set"] == ""
    user.select_rows(0)
    user.click("history-open")
    assert user.heading == "History"
    assert "no folder that this server may open" in user.words
    assert "LIKELY FAKE" in user.words
    assert "over 9 frames" in user.words  # the reason
    assert len(user.get("plotly_chart")) == 2
    everything = user.words + str([item.value for item in user.table]) + str(user.main)
    assert "private" not in everything
    assert not user.get("imgs")
    assert not user.exception
    user.click("history-back")
    assert listed(user) == ["face.mp4"]


def test_the_focus_goes_to_a_heading_that_took_anothers_place_and_not_after_another_page(
    keep: Keep, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scrolled: list[str] = []
    monkeypatch.setattr("deepfake.dashboard.browser.scroll_to", lambda _page, targets: scrolled.extend(targets))
    keep("gone.mp4", location=str(folder / "real" / "gone.mp4"))
    user = User("history").arrive().select_rows(0)
    assert scrolled == []
    user.click("history-open")
    assert len(scrolled) == 1
    user.go_to("methods").query_params.clear()  # the menu leads to a page without them
    user.go_to("history")
    assert listed(user) == ["gone.mp4"]
    assert len(scrolled) == 1


def test_a_clip_that_is_gone_shows_what_was_kept(keep: Keep, folder: Path) -> None:
    keep("gone.mp4", location=str(folder / "real" / "gone.mp4"))
    user = User("history").arrive().select_rows(0)
    user.click("history-open")
    assert "no longer in the data set shown" in user.words
    assert "NO SIGNS OF A FAKE FOUND" in user.words


def test_a_file_that_changed_since_does_not_open_as_if_it_had_not(keep: Keep, folder: Path) -> None:
    keep("talking.mp4", location=str(folder / "real" / "talking.mp4"))  # of other bytes
    user = User("history").arrive().select_rows(0)
    user.click("history-open")
    assert user.heading == "History"
    assert "the file has changed since" in user.words
    assert user.button(key="history-anew").label == "Analyze real/talking.mp4 as it is now"


def test_an_address_of_an_analysis_that_is_not_kept_is_told(store: AnalysisStore) -> None:
    for reference in ("nonsense", f"{'0' * 64}-{'1' * 16}"):
        user = User("history").arrive(analysis=reference)
        assert "not kept here" in user.warning[0].value
        assert not user.exception


def test_selected_analyses_are_deleted_after_a_question(keep: Keep, store: AnalysisStore) -> None:
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        keep(name)
    user = User("history").arrive().select_rows(0, 2)
    assert user.button(key="history-delete").label == "Delete these 2 analyses"
    user.click("history-delete")
    assert store.find().total == 3  # nothing happens before the answer
    assert "- c.mp4\n- a.mp4" in user.words
    user.click("history-delete-yes")
    assert [row.name for row in store.find().rows] == ["b.mp4"]
    assert listed(user) == ["b.mp4"]
    assert user.toast[0].value == "2 analyses deleted"
    assert not user.exception


def test_deleting_can_be_thought_better_of(keep: Keep, store: AnalysisStore) -> None:
    keep("a.mp4")
    user = User("history").arrive().select_rows(0)
    user.click("history-delete")
    user.click("history-delete-no")
    assert store.find().total == 1
    assert listed(user) == ["a.mp4"]


def test_a_store_that_cannot_be_opened_is_one_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "damaged.db").write_text("this is no database, and long enough to be taken for one" * 20)
    monkeypatch.setenv("DEEPFAKE_DATABASE_URL", f"sqlite:///{tmp_path / 'damaged.db'}")
    user = User("history").arrive()
    assert len(user.warning) == 1
    assert "damaged.db" in user.warning[0].value
    assert not user.dataframe
    assert not user.exception


def test_a_store_is_asked_again_once_it_can_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_text("this is no database, and long enough to be taken for one" * 20)
    access = StoreAccess(Settings(database_url=f"sqlite:///{path}"), retry_s=0.0)
    assert access.ask(lambda store: store.find().total, -1) == -1
    assert access.problem is not None
    path.unlink()
    assert access.ask(lambda store: store.find().total, -1) == 0
    assert access.problem is None
    access.close()


def test_long_names_lose_their_first_folders(keep: Keep, store: AnalysisStore) -> None:
    keep("clip.mp4")
    name = "faceforensics/manipulated_sequences/FaceSwap/c40/videos/720_672.mp4"
    [row] = store.find().rows
    place = Place(DatasetSource("ff", "ff", Path("/ff"), None), name)
    assert history_table([row], {row.id: place})["clip"].tolist() == ["…/FaceSwap/c40/videos/720_672.mp4"]


def test_the_interval_of_who_was_not_judged_is_told_as_little_as_the_probability(store: AnalysisStore) -> None:
    small = Evidence("face_too_small", "face_width", 0, {"px": 31.6, "at_least": 48.0})
    person = TrackVerdict(0, "INCONCLUSIVE", 0.33, (0.29, 0.36), 0.5, (small,))
    judged = sample_analysis(1, interval=(0.8, 0.95))
    sample = sample_analysis(
        2, label="INCONCLUSIVE", probability_fake=0.33, interval=(0.29, 0.36), reasons=(small,), tracks=(person,)
    )
    not_judged = dataclasses.replace(sample, tracks=sample.tracks[:1])
    for analysis in (judged, not_judged):
        store.put(analysis, name="clip.mp4", location="/clip.mp4")
    table = history_table(store.find().rows, {}).set_index("P(fake)")["95% interval"]
    assert sorted(table) == ["", "0.80–0.95"]
