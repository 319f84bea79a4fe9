"""The application started as a user starts it, and a real browser to drive it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
START_LIMIT_S = 120
BROWSER_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
LAPTOP = {"width": 1366, "height": 900}
# A page of charts takes its time on two cores that other work shares.
PATIENCE_MS = 60_000
# Enough for the built-in clips at a first start, and for a first analysis, which imports TensorFlow.
READY_MS = 180_000
expect.set_options(timeout=PATIENCE_MS)


def _wait_until_healthy(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            # Nothing to wait on but the port: ask again shortly.
            time.sleep(0.2)
    pytest.fail(f"the application did not start:\n{log.read_text(errors='replace')[-3000:]}")


@contextmanager
def running_app(
    folder: Path,
    port: int | None = None,
    samples: Path | None = None,
    *,
    settings: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
) -> Iterator[str]:
    """Start the application with its cache and store in a folder, else the defaults; yield its address.

    samples: the built-in data set, which it then need not make at its start. settings: by their names in capitals.
    options: of Streamlit.
    """
    if samples is not None:
        shutil.copytree(samples, folder / "cache" / "demo", dirs_exist_ok=True)
    port = port or _free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DEEPFAKE_")}
    environment |= {"DEEPFAKE_CACHE_DIR": str(folder / "cache"), "TF_CPP_MIN_LOG_LEVEL": "2"}
    environment["DEEPFAKE_DATABASE_URL"] = f"sqlite:///{folder / 'analyses.db'}"
    environment["DEEPFAKE_CASES_DIR"] = str(folder / "cases")
    environment |= {f"DEEPFAKE_{name}": value for name, value in (settings or {}).items()}
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
    command += ["--server.port", str(port), "--server.headless", "true", *options]
    log = folder / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        url = f"http://localhost:{port}"
        try:
            _wait_until_healthy(url, server, log)
            yield url
        finally:
            _stop(server)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def app_url(tmp_path_factory: pytest.TempPathFactory, demo_set: Path) -> Iterator[str]:
    """Address of a running application that has the built-in clips already."""
    with running_app(tmp_path_factory.mktemp("app"), samples=demo_set) as url:
        yield url


def _stop(server: subprocess.Popen[bytes]) -> None:
    """End the server and the workers that it started."""
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait(timeout=20)


# Not for the whole session: Playwright keeps an event loop running in this thread, and other tests want their own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = next((found for name in BROWSER_NAMES if (found := shutil.which(name))), None)
    with sync_playwright() as playwright:
        if path is None and not Path(playwright.chromium.executable_path).is_file():
            message = f"no browser here: none of {', '.join(BROWSER_NAMES)} is installed, nor Playwright's own"
            if os.environ.get("CI"):
                pytest.fail(message)
            pytest.skip(message)
        running = playwright.chromium.launch(executable_path=path, args=BROWSER_FLAGS)
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser, app_url: str) -> Iterator[Page]:
    """A fresh browser session at laptop size; the test fails when the page asked another host for anything."""
    strangers: list[str] = []

    def note(request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in {"http", "https", "ws", "wss"} and address.hostname != "localhost":
            strangers.append(request.url)

    context = browser.new_context(viewport=LAPTOP, accept_downloads=True)
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE_MS)
    opened.on("request", note)
    opened.goto(app_url)
    yield opened
    context.close()
    assert strangers == []


@pytest.fixture(scope="session")
def screenshot(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Page, str], Path]:
    """Save what the page shows as NAME.png in DEEPFAKE_SCREENSHOTS, else in a folder of this run."""
    named = os.environ.get("DEEPFAKE_SCREENSHOTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)

    def save(page: Page, name: str) -> Path:
        path = folder / f"{name}.png"
        # Streamlit scrolls inside the page: the window has to be as tall as what is in it.
        height = page.get_by_test_id("stMain").evaluate("element => element.scrollHeight")
        page.set_viewport_size({"width": LAPTOP["width"], "height": max(height, LAPTOP["height"])})
        page.screenshot(path=path, animations="disabled")
        page.set_viewport_size(LAPTOP)
        return path

    return save
