"""Cases: kept on purpose, found by their owner only, gone with their clips when they are deleted."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, update

from deepfake.analysis.model import Analysis
from deepfake.analysis.moments import MomentPicture, Moments
from deepfake.errors import StoreError
from deepfake.settings import Settings
from deepfake.store import AnalysisStore, Cases, open_store
from deepfake.store.tables import case_clips
from tests.waiting import until

MakeAnalysis = Callable[..., Analysis]
MOMENTS = Moments(0, (MomentPicture(3, 0.1, 0.9, b"face", None),))


@pytest.fixture
def opened(address: str, tmp_path: Path) -> Iterator[AnalysisStore]:
    with open_store(Settings(cases_dir=tmp_path / "kept"), url=address) as store:
        yield store


@pytest.fixture
def cases(opened: AnalysisStore) -> Cases:
    return opened.cases


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "upload.MP4"
    path.write_bytes(b"pictures")
    return path


def test_a_kept_clip_comes_back_with_all_that_was_found(cases: Cases, clip: Path, make_analysis: MakeAnalysis) -> None:
    analysis = make_analysis()
    case = cases.make(" Ünïcode *story* ", notes="seen\non Monday", source="https://example.org/?a=1")
    kept = cases.keep(case, analysis, name="upload.mp4", moments=MOMENTS, clip=clip)
    found = cases.get(case.id, owner="")
    assert found is not None
    assert (found.name, found.notes, found.source) == ("Ünïcode *story*", "seen\non Monday", "https://example.org/?a=1")
    assert found.clips == (kept,)
    content = cases.content(kept)
    assert content.analysis.verdict == analysis.verdict
    assert content.moments == MOMENTS
    assert str(content.analysis.video.path) == "upload.mp4", "its place on the server is nobody's business"
    path = cases.path_of(kept)
    assert path is not None
    assert path.read_bytes() == b"pictures"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_only_what_was_found_can_be_kept(cases: Cases, clip: Path, make_analysis: MakeAnalysis, tmp_path: Path) -> None:
    case = cases.make("a")
    kept = cases.keep(case, make_analysis(), name="upload.mp4")
    assert cases.path_of(kept) is None
    assert cases.clips(owner="") == ()
    assert not (tmp_path / "kept").exists()
    # Kept again with its clip, it is there once.
    again = cases.keep(case, make_analysis(), name="upload.mp4", clip=clip)
    assert cases.clips(owner="") == (again,)
    assert [item.clips for item in cases.find(owner="")] == [(again,)]


def test_cases_are_searched_by_name_notes_and_source(cases: Cases) -> None:
    first = cases.make("Speech", notes="The MAYOR", source="https://example.org/100%")
    second = cases.make("Interview")
    assert cases.find(owner="") == (second, first)
    for text in ("speech", "mayor", "EXAMPLE.org", "100%"):
        assert cases.find(owner="", text=text) == (first,), text
    assert cases.find(owner="", text="100%x") == ()


def test_a_case_is_its_owners(cases: Cases, clip: Path, make_analysis: MakeAnalysis) -> None:
    analysis = make_analysis()
    case = cases.make("a", owner="alice")
    kept = cases.keep(case, analysis, name="a.mp4", clip=clip)
    wanted = analysis.video.sha256, analysis.config.fingerprint()
    for stranger in ("", "bob"):
        assert cases.find(owner=stranger) == ()
        assert cases.get(case.id, owner=stranger) is None
        assert cases.clips(owner=stranger) == ()
        assert cases.analysis(*wanted, owner=stranger) is None
        assert not cases.change(case.id, owner=stranger, name="mine", notes="", source="")
        assert not cases.remove(kept.id, owner=stranger)
        assert not cases.delete(case.id, owner=stranger)
    found = cases.analysis(*wanted, owner="alice")
    assert found is not None
    assert found.verdict == analysis.verdict
    assert [item.name for item in cases.find(owner=None)] == ["a"]


def test_what_is_deleted_leaves_no_file(cases: Cases, clip: Path, make_analysis: MakeAnalysis, tmp_path: Path) -> None:
    case = cases.make("a")
    kept = [cases.keep(case, make_analysis(number), name="a.mp4", clip=clip) for number in range(3)]
    assert cases.remove(kept[0].id, owner="")
    assert len(list((tmp_path / "kept").iterdir())) == 2
    assert cases.delete(case.id, owner="")
    assert list((tmp_path / "kept").iterdir()) == []
    assert cases.find(owner="") == ()
    assert clip.exists()


def test_a_clip_that_was_kept_just_before_its_case_is_deleted_leaves_no_file(
    opened: AnalysisStore,
    clip: Path,
    make_analysis: MakeAnalysis,
    address: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writing = opened._database.writing
    case = opened.cases.make("a")

    @contextmanager
    def writing_after_another() -> Iterator[Connection]:
        """As if another process had kept a clip the moment before."""
        with open_store(Settings(cases_dir=tmp_path / "kept"), url=address) as other:
            other.cases.keep(case, make_analysis(), name="a.mp4", clip=clip)
        assert len(list((tmp_path / "kept").iterdir())) == 1
        with writing() as connection:
            yield connection

    monkeypatch.setattr(opened._database, "writing", writing_after_another)
    assert opened.cases.delete(case.id, owner="")
    assert list((tmp_path / "kept").iterdir()) == []


def test_deleting_a_case_waits_for_a_clip_that_another_connection_is_keeping_in_it(
    postgresql_address: str, clip: Path, make_analysis: MakeAnalysis, tmp_path: Path
) -> None:
    """On PostgreSQL, where two may write at a time."""
    with (
        open_store(Settings(cases_dir=tmp_path / "kept"), url=postgresql_address) as store,
        ThreadPoolExecutor(1) as thread,
    ):
        case, other = store.cases.make("a"), store.cases.make("b")
        kept = store.cases.keep(other, make_analysis(), name="a.mp4", clip=clip)
        with store._database.writing() as connection:
            # Stands for keep(), which cannot be stopped in the middle.
            connection.execute(update(case_clips).where(case_clips.c.id == kept.id).values(case_id=case.id))
            deleted = thread.submit(store.cases.delete, case.id, owner="")
            until(lambda: _one_waits(store))
        assert deleted.result()
        assert store.cases.path_of(kept) is None


def _one_waits(store: AnalysisStore) -> bool:
    """Whether a connection to a store on PostgreSQL waits for what another has locked."""
    activity = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with store._database.reading() as connection:
        return connection.exec_driver_sql(activity).first() is not None


def test_a_case_changes(cases: Cases) -> None:
    case = cases.make("a", notes="old")
    assert cases.change(case.id, owner="", name="b", notes="new", source="there")
    assert [item.name for item in cases.find(owner="", text="new")] == ["b"]
    assert cases.find(owner="", text="old") == ()


@pytest.mark.parametrize(("name", "notes"), [("  ", ""), ("x" * 201, ""), ("a", "x" * 20_001)])
def test_what_no_case_can_be_called_is_refused(cases: Cases, name: str, notes: str) -> None:
    with pytest.raises(ValueError, match=r"needs a name|may have"):
        cases.make(name, notes=notes)


def test_a_clip_that_cannot_be_copied_is_told_and_leaves_nothing(
    cases: Cases, make_analysis: MakeAnalysis, tmp_path: Path
) -> None:
    case = cases.make("a")
    with pytest.raises(StoreError, match="cannot be kept"):
        cases.keep(case, make_analysis(), name="a.mp4", clip=tmp_path / "gone.mp4")
    assert list((tmp_path / "kept").iterdir()) == []
    assert cases.get(case.id, owner="") == case
