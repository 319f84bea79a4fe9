"""The menu: the application's own from the first paint on, whatever page a server is asked for first."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import running_app

pytestmark = pytest.mark.e2e

TITLES = ["Analyze", "Compare", "Data set", "Evaluate", "History", "Methods"]
# Notes every text that the menu ever has, at each change of the page from before its first script on.
WATCH_MENU = """
window.menus = new Set();
new MutationObserver(() => {
    const links = document.querySelectorAll('[data-testid="stSidebarNavLink"] [data-testid="stMarkdownContainer"]');
    const titles = [...links].map((link) => link.textContent.trim());
    if (titles.length) window.menus.add(titles.join("|"));
}).observe(document, {childList: true, subtree: true, characterData: true});
"""


def _open(browser: Browser, url: str) -> Page:
    page = browser.new_context().new_page()
    page.add_init_script(WATCH_MENU)
    page.goto(url)
    return page


def _menus(page: Page) -> list[list[str]]:
    """Wait until the menu is there, and return every menu that was shown since the page was opened."""
    expect(page.get_by_role("link", name="Methods")).to_be_visible()
    return [menu.split("|") for menu in page.evaluate("[...window.menus]")]


@pytest.mark.parametrize(
    ("path", "heading"), [("", "Analyze a clip"), ("methods", "Methods"), ("history?text=a", "History")]
)
def test_the_first_request_to_a_server_gets_the_applications_menu(
    browser: Browser, demo_set: Path, tmp_path: Path, path: str, heading: str
) -> None:
    with running_app(tmp_path, samples=demo_set) as url:
        page = _open(browser, f"{url}/{path}")
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
        assert _menus(page) == [TITLES]
        assert page.url == f"{url}/{path}"
        page.context.close()


@pytest.mark.parametrize("path", ["", "compare", "dataset", "evaluate", "history", "methods"])
def test_no_level_of_headings_is_left_out(page: Page, app_url: str, path: str) -> None:
    page.goto(f"{app_url}/{path}")
    expect(page.locator("h2").first).to_be_visible()
    expect(page).to_have_title(
        re.compile(r"^(Analyze|Compare|Data set|Evaluate|History|Methods) · Deepfake workbench$")
    )
    levels = page.locator("h1, h2, h3, h4").evaluate_all("all => all.map(heading => +heading.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(level <= before + 1 for before, level in pairwise(levels)), levels


def test_a_page_that_outlives_its_server_keeps_the_applications_menu(
    browser: Browser, demo_set: Path, tmp_path: Path
) -> None:
    with running_app(tmp_path, samples=demo_set) as url:
        page = _open(browser, f"{url}/methods")
        expect(page.get_by_role("heading", name="Methods", exact=True)).to_be_visible()
    lost = page.get_by_role("dialog", name="Connection error")
    expect(lost).to_be_visible()
    with running_app(tmp_path, port=urlsplit(url).port):
        expect(lost).to_have_count(0)
        page.get_by_role("link", name="Compare").click()
        expect(page.get_by_role("heading", name="Compare two clips")).to_be_visible()
        assert _menus(page) == [TITLES]
        page.context.close()


def test_the_way_back_leads_to_the_tab_and_the_filters_that_were_left(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/dataset?view=Gallery&label=FAKE&name=flicker")
    gallery = page.get_by_role("tab", name="Gallery", exact=True)
    expect(gallery).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("button", name="FAKE", exact=True)).to_have_attribute("aria-pressed", "true")
    expect(page).to_have_url(re.compile("set=demo"))
    address = page.url
    for way, heading in (
        (page.get_by_role("button", name=re.compile("^Analyze .*flicker")), "Analyze a clip"),
        (page.get_by_role("link", name="History"), "History"),
        (page.get_by_role("link", name="Evaluate", exact=True), "Evaluate a data set"),
    ):
        way.first.click()
        expect(page.get_by_role("heading", name=heading, exact=True, level=1)).to_be_visible()
        expect(page).not_to_have_url(re.compile("/dataset"))
        page.go_back()
        expect(gallery).to_have_attribute("aria-selected", "true")
        expect(page.get_by_label("Name or original contains")).to_have_value("flicker")
        expect(page.get_by_role("button", name="FAKE", exact=True)).to_have_attribute("aria-pressed", "true")
        expect(page).to_have_url(address)


def test_a_box_of_choice_has_room_for_what_is_chosen(page: Page, moving_square_clip: Path) -> None:
    page.set_viewport_size({"width": 1366, "height": 768})
    chosen = page.get_by_test_id("stSelectbox").get_by_role("combobox")
    expect(page.get_by_text("Settings of the analysis")).to_be_visible()
    page.get_by_text("Settings of the analysis").click()
    page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files(moving_square_clip)
    expect(page.get_by_role("button", name="Delete this upload")).to_be_visible()
    expect(chosen).to_have_count(4)
    cut_off = chosen.evaluate_all("all => all.filter(box => box.scrollWidth > box.clientWidth).map(box => box.value)")
    assert cut_off == []
