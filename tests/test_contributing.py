"""The modules that CONTRIBUTING.md has one write are whole: they run as they stand there, and do what is said."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from deepfake.dataset.entries import Entries
from deepfake.dataset.folder import Disk
from deepfake.detectors import FaceClassifier
from deepfake.report import ExportOptions, exports
from deepfake.report.wording import reason_sentences
from deepfake.signals.base import FaceSignal
from tests.store.samples import sample_analysis

TEXT = (Path(__file__).resolve().parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")


def _code_of(recipe: str) -> str:
    section = TEXT.partition(f"## {recipe}\n")[2].partition("\n## ")[0]
    code = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert code is not None
    return textwrap.dedent("   " + code[1].lstrip())


def _module_of(recipe: str) -> dict[str, Any]:
    """Run the module of a recipe and return its names."""
    names: dict[str, Any] = {"__name__": "recipe"}
    exec(compile(_code_of(recipe), recipe, "exec", dont_inherit=True), names)
    assert names["__doc__"]
    return names


def test_the_signal_measures_a_face() -> None:
    signal = _module_of("Add a signal")["FaceBrightness"]
    assert issubclass(signal, FaceSignal)
    assert signal.info.name == "face_brightness"


def test_the_classifier_scores_crops() -> None:
    classifier = _module_of("Add a classifier")["GradientClassifier"]()
    assert isinstance(classifier, FaceClassifier)
    flat = np.full((1, classifier.crop_px, classifier.crop_px, 3), 90, np.uint8)
    noisy = np.random.default_rng(0).integers(0, 255, flat.shape, dtype=np.uint8)
    assert classifier.scores(flat)[0] == 1
    assert classifier.scores(noisy)[0] < 0.1


@pytest.mark.parametrize("folder", ["true", "true false"])
def test_the_layout_recognizes_its_folders(tmp_path: Path, folder: str) -> None:
    layout = _module_of("Add a layout of data sets")["LAYOUT"]
    for name in folder.split():
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.mp4").touch()
    assert layout.recognizes(Disk(tmp_path)) is (folder == "true false")
    assert layout.read.__annotations__["entries"] is Entries


def test_the_export_writes_the_verdict_and_its_reasons_with_the_names_of_its_module() -> None:
    names = {"__name__": "recipe", **{name: vars(exports)[name] for name in ("Analysis", "ExportOptions")}}
    exec(compile(_code_of("Add an export"), "Add an export", "exec", dont_inherit=True), names)
    verdict = sample_analysis().verdict
    assert names["as_txt"](sample_analysis(), ExportOptions()).splitlines() == [
        verdict.label,
        *reason_sentences(verdict),
    ]


def test_the_page_has_its_heading() -> None:
    page = AppTest.from_string(_code_of("Add a page")).run()
    assert not page.exception
    assert [title.value for title in page.title] == ["My page"]
