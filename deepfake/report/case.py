"""The report of a case: its notes, the answers of all its clips, and of each what its own report says first."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from deepfake.report.card import ANSWER_WORDS, card_reasons, rate_sentence, strength_text
from deepfake.report.document import Document, Row, Section
from deepfake.report.file_wording import declared_sentences
from deepfake.report.page import HEAD, analysis_document
from deepfake.report.table import first_reason
from deepfake.store import Case, KeptContent
from deepfake.words import counted, probability_text

LEFT_OUT: Final = frozenset(
    {"Values of every frame", "Similarity of successive frames", "The rule this project began with"}
)


def case_document(case: Case, contents: Sequence[KeptContent]) -> Document:
    """Return the report of a case: what it is about, a table of answers, then clip by clip.

    contents: of the clips of the case, in their order.
    """
    return Document(
        title=case.name,
        answer=counted(len(contents), "clip"),
        tone="none",
        strength="",
        reasons=tuple(dict.fromkeys(_answer_text(content) for content in contents)),
        note="",
        sections=(
            Section(
                "The case",
                text=tuple(filter(None, case.notes.split("\n\n"))),
                rows=(HEAD, ("source", case.source or "–"), ("kept since", f"{case.created_at:%Y-%m-%d %H:%M} UTC")),
            ),
            Section("Answers", rows=tuple(_answer_rows(contents))),
            *(section for number, content in enumerate(contents, 1) for section in _clip_sections(number, content)),
        ),
    )


def _answer_text(content: KeptContent) -> str:
    return f"{content.clip.name}: {ANSWER_WORDS[content.analysis.verdict.answer]}"


def _answer_rows(contents: Iterable[KeptContent]) -> list[Row]:
    rows: list[Row] = [("clip", "answer", "P(fake)", "why", "kept")]
    for content in contents:
        verdict = content.analysis.verdict
        chance = probability_text(verdict.told_probability, verdict.interval)
        why = first_reason(content.analysis)
        kept = "clip and analysis" if content.clip.file else "analysis"
        rows.append((content.clip.name, ANSWER_WORDS[verdict.answer], chance, why, kept))
    return rows


def _clip_sections(number: int, content: KeptContent) -> list[Section]:
    analysis = content.analysis
    verdict = analysis.verdict
    answer = ", ".join(filter(None, (ANSWER_WORDS[verdict.answer], strength_text(verdict))))
    head = Section(
        f"{number}. {content.clip.name}",
        text=(answer,),
        items=(*declared_sentences(analysis.video), *(reason.sentence for reason in card_reasons(verdict))),
        note=rate_sentence(analysis),
    )
    whole = analysis_document(analysis, shown_path=content.clip.name, moments=content.moments)
    return [head, *(replace(part, is_part=True) for part in whole.sections if part.title not in LEFT_OUT)]
