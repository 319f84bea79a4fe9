"""SECURITY.md: each promise is linked to tests that are there, and the limits that it names are settings."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from deepfake.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
ROWS = [line for line in TEXT.splitlines() if re.match(r"\| [A-Z].*\]\(tests/", line)]
LINK = re.compile(r"\]\(([^)#]+)(#[^)]*)?\)")


def test_every_promise_of_the_tables_is_linked_to_tests() -> None:
    tables = TEXT.partition("## What is promised")[2].partition("## Who might attack")[0]
    promises = [line for line in tables.splitlines() if line.startswith("| ") and "kept by" not in line]
    assert promises == ROWS
    assert len(promises) >= 12


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[2:50])
def test_linked_tests_exist(row: str) -> None:
    links = LINK.findall(row.split(" | ")[-1])
    assert links
    for path, _ in links:
        assert "\ndef test_" in (ROOT / path).read_text(encoding="utf-8"), path


def test_other_links_lead_somewhere() -> None:
    for path, anchor in LINK.findall(TEXT):
        file = ROOT / path
        assert file.is_file(), path
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor[1:] in [re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in headings]


def test_limits_are_settings() -> None:
    named = set(re.findall(r"`([a-z_]+)`", TEXT.partition("## Limits")[2].partition("##")[0]))
    assert named
    assert named <= {field.name for field in dataclasses.fields(Settings)}
    described = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert all(f"| `{field.name}` |" in described for field in dataclasses.fields(Settings))
