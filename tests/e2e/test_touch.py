"""On a phone a finger that lies on a chart scrolls the page, as it does beside it; the buttons of a table, which are
there all the time, cover nothing; a report needs no scrolling to the side."""

from __future__ import annotations

import plotly.graph_objects as go
import pytest
from playwright.sync_api import Browser, Page, expect

from deepfake.dashboard.browser import STYLE
from deepfake.figures.style import styled
from deepfake.report.document import Document, Section
from deepfake.report.html import document_html

pytestmark = pytest.mark.e2e

PHONE = {"width": 390, "height": 844}
SWIPE_PX = 150
STEPS = 10


def _swiped_up(page: Page, x: float, y: float) -> float:
    """Draw a finger up from a point; return how far the page scrolled, px."""
    session = page.context.new_cdp_session(page)
    before = page.evaluate("scrollY")

    def send(kind: str, *points: dict[str, float]) -> None:
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    send("touchStart", {"x": x, "y": y})
    for step in range(1, STEPS + 1):
        send("touchMove", {"x": x, "y": y - SWIPE_PX * step / STEPS})
    send("touchEnd")
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")  # it is drawn
    return float(page.evaluate("scrollY") - before)


@pytest.mark.parametrize("is_still", [True, False])
def test_a_finger_scrolls_over_a_chart(browser: Browser, is_still: bool) -> None:
    style = STYLE if is_still else ""
    figure = styled(go.Figure([go.Scatter(y=[1, 3, 2])]), title="Over time", height_px=400)
    figure.update_layout(dragmode="pan")  # as Streamlit has it where points can be clicked
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    try:
        page = context.new_page()
        chart = figure.to_html(full_html=False, include_plotlyjs=True)
        page.set_content(f'<meta name="viewport" content="width=device-width">{style}{chart}<p style="height: 3000px">')
        page.wait_for_selector(".nsewdrag", state="attached")
        box = page.locator(".js-plotly-plot").bounding_box()
        assert box is not None
        scrolled = _swiped_up(page, box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    finally:
        context.close()
    assert (scrolled > SWIPE_PX / 2) == is_still, "without the style the chart holds the finger"


def test_the_buttons_of_a_table_cover_no_text(browser: Browser, app_url: str) -> None:
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    try:
        page = context.new_page()
        page.goto(f"{app_url}/methods")
        buttons = page.get_by_test_id("stDataFrame").first.get_by_test_id("stElementToolbar")
        expect(buttons).to_be_visible()
        text = page.get_by_text("clips were not decided").element_handle()
        # Both places in one look: the page still moves while pictures come.
        gap = buttons.evaluate(
            "(buttons, text) => buttons.getBoundingClientRect().top - text.getBoundingClientRect().bottom", text
        )
    finally:
        context.close()
    assert gap >= 0


def test_a_long_name_does_not_make_a_report_wider_than_a_phone(browser: Browser) -> None:
    name = "a_clip_that_somebody_sent_by_a_messenger" * 3
    report = Document(
        title=name, answer="2 clips", tone="none", strength="", reasons=(f"{name}: Inconclusive",), note="",
        sections=(Section(f"1. {name}", items=(name,), rows=(("clip", "answer"), (name, "Inconclusive"))),),
    )  # fmt: skip
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    try:
        page = context.new_page()
        page.set_content(document_html(report))
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    finally:
        context.close()
