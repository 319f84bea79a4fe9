"""Numbers in prose are those that the benchmarks wrote."""

from __future__ import annotations

import importlib
import json
import re
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import pytest

from deepfake.dataset import LAYOUTS
from deepfake.report import facts as package_facts
from deepfake.report.facts import all_facts, fact
from deepfake.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
MOST_WORDS = 700


@pytest.fixture(scope="module")
def quotes() -> ModuleType:
    return importlib.import_module("benchmarks.facts")


def test_every_quote_in_the_documents_says_what_the_benchmarks_wrote(quotes: ModuleType) -> None:
    differences = [f"{path.name}: {line}" for path in quotes.documents() for line in quotes.drifted(path)]
    assert not differences, "run `python benchmarks/facts.py`:\n" + "\n".join(differences)


def test_numbers_that_follow_from_code_and_from_other_numbers_are_up_to_date(quotes: ModuleType) -> None:
    assert all_facts()["rules"] == quotes.rules()
    assert all_facts()["cost"] == pytest.approx(quotes.cost())


@pytest.mark.parametrize("document", ["README.md", "docs/performance.md"])
def test_measured_numbers_of_a_document_stand_in_quotes(document: str, quotes: ModuleType) -> None:
    """A decimal number or a number of MiB that nobody quotes would go on standing there when it changes."""
    text = (ROOT / document).read_text(encoding="utf-8")
    assert quotes.QUOTE.search(text)
    written = r"```.*?```|<!-- (?P<name>\w+):begin -->.*?<!-- (?P=name):end -->"  # the latter by a benchmark
    prose = re.sub(written, "", quotes.QUOTE.sub("", text), flags=re.DOTALL)
    allowed = {"3.11", "3.12", "3.13", "0.5"}  # Python, and the AUC of chance
    assert [number for number in re.findall(r"\d+\.\d+|\d+(?= MiB)", prose) if number not in allowed] == []


def test_a_quote_is_written_anew_where_its_number_changed(
    quotes: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page, facts_file = tmp_path / "page.md", tmp_path / "facts.json"
    page.write_text("AUC <!--=accuracy.auc:.2f-->0.79<!--/--> on <!--=accuracy.n:-->28<!--/--> clips", encoding="utf-8")
    facts_file.write_text(json.dumps({"accuracy": {"auc": 0.5, "n": 28}}), encoding="utf-8")
    monkeypatch.setattr(quotes, "ROOT", tmp_path)
    monkeypatch.setattr(quotes, "DOCUMENTS", ("*.md",))
    monkeypatch.setattr(quotes, "FACTS_FILE", facts_file)
    monkeypatch.setattr(package_facts, "FACTS_FILE", facts_file)
    all_facts.cache_clear()
    try:
        quotes.write_facts("accuracy", {"auc": 0.914, "n": 28})
        assert quotes.drifted(page) == ["accuracy.auc is 0.91, the text says 0.79"]
        quotes.update_quotes()
        assert page.read_text(encoding="utf-8") == (
            "AUC <!--=accuracy.auc:.2f-->0.91<!--/--> on <!--=accuracy.n:-->28<!--/--> clips"
        )
        assert quotes.drifted(page) == []
    finally:
        all_facts.cache_clear()
    assert "page.md" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["accuracy.no_such", "no_such.auc", "accuracy", "accuracy.command"])
def test_a_number_that_nobody_measured_is_an_error(name: str) -> None:
    with pytest.raises(KeyError, match=name):
        fact(name)


def test_readme_is_one_screen_and_a_half() -> None:
    text = re.sub(r"<!--.*?-->", "", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(text.split()) <= MOST_WORDS


def test_every_setting_is_documented() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "settings.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(field.name for field in fields(Settings))


def test_every_layout_is_documented() -> None:
    text = (ROOT / "docs" / "datasets.md").read_text(encoding="utf-8")
    assert [layout.title for layout in LAYOUTS if f"| {layout.title} |" not in text] == []


def test_links_of_the_documents_lead_to_files(quotes: ModuleType) -> None:
    broken = []
    for path in [*quotes.documents(), ROOT / "CHANGELOG.md"]:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
            if not target.startswith("http") and not (path.parent / target).exists():
                broken.append(f"{path.name}: {target}")
    assert not broken


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks").glob("*.py")), ids=lambda path: path.stem)
def test_every_benchmark_is_a_module_that_python_m_loads(path: Path) -> None:
    assert importlib.import_module(f"benchmarks.{path.stem}").__doc__
