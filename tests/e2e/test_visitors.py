"""Several visitors at once: each gets an answer, and the pages stay quick meanwhile."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.load import own_copy
from benchmarks.visitor import Visitor

VISITORS = 5
FIRST_PAGE_S = 5.0


def test_each_of_several_visitors_gets_an_answer_and_a_newcomer_does_not_wait_for_them(
    app_url: str, demo_set: Path
) -> None:
    content = (demo_set / "train_sample_videos" / "real_a.mp4").read_bytes()

    def answer_of(number: int) -> tuple[str, bool]:
        with Visitor(app_url) as visitor:
            visitor.upload(f"visitor-{number}.mp4", own_copy(content, number))
            return visitor.wait_for_answer(), any(f"visitor-{number}.mp4" in text for text in visitor.texts)

    with ThreadPoolExecutor(VISITORS) as visitors:
        answers = [visitors.submit(answer_of, number) for number in range(VISITORS)]
        time.sleep(3.0)
        started = time.perf_counter()
        with Visitor(app_url) as newcomer:
            newcomer.wait_for_page()
        first_page_s = time.perf_counter() - started
        found = [answer.result() for answer in answers]
    assert len({answer for answer, _ in found}) == 1, found  # the same pictures
    assert all(own for _, own in found)
    assert first_page_s < FIRST_PAGE_S
