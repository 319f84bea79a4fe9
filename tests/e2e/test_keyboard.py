"""Without a mouse: where the keyboard is can be seen, what looks alike has names of its own, and nothing gets lost."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from deepfake.store import open_store
from tests.e2e.conftest import running_app

pytestmark = pytest.mark.e2e

# The width of the line around what has the focus, or around what holds it within three steps.
OUTLINE_PX = """() => {
  let widest = 0;
  for (let step = 0, at = document.activeElement; step < 3; step += 1, at = at.parentElement) {
    const {outlineStyle, outlineWidth} = getComputedStyle(at);
    if (outlineStyle === "solid") widest = Math.max(widest, parseFloat(outlineWidth));
  }
  return widest;
}"""


def _tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until something has the focus."""
    for _ in range(100):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            return
    pytest.fail("Tab does not lead there")


def test_where_the_keyboard_is_can_be_seen(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/dataset")
    expect(page.locator("canvas").first).to_be_visible()
    for wanted in (
        page.get_by_role("link", name="Compare"),
        page.get_by_role("combobox", name="Data set"),
        page.get_by_role("button", name="Download plot as a PNG").first,
        page.get_by_role("button", name="Fullscreen: The clips of the data set"),
        page.locator("canvas").first,
    ):
        _tab_to(page, wanted)
        assert page.evaluate(OUTLINE_PX) >= 1, wanted
    toolbar = page.get_by_test_id("stElementToolbar").filter(has=page.get_by_label("Search: The clips of the data set"))
    page.keyboard.press("Shift+Tab")
    expect(toolbar).to_have_css("opacity", "1")


def test_buttons_that_look_alike_have_names_of_their_own(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/dataset")
    page.get_by_role("tab", name="Gallery").click()
    buttons = page.get_by_role("button", name=re.compile(r"^Analyze \w+\.mp4$"))
    expect(buttons).to_have_count(10)
    assert buttons.locator("em").first.bounding_box()["width"] <= 1, "the name is said, not shown"


def test_a_case_begins_at_its_name_and_the_list_at_its_heading(
    browser: Browser, demo_set: Path, tmp_path: Path
) -> None:
    with open_store(url=f"sqlite:///{tmp_path / 'analyses.db'}") as store:
        store.cases.make("From a reader")
    with running_app(tmp_path, samples=demo_set) as url:
        page = browser.new_context().new_page()
        page.goto(f"{url}/history")
        expect(page.get_by_text("Select a row to open the case.")).to_be_visible()
        page.get_by_role("button", name="Help", exact=True).first.focus()
        expect(page.get_by_role("tooltip")).to_contain_text("Shift and the space bar select it")
        _tab_to(page, page.locator("canvas").first)
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Shift+Space")
        expect(page.get_by_role("heading", name="From a reader")).to_be_focused()
        page.keyboard.press("Tab")
        expect(page.get_by_label("Name", exact=True)).to_be_focused()
        page.get_by_role("button", name="All cases").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Cases")).to_be_focused()
        page.context.close()
