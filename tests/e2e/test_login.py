"""Visitors who log in at an identity provider: nobody else enters, and each has a History of their own."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from playwright.sync_api import Browser, Page, expect

from benchmarks.visitor import Visitor
from tests.conftest import WriteClip
from tests.e2e.conftest import LAPTOP, PATIENCE_MS, READY_MS, _free_port, running_app

pytestmark = pytest.mark.e2e

CLIENT = "deepfake-workbench"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class IdentityProvider(ThreadingHTTPServer):
    """OpenID Connect with two users, who log in by a click on their name."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.issuer = f"http://localhost:{self.server_address[1]}"
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.granted: dict[str, dict[str, str]] = {}

    def metadata(self) -> dict[str, Any]:
        places = {"authorization": "authorize", "token": "token"}
        return {
            "issuer": self.issuer,
            "jwks_uri": f"{self.issuer}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            **{f"{kind}_endpoint": f"{self.issuer}/{place}" for kind, place in places.items()},
        }

    def keys(self) -> dict[str, Any]:
        numbers = self.key.public_key().public_numbers()
        as_text = {name: _encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))
                   for name, value in (("n", numbers.n), ("e", numbers.e))}  # fmt: skip
        return {"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "1", **as_text}]}

    def choice(self, asked: dict[str, str]) -> str:
        links = []
        for user in ("anna", "ben"):
            code = secrets.token_hex(8)
            self.granted[code] = {"sub": f"{user}-17", "name": user.title(), "nonce": asked.get("nonce", "")}
            answer = urlencode({"code": code, "state": asked["state"]})
            links.append(f'<a href="{asked["redirect_uri"]}?{answer}">{user}</a>')
        return " ".join(links)

    def tokens(self, code: str) -> dict[str, Any]:
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 600, **self.granted.pop(code)}
        parts = ({"alg": "RS256", "kid": "1", "typ": "JWT"}, claims)
        signed = ".".join(_encoded(json.dumps(part).encode()) for part in parts)
        signature = self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return {"access_token": "unused", "token_type": "Bearer", "id_token": f"{signed}.{_encoded(signature)}"}


class _Answers(BaseHTTPRequestHandler):
    server: IdentityProvider

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/authorize":
            asked = {name: values[0] for name, values in parse_qs(url.query).items()}
            self._answer(self.server.choice(asked).encode(), "text/html")
        else:
            known = {"/.well-known/openid-configuration": self.server.metadata, "/jwks": self.server.keys}
            self._answer(json.dumps(known[url.path]()).encode(), "application/json")

    def do_POST(self) -> None:
        sent = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self._answer(json.dumps(self.server.tokens(sent["code"][0])).encode(), "application/json")

    def _answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, demo_set: Path, write_clip: WriteClip) -> Iterator[str]:
    """Address of a server whose visitors have to log in; its data set has one clip."""
    folder = tmp_path_factory.mktemp("login")
    (folder / "data" / "set").mkdir(parents=True)
    write_clip(folder / "data" / "set" / "clip.mp4", (30, (48, 64)))
    provider = IdentityProvider()
    threading.Thread(target=provider.serve_forever, daemon=True).start()
    port = _free_port()
    (folder / "secrets.toml").write_text(
        f'[auth]\nredirect_uri = "http://localhost:{port}/oauth2callback"\ncookie_secret = "{secrets.token_hex(32)}"\n'
        f'client_id = "{CLIENT}"\nclient_secret = "{hashlib.sha256(b"").hexdigest()}"\n'
        f'server_metadata_url = "{provider.issuer}/.well-known/openid-configuration"\n',
        encoding="utf-8",
    )
    options = ["--secrets.files", str(folder / "secrets.toml")]
    settings = {"DATA_DIRS": str(folder / "data")}
    with running_app(folder, port, samples=demo_set, settings=settings, options=options) as address:
        yield address
    provider.shutdown()


def entered(browser: Browser, url: str, user: str) -> Page:
    page = browser.new_context(viewport=LAPTOP).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(url)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name=user, exact=True).click()
    expect(page.get_by_text(f"Logged in as {user.title()}")).to_be_visible()
    return page


def test_nobody_sees_a_page_without_logging_in(browser: Browser, url: str) -> None:
    page = browser.new_context().new_page()
    refused: list[str] = []
    page.on("response", lambda answer: refused.append(answer.url) if answer.status == 403 else None)
    for path in ("", "history", "dataset", "?clip=set/clip.mp4"):
        page.goto(f"{url}/{path}")
        expect(page.get_by_role("button", name="Log in")).to_be_visible(timeout=PATIENCE_MS)
        expect(page.get_by_text("clip.mp4")).to_have_count(0)
        expect(page.get_by_role("link", name="History")).to_have_count(0)
    assert not refused, "the page that asks for the login is whole"
    page.context.close()


def test_each_visitor_has_a_history_of_their_own(browser: Browser, url: str) -> None:
    anna = entered(browser, url, "anna")
    anna.goto(f"{url}/?clip=set/clip.mp4")
    expect(anna.locator(".st-key-verdict")).to_be_visible(timeout=READY_MS)
    anna.get_by_role("link", name="History").click()
    expect(anna.get_by_text("1 analysis")).to_be_visible()
    ben = entered(browser, url, "ben")
    ben.get_by_role("link", name="History").click()
    expect(ben.get_by_text("Nobody else sees this list")).to_be_visible()
    expect(ben.get_by_text("1 analysis")).to_have_count(0)
    ben.get_by_role("button", name="Log out").click()
    expect(ben.get_by_role("button", name="Log in")).to_be_visible()
    for page in (anna, ben):
        page.context.close()


def test_only_who_has_logged_in_sends_a_file(browser: Browser, url: str, moving_square_clip: Path) -> None:
    with Visitor(url) as stranger:
        stranger.wait_for_page()
        answer = stranger.send_file(f"{url}/_stcore/upload_file/{stranger.session_id}/1", "clip.mp4", b"0")
    assert (answer.status_code, answer.text) == (403, "Log in first.")
    anna = entered(browser, url, "anna")
    expect(anna.get_by_text("Your clips go to the server of this page")).to_be_visible()
    anna.locator("input[type=file]").first.set_input_files(moving_square_clip)
    expect(anna.get_by_text(moving_square_clip.name).first).to_be_visible(timeout=READY_MS)
    expect(anna.locator(".st-key-verdict")).to_be_visible(timeout=READY_MS)
    anna.context.close()


def test_who_has_a_clip_does_not_learn_whether_somebody_opened_it(
    browser: Browser, url: str, moving_square_clip: Path
) -> None:
    """Its address at the server follows from what is in it."""
    anna = entered(browser, url, "anna")
    anna.locator("input[type=file]").first.set_input_files(moving_square_clip)
    video = anna.locator("video").first
    expect(video).to_have_js_property("readyState", 4, timeout=READY_MS)
    address = urljoin(anna.url, video.get_attribute("src") or "")
    cookies = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in anna.context.cookies())
    assert httpx.get(address, headers={"Cookie": cookies}).status_code == 200
    for other in ("", cookies.replace("=", "=x")):
        answer = httpx.get(address, headers={"Cookie": other})
        assert (answer.status_code, answer.text) == (403, "Log in first.")
    anna.context.close()
