"""A report as a file of its own: on a sheet of paper and on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from deepfake.report.html import document_html
from deepfake.report.page import analysis_document
from tests.watched import Watched

pytestmark = pytest.mark.e2e

SHEET_PX = 685  # what A4 has between the margins
PHONE_PX = 390
ENDS_PX = (
    "Math.max(...[...document.querySelectorAll('th, td, svg, img')].map(one => one.getBoundingClientRect().right))"
)
# How many lines each time takes that stands alone in a cell.
TIME = r"/^\d+:\d\d\.\d\d$/"
LINES = f"""[...document.querySelectorAll("td")].filter(cell => {TIME}.test(cell.textContent)).map(cell => {{
  const text = document.createRange();
  text.selectNodeContents(cell);
  return text.getClientRects().length;
}})"""


def test_a_report_fits_a_sheet_and_a_phone(browser: Browser, watched: Watched, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(document_html(analysis_document(watched.analysis)), encoding="utf-8")
    page = browser.new_page(viewport={"width": SHEET_PX, "height": 900})
    page.emulate_media(media="print")
    page.goto(path.as_uri())
    assert page.evaluate(ENDS_PX) <= SHEET_PX, "paper cannot be scrolled"
    assert set(page.evaluate(LINES)) == {1}
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": PHONE_PX, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE_PX, "tables scroll, the page does not"
    assert set(page.evaluate(LINES)) == {1}
    page.close()
