"""Several visitors at once: each gets an answer, and a page comes while they wait."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from benchmarks.load import own_copy
from benchmarks.visitor import Visitor
from tests.waiting import until

pytestmark = pytest.mark.e2e

VISITORS = 4


def test_each_of_several_visitors_gets_an_answer_and_a_newcomer_does_not_wait_for_them(
    app_url: str, demo_set: Path
) -> None:
    content = (demo_set / "train_sample_videos" / "real_a.mp4").read_bytes()
    with ExitStack() as stack:
        visitors = [stack.enter_context(Visitor(app_url)) for _ in range(VISITORS)]
        for number, visitor in enumerate(visitors):
            visitor.upload(f"visitor-{number}.mp4", own_copy(content, number))
        until(lambda: visitors[-1].told("ahead in the queue") is not None)
        newcomer = stack.enter_context(Visitor(app_url))
        newcomer.wait_for_page()
        assert visitors[-1].answer() is None, "the newcomer's page came after the last answer"
        assert len({visitor.wait_for_answer() for visitor in visitors}) == 1  # the same pictures
    for number, visitor in enumerate(visitors):
        assert visitor.told(f"visitor-{number}.mp4") is not None
        assert visitor.told(f"visitor-{(number + 1) % VISITORS}.mp4") is None
