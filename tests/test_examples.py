"""The examples run as their first line says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
LIMIT_S = 300


def _run(name: str, *arguments: Path) -> str:
    """Run an example with this checkout's package and return what it prints."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def clip(demo_set: Path) -> Path:
    """A real clip of the built-in data set."""
    return next(demo_set.rglob("real_a.mp4"))


def test_one_clip(clip: Path) -> None:
    verdict, *people = _run("one_clip.py", clip).splitlines()
    assert verdict.split()[0] in {"LIKELY_REAL", "INCONCLUSIVE", "LIKELY_FAKE"}
    assert people[0].startswith("person 0: ")


def test_a_folder_to_a_table(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "clips" / "real").mkdir(parents=True)
    shutil.copy(clip, tmp_path / "clips" / "real")
    (tmp_path / "clips" / "fake").mkdir()
    (tmp_path / "clips" / "fake" / "broken.mp4").write_bytes(b"no clip")
    printed = _run("folder_to_table.py", tmp_path / "clips", tmp_path / "table.csv")
    assert "2 of 2" in printed
    table = pd.read_csv(tmp_path / "table.csv").set_index("path")
    real, broken = (table.loc[str(tmp_path / "clips" / name)] for name in ("real/real_a.mp4", "fake/broken.mp4"))
    assert real["verdict"] in {"LIKELY_REAL", "INCONCLUSIVE", "LIKELY_FAKE"}
    assert isinstance(broken["error"], str)


def test_a_signal_of_ones_own(clip: Path) -> None:
    (line,) = _run("own_signal.py", clip).splitlines()
    assert line.startswith("person 0: ")
    assert "gray levels" in line


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_an_example_without_its_arguments_says_how_it_is_called(path: Path) -> None:
    command = [sys.executable, str(path)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 1
    assert f": python examples/{path.name} " in done.stderr.splitlines()[0]
