"""The table of cases: clips that real users had trouble with, where the folder with them is there."""

import os
from pathlib import Path

import pytest

from benchmarks.cases import CASES

ROOT = Path(__file__).resolve().parents[2]
# What is judged of several people belongs to the analysis, and has tests of its own.
OF_READING = [case for case in CASES if not case.name.startswith("01")]


@pytest.fixture(scope="module")
def cases() -> Path:
    """The folder of cases: DEEPFAKE_CASES, else ../shared/cases beside the repository."""
    folder = Path(os.environ.get("DEEPFAKE_CASES", ROOT.parent / "shared" / "cases"))
    if not folder.is_dir():
        pytest.skip(f"the cases are not here: {folder} is missing")
    return folder


@pytest.mark.parametrize("case", OF_READING, ids=lambda case: case.name)
def test_the_answer_is_right(cases, case):
    now, is_right = case.check(cases / "clips")
    assert is_right, f"{case.right}; now: {now}"
