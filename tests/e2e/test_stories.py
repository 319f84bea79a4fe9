"""What people come for, in a real browser: a verdict on an upload, a fake beside its original, a set's labels."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.e2e

READY_MS = 180_000  # one analysis, with a first import of TensorFlow, on a slow machine with two cores
VERDICT = re.compile("LIKELY REAL|INCONCLUSIVE|LIKELY FAKE")
Screenshot = Callable[[Page, str], Path]


def _expect_no_exception(page: Page) -> None:
    expect(page.get_by_test_id("stException")).to_have_count(0)


def _expect_at_rest(page: Page) -> None:
    """Wait until no script runs and nothing is stale."""
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    expect(page.get_by_test_id("stSpinner")).to_have_count(0)
    _expect_no_exception(page)


def _downloaded_json(page: Page) -> dict:
    with page.expect_download() as download:
        page.get_by_role("button", name="JSON").click()
    return json.loads(download.value.path().read_text(encoding="utf-8"))


def test_the_application_opens_on_analyze_with_samples_ready(page: Page, screenshot: Screenshot) -> None:
    expect(page.get_by_role("heading", name="Analyze a clip")).to_be_visible()
    samples = page.get_by_role("button", name="Analyze this sample")
    expect(samples).to_have_count(3, timeout=READY_MS)
    expect(page.get_by_text("Synthetic clips").first).to_be_visible()
    _expect_at_rest(page)
    screenshot(page, "start")


def test_an_uploaded_clip_gets_a_verdict(page: Page, demo_set: Path, screenshot: Screenshot) -> None:
    clip = next(demo_set.rglob("fake_a_flicker*.mp4"))
    expect(page.get_by_role("button", name="Analyze this sample")).to_have_count(3, timeout=READY_MS)
    page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files(clip)
    verdict = page.locator(".st-key-verdict")
    expect(verdict.get_by_role("heading", name=VERDICT)).to_be_visible(timeout=READY_MS)
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    _expect_at_rest(page)
    screenshot(page, "analyze")
    result = _downloaded_json(page)
    assert result["video"]["sha256"] == hashlib.sha256(clip.read_bytes()).hexdigest()
    shown = verdict.get_by_role("heading", name=VERDICT).inner_text()
    assert result["verdict"]["label"].replace("_", " ") in shown
    for reason in result["verdict"]["reasons"][:3]:
        expect(verdict.get_by_text(reason)).to_be_visible()


def test_an_upload_that_is_no_video_is_told_in_one_sentence(page: Page, tmp_path: Path) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("These are notes, not a clip.\n" * 50, encoding="utf-8")
    expect(page.get_by_role("button", name="Analyze this sample")).to_have_count(3, timeout=READY_MS)
    page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files(text)
    alert = page.get_by_test_id("stAlert").filter(has_text="notes.mp4")
    expect(alert).to_be_visible(timeout=READY_MS)
    assert "Traceback" not in alert.inner_text()
    _expect_no_exception(page)


def test_an_upload_is_not_seen_by_another_session(page: Page, moving_square_clip: Path) -> None:
    expect(page.get_by_role("button", name="Analyze this sample")).to_have_count(3, timeout=READY_MS)
    page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files(moving_square_clip)
    expect(page.get_by_text("Your uploads").first).to_be_visible(timeout=READY_MS)
    other = page.context.browser.new_context().new_page()
    try:
        other.goto(page.url)
        expect(other.get_by_role("heading", name="Analyze a clip")).to_be_visible(timeout=READY_MS)
        expect(other.get_by_role("button", name="Analyze this sample")).to_have_count(3, timeout=READY_MS)
        expect(other.get_by_text("square.mp4")).to_have_count(0)
        expect(other.get_by_text("Your uploads")).to_have_count(0)
    finally:
        other.context.close()
