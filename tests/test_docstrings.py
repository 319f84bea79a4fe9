"""What `import deepfake` offers is documented in one form, and its examples run."""

from __future__ import annotations

import doctest
import inspect
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import deepfake
import deepfake.comparison.compare
from tests.watched import Watched

NAMES = [name for name in deepfake.__all__ if name != "__version__"]
CLIPS = ("clip.mp4", "fake.mp4", "original.mp4")


@pytest.fixture(scope="module")
def _folder_of_the_examples(tmp_path_factory: pytest.TempPathFactory, talking_clip: Path) -> Iterator[None]:
    """The examples speak of clip.mp4, of fake.mp4 and original.mp4, and of a folder clips with real/ and fake/."""
    folder = tmp_path_factory.mktemp("examples")
    for name in (*CLIPS, "clips/real/a.mp4", "clips/fake/b.mp4"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(talking_clip, folder / name)
    before = Path.cwd()
    os.chdir(folder)
    yield
    os.chdir(before)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("_folder_of_the_examples")
def test_the_example_of_a_name_runs(
    name: str, watched: Watched, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    value = getattr(deepfake, name)
    if name == "Batch":
        request.getfixturevalue("quick_network")  # for its workers
    if name != "analyze":
        really_analyze = deepfake.analyze

        def analyze(path: Path | str, *arguments: Any, **options: Any) -> deepfake.Analysis:
            """The clips of the examples are the talking clip, whose analysis is there already."""
            if str(path) not in CLIPS:
                return really_analyze(path, *arguments, **options)
            return watched.analysis.with_path(Path(path))

        for module in (deepfake, sys.modules["deepfake.comparison.compare"]):
            monkeypatch.setattr(module, "analyze", analyze)
    examples = [test for test in doctest.DocTestFinder(recurse=False).find(value, name, globs={}) if test.examples]
    assert examples, f"{name} has no example"
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    said: list[str] = []
    for example in examples:
        runner.run(example, out=said.append)
    assert runner.failures == 0, "".join(said)


@pytest.mark.parametrize("name", [name for name in NAMES if inspect.isfunction(getattr(deepfake, name))])
def test_a_function_says_what_it_takes_gives_and_raises(name: str) -> None:
    value = getattr(deepfake, name)
    text = inspect.getdoc(value) or ""
    arguments, returns, raises = (text.partition(f"{section}:\n")[2] for section in ("Args", "Returns", "Raises"))
    assert arguments
    assert raises
    assert returns or text.startswith("Return")
    missing = [parameter for parameter in inspect.signature(value).parameters if f"    {parameter}: " not in arguments]
    assert not missing


@pytest.mark.parametrize("name", [name for name in NAMES if hasattr(getattr(deepfake, name), "__dataclass_fields__")])
def test_a_dataclass_says_what_its_fields_are(name: str) -> None:
    value = getattr(deepfake, name)
    fields = (inspect.getdoc(value) or "").partition("Attributes:\n")[2]
    assert [field for field in value.__dataclass_fields__ if f"    {field}: " not in fields] == []
