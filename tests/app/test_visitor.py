"""Who is at the page."""

from __future__ import annotations

from typing import Any

import pytest
import streamlit as st

from deepfake.dashboard.visitor import owner


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
