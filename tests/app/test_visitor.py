"""Who is at the page."""

from __future__ import annotations

import gc
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from deepfake.dashboard import visitor
from deepfake.dashboard.visitor import may_upload, owner


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({}, ""),
        ({"is_logged_in": False}, ""),
        ({"is_logged_in": True, "iss": "https://id.example", "sub": "17", "email": "a@b"}, "https://id.example 17"),
    ],
)
def test_a_visitor_is_issuer_and_subject_of_the_login(
    monkeypatch: pytest.MonkeyPatch, known: dict[str, Any], expected: str
) -> None:
    monkeypatch.setattr(type(st.user), "to_dict", lambda _: known)
    assert owner() == expected


def test_without_a_login_there_is_no_owner() -> None:
    assert owner() == ""


def _enter() -> None:
    from deepfake.dashboard.visitor import has_entered

    has_entered()


def test_who_has_logged_in_may_still_upload_when_the_connection_was_lost_for_a_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = {"is_logged_in": True, "iss": "https://id.example", "sub": "17"}
    monkeypatch.setattr(type(st.user), "to_dict", lambda _: known)
    page = AppTest.from_function(_enter).run()
    assert not page.exception
    (session,) = visitor._entered
    st.cache_resource.clear()  # what Streamlit does of a session's own when its browser is gone
    gc.collect()
    assert may_upload(session)
    assert not may_upload("another")
    del page
    gc.collect()
    assert not may_upload(session), "the session is over"
