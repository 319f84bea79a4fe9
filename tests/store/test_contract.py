"""What every store does, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deepfake import __version__
from deepfake.analysis.evidence import Evidence
from deepfake.analysis.model import Analysis, AnalysisConfig
from deepfake.analysis.pipeline import analyze
from deepfake.analysis.verdict import TrackVerdict
from deepfake.store import AnalysisStore, AnalysisSummary, open_store
from deepfake.video.info import Declaration

MakeAnalysis = Callable[..., Analysis]
CONFIG = AnalysisConfig()
FINGERPRINT = CONFIG.fingerprint()
OTHER = AnalysisConfig(face_detector="haar").fingerprint()


def assert_same(found: Any, expected: Any, at: str = "analysis") -> None:
    """Fail where two results differ in type, value, or one bit of an array."""
    assert type(found) is type(expected), at
    if dataclasses.is_dataclass(expected):
        for field in dataclasses.fields(expected):
            assert_same(getattr(found, field.name), getattr(expected, field.name), f"{at}.{field.name}")
    elif isinstance(expected, np.ndarray):
        assert found.dtype == expected.dtype, at
        assert found.shape == expected.shape, at
        assert found.tobytes() == expected.tobytes(), at
    elif isinstance(expected, tuple | list):
        assert len(found) == len(expected), at
        for index, pair in enumerate(zip(found, expected, strict=True)):
            assert_same(*pair, f"{at}[{index}]")
    elif isinstance(expected, dict):
        assert list(found) == list(expected), at
        for key in expected:
            assert_same(found[key], expected[key], f"{at}[{key!r}]")
    else:
        assert found == expected or (found != found and expected != expected), at


def keep(store: AnalysisStore, analysis: Analysis, name: str | None = None) -> bool:
    path = analysis.video.path
    return store.put(analysis, name=name or path.name, location=str(path) if name is None else "")


def test_what_comes_out_is_what_went_in(store: AnalysisStore, make_analysis: MakeAnalysis) -> None:
    analysis = make_analysis()
    assert store.get(analysis.video.sha256, FINGERPRINT) is None
    assert keep(store, analysis)
    found = store.get(analysis.video.sha256, FINGERPRINT)
    assert_same(found, analysis)


def test_a_real_analysis_comes_out_as_it_went_in(store: AnalysisStore, moving_square_clip: Path) -> None:
    analysis = analyze(moving_square_clip, AnalysisConfig(face_detector="haar"))
    assert keep(store, analysis)
    assert_same(store.get(analysis.video.sha256, OTHER), analysis)


def test_arrays_of_one_analysis_are_apart(store: AnalysisStore, make_analysis: MakeAnalysis) -> None:
    keep(store, make_analysis())
    found = store.get(make_analysis().video.sha256, FINGERPRINT)
    assert found is not None
    found.traces[0].timestamps_s[:] = 0
    assert found.traces[1].timestamps_s.all()


def test_the_first_of_two_stays(store: AnalysisStore, make_analysis: MakeAnalysis) -> None:
    analysis = make_analysis()
    assert keep(store, analysis)
    assert not keep(store, dataclasses.replace(analysis, timings_s={"second": 2.0}))
    assert_same(store.get(analysis.video.sha256, FINGERPRINT), analysis)
    assert store.find().total == 1


def test_an_analysis_that_follows_more_faces_takes_the_place(store: AnalysisStore, make_analysis: MakeAnalysis) -> None:
    def followed(most: int | None) -> Analysis:
        reasons = () if most is None else (Evidence("faces_left_out", "face_count", None, {"count": 1, "most": most}),)
        return make_analysis(reasons=reasons)

    def row() -> AnalysisSummary:
        [found] = store.find().rows
        return found

    assert keep(store, followed(2))
    assert (row().faces_limit, row().is_enough_for(2), row().is_enough_for(3)) == (2, True, False)
    assert not keep(store, followed(1))
    assert keep(store, followed(3))
    assert row().faces_limit == 3
    assert keep(store, followed(None))
    assert not keep(store, followed(9))
    assert row().is_enough_for(1000)


def test_other_settings_are_another_entry(store: AnalysisStore, make_analysis: MakeAnalysis) -> None:
    assert keep(store, make_analysis())
    assert keep(store, make_analysis(face_detector="haar"))
    assert store.find().total == 2
    found = store.get(make_analysis().video.sha256, OTHER)
    assert found is not None
    assert found.config.face_detector == "haar"


@pytest.mark.parametrize(
    ("location", "path"),
    [("", "shown.mp4"), ("/data/a/b.mp4", "/data/a/b.mp4"), ("s3://bucket/b.mp4", "shown.mp4")],
)
def test_the_path_is_the_location_or_else_the_name(
    store: AnalysisStore, make_analysis: MakeAnalysis, location: str, path: str
) -> None:
    analysis = make_analysis()
    store.put(analysis, name="shown.mp4", location=location)
    found = store.get(analysis.video.sha256, FINGERPRINT)
    assert found is not None
    assert found.video.path == Path(path)
    [row] = store.find().rows
    assert (row.name, row.location) == ("shown.mp4", location)


def test_names_that_are_no_text_are_kept(store: AnalysisStore, make_analysis: MakeAnalysis) -> None:
    location = b"/clips/caf\xe9.mp4".decode("utf-8", "surrogateescape")
    analysis = make_analysis()
    analysis = analysis.with_path(Path(location))
    assert store.put(analysis, name=Path(location).name, location=location)
    assert_same(store.get(analysis.video.sha256, FINGERPRINT), analysis)
    store.remember_file(location, "1", "a" * 64)
    assert store.known_hashes({location: "1"}) == {location: "a" * 64}
    store.put_failure(location, "1", "f", "no \0 picture", name=Path(location).name)
    assert store.failures("f", [location])[location].error == "no  picture"


def test_a_summary_tells_what_a_list_shows(store: AnalysisStore, make_analysis: MakeAnalysis) -> None:
    before = datetime.now(UTC)
    analysis = make_analysis(5)
    keep(store, analysis)
    [row] = store.find().rows
    assert before - timedelta(milliseconds=1) <= row.created_at <= datetime.now(UTC)
    assert row.created_at.utcoffset() == timedelta(0)
    assert (row.sha256, row.fingerprint) == (analysis.video.sha256, FINGERPRINT)
    assert (row.name, row.location) == ("clip 5.mp4", str(analysis.video.path))
    assert (row.verdict, row.probability_fake) == ("LIKELY_FAKE", 0.9)
    assert (row.interval_low, row.interval_high, row.false_alarm_p) == (0.8, 1 / 3, 0.01)
    assert (row.reason, row.faces, row.duration_s) == (analysis.verdict.reasons[0], 2, analysis.length_s)
    assert (row.width, row.height, row.face_detector, row.software_version) == (640, 480, "mtcnn", __version__)


def test_a_summary_tells_a_reader_what_the_card_does(store: AnalysisStore, make_analysis: MakeAnalysis) -> None:
    small = Evidence("face_too_small", "face_width", None, {"px": 20, "at_least": 64})
    score = Evidence("too_close", "learned_score", None)
    people = [TrackVerdict(number, "INCONCLUSIVE", 0.6, None, None, (small,)) for number in range(2)]
    judged = TrackVerdict(2, "INCONCLUSIVE", 0.5, None, None, (score,))
    for number, tracks in enumerate(((), people[:1], people, (*people, judged))):
        keep(store, make_analysis(number, label="INCONCLUSIVE", tracks=tuple(tracks)))
    keep(store, make_analysis(4))
    told = {row.name: row.answer for row in store.find().rows}
    assert [told[f"clip {number}.mp4"] for number in range(5)] == [
        "NO_FACE", "NOT_JUDGED", "NOT_JUDGED", "INCONCLUSIVE", "LIKELY_FAKE",
    ]  # fmt: skip


def test_a_summary_tells_what_the_file_declares(store: AnalysisStore, make_analysis: MakeAnalysis) -> None:
    analysis = make_analysis()
    declared = Declaration("partly", "credentials", "compositeSynthetic", "Maker", "broken")
    keep(store, dataclasses.replace(analysis, video=dataclasses.replace(analysis.video, declared=declared)))
    keep(store, make_analysis(1))
    assert {row.declared for row in store.find().rows} == {"partly generated (changed since it was signed)", None}
    found = store.get(analysis.video.sha256, FINGERPRINT)
    assert found is not None
    assert found.video.declared == declared


def test_a_clip_without_probability_and_reasons_has_a_summary(
    store: AnalysisStore, make_analysis: MakeAnalysis
) -> None:
    nothing = {"label": "INCONCLUSIVE", "probability_fake": None, "interval": None, "reasons": (), "tracks": ()}
    keep(store, make_analysis(**nothing))
    [row] = store.find().rows
    assert (row.verdict, row.probability_fake, row.interval_low, row.interval_high) == (
        "INCONCLUSIVE", None, None, None,
    )  # fmt: skip
    assert (row.false_alarm_p, row.reason) == (None, None)


def test_has_answers_for_thousands(store: AnalysisStore, make_analysis: MakeAnalysis) -> None:
    for number in (3, 700, 1501):
        keep(store, make_analysis(number))
    asked = [f"{number:064x}" for number in range(1600)]
    assert store.has(asked, FINGERPRINT) == {asked[3], asked[700], asked[1501]}
    assert store.has(asked, OTHER) == set()
    assert store.has([], FINGERPRINT) == set()


def test_summaries_answer_for_thousands(store: AnalysisStore, make_analysis: MakeAnalysis) -> None:
    for number in (3, 1501):
        keep(store, make_analysis(number))
    keep(store, make_analysis(3, face_detector="haar"))
    asked = [f"{number:064x}" for number in range(1600)]
    newest = store.summaries(asked)
    assert {sha256: row.fingerprint for sha256, row in newest.items()} == {asked[3]: OTHER, asked[1501]: FINGERPRINT}
    chosen = store.summaries(iter(asked), FINGERPRINT)
    assert {row.fingerprint for row in chosen.values()} == {FINGERPRINT}
    assert chosen.keys() == newest.keys()


def test_pages_follow_each_other_without_gap_or_overlap(store: AnalysisStore, make_analysis: MakeAnalysis) -> None:
    for number in range(7):
        keep(store, make_analysis(number))
    names = [f"clip {number}.mp4" for number in range(7)]
    pages = [store.find(offset=offset, limit=3) for offset in (0, 3, 6, 9)]
    assert [page.total for page in pages] == [7] * 4
    assert [row.name for page in pages for row in page.rows] == names[::-1]
    assert [row.name for row in store.find(limit=7).rows] == names[::-1]


def test_filters_hold_together(store: AnalysisStore, make_analysis: MakeAnalysis) -> None:
    keep(store, make_analysis(1))
    keep(store, make_analysis(2, label="LIKELY_REAL"))
    keep(store, make_analysis(2, face_detector="haar", label="LIKELY_REAL"))
    assert [row.name for row in store.find(verdict="LIKELY_FAKE").rows] == ["clip 1.mp4"]
    assert store.find(verdict="LIKELY_REAL").total == 2
    assert store.find(verdict="LIKELY_REAL", fingerprint=OTHER).total == 1
    assert store.find(verdict="INCONCLUSIVE") == store.find(text="absent")
    assert store.find(text="clip 2", fingerprint=FINGERPRINT).total == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("INTERVIEW", {"Interview_1.mp4", "interviewX1.mp4"}),
        ("w_1", {"Interview_1.mp4"}),
        ("100%", {"100%.mp4"}),
        ("%", {"100%.mp4"}),
        ("back\\", {"back\\slash.mp4"}),
        ("ÄRGER", {"Ärger.mp4"}),
        ("a\u0308rger", {"Ärger.mp4"}),
        ("STRASSE", {"Straße.mp4"}),
        ("'; DROP TABLE analyses; --", set()),
        (".mp4", None),
    ],
)
def test_search_finds_what_is_written(
    store: AnalysisStore, make_analysis: MakeAnalysis, text: str, found: set[str] | None
) -> None:
    names = ["Interview_1.mp4", "interviewX1.mp4", "100%.mp4", "1000.mp4", "back\\slash.mp4", "Ärger.mp4", "Straße.mp4"]
    for number, name in enumerate(names):
        keep(store, make_analysis(number), name)
    assert {row.name for row in store.find(text=text).rows} == (set(names) if found is None else found)


def test_deleted_analyses_are_gone_and_can_come_again(store: AnalysisStore, make_analysis: MakeAnalysis) -> None:
    for number in range(3):
        keep(store, make_analysis(number))
    ids = {row.name: row.id for row in store.find().rows}
    assert store.delete([ids["clip 0.mp4"], ids["clip 2.mp4"], 10_000]) == 2
    assert store.delete([]) == 0
    assert [row.name for row in store.find().rows] == ["clip 1.mp4"]
    assert store.get(make_analysis(0).video.sha256, FINGERPRINT) is None
    assert keep(store, make_analysis(0))
    assert_same(store.get(make_analysis(0).video.sha256, FINGERPRINT), make_analysis(0))


def test_a_file_is_known_while_its_stamp_is_the_same(store: AnalysisStore) -> None:
    assert store.known_hashes({"/a.mp4": "1"}) == {}
    store.remember_file("/a.mp4", "1", "a" * 64)
    assert store.known_hashes({"/a.mp4": "1"}) == {"/a.mp4": "a" * 64}
    assert store.known_hashes({"/a.mp4": "2"}) == {}
    store.remember_file("/a.mp4", "2", "b" * 64)
    assert store.known_hashes({"/a.mp4": "2"}) == {"/a.mp4": "b" * 64}
    assert store.known_hashes({"/a.mp4": "1"}) == {}


def test_thousands_of_files_are_asked_at_once(store: AnalysisStore) -> None:
    long = f"/{'deep/' * 800}c.mp4"
    for location in ("/0.mp4", "/1999.mp4", long):
        store.remember_file(location, "s", location.ljust(64, "x")[:64])
    seen = {f"/{number}.mp4": "s" for number in range(2000)} | {long: "s"}
    assert store.known_hashes(seen).keys() == {"/0.mp4", "/1999.mp4", long}
    assert store.known_hashes({**seen, "/0.mp4": "new"}).keys() == {"/1999.mp4", long}


def test_a_failure_stays_until_the_next_failure_or_success(store: AnalysisStore, make_analysis: MakeAnalysis) -> None:
    analysis = make_analysis()
    location = str(analysis.video.path)
    store.put_failure(location, "1", FINGERPRINT, "It is truncated.", name="clip 0.mp4")
    store.put_failure("/other.mp4", "1", FINGERPRINT, "It is a text.", name="other.mp4")
    store.put_failure(location, "1", OTHER, "It is truncated.", name="clip 0.mp4")
    store.put_failure(location, "2", FINGERPRINT, "It took too long.", name="clip 0.mp4")
    assert store.failures(FINGERPRINT).keys() == {location, "/other.mp4"}
    failure = store.failures(FINGERPRINT, [location, "/unknown.mp4"])[location]
    assert (failure.error, failure.stamp, failure.name) == ("It took too long.", "2", "clip 0.mp4")
    assert failure.created_at.utcoffset() == timedelta(0)
    keep(store, analysis)
    assert store.failures(FINGERPRINT).keys() == {"/other.mp4"}
    assert store.failures(OTHER).keys() == {location}


def test_a_full_analysis_mends_a_failed_quick_look_and_not_the_other_way_round(
    store: AnalysisStore, make_analysis: MakeAnalysis
) -> None:
    full, quick = make_analysis(), dataclasses.replace(CONFIG, quick=True)
    location = str(full.video.path)
    for kept, left in ((dataclasses.replace(full, config=quick), {FINGERPRINT}), (full, set())):
        for fingerprint in (FINGERPRINT, quick.fingerprint()):
            store.put_failure(location, "1", fingerprint, "It took too long.", name="clip 0.mp4")
        keep(store, kept)
        assert {item for item in (FINGERPRINT, quick.fingerprint()) if store.failures(item)} == left


def test_fingerprints_are_counted_the_latest_first(store: AnalysisStore, make_analysis: MakeAnalysis) -> None:
    assert store.fingerprints() == ()
    for number in range(3):
        keep(store, make_analysis(number))
    keep(store, make_analysis(1, face_detector="haar"))
    haar, mtcnn = store.fingerprints()
    assert (haar.fingerprint, haar.face_detector, haar.count) == (OTHER, "haar", 1)
    assert (mtcnn.fingerprint, mtcnn.face_detector, mtcnn.count, mtcnn.software_version) == (
        FINGERPRINT,
        "mtcnn",
        3,
        __version__,
    )
    assert haar.model == mtcnn.model != ""
    assert mtcnn.newest == max(row.created_at for row in store.find(fingerprint=FINGERPRINT).rows)


def test_a_store_opened_again_has_all(address: str, make_analysis: MakeAnalysis) -> None:
    with open_store(url=address) as store:
        keep(store, make_analysis())
    with open_store(url=address) as store:
        assert_same(store.get(make_analysis().video.sha256, FINGERPRINT), make_analysis())


def test_threads_share_a_store(store: AnalysisStore, make_analysis: MakeAnalysis) -> None:
    start = threading.Barrier(6)
    new: list[bool] = []
    errors: list[Exception] = []

    def work() -> None:
        start.wait()
        try:
            for number in range(5):
                new.append(keep(store, make_analysis(number)))
                store.remember_file(f"/{number}.mp4", "1", f"{number:064x}")
                assert store.get(f"{number:064x}", FINGERPRINT) is not None
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sum(new) == store.find().total == 5


def test_an_entry_whose_bytes_are_damaged_is_told_and_the_others_stay(
    store: AnalysisStore, make_analysis: MakeAnalysis, damage_payload: Callable[[AnalysisStore, str], None]
) -> None:
    damaged, whole = make_analysis(1), make_analysis(2)
    keep(store, damaged)
    keep(store, whole)
    damage_payload(store, damaged.video.sha256)
    with pytest.raises(OSError, match=r"clip 1\.mp4.*cannot be read.*damaged") as caught:
        store.get(damaged.video.sha256, FINGERPRINT)
    assert "\n" not in str(caught.value)
    assert_same(store.get(whole.video.sha256, FINGERPRINT), whole)
    assert store.find().total == 2
    assert keep(store, damaged), "what is damaged is replaced"
    assert_same(store.get(damaged.video.sha256, FINGERPRINT), damaged)
    assert store.find().total == 2


def test_each_visitor_has_a_history_and_deletes_only_what_nobody_else_has(
    store: AnalysisStore, make_analysis: MakeAnalysis
) -> None:
    ours, mine = make_analysis(1), make_analysis(2)
    for analysis, visitors in ((ours, ("anna", "ben")), (mine, ("anna",))):
        store.put(analysis, name="a.mp4")
        for visitor in visitors:
            for _ in range(2):
                store.opened_by(visitor, analysis.video.sha256, analysis.config.fingerprint())
    store.opened_by("anna", "0" * 64, "no such analysis")
    assert [store.find(owner=owner).total for owner in ("anna", "ben", "carl", "")] == [2, 1, 0, 2]
    sha256s = [ours.video.sha256, mine.video.sha256]
    assert set(store.summaries(sha256s, owner="ben")) == {ours.video.sha256}
    assert store.delete([row.id for row in store.find().rows], owner="ben") == 1
    assert [store.find(owner=owner).total for owner in ("anna", "ben", "")] == [2, 0, 2]
    assert store.delete([row.id for row in store.find().rows], owner="anna") == 2
    assert [store.find(owner=owner).total for owner in ("anna", "")] == [0, 0]


@pytest.mark.parametrize("wrong", [{"verdict": "FAKE"}, {"limit": -1}, {"offset": -1}])
def test_a_question_that_can_find_nothing_is_refused(store: AnalysisStore, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        store.find(**wrong)


def test_a_text_is_no_list_of_ids_or_clips(store: AnalysisStore, make_analysis: MakeAnalysis) -> None:
    keep(store, make_analysis())
    kept = store.find().rows[0]
    for ask in (lambda: store.delete(str(kept.id)), lambda: store.has(kept.sha256, FINGERPRINT)):
        with pytest.raises(TypeError, match="a list is needed"):
            ask()
    assert store.find().total == 1


@pytest.mark.parametrize("url", [5, Path("file.db")])
def test_an_address_that_is_no_text_is_told(url: Any) -> None:
    with pytest.raises(TypeError, match="the address of a store is a text"):
        open_store(url=url)
