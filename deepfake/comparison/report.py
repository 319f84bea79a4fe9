"""The report of a comparison, for someone who wants to use, to check or to repeat it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from deepfake.analysis.model import Analysis
from deepfake.comparison.compare import Comparison
from deepfake.comparison.findings import main_trace
from deepfake.comparison.pair_wording import (
    FINDING_TITLES,
    alignment_sentences,
    finding_sentence,
    pair_sentence,
    pair_warnings,
)
from deepfake.report import Paper
from deepfake.report.card import ANSWER_WORDS, strength_text
from deepfake.report.curves import line_svg
from deepfake.report.document import Document, Picture, Row, Section
from deepfake.report.page import file_rows, made_section, name_of
from deepfake.report.wording import ALONE_NOTE, reason_sentences
from deepfake.settings import Settings
from deepfake.signals.base import SignalTrace
from deepfake.video.info import Image
from deepfake.views.stills import fitted, frames_of, jpeg
from deepfake.words import format_time

MOMENTS_SHOWN: Final = 3
SIDE_PX: Final = 640  # of each of the two pictures

CURVE_NOTE: Final = "1 means that both are identical there; the lower, the more they differ."


@dataclass(frozen=True, slots=True)
class MomentPictures:
    """The moments of greatest difference as pictures, in the order of time."""

    pictures: tuple[Picture, ...] = ()


def comparison_document(
    comparison: Comparison,
    *,
    shown_paths: tuple[str, str] | None = None,
    pictures: MomentPictures | None = None,
    paper: Paper = "a4",
) -> Document:
    """Return the report of a comparison: the finding, the moments of greatest difference, curves, both answers, files.

    Args:
        comparison: of two clips.
        shown_paths: what to write as their paths, the clip in doubt first; by default the paths themselves.
        pictures: of the moments, see moment_pictures.
        paper: of a PDF, for the command that makes it again.
    """
    clips = comparison.fake, comparison.original
    paths = shown_paths or (str(clips[0].video.path), str(clips[1].video.path))
    names = name_of(paths[0]), name_of(paths[1])
    warnings = pair_warnings(comparison)
    shown = () if pictures is None else pictures.pictures
    trace = main_trace(comparison.face_similarity)
    sections = [
        *([Section("The moments of greatest difference", pictures=shown)] if shown else []),
        *([] if trace is None else [_curve("Similarity of the face over time", trace)]),
        _curve("Similarity of the whole picture over time", comparison.cross_similarity, moment_rows(comparison)),
        Section("How they were laid on each other", items=alignment_sentences(comparison)),
        *([Section("Warnings", items=warnings)] if warnings else []),
        *(_answer_section(letter, name, side) for letter, name, side in zip("AB", names, clips, strict=True)),
        Section("Each alone", text=(ALONE_NOTE,)),
        *(
            Section(f"File {letter}", rows=tuple(file_rows(side, path)))
            for letter, side, path in zip("AB", clips, paths, strict=True)
        ),
        made_section(clips[0], "compare", *names, paper=paper),
    ]
    return Document(
        title=f"{names[0]} beside {names[1]}",
        answer=FINDING_TITLES[comparison.finding.code],
        tone="none",
        strength="",
        reasons=tuple(filter(None, (finding_sentence(comparison.finding), pair_sentence(comparison.pair)))),
        note="A is the clip in doubt, B what it is compared with.",
        sections=tuple(sections),
    )


def moment_pictures(
    fake_path: Path | str, original_path: Path | str, comparison: Comparison, *, settings: Settings | None = None
) -> MomentPictures:
    """Return the moments of greatest difference, A on the left and B on the right, as pictures.

    Raises what VideoReader raises.
    """
    by_face = comparison.main_track is not None
    ranked = sorted(comparison.moments, key=lambda item: item.face_similarity if by_face else item.similarity)
    chosen = sorted(ranked[:MOMENTS_SHOWN], key=lambda item: item.frame_index)
    lefts = _frames_by_index(fake_path, [(item.frame_index, item.timestamp_s) for item in chosen], settings)
    wanted = [(item.original_frame_index, item.original_timestamp_s) for item in chosen]
    rights = _frames_by_index(original_path, wanted, settings)
    pictures = []
    for moment in chosen:
        left, right = lefts.get(moment.frame_index), rights.get(moment.original_frame_index)
        if left is None or right is None:
            continue
        value = moment.face_similarity if by_face else moment.similarity
        when = format_time(moment.timestamp_s)
        caption = f"{when}: similarity of the {'face' if by_face else 'picture'} {value:.3f}. A left, B right."
        pictures.append(Picture(jpeg(side_by_side(left, right)), caption, f"A and B at {when}"))
    return MomentPictures(tuple(pictures))


def _frames_by_index(
    path: Path | str, wanted: Sequence[tuple[int, float]], settings: Settings | None
) -> dict[int, Image]:
    """The pictures of frames, by index; several moments may be of one frame. What of them is not there is left out."""
    return {index: image for index, _, image in frames_of(path, sorted(set(wanted)), settings)}


def side_by_side(left: Image, right: Image) -> Image:
    """Return two pictures beside each other, of one height, uint8 (H, W, 3)."""
    height = min(fitted(left, SIDE_PX).shape[0], fitted(right, SIDE_PX).shape[0])
    sides = [
        cv2.resize(side, (max(1, round(side.shape[1] * height / side.shape[0])), height), interpolation=cv2.INTER_AREA)
        for side in (left, right)
    ]
    return np.hstack(sides).astype(np.uint8, copy=False)


def _curve(title: str, trace: SignalTrace, rows: Sequence[Row] = ()) -> Section:
    return Section(title, curve=line_svg(trace, title), note=CURVE_NOTE, rows=tuple(rows))


def _answer_section(letter: str, name: str, side: Analysis) -> Section:
    verdict = side.verdict
    answer = ", ".join(filter(None, (ANSWER_WORDS[verdict.answer], strength_text(verdict))))
    return Section(f"{letter}: {name}", text=(answer,), items=reason_sentences(verdict))


def moment_rows(comparison: Comparison) -> list[Row]:
    """Return a header and one row per moment of greatest difference; nothing where there is none."""
    if not comparison.moments:
        return []
    rows: list[Row] = [("moment", "frame of A", "frame of B", "whole picture", "face")]
    for moment in comparison.moments:
        values = (moment.similarity, moment.face_similarity)
        cells = (f"{value:.3f}" if value == value else "–" for value in values)
        frames = str(moment.frame_index), str(moment.original_frame_index)
        rows.append((format_time(moment.timestamp_s), *frames, *cells))
    return rows
