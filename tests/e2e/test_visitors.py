"""Several visitors at once: each gets an answer, and a page comes while they wait."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks.load import own_copy
from benchmarks.visitor import Visitor
from tests.waiting import until

pytestmark = pytest.mark.e2e

VISITORS = 4
RUNS, RUN_EVERY_S = 30, 0.03  # of the page that is hasty


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


class HastyVisitor(Visitor):
    """One whose page asks for more runs while the upload is being taken in, and tells what it showed before that."""

    def __init__(self, url: str) -> None:
        self._boxes: list[str] = []
        super().__init__(url)

    def upload(self, name: str, content: bytes) -> None:
        self.wait(lambda: len(self._boxes) == 2)  # the data set and the clip
        super().upload(name, content)
        states = self._widgets.rerun_script.widget_states.widgets
        states.add().id = self._boxes[1]  # no clip was chosen
        for _ in range(RUNS):
            self._rerun()
            time.sleep(RUN_EVERY_S)

    def _note_element(self, message: ForwardMsg) -> None:
        super()._note_element(message)
        element = message.delta.new_element
        if element.WhichOneof("type") == "selectbox" and len(self._boxes) < 2:
            self._boxes.append(element.selectbox.id)


def test_what_a_page_says_a_moment_too_late_does_not_undo_an_upload(app_url: str, demo_set: Path) -> None:
    content = (demo_set / "train_sample_videos" / "real_a.mp4").read_bytes()
    with HastyVisitor(app_url) as visitor:
        visitor.upload("hasty.mp4", own_copy(content, 99))
        assert visitor.wait_for_answer()
