"""Names, labels, addresses and tags that would be Markdown, HTML or a link: every page shows them as text, and no
request leaves the server's own host."""

from __future__ import annotations

import csv
import http.client
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import av
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from deepfake.store import open_store
from tests.conftest import WriteClip
from tests.e2e.conftest import LAPTOP, PATIENCE_MS, running_app
from tests.evaluated_set import keep

pytestmark = pytest.mark.e2e

STRANGER = "tracker.example"
PICTURE = f"![x](http://{STRANGER}/leak.png)"
# A file's name holds no slash: its Markdown spells it.
IN_NAME = f"![x](http:&#47;&#47;{STRANGER}&#47;name.png)"
FAKE, REAL = f"{IN_NAME} :red[b] $c$ www.{STRANGER}.mp4", "<img src=x onerror=alert(1)> a@b.example *c*.mp4"
FOLDER = f"![f](http:&#47;&#47;{STRANGER}&#47;folder.png)"
TAGS = {"title": PICTURE, "comment": f"[click](http://{STRANGER}/) <script>alert(2)</script>", "encoder": PICTURE}
# Whatever a browser would fetch of another host, or follow to one: what a page has in it, not what its text says.
FOREIGN = """() => [...document.querySelectorAll("a[href], [src], link[href], use[href]")]
    .map((element) => element.href?.baseVal ?? (element.href || element.src))
    .filter((address) => address && !["data:", "blob:"].some((start) => String(address).startsWith(start)))
    .filter((address) => new URL(address, document.baseURI).host !== location.host)"""


@pytest.fixture(scope="module")
def hostile_set(tmp_path_factory: pytest.TempPathFactory, write_clip: WriteClip) -> Path:
    """Two clips, a fake and its original, with a table; every name and cell and tag of them is hostile."""
    root = tmp_path_factory.mktemp("data") / FOLDER
    root.mkdir()
    plain = write_clip(tmp_path_factory.mktemp("clip") / "plain.mp4", (30, (48, 64)))
    for number, name in enumerate((FAKE, REAL)):
        with av.open(str(plain)) as source, av.open(f"file:{root / name}", "w", format="mp4") as target:
            target.metadata.update(TAGS | {"title": f"{PICTURE}{number}"})
            stream = target.add_stream_from_template(source.streams.video[0])
            for packet in source.demux(video=0):
                if packet.dts is not None:
                    packet.stream = stream
                    target.mux(packet)
    columns = ["path", "label", "split", "group", "original", "method", "compression"]
    with (root / "clips.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerow([FAKE, "FAKE", PICTURE, PICTURE, REAL, f"<a href='http://{STRANGER}'>m</a>{PICTURE}", PICTURE])
        writer.writerow([REAL, "REAL", f"<b>s</b>{PICTURE}", "", "", "", ""])
        writer.writerow([f"{PICTURE}.mp4", "FAKE", "", "", f"{PICTURE}-original.mp4", "", ""])
        writer.writerow([f"../{PICTURE}", "REAL", "", "", "", "", ""])
    return root


@pytest.fixture(scope="module")
def hostile_url(tmp_path_factory: pytest.TempPathFactory, hostile_set: Path, demo_set: Path) -> Iterator[str]:
    """Address of a server over the hostile set, with analyses of it in the store."""
    folder = tmp_path_factory.mktemp("app")
    with open_store(url=f"sqlite:///{folder / 'analyses.db'}") as store:
        keep(store, {hostile_set / FAKE: 0.2, hostile_set / REAL: 0.9}, face_detector="haar")
        fingerprint = keep(store, {hostile_set / FAKE: 0.9, hostile_set / REAL: None})
        store.put_failure(f"{hostile_set / FAKE}", "1-1", fingerprint, f"{PICTURE}: cannot be read", name=FAKE)
    with running_app(folder, samples=demo_set, settings={"DATA_DIRS": str(hostile_set.parent)}) as url:
        yield url


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(viewport=LAPTOP)
    opened.set_default_timeout(PATIENCE_MS)
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext, hostile_url: str) -> Iterator[Page]:
    """A page that fails the test when anything of it asks, links to or is blocked from another host."""
    asked: list[str] = []
    blocked: list[str] = []
    opened = context.new_page()
    opened.on("request", lambda request: asked.append(request.url))
    opened.on("console", lambda said: blocked.append(said.text) if "Content Security Policy" in said.text else None)
    opened.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    yield opened
    host = urlsplit(hostile_url).netloc
    assert [url for url in asked if urlsplit(url).scheme != "blob" and urlsplit(url).netloc not in (host, "")] == []
    # Streamlit's own page has one script in it, for search engines.
    assert [text for text in blocked if "inline script" not in text] == []


def settled(page: Page) -> None:
    """Wait until no script of the page runs, then look at all that it draws."""
    expect(page.get_by_test_id("stHeading").first).to_be_visible()
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    assert page.evaluate(FOREIGN) == []


SET_ID = re.sub(r"[^A-Za-z0-9._-]+", "-", FOLDER).strip("-")


def test_an_address_is_text(page: Page, hostile_url: str) -> None:
    for path in ("?clip=", "compare?a=", "history?analysis="):
        page.goto(f"{hostile_url}/{path}demo/{quote(PICTURE)}")
        expect(page.get_by_test_id("stAlert").first).to_be_visible()
        settled(page)
    page.goto(f"{hostile_url}/?clip=demo/{quote(PICTURE)}")
    expect(page.get_by_test_id("stAlert").first).to_contain_text(f"demo/![x](http:\N{WORD JOINER}//{STRANGER}")


def test_a_data_set_is_text(page: Page, hostile_url: str) -> None:
    page.goto(f"{hostile_url}/dataset?set={SET_ID}")
    expect(page.get_by_role("heading", name=re.compile(r"\d+ clips"))).to_be_visible()
    expect(page.get_by_test_id("stAlert").first).to_be_visible()
    settled(page)
    page.get_by_role("tab", name="Gallery").click()
    expect(page.get_by_test_id("stImage").first).to_be_visible()
    expect(page.get_by_text(IN_NAME).first).to_be_visible()
    settled(page)
    assert "<b>s</b>" in page.locator(".js-plotly-plot").nth(1).inner_text()


def test_an_analyzed_clip_is_text(page: Page, hostile_url: str) -> None:
    page.goto(f"{hostile_url}/?clip={SET_ID}/{quote(FAKE)}")
    expect(page.locator(".st-key-verdict")).to_be_visible(timeout=180_000)
    settled(page)
    page.get_by_role("tab", name="File", exact=False).click()
    expect(page.get_by_text("What the file says of itself")).to_be_visible()
    settled(page)


def test_a_compared_pair_is_text(page: Page, hostile_url: str) -> None:
    page.goto(f"{hostile_url}/compare?a={SET_ID}/{quote(FAKE)}")
    expect(page.locator(".st-key-comparison")).to_be_visible(timeout=180_000)
    settled(page)
    page.goto(f"{hostile_url}/compare?a={SET_ID}/{quote(REAL)}")
    expect(page.get_by_text("Fakes made from")).to_be_visible()
    settled(page)


def test_an_evaluation_is_text(page: Page, hostile_url: str) -> None:
    page.goto(f"{hostile_url}/evaluate?set={SET_ID}")
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    settled(page)
    for tab in ("By method", "Not decided", "All numbers", "Worst errors"):
        page.get_by_role("tab", name=tab).click()
        settled(page)


def test_history_is_text(page: Page, hostile_url: str) -> None:
    page.goto(f"{hostile_url}/history")
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()
    settled(page)


def test_an_upload_is_text(page: Page, hostile_url: str, hostile_set: Path, tmp_path: Path) -> None:
    page.goto(hostile_url)
    notes = tmp_path / f"{IN_NAME} *a*.mp4"
    notes.write_text("no clip", encoding="utf-8")
    page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files([notes, hostile_set / REAL])
    expect(page.locator(".st-key-verdict").or_(page.get_by_test_id("stAlert")).first).to_be_visible(timeout=180_000)
    settled(page)


def test_no_other_site_opens_or_frames_the_pages(hostile_url: str) -> None:
    port = urlsplit(hostile_url).port

    def connecting(**headers: str) -> int:
        connection = http.client.HTTPConnection("localhost", port)
        handshake = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
        key = {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
        connection.request("GET", "/_stcore/stream", headers=handshake | key | headers)
        status = connection.getresponse().status
        connection.close()
        return status

    own = {"Host": f"localhost:{port}"}
    assert connecting(**own, Origin=f"http://{own['Host']}") == 101
    assert connecting(**own, Origin=f"http://{STRANGER}") == 403
    assert connecting(Host=f"{STRANGER}:{port}", Origin=f"http://{STRANGER}:{port}") == 403
    with urllib.request.urlopen(hostile_url) as answer:
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
