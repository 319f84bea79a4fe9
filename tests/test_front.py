"""The front of the package: what `import deepfake` offers, and what it costs."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import deepfake
from tests.store.samples import sample_analysis

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {"tensorflow", "streamlit", "numpy", "cv2", "av"}
IMPORT_LIMIT_S = 0.5


@pytest.mark.parametrize("name", deepfake.__all__)
def test_every_name_of_the_front_is_there(name: str) -> None:
    assert getattr(deepfake, name) is not None
    assert name in dir(deepfake)


def test_names_for_the_type_checker_are_those_that_are_imported_when_asked_for() -> None:
    tree = ast.parse((ROOT / "deepfake" / "__init__.py").read_text(encoding="utf-8"))
    (guarded,) = [node for node in tree.body if isinstance(node, ast.If)]
    checked = {
        alias.name: node.module for node in guarded.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert checked == deepfake._MODULES
    assert set(checked) | {"__version__"} == set(deepfake.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        importlib.import_module("deepfake").no_such_name  # noqa: B018


@pytest.mark.parametrize("wrong", ["quick", {}, 5])
@pytest.mark.parametrize(
    ("call", "before", "argument"),
    [
        ("analyze", ["a.mp4"], "config"),
        ("analyze", ["a.mp4"], "settings"),
        ("compare", ["a.mp4", "b.mp4"], "config"),
        ("compare", ["a.mp4", "b.mp4"], "settings"),
        ("Batch", [[]], "config"),
        ("Batch", [[]], "settings"),
        ("VideoReader", ["a.mp4"], "settings"),
        ("open_store", [], "settings"),
    ],
)
def test_what_is_no_config_or_settings_is_told_at_the_door(
    call: str, before: list[object], argument: str, wrong: object
) -> None:
    with pytest.raises(TypeError, match=rf"{argument} has to be a deepfake\."):
        getattr(deepfake, call)(*before, **{argument: wrong})


def test_importing_the_package_is_quick_and_loads_nothing_heavy() -> None:
    code = (
        "import sys, time; started = time.perf_counter(); import deepfake; took_s = time.perf_counter() - started;"
        f"print(took_s, *({HEAVY!r} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    took_s, *loaded = done.stdout.split()
    assert loaded == []
    assert float(took_s) <= IMPORT_LIMIT_S


def test_asking_for_every_name_of_the_front_loads_neither_tensorflow_nor_streamlit() -> None:
    code = (
        "import sys, deepfake; [getattr(deepfake, name) for name in deepfake.__all__];"
        "print(*({'tensorflow', 'streamlit'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_a_comparison_takes_analyses_only_and_full_ones() -> None:
    quick = deepfake.AnalysisConfig(quick=True)
    with pytest.raises(deepfake.DeepfakeError, match="quick: a comparison takes full analyses"):
        deepfake.compare("a.mp4", "b.mp4", quick)
    with pytest.raises(TypeError, match=r"deepfake\.Analysis, not 3"):
        deepfake.compare("a.mp4", "b.mp4", fake_analysis=3)
    looked_at = dataclasses.replace(sample_analysis(), config=quick)
    with pytest.raises(deepfake.DeepfakeError, match="quick: a comparison takes full analyses"):
        deepfake.compare("a.mp4", "b.mp4", original_analysis=looked_at)


def test_an_empty_address_of_a_store_is_not_the_default() -> None:
    with pytest.raises(deepfake.StoreError, match="no address of a database"):
        deepfake.open_store(url="").find()
