"""What people come for, in a real browser: a verdict on an upload, a fake beside its original, a set's labels."""

from __future__ import annotations

import hashlib
import json
import re
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urljoin

import numpy as np
import pypdfium2
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import READY_MS, running_app
from tests.video.signing import GENERATED, SIGNER, change, sign

pytestmark = pytest.mark.e2e

GONE_MS = 15_000  # the last run of a page has to end
SAMPLE = re.compile(r"Analyze \w+\.mp4")
VERDICT = re.compile("NO SIGNS OF A FAKE FOUND|INCONCLUSIVE|LIKELY FAKE|NOT JUDGED|NO FACE")
ANSWERS = {
    "LIKELY_REAL": "NO SIGNS OF A FAKE FOUND",
    "INCONCLUSIVE": "INCONCLUSIVE",
    "LIKELY_FAKE": "LIKELY FAKE",
}
Screenshot = Callable[[Page, str], Path]
FAINT = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")  # texts that are hard to read

AT_REST = """[...document.images].every(image => image.complete)
    && !document.getAnimations().some(one => one instanceof CSSTransition && one.playState === "running")"""


@pytest.fixture(scope="module")
def app_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a running application with an empty cache."""
    with running_app(tmp_path_factory.mktemp("app")) as url:
        yield url


def _expect_no_exception(page: Page) -> None:
    expect(page.get_by_test_id("stException")).to_have_count(0)


def _expect_at_rest(page: Page) -> None:
    """Wait until no script runs, nothing is stale, and nothing fades in or out."""
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    expect(page.get_by_test_id("stSpinner")).to_have_count(0)
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    expect(page.locator("[data-stale=true]")).to_have_count(0)
    # In steps: the pages allow no script that Playwright would leave in them to wait.
    while not page.evaluate(AT_REST):
        page.wait_for_timeout(50)
    _expect_no_exception(page)


def _wait_for_samples(page: Page) -> None:
    """The built-in data set is made at the first start."""
    expect(page.get_by_role("button", name=SAMPLE)).to_have_count(3, timeout=READY_MS)


def _upload(page: Page, clip: Path) -> None:
    page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files(clip)


def _chosen(page: Page, key: str) -> Locator:
    return page.locator(f"[class*=st-key-{key}] input:visible")


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
    expect(verdict.get_by_text(re.compile(r"P\(fake\) 0\.\d\d \(0\.\d\d–\u2060[01]\.\d\d\)"))).to_be_visible()
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


def test_a_clip_signed_as_generated_says_so_and_by_whom_and_a_changed_one_that_it_does_not_hold(
    page: Page, moving_square_clip: Path, tmp_path: Path
) -> None:
    signed = sign(moving_square_clip, tmp_path / "signed.mp4", GENERATED)
    _wait_for_samples(page)
    for clip, says in ((signed, f"Signed by: {SIGNER}"), (change(signed, tmp_path / "changed.mp4"), "do not hold")):
        _upload(page, clip)
        expect(_chosen(page, "analyze-clip")).to_have_value(clip.name, timeout=READY_MS)
        verdict = page.locator(".st-key-verdict")
        expect(verdict.get_by_role("heading", name="NO FACE")).to_be_visible(timeout=READY_MS)
        expect(verdict.get_by_text("generated by AI, not filmed")).to_be_visible()
        page.get_by_role("tab", name="File").click()
        expect(page.get_by_text(says)).to_be_visible(timeout=READY_MS)


def test_an_upload_that_is_no_video_is_told_in_one_sentence(page: Page, tmp_path: Path) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("These are notes, not a clip.\n" * 50, encoding="utf-8")
    _wait_for_samples(page)
    _upload(page, text)
    alert = page.get_by_test_id("stAlert").filter(has_text="notes.mp4")
    expect(alert).to_be_visible(timeout=READY_MS)
    assert "Traceback" not in alert.inner_text()
    _expect_no_exception(page)


def test_a_row_of_several_files_leads_to_its_answer(page: Page, moving_square_clip: Path, tmp_path: Path) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("These are notes, not a clip.\n" * 50, encoding="utf-8")
    _wait_for_samples(page)
    page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files([moving_square_clip, text])
    page.get_by_text("Your 2 files").click()
    expect(page.get_by_text("2 of 2 done. Select a row")).to_be_visible(timeout=READY_MS)
    for row, clip, place in ((1, text, "failure-analyze"), (0, moving_square_clip, "verdict")):
        _expect_at_rest(page)
        _open_row(page, row)
        expect(_chosen(page, "analyze-clip")).to_have_value(clip.name)
        expect(page.locator(f".st-key-{place}")).to_be_focused()


def _open_row(page: Page, row: int) -> None:
    """Click on the box of a row of the table, which is drawn on a canvas."""
    page.locator("[data-testid=stDataFrame] .dvn-scroller").click(position={"x": 17, "y": 36 + 35 * row + 17})


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


def test_a_deleted_upload_is_served_no_more(
    page: Page, tmp_path: Path, write_clip: Callable[..., Path], moving_square_frames: list[np.ndarray]
) -> None:
    # A clip that nobody else has uploaded: what is alike has one address, and is served as long as somebody shows it.
    clip = write_clip(tmp_path / "deleted.mp4", moving_square_frames[:20], rate=24)

    def served() -> str:
        _upload(page, clip)
        player = page.get_by_test_id("stVideo").first
        expect(player).to_be_visible(timeout=READY_MS)
        _expect_at_rest(page)
        address = urljoin(page.url, player.get_attribute("src"))
        assert page.request.get(address).ok
        # The session of a page that was reloaded lives on for a while, and so does what it showed.
        page.reload()
        return address

    _wait_for_samples(page)
    address = served()
    page.get_by_role("button", name="Go on with it").click()
    page.get_by_role("button", name="Delete this upload").click()
    _wait_for_samples(page)
    _expect_gone(page, address)

    assert served() == address
    page.get_by_role("button", name="Delete it").click()
    expect(page.get_by_text("Before this page was reloaded")).to_have_count(0)
    _expect_gone(page, address)


def _expect_gone(page: Page, address: str) -> None:
    """Expect that an address is served no more once the page has been drawn to its end."""
    for _ in range(GONE_MS // 250):
        if page.request.get(address).status == 404:
            return
        page.wait_for_timeout(250)
    assert page.request.get(address).status == 404


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
    expect(answer).to_be_focused()  # the button that asked for it has gone
    _expect_at_rest(page)
    expect(page.get_by_role("figure", name="Similarity of A to B: the lower")).to_be_visible()
    expect(page.locator("#deepfake-live")).to_have_text(re.compile("differs most|differ all over"))
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
    expect(page.get_by_text(re.compile(rf"frame {last['frame_index']} \(")).first).to_be_visible()


def test_the_labels_of_a_data_set_are_shown(page: Page, demo_set: Path, screenshot: Screenshot) -> None:
    tables = [json.loads(path.read_text(encoding="utf-8")) for path in demo_set.rglob("metadata.json")]
    labels = [row["label"] for table in tables for row in table.values()]
    named = {name for table in tables for name in table}
    unlabeled = {path.name for path in demo_set.rglob("*.mp4")} - named
    _wait_for_samples(page)
    page.get_by_role("link", name="Data set").click()
    expect(page.get_by_role("heading", name=re.compile(r"\d+ clips"))).to_be_visible(timeout=READY_MS)
    expect(page.get_by_text(f"{labels.count('FAKE')} fake · {labels.count('REAL')} real")).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(3)
    expect(page.locator(".js-plotly-plot .pielayer .slice")).to_have_count(len(set(labels)) + bool(unlabeled))
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()
    _expect_at_rest(page)
    screenshot(page, "dataset")


def _tab_to(page: Page, name: re.Pattern[str], most: int = 60) -> None:
    """Press Tab until a button with such a name has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        focused = page.evaluate("document.activeElement.matches('button') ? document.activeElement.innerText : ''")
        if name.search(focused.strip()):
            return
    pytest.fail(f"no button {name.pattern!r} within {most} presses of Tab")


def test_the_keyboard_alone_gets_from_a_sample_to_its_frames_and_back(page: Page) -> None:
    _wait_for_samples(page)
    _expect_at_rest(page)
    page.get_by_role("link", name="Methods").click()
    expect(page.get_by_role("heading", name="Methods", exact=True, level=1)).to_be_visible()
    page.get_by_role("link", name="Analyze", exact=True).click()
    _wait_for_samples(page)
    _tab_to(page, SAMPLE)
    page.keyboard.press("Enter")
    expect(page.locator(".st-key-verdict")).to_be_visible(timeout=READY_MS)
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    expect(page.locator("#deepfake-live")).to_have_text(re.compile(VERDICT.pattern, re.IGNORECASE))
    expect(page.get_by_role("button", name="One frame on", exact=True)).to_be_visible()
    _expect_at_rest(page)
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text(re.compile(r"frame 1 \(0 to"))).to_be_visible()
    expect(page).to_have_url(re.compile(r"[?&]t=0\.040"))
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        expect(page.locator(".stApp")).to_have_css("color-scheme", scheme)
        _expect_at_rest(page)
        assert page.evaluate(FAINT) == [], scheme
    page.go_back()
    expect(page.get_by_role("heading", name="Methods", exact=True, level=1)).to_be_visible()


def test_a_clip_is_kept_and_its_case_is_opened_again_and_handed_on(page: Page, demo_set: Path) -> None:
    _wait_for_samples(page)
    clips = [next(demo_set.rglob(name)) for name in ("fake_a_flicker.mp4", "real_a.mp4")]
    page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files(clips)
    expect(page.locator(".st-key-verdict")).to_be_visible(timeout=READY_MS)
    page.get_by_text("Your 2 files").click()
    expect(page.get_by_text("2 of 2 done. Select a row")).to_be_visible(timeout=READY_MS)
    page.get_by_role("button", name="Keep in a case").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("A *story*")
    dialog.get_by_label("Notes").fill("Sent by a reader")
    dialog.get_by_role("button", name="Keep", exact=True).click()
    page.get_by_role("link", name="Open the case").click()
    expect(page.get_by_role("heading", name="A *story*")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="PDF").click()
    pdf = pypdfium2.PdfDocument(download.value.path())
    text = "\n".join(pdf[number].get_textpage().get_text_range() for number in range(len(pdf)))
    assert "A *story*" in text
    assert "Sent by a reader" in text
    assert pdf[0].render().to_numpy().std() > 10, "something is drawn"
    # Another visit: the uploads have gone with the first, the case has not.
    address, other = page.url, page.context.browser.new_context().new_page()
    try:
        other.goto(address)
        other.get_by_role("link", name="Open in Analyze").click()
        expect(other.locator(".st-key-verdict")).to_be_visible(timeout=READY_MS)
        expect(_chosen(other, "analyze-source")).to_have_value("Kept in cases")
        _expect_at_rest(other)
        other.go_back()
        expect(other.get_by_role("heading", name="A *story*")).to_be_visible()
        other.wait_for_url(address)
    finally:
        other.context.close()
