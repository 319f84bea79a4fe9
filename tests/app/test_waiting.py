"""What comes into view of itself while a page waits for a result."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from deepfake.dashboard import waiting
from deepfake.dashboard.state import AnalyzePage, PageState
from deepfake.dashboard.waiting import Waits, run_again, show_waiting, stop_waiting
from deepfake.server.jobs import JobState

RUNNING, FAILED, DONE = SimpleNamespace(finished=None), SimpleNamespace(finished=JobState.FAILED), None


@pytest.mark.parametrize(
    ("jobs", "canceled", "answer_is_awaited"),
    [
        ({"a": RUNNING}, set(), True),
        ({"a": DONE}, set(), True),  # since the page asked for it: the next run has it
        ({"a": FAILED}, set(), False),
        ({"a": DONE}, {"a"}, False),
        ({"a": RUNNING, "b": FAILED}, set(), True),
        ({"a": DONE, "b": FAILED}, set(), False),
    ],
)
def test_an_answer_is_awaited_until_something_came_instead(
    jobs: dict[str, SimpleNamespace | None],
    canceled: set[str],
    answer_is_awaited: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(waiting, "_waits", lambda: Waits({place: (place, False) for place in jobs}, canceled))
    monkeypatch.setattr(waiting, "runtime", lambda: None)
    monkeypatch.setattr(waiting.results, "queue", lambda *_: SimpleNamespace(find=jobs.get))
    monkeypatch.setattr(waiting, "show_answer", lambda _page, *targets: shown.extend(targets))
    page = PageState("page", was_waiting=True)
    show_waiting(page, *jobs)
    assert page.was_waiting == answer_is_awaited
    assert (".st-key-failure-a" in shown) != answer_is_awaited


@pytest.mark.parametrize(("elsewhere", "left"), [("a", []), ("b", ["a"])])
def test_a_place_that_shows_nothing_any_more_cancels_nothing_that_another_place_waits_for(
    elsewhere: str, left: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    waits = Waits({"page": ("a", False), "queue": (elsewhere, False)})
    monkeypatch.setattr(waiting, "_waits", lambda: waits)
    monkeypatch.setattr(waiting, "runtime", lambda: None)
    monkeypatch.setattr(waiting, "session", lambda: SimpleNamespace(session_id="me"))
    monkeypatch.setattr(waiting.results, "queue", lambda *_: SimpleNamespace(leave=lambda key, _: asked.append(key)))
    stop_waiting("page")
    assert asked == left


@pytest.mark.parametrize(("keeps", "runs"), [(None, 1), ("5d41402a", 0)])
def test_the_page_runs_again_when_no_dialog_is_open(
    keeps: str | None, runs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[None] = []
    monkeypatch.setattr(waiting, "analyze_page", lambda: AnalyzePage("analyze", keeps=keeps))
    monkeypatch.setattr(waiting.st, "rerun", lambda: asked.append(None))
    run_again()
    assert len(asked) == runs
