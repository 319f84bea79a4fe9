"""Text from outside within Markdown. What a browser makes of it is in tests/e2e/test_hostile_names.py."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

import deepfake.dashboard
from deepfake.dashboard.text import cells, plain, told_apart


@pytest.mark.parametrize(
    "text",
    ["real_a-01 (2).mp4: the file is empty", "640×480 px, 25.000 frames/s", "a.b_c-d+e", "id 7, seen at 0:03.20"],
)
def test_ordinary_names_and_sentences_stay_as_they_are(text: str) -> None:
    assert plain(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("![x](y)", r"!\[x\](y)"),
        ("_a_b_ *c* `d` ~e~ $f$", r"\_a_b\_ \*c\* \`d\` \~e\~ \$f\$"),
        ("# a", r"\# a"),
        ("12. a", r"12\. a"),
        ("- a", r"\- a"),
        (":red[a]", r"\:red\[a\]"),
        ("&lt;<b>", r"\&lt;\<b\>"),
        ("a\n\n# b", "a # b"),
        ("\u202egpj.mp4\x00", "\ufffdgpj.mp4\ufffd"),
    ],
)
def test_marks_are_escaped(text: str, expected: str) -> None:
    assert plain(text) == expected


@pytest.mark.parametrize("text", ["http://a.example", "www.a.example", "a@b.example", ":smile:", "a -> b"])
def test_what_streamlit_makes_of_text_by_itself_is_broken_up(text: str) -> None:
    assert "\N{WORD JOINER}" in plain(text)


def test_no_cell_of_a_table_on_a_page_is_a_formula() -> None:
    table = pd.DataFrame({"file": ["=1+1.mp4", "a.mp4", None], "why": ["@x", 2, b"+"], "frames": [1, -2, 3]})
    shown = cells(table)
    assert list(shown["file"].dropna()) == ["'=1+1.mp4", "a.mp4"]
    assert list(shown["why"]) == ["'@x", 2, b"+"]
    assert shown["frames"].equals(table["frames"])
    assert table["file"][0] == "=1+1.mp4", "the table itself was changed"
    odd = cells(pd.DataFrame({0: ["=a"], "kind": pd.Categorical(["+b"])}))
    assert odd.to_dict("records") == [{0: "'=a", "kind": "'+b"}]


def test_every_table_of_a_page_that_shows_words_from_outside_goes_through_cells() -> None:
    own_words = {"recompress_tab.py", "faces_tab.py", "learn.py"}  # numbers, and words of the application
    bare = re.compile(r"st\.dataframe\((?!\s*cells\()")
    pages = (Path(deepfake.dashboard.__file__).parent).rglob("*.py")
    assert {page.name for page in pages if bare.search(page.read_text(encoding="utf-8"))} == own_words


def test_titles_are_told_apart_however_many_there_are() -> None:
    assert list(told_apart({1: "a", 2: "a (2)", 3: "a", 4: "a"}).values()) == ["a", "a (2)", "a (3)", "a (4)"]
    many = told_apart(dict.fromkeys(range(20_000), "video.mp4"))
    assert len(set(many.values())) == 20_000
