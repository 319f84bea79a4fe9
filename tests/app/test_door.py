"""What the server refuses before Streamlit sees it. Foreign pages and headers are in tests/e2e."""

from __future__ import annotations

import pytest

from deepfake.dashboard import door

FILE = "/_stcore/upload_file/known/1"


@pytest.mark.parametrize(
    ("method", "path", "asks_for_login", "refused"),
    [
        ("PUT", FILE, True, False),
        ("PUT", "/_stcore/upload_file/other/1", True, True),
        ("POST", "/_stcore/upload_file/other/1", True, True),
        ("PUT", "/base/_stcore/upload_file/other/1", True, True),
        ("PUT", "/_stcore/upload_file/", True, True),
        ("DELETE", "/_stcore/upload_file/other/1", True, False),
        ("GET", "/_stcore/health", True, False),
        ("PUT", "/_stcore/upload_file/other/1", False, False),
    ],
)
def test_a_file_is_taken_from_who_has_logged_in_where_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, method: str, path: str, asks_for_login: bool, refused: bool
) -> None:
    monkeypatch.setattr(door, "has_login", lambda: asks_for_login)
    monkeypatch.setattr(door, "may_upload", lambda session: session == "known")
    assert door.is_unasked({"type": "http", "method": method, "path": path}) == refused


@pytest.mark.parametrize(
    ("base", "path", "asks_for_login", "cookie", "refused"),
    [
        ("", "/media/ab.mp4", True, "", True),
        ("", "/media/ab.mp4", True, "a=signed", False),
        ("", "/media/ab.mp4", False, "", False),
        ("/clips/", "/clips/media/ab.jpg", True, "", True),
        ("", "/static/media/font.woff2", True, "", False),
        ("media", "/media/static/media/font.woff2", True, "", False),
    ],
)
def test_a_clip_of_a_page_is_given_to_who_has_logged_in_where_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, base: str, path: str, asks_for_login: bool, cookie: str, refused: bool
) -> None:
    monkeypatch.setattr(door, "has_login", lambda: asks_for_login)
    monkeypatch.setattr(door, "has_logged_in", {"a": "signed"}.__eq__)
    monkeypatch.setattr(door.config, "get_option", {"server.baseUrlPath": base}.__getitem__)
    scope = {"type": "http", "method": "GET", "path": path, "headers": [(b"cookie", cookie.encode())]}
    assert door.is_unasked(scope) == refused


@pytest.mark.parametrize(
    ("address", "names", "expected"),
    [
        ("localhost", ["localhost", "127.0.0.1", "::1"], False),
        ("localhost", ["localhost", "news.example"], True),
        ("0.0.0.0", ["localhost"], True),
        ("127.0.0.1", [], False),
        (None, ["localhost"], True),
    ],
)
def test_a_server_is_open_by_its_address_or_by_a_name_that_others_call_it_by(
    monkeypatch: pytest.MonkeyPatch, address: str | None, names: list[str], expected: bool
) -> None:
    options = {"server.address": address, "server.allowedHosts": names}
    monkeypatch.setattr(door.config, "get_option", options.__getitem__)
    assert door.is_open() == expected
