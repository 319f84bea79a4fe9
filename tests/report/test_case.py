"""The report of a case and its table: what was typed is text, every clip is in it."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pypdfium2
import pytest
from pypdfium2 import PdfImage

from deepfake.analysis.evidence import Evidence
from deepfake.analysis.moments import Moments
from deepfake.analysis.verdict import TrackVerdict
from deepfake.cli import main
from deepfake.report import wording
from deepfake.report.case import case_document
from deepfake.report.document import Picture, Section
from deepfake.report.html import document_html
from deepfake.report.pdf import NO_FONT, document_pdf
from deepfake.report.table import ANSWERS_HEAD, answers_csv
from deepfake.report.wording import KNOWN_CLIP
from deepfake.settings import load_settings
from deepfake.store import Case, KeptClip, KeptContent, open_store
from deepfake.views.stills import jpeg
from tests.store.samples import sample_analysis

NOW = datetime(2026, 5, 1, tzinfo=UTC)
CLIPS = tuple(KeptClip(n, 1, f"{n:064x}", "f" * 16, f"clip_{n}.mp4", "", NOW) for n in (1, 2))
CASE = Case(1, "", "<b>A</b> #case", "First.\n\n*Second* <i>", "https://example.org", NOW, CLIPS)
CONTENTS = [KeptContent(clip, sample_analysis(clip.id), Moments()) for clip in CLIPS]


def test_the_report_has_notes_answers_and_each_clip_as_text() -> None:
    html = document_html(case_document(CASE, CONTENTS))
    assert "&lt;b&gt;A&lt;/b&gt; #case" in html
    assert "*Second* &lt;i&gt;" in html
    assert html.count("Likely fake") >= 4, "in the table and at each clip"
    assert "<h2>2. clip_2.mp4</h2>" in html
    assert "<h3>File</h3>" in html
    pages = pypdfium2.PdfDocument(document_pdf(case_document(CASE, CONTENTS)))
    text = "\n".join(page.get_textpage().get_text_range() for page in pages)
    assert "#case" in text
    assert "*Second* <i>" in text
    assert "clip_2.mp4" in text


@pytest.mark.parametrize(("name", "is_told"), [("Žižek, Ελλάδα, Привет", False), ("\u0378", True)])
def test_a_pdf_says_so_where_a_character_has_no_font(name: str, is_told: bool) -> None:
    """U+0378 is no character yet: no font has it. What the first name needs comes with Typst."""
    document = replace(case_document(CASE, CONTENTS), title=name)
    text = pypdfium2.PdfDocument(document_pdf(document))[0].get_textpage().get_text_range()
    assert (" ".join(NO_FONT.split()) in " ".join(text.split())) == is_told


def test_a_single_picture_of_a_pdf_is_no_larger_than_one_of_three() -> None:
    square = Picture(jpeg(np.zeros((224, 224, 3), np.uint8)), "0:00.00", "a face")
    document = case_document(CASE, CONTENTS)
    widths = []
    for count in (1, 3):
        shown = replace(document, sections=(Section("Moments", pictures=(square,) * count),))
        page = pypdfium2.PdfDocument(document_pdf(shown))[0]
        (left, _, right, _), *_ = [item.get_bounds() for item in page.get_objects() if isinstance(item, PdfImage)]
        widths.append(right - left)
    assert widths[0] == pytest.approx(widths[1], rel=0.01)


def test_the_table_has_verdicts_reasons_and_what_failed() -> None:
    rows = [("=a.mp4", "ab", sample_analysis(1), ""), ("b", "cd", None, "no"), ("c", "ef", None, "")]
    read = list(csv.DictReader(io.StringIO(answers_csv(rows))))
    assert tuple(read[0]) == ANSWERS_HEAD
    assert read[0]["file"] == "'=a.mp4", "no formula"
    assert (read[0]["verdict"], read[0]["answer"], read[0]["probability_fake"]) == ("LIKELY_FAKE", "Likely fake", "0.9")
    assert [(row["verdict"], row["error"]) for row in read[1:]] == [("", "no"), ("", "")]


def test_the_table_gives_no_probability_beside_not_judged() -> None:
    small = Evidence("face_too_small", "face_width", 0, {"px": 31.6, "at_least": 48.0})
    person = TrackVerdict(0, "INCONCLUSIVE", 0.9, (0.8, 0.95), 0.01, (small,))
    clip = sample_analysis(1, label="INCONCLUSIVE", reasons=(small,), tracks=(person,))
    (row,) = csv.DictReader(io.StringIO(answers_csv([("a", "ab", clip, "")])))
    assert row["answer"] == "Not judged"
    assert (row["probability_fake"], row["low"], row["high"]) == ("", "", "")


def test_the_table_says_which_clip_the_classifier_was_trained_on(monkeypatch: pytest.MonkeyPatch) -> None:
    known, new = sample_analysis(1), sample_analysis(2)
    monkeypatch.setattr(wording, "training_clips", lambda name: frozenset({known.video.sha256}))
    read = csv.DictReader(io.StringIO(answers_csv([("a", "ab", known, ""), ("b", "cd", new, "")])))
    assert [KNOWN_CLIP in row["reason"] for row in read] == [True, False]


def test_the_command_line_writes_the_report_of_a_case(
    tmp_path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEEPFAKE_DATABASE_URL", f"sqlite:///{tmp_path / 'store.db'}")
    assert main(["report", "story"]) == 1
    assert "none was kept yet" in capsys.readouterr().err
    with open_store(load_settings()) as store:
        case = store.cases.make("story", owner="somebody", notes="seen")
        store.cases.keep(case, sample_analysis(1), name="a.mp4")
        store.cases.make("twice")
        store.cases.make("twice")
    html, pdf, table = (str(tmp_path / name) for name in ("r.html", "r.pdf", "r.csv"))
    assert main(["report", "story", "--html", html, "--pdf", pdf, "--csv", table]) == 0
    assert "Likely fake" in capsys.readouterr().out
    assert (tmp_path / "r.pdf").read_bytes().startswith(b"%PDF")
    assert "seen" in (tmp_path / "r.html").read_text()
    assert main(["report", str(case.id)]) == 0
    capsys.readouterr()
    for name, told in (("nothing", "1 (story)"), ("twice", "3 (twice), 2 (twice)")):
        assert main(["report", name]) == 1
        error = capsys.readouterr().err
        assert told in error
        assert error.count("\n") == 1
