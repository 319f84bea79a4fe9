"""What people come for, in a real browser: a verdict on an upload, a fake beside its original, a set's labels."""

from __future__ import annotations

import hashlib
import json
import re
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.e2e

READY_MS = 180_000  # one analysis, with a first import of TensorFlow, on a slow machine with two cores
VERDICT = re.compile("NO SIGNS OF A FAKE FOUND|INCONCLUSIVE|LIKELY FAKE|NOT JUDGED|NO FACE")
ANSWERS = {
    "LIKELY_REAL": "NO SIGNS OF A FAKE FOUND",
    "INCONCLUSIVE": "INCONCLUSIVE",
    "LIKELY_FAKE": "LIKELY FAKE",
}
Screenshot = Callable[[Page, str], Path]


def _expect_no_exception(page: Page) -> None:
    expect(page.get_by_test_id("stException")).to_have_count(0)


def _expect_at_rest(page: Page) -> None:
    """Wait until no script runs and nothing is stale."""
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    expect(page.get_by_test_id("stSpinner")).to_have_count(0)
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    # In steps: the pages allow no script that Playwright would leave in them to wait.
    while not page.evaluate("[...document.images].every(image => image.complete)"):
        page.wait_for_timeout(50)
    _expect_no_exception(page)


def _wait_for_samples(page: Page) -> None:
    """The built-in data set is made at the first start."""
    expect(page.get_by_role("button", name="Analyze this sample")).to_have_count(3, timeout=READY_MS)


def _upload(page: Page, clip: Path) -> None:
    page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files(clip)


def _chosen(page: Page, key: str) -> Locator:
    return page.locator(f".st-key-{key} input")


def _downloaded_json(page: Page) -> dict:
    with page.expect_download() as download:
        page.get_by_role("button", name="JSON").click()
    return json.loads(download.value.path().read_text(encoding="utf-8"))


def test_the_application_opens_on_analyze_with_samples_ready(page: Page, screenshot: Screenshot) -> None:
    expect(page.get_by_role("heading", name="Analyze a clip")).to_be_visible()
    _wait_for_samples(page)
    expect(page.get_by_text("Synthetic clips").first).to_be_visible()
    _expect_at_rest(page)
    screenshot(page, "start")


def test_an_uploaded_clip_gets_a_verdict(page: Page, demo_set: Path, screenshot: Screenshot) -> None:
    clip = next(demo_set.rglob("fake_a_flicker*.mp4"))
    _wait_for_samples(page)
    _upload(page, clip)
    verdict = page.locator(".st-key-verdict")
    expect(verdict.get_by_role("heading", name=VERDICT)).to_be_visible(timeout=READY_MS)
    expect(verdict.get_by_text(re.compile(r"P\(fake\) 0\.\d\d \(0\.\d\d–[01]\.\d\d\)"))).to_be_visible()
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    _expect_at_rest(page)
    screenshot(page, "analyze")
    expect(verdict.locator("img")).to_have_count(3)
    verdict.get_by_role("button", name="pictures of the face").click()
    expect(page.get_by_role("heading", name="Where the classifier looked", exact=True)).to_be_visible()
    expect(page.get_by_text("of this picture alone")).to_be_visible()
    _expect_at_rest(page)
    screenshot(page, "evidence")
    result = _downloaded_json(page)
    assert result["video"]["sha256"] == hashlib.sha256(clip.read_bytes()).hexdigest()
    shown = verdict.get_by_role("heading", name=VERDICT).inner_text()
    assert ANSWERS[result["verdict"]["label"]] in shown
    verdict.get_by_role("button", name="Numbers").click()
    for reason in result["verdict"]["reasons"][:3]:
        expect(page.get_by_text(reason)).to_be_visible()


def test_an_upload_that_is_no_video_is_told_in_one_sentence(page: Page, tmp_path: Path) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("These are notes, not a clip.\n" * 50, encoding="utf-8")
    _wait_for_samples(page)
    _upload(page, text)
    alert = page.get_by_test_id("stAlert").filter(has_text="notes.mp4")
    expect(alert).to_be_visible(timeout=READY_MS)
    assert "Traceback" not in alert.inner_text()
    _expect_no_exception(page)


def test_an_upload_is_not_seen_by_another_session(page: Page, moving_square_clip: Path) -> None:
    _wait_for_samples(page)
    _upload(page, moving_square_clip)
    expect(_chosen(page, "analyze-source")).to_have_value(re.compile("^Your uploads"), timeout=READY_MS)
    other = page.context.browser.new_context().new_page()
    try:
        other.goto(page.url)
        _wait_for_samples(other)
        expect(_chosen(other, "analyze-source")).to_have_value(re.compile("^Built-in samples"))
        _chosen(other, "analyze-source").click()
        expect(other.get_by_role("option", name="Built-in samples")).to_be_visible()
        expect(other.get_by_role("option", name="Your uploads")).to_have_count(0)
    finally:
        other.context.close()


def test_an_upload_stays_out_of_the_servers_memory(page: Page, app_url: str, moving_square_clip: Path) -> None:
    _wait_for_samples(page)
    _upload(page, moving_square_clip)
    expect(_chosen(page, "analyze-source")).to_have_value(re.compile("^Your uploads"), timeout=READY_MS)
    with urllib.request.urlopen(f"{app_url}/_stcore/metrics") as answer:
        metrics = answer.read().decode()
    assert "cache_memory_bytes" in metrics
    assert "UploadedFileManager" not in metrics, "Streamlit keeps a copy of the upload"


def test_a_fake_is_compared_with_its_original(page: Page, screenshot: Screenshot) -> None:
    _wait_for_samples(page)
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_role("heading", name="Compare two clips")).to_be_visible()
    page.locator(".st-key-compare-sample-fake_a_flicker-mp4 button").click()
    answer = page.locator(".st-key-comparison")
    expect(answer.get_by_role("heading", name=re.compile("DIFFERS MOST|DIFFER ALL OVER"))).to_be_visible(
        timeout=2 * READY_MS
    )
    expect(answer.get_by_text(VERDICT)).to_have_count(2)
    _expect_at_rest(page)
    # Both curves, fake to original, the map of where they differ, P(fake) of both.
    expect(page.locator(".js-plotly-plot")).to_have_count(4)
    screenshot(page, "compare")
    result = _downloaded_json(page)
    assert result["belong_together"] is True
    assert [result[side]["video"]["path"] for side in ("fake", "original")] == ["fake_a_flicker.mp4", "real_a.mp4"]
    moments = page.locator(".st-key-compare-moments").get_by_test_id("stButton")
    expect(moments).to_have_count(len(result["moments"]))
    # Another of the moments: everything goes there, and the address with it.
    moments.last.get_by_role("button").click()
    last = result["moments"][-1]
    expect(page).to_have_url(re.compile(rf"[?&]t={last['timestamp_s']:.3f}"))
    expect(page.get_by_text(re.compile(rf"frame {last['frame_index']} of")).first).to_be_visible()


def test_the_labels_of_a_data_set_are_shown(page: Page, demo_set: Path, screenshot: Screenshot) -> None:
    tables = [json.loads(path.read_text(encoding="utf-8")) for path in demo_set.rglob("metadata.json")]
    labels = [row["label"] for table in tables for row in table.values()]
    named = {name for table in tables for name in table}
    unlabeled = {path.name for path in demo_set.rglob("*.mp4")} - named
    _wait_for_samples(page)
    page.get_by_role("link", name="Data set").click()
    expect(page.get_by_role("heading", name=re.compile(r"\d+ clips"))).to_contain_text(
        f"{labels.count('FAKE')} fake · {labels.count('REAL')} real", timeout=READY_MS
    )
    expect(page.locator(".js-plotly-plot")).to_have_count(3)
    expect(page.locator(".js-plotly-plot .pielayer .slice")).to_have_count(len(set(labels)) + bool(unlabeled))
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()
    _expect_at_rest(page)
    screenshot(page, "dataset")
