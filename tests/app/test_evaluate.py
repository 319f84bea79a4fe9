"""The Evaluate page: over made-up analyses in a store, for one setting and for two, whole and in part."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import streamlit as st

from deepfake.analysis.model import AnalysisConfig
from deepfake.dashboard.evaluate import results
from deepfake.dashboard.evaluate.choice import names_of, threshold_of, verdict_threshold
from deepfake.dashboard.evaluate.errors import errors_table
from deepfake.dashboard.sources import DatasetSource
from deepfake.dashboard.text import plain, without_first_folders
from deepfake.dataset import ClipEntry, Dataset, open_dataset
from deepfake.detectors import DEFAULT_CLASSIFIER, classifier, classifier_title
from deepfake.errors import StoreError
from deepfake.evaluation import stored
from deepfake.evaluation.results import ClipResult
from deepfake.evaluation.stored import StoredResults, stored_results
from deepfake.files import stamp_of
from deepfake.store import AnalysisStore, open_store
from deepfake.store.records import StoredFingerprint
from tests.app.driver import User
from tests.evaluated_set import keep, write_faceforensics

USUAL = f"{verdict_threshold(DEFAULT_CLASSIFIER):.2f}"  # the P(fake) from which on the verdict is LIKELY_FAKE


def by_default() -> str:
    """The fingerprint of the default settings."""
    return AnalysisConfig().fingerprint()


def metrics(user: User) -> dict[str, str]:
    return {metric.label: metric.value for metric in user.metric}


def side_by_side(user: User) -> dict[str, list[str]]:
    """The first table: each row's cells by its name; the names of the columns under ""."""
    table = user.table[0].value
    rows = [("", table.columns), *table.iterrows()]
    return {name.replace("\\", ""): [cell.replace("\\", "") for cell in cells] for name, cells in rows}


def only_new(user: User) -> Any:
    """The switch that leaves out clips of the training; each data set has its own."""
    (found,) = [item for item in user.toggle if item.key.startswith("evaluate-only-new-")]
    return found


def links(user: User) -> list[tuple[str, str]]:
    return [(link.proto.page, link.proto.query_string) for link in user.get("page_link")]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AnalysisStore]:
    address = f"sqlite:///{tmp_path / 'store' / 'analyses.db'}"
    monkeypatch.setenv("DEEPFAKE_DATABASE_URL", address)
    with open_store(url=address) as opened:
        yield opened


@pytest.fixture
def clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moving_square_clip: Path) -> list[ClipEntry]:
    """A FaceForensics++ folder of 8 people: 8 originals and 16 fakes by two methods."""
    folder = tmp_path / "swaps"
    write_faceforensics(folder, moving_square_clip.read_bytes(), people=8)
    monkeypatch.setenv("DEEPFAKE_DATA_DIRS", str(folder))
    return list(open_dataset(folder).entries)


@pytest.fixture
def analyzed(store: AnalysisStore, clips: list[ClipEntry]) -> list[ClipEntry]:
    """All but two clips analyzed: fakes at 0.9 but for one at 0.3, reals at 0.1 but for one without a face."""
    scores: dict[Path, float | None] = {clip.path: 0.9 if clip.label == "FAKE" else 0.1 for clip in clips[:-2]}
    scores[clips[0].path] = None
    scores[clips[8].path] = 0.3
    keep(store, scores)
    return clips


@pytest.fixture
def opened() -> Callable[..., User]:
    """Factory: the page at the folder of swaps, with a query."""

    def at(**query: str) -> User:
        return User("evaluate").arrive(**{"set": "swaps", **query})

    return at


def test_no_analysis_yet_says_how_many_are_missing_and_how_to_get_them(
    clips: list[ClipEntry], store: AnalysisStore, opened: Callable[..., User]
) -> None:
    user = opened()
    assert "24 labeled clips on disk" in user.words
    assert user.code[0].value == "python -m deepfake batch DIR"
    assert ("dataset", "set=swaps") in links(user)
    assert not user.metric
    assert not user.exception


def test_the_address_names_the_open_tab(analyzed: list[ClipEntry], opened: Callable[..., User]) -> None:
    user = opened(details="By method")
    assert any("AUC" in table.value.columns for table in user.table)
    assert not user.exception


def test_how_to_read_a_chart_stands_under_those_that_show_something(
    clips: list[ClipEntry], store: AnalysisStore, opened: Callable[..., User]
) -> None:
    keep(store, {clip.path: 0.9 for clip in clips if clip.label == "FAKE"})
    user = opened()
    assert len(user.get("plotly_chart")) == 6
    told = [caption.value for caption in user.caption if caption.value.startswith("How to read this")]
    assert len(told) == 4, "without real clips there is no ROC, and no precision"
    assert not any("upper left corner" in text or "Precision falls" in text for text in told)
    alts = [chart.proto.alt for chart in user.get("plotly_chart")]
    assert "ROC: fakes found against false alarms. No curve: it needs fakes and real clips with a P(fake)." in alts


def test_numbers_of_a_part_of_the_set(analyzed: list[ClipEntry], opened: Callable[..., User]) -> None:
    user = opened()
    assert not user.exception
    assert "22 of 24 labeled clips are analyzed, 2 still to be analyzed" in user.words
    assert metrics(user) == {"AUC": "1.000", "Log loss": "0.158", f"Accuracy at {USUAL}": "95%", "Decided": "95%"}
    assert "21 clips in 4 groups" in user.words
    assert "The intervals rest on 4 groups" in user.words
    assert "quick" not in user.words
    assert len(user.get("plotly_chart")) == 6
    assert all("zoomOut" in chart.proto.config for chart in user.get("plotly_chart")), "few buttons to tab through"
    assert user.query_params["settings"] == by_default()
    assert user.query_params["threshold"] == USUAL


def test_clips_of_the_training_are_left_out_until_they_are_asked_for(
    analyzed: list[ClipEntry],
    store: AnalysisStore,
    opened: Callable[..., User],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fakes = [str(clip.path) for clip in analyzed if clip.label == "FAKE"][:4]
    known = frozenset(store.known_hashes({path: stamp_of(path) or "" for path in fakes}).values())
    for module in (results, stored):
        monkeypatch.setattr(module, "training_clips", lambda name: known)
    user = opened()
    assert only_new(user).value
    assert "18 of 20 labeled clips are analyzed" in user.words
    assert "Left out: 4 that the classifier was trained on." in user.words
    assert "trained on 4 of these" not in user.words
    only_new(user).set_value(False).run()
    assert user.query_params["trained"] == "in"
    assert "22 of 24 labeled clips are analyzed" in user.words
    assert "trained on 4 of these 22 clips" in user.words
    assert not user.exception


def test_a_set_of_training_clips_alone_does_not_have_those_of_another_set_count(
    store: AnalysisStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moving_square_clip: Path
) -> None:
    sets = []
    for name, more in (("swaps", b""), ("others", b"x")):
        write_faceforensics(tmp_path / name, moving_square_clip.read_bytes() + more, people=8)
        sets.append([*open_dataset(tmp_path / name).entries])
        keep(store, {clip.path: 0.9 if clip.label == "FAKE" else 0.1 for clip in sets[-1]})
    monkeypatch.setenv("DEEPFAKE_DATA_DIRS", os.pathsep.join(str(tmp_path / name) for name in ("swaps", "others")))
    places = [str(clip.path) for clip in (*sets[0], *sets[1][:4])]
    known = frozenset(store.known_hashes({place: stamp_of(place) or "" for place in places}).values())
    for module in (results, stored):
        monkeypatch.setattr(module, "training_clips", lambda name: known)
    user = User("evaluate").arrive(set="swaps")
    assert not only_new(user).value
    next(box for box in user.selectbox if box.label == "Data set").set_value("others").run()
    assert only_new(user).value
    assert "trained" not in user.query_params


def test_the_switch_follows_what_is_analyzed_until_somebody_turns_it(
    store: AnalysisStore, clips: list[ClipEntry], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(store, {clip.path: 0.9 for clip in clips[:4]})
    places = {str(clip.path): stamp_of(str(clip.path)) or "" for clip in clips[:4]}
    known = frozenset(store.known_hashes(places).values())
    for module in (results, stored):
        monkeypatch.setattr(module, "training_clips", lambda name: known)
    user = User("evaluate").arrive(set="swaps")
    assert not only_new(user).value
    keep(store, {clip.path: 0.5 for clip in clips[4:]})
    st.cache_data.clear()  # as after some seconds
    st.cache_resource.clear()
    assert only_new(user.run()).value


def test_where_no_other_clip_remains_those_of_the_training_count(
    analyzed: list[ClipEntry],
    store: AnalysisStore,
    opened: Callable[..., User],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    places = [str(clip.path) for clip in analyzed]
    known = store.known_hashes({place: stamp_of(place) or "" for place in places})
    for module in (results, stored):
        monkeypatch.setattr(module, "training_clips", lambda name: frozenset(known.values()))
    broken, copy = (place for place in places if place not in known)
    stamp = stamp_of(broken) or ""
    store.remember_file(broken, stamp, "f" * 64)  # a clip that failed is no clip that remains
    store.put_failure(broken, stamp, by_default(), "no readable frame", name="broken.mp4")
    store.remember_file(copy, stamp_of(copy) or "", known[places[0]])
    user = opened()
    toggle = only_new(user)
    assert not toggle.value
    assert toggle.label.endswith("(23)")
    assert "23 of 24 labeled clips are analyzed" in user.words
    assert "trained on 23 of these 23 clips" in user.words


def test_the_threshold_moves_the_counts_and_is_in_the_address(
    analyzed: list[ClipEntry], opened: Callable[..., User]
) -> None:
    user = opened(threshold="0.25")
    assert user.threshold.value == 0.25
    assert metrics(user)["Accuracy at 0.25"] == "100%"
    assert "Every clip is called by its label" in user.words
    user.threshold.set_value(0.95).run()
    assert metrics(user)["Accuracy at 0.95"] == "33%"
    assert "14 of 21 clips: 14 fakes missed, 0 real clips called fake" in user.words
    assert user.query_params["threshold"] == "0.95"


def test_a_threshold_that_is_none_is_the_verdicts_own() -> None:
    verdicts = verdict_threshold(DEFAULT_CLASSIFIER)
    calibration = classifier(DEFAULT_CLASSIFIER).calibration
    assert calibration.is_fake(verdicts + 0.001)
    assert not calibration.is_fake(verdicts - 0.011)
    assert [threshold_of(text, verdicts) for text in (None, "", "high", "7", "nan", "-0.1")] == [verdicts] * 6
    assert [threshold_of(text, verdicts) for text in ("0", "0.256", "1")] == [0.0, 0.26, 1.0]
    assert verdict_threshold("capsule") == 0.5  # not calibrated


def test_the_worst_error_is_shown_and_opens_in_analyze(analyzed: list[ClipEntry], opened: Callable[..., User]) -> None:
    user = opened()
    wrong = analyzed[8]
    assert len(user.get("image")) == 1
    assert f":small[{wrong.name}]" in user.words
    assert ("analyze", f"clip=swaps%2F{wrong.name.replace('/', '%2F')}") in [
        (page or "analyze", query) for page, query in links(user)
    ]
    table = next(frame.value for frame in user.dataframe if "P(fake)" in frame.value)
    assert table["clip"].tolist() == [without_first_folders(wrong.name)]
    before = len(links(user))
    user.select_rows(0, table="evaluate-errors-")
    assert len(links(user)) == before + 1
    assert user.get("page_link")[-1].proto.label == f"Analyze {plain(wrong.name)}"
    assert not user.exception


def test_a_clip_that_was_not_judged_is_called_that(clips: list[ClipEntry]) -> None:
    source = DatasetSource("swaps", "swaps", clips[0].path.parent, None)
    found = ClipResult(clips[0], 0.9, "INCONCLUSIVE", answer="NOT_JUDGED")
    table = errors_table(source, [found])
    assert table["verdict"].tolist() == ["Not judged"]
    assert table["P(fake)"].isna().all(), "nobody is told the score of who was not judged"


def test_why_clips_are_not_judged_and_how_methods_do(
    analyzed: list[ClipEntry], store: AnalysisStore, opened: Callable[..., User]
) -> None:
    broken = analyzed[-1].path
    store.put_failure(str(broken), stamp_of(str(broken)), by_default(), "no pictures in it", name=broken.name)
    user = opened()
    assert "22 of 24 labeled clips are analyzed, 1 failed, 1 still to be analyzed" in user.words
    user.open_tab("not decided")
    rows = user.table[0].value["why"].tolist()
    assert rows == ["No face was found in any frame", "no pictures in it"]
    user.open_tab("methods")
    table = user.table[0].value
    assert table.index.tolist() == ["Deepfakes", "FaceSwap"]
    assert table.loc["Deepfakes", "found"].startswith("7 of 8")
    assert str(broken.parent) not in user.words


def test_two_settings_side_by_side(
    analyzed: list[ClipEntry], store: AnalysisStore, opened: Callable[..., User]
) -> None:
    haar = keep(store, {clip.path: 0.5 for clip in analyzed[:20]}, face_detector="haar")
    user = opened(**{"with": haar})
    assert not user.exception
    assert user.selectbox(key="evaluate-settings").value == by_default()
    assert user.selectbox(key="evaluate-other").value == haar
    assert [cell.split()[0] for cell in side_by_side(user)["AUC"]] == ["1.000", "0.500"]
    assert "On the 19 clips that both score" in user.words
    clip_vit = classifier_title(DEFAULT_CLASSIFIER)
    # Short, so that the boxes have room for them; what else was chosen stands below.
    assert user.selectbox(key="evaluate-settings").options == [
        f"{clip_vit}, faces by MTCNN: 22 clips",
        f"{clip_vit}, faces by Haar: 20 clips",
    ]
    assert "Faces by Haar · version" in user.words
    user.selectbox(key="evaluate-other").set_value(None).run()
    assert "with" not in user.query_params
    assert len(user.metric) == 4


def test_another_classifier_can_analyze_the_set_from_here(
    analyzed: list[ClipEntry], store: AnalysisStore, opened: Callable[..., User]
) -> None:
    user = opened()
    others = user.selectbox(key="evaluate-other")
    offered = [title for title in others.options if title.endswith("has not analyzed this set yet")]
    assert any("EfficientNet" in title for title in offered)
    second = AnalysisConfig(classifier="efficientnet").fingerprint()
    others.set_value(second).run()
    assert not user.exception
    assert user.query_params["with"] == second
    assert user.has_button("batch-start")
    assert "scored by EfficientNet" in user.words
    assert metrics(user)["AUC"] == "1.000"  # of the first, which goes on being shown


def test_two_classifiers_side_by_side(
    analyzed: list[ClipEntry], store: AnalysisStore, opened: Callable[..., User]
) -> None:
    scores = {clip.path: 0.9 if clip.label == "REAL" else 0.1 for clip in analyzed}
    user = opened(settings=by_default(), **{"with": keep(store, scores, classifier="efficientnet")})
    assert not user.exception
    assert not user.has_button("batch-start")
    found = side_by_side(user)
    assert [name.split()[0] for name in found[""]] == ["CLIP", "EfficientNet-Lite0,"]
    assert [cell.split()[0] for cell in found["AUC"]] == ["1.000", "0.000"]
    counts = {name: [cell.split(":")[0] for cell in cells] for name, cells in found.items()}
    assert counts["false alarms: real clips called likely fake"] == ["0 of 8", "8 of 8"]
    assert counts["misses: fakes with no signs found"] == ["1 of 14", "16 of 16"]
    assert counts["left open"] == ["1 of 22", "0 of 24"]
    assert "95% interval +1.000 to +1.000: a difference" in user.words


def test_quick_looks_are_named_and_the_page_says_by_what_they_are_chosen(
    analyzed: list[ClipEntry], store: AnalysisStore, opened: Callable[..., User]
) -> None:
    quick = keep(store, {clip.path: 0.95 if clip.label == "FAKE" else 0.05 for clip in analyzed[-4:]}, quick=True)
    user = opened(settings=by_default(), **{"with": quick})
    assert not user.exception
    first, second = side_by_side(user)[""]
    assert second == f"{first}, quick look"
    others = user.selectbox(key="evaluate-other").options
    assert [title for title in others if "quick look" in title] == [f"{second}: 4 clips"]
    assert "A quick batch keeps the clips that a quick look decides apart" in user.words


@pytest.mark.parametrize("answers", [0, 1])
def test_a_store_that_fails_meanwhile_leaves_what_it_answered(
    analyzed: list[ClipEntry],
    store: AnalysisStore,
    opened: Callable[..., User],
    monkeypatch: pytest.MonkeyPatch,
    answers: int,
) -> None:
    second = keep(store, {clip.path: 0.5 for clip in analyzed[:20]}, classifier="efficientnet")
    answering = (by_default(), second)[:answers]

    def asked(dataset: Dataset, kept: AnalysisStore, fingerprint: str, **options: Any) -> StoredResults:
        if fingerprint not in answering:
            raise StoreError("store", "it is being restarted")
        return stored_results(dataset, kept, fingerprint, **options)

    monkeypatch.setattr(results, "stored_results", asked)
    user = opened(settings=by_default(), **{"with": second})
    assert not user.exception
    assert user.selectbox(key="evaluate-other").value == second
    assert not user.has_button("batch-start")
    assert metrics(user).get("AUC") == ("1.000" if answers else None)


def test_fakes_alone_have_no_auc_and_the_page_says_why(
    clips: list[ClipEntry], store: AnalysisStore, opened: Callable[..., User]
) -> None:
    keep(store, {clip.path: 0.9 for clip in clips if clip.label == "FAKE"})
    user = opened()
    assert not user.exception
    assert metrics(user)["AUC"] == "–"
    assert "All 16 clips with a P(fake) are labeled FAKE" in user.words
    assert len(user.get("plotly_chart")) == 6


def test_a_set_without_labels_cannot_be_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moving_square_clip: Path, opened: Callable[..., User]
) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    shutil.copy(moving_square_clip, folder / "a.mp4")
    monkeypatch.setenv("DEEPFAKE_DATA_DIRS", str(folder))
    user = opened(set="plain")
    assert "This data set has no labels" in user.words
    assert not user.exception


def test_a_store_that_cannot_be_used_is_one_warning(
    clips: list[ClipEntry], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: Callable[..., User]
) -> None:
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(b"this is no database" * 100)
    monkeypatch.setenv("DEEPFAKE_DATABASE_URL", f"sqlite:///{damaged}")
    user = opened()
    assert len(user.warning) == 1
    assert "damaged.db" in user.warning[0].value
    assert not user.metric
    assert not user.exception


def test_settings_that_no_single_part_tells_apart_are_named_by_all_that_differ() -> None:
    kept = [
        StoredFingerprint(f"{number:08d}", detector, DEFAULT_CLASSIFIER, version, "weights", 1, datetime.now(UTC))
        for number, (detector, version) in enumerate([("mtcnn", "1"), ("mtcnn", "2"), ("haar", "1"), ("haar", "2")])
    ]
    title = classifier_title(DEFAULT_CLASSIFIER)
    versions = [name.removeprefix(title) for name in names_of(kept[:2])]
    assert [name.rpartition(", ")[2] for name in versions] == ["version 1", "version 2"]
    assert [name.rpartition("faces by ")[2] for name in names_of(kept)[1:3]] == ["MTCNN, version 2", "Haar, version 1"]
