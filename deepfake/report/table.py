"""Tables: of an analysis, one row per frame, one group of columns per person; of several clips' answers, one row per
clip."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from deepfake.analysis.evidence import SCORE
from deepfake.analysis.model import Analysis
from deepfake.faces.tracking import FaceTrack
from deepfake.files import csv_cell, csv_text
from deepfake.report.card import ANSWER_WORDS, card_reasons
from deepfake.report.wording import KNOWN_CLIP, causes_text, is_known_clip, person_name
from deepfake.signals.base import SignalTrace
from deepfake.words import format_time

FRAME_COLUMNS = ("frame", "time_s", "frame_similarity", "cut")
TRACK_COLUMNS = ("left_px", "top_px", "right_px", "bottom_px", "confidence", "face_similarity", "not_judged")
ANSWER_COLUMNS = ("verdict", "probability_fake")

ANSWERS_HEAD = ("file", "sha256", "verdict", "answer", "probability_fake", "low", "high", "reason", "error")


def answers_csv(rows: Iterable[tuple[str, str, Analysis | None, str]]) -> str:
    """Return a table of answers as a spreadsheet opens it; the verdict is the label that JSON has.

    rows: of each clip its name, its SHA-256, its analysis or None, and why there is none.
    """
    cells = (
        (csv_cell(name), sha256, *_answer_cells(analysis), csv_cell(error)) for name, sha256, analysis, error in rows
    )
    return csv_text([ANSWERS_HEAD, *cells])


def _answer_cells(analysis: Analysis | None) -> list[Any]:
    if analysis is None:
        return [""] * 6
    verdict = analysis.verdict
    if verdict.told_probability is None:
        return [verdict.label, ANSWER_WORDS[verdict.answer], "", "", "", first_reason(analysis)]
    low, high = verdict.interval or ("", "")
    return [verdict.label, ANSWER_WORDS[verdict.answer], verdict.told_probability, low, high, first_reason(analysis)]


def first_reason(analysis: Analysis) -> str:
    """Return the strongest reason of an answer in plain words, before it what the file declares, and after it whether
    the classifier knows the clip; "" where there is nothing to tell."""
    declared = analysis.video.declared
    told = [] if declared is None else [f"The file says: {declared.brief}."]
    told += [reason.sentence for reason in card_reasons(analysis.verdict)[:1]]
    if analysis.verdict.answer != "NO_FACE" and is_known_clip(analysis):
        told.append(KNOWN_CLIP)
    return " ".join(told)


def frames_table(analysis: Analysis) -> list[tuple[Any, ...]]:
    """Return a table of all frames: a header, then one row per frame.

    frame counts from 0; time_s is in seconds from the first frame; frame_similarity and face_similarity compare a
    frame with the one before it; cut is 1 in the first frame of a new scene, else 0. Each track has columns that begin
    with track0_, track1_, …: box, confidence, face_similarity, and in each of its frames not_judged, the codes of what
    kept that person from being judged, verdict, the person's label, and probability_fake, P(fake) of the person; then
    one per signal that was measured, learned_score, P(fake) of the single frame, first. A cell is empty where there is
    no value.
    """
    count = len(analysis.frame_timestamps_s)
    columns: list[list[Any]] = [
        list(range(count)),
        [f"{time_s:.6f}" for time_s in analysis.frame_timestamps_s],
        _column_of_trace(analysis.trace("frame_similarity"), count),
        np.isin(np.arange(count), analysis.cuts).astype(int).tolist(),
    ]
    header = list(FRAME_COLUMNS)
    unjudged = {person.track_id: ";".join(item.code for item in person.causes) for person in analysis.not_judged}
    for track in analysis.tracks:
        header += [f"track{track.track_id}_{name}" for name in TRACK_COLUMNS]
        columns += _columns_of_track(track, count)
        columns.append(_column_of_trace(analysis.trace("face_similarity", track.track_id), count))
        visible = np.isin(np.arange(count), track.frame_indices)
        columns.append([unjudged.get(track.track_id, "") if seen else "" for seen in visible])
        header += [f"track{track.track_id}_{name}" for name in ANSWER_COLUMNS]
        columns += [[value if seen else "" for seen in visible] for value in _answer(analysis, track.track_id)]
        for trace in _other_traces(analysis, track.track_id):
            header.append(f"track{track.track_id}_{trace.signal}")
            columns.append(_column_of_trace(trace, count))
    return [tuple(header), *zip(*columns, strict=True)]


def _answer(analysis: Analysis, track_id: int) -> tuple[str, str]:
    answer = analysis.verdict.of(track_id)
    if answer is None:
        return "", ""
    return answer.label, "" if answer.probability_fake is None else f"{answer.probability_fake:.4f}"


def _other_traces(analysis: Analysis, track_id: int) -> list[SignalTrace]:
    """The traces of a person but for the similarity, which has its column: the score first."""
    found = [trace for trace in analysis.traces if trace.track_id == track_id and trace.signal != "face_similarity"]
    return sorted(found, key=lambda trace: trace.signal != SCORE)


def people_table(analysis: Analysis) -> list[tuple[str, ...]]:
    """Return a header and one row per track: who is seen in how many frames, when, how large, how steady; judged or why
    not."""
    head = ("person", "track", "frames", "from", "to", "mean width", "lowest similarity", "judged")
    rows: list[tuple[str, ...]] = [head]
    judged = {answer.track_id: "yes" for answer in analysis.verdict.tracks}
    judged |= {person.track_id: f"no: {causes_text(person)}" for person in analysis.not_judged}
    for track in analysis.tracks:
        trace = analysis.trace("face_similarity", track.track_id)
        measured = np.empty(0) if trace is None else trace.values[np.isfinite(trace.values)]
        widths_px = track.boxes_xyxy[:, 2] - track.boxes_xyxy[:, 0]
        first, last = (float(analysis.frame_timestamps_s[track.frame_indices[end]]) for end in (0, -1))
        rows.append(
            (
                person_name(track.track_id),
                str(track.track_id),
                str(len(track)),
                format_time(first),
                format_time(last),
                f"{widths_px.mean():.0f} px",
                f"{measured.min():.3f}" if len(measured) else "–",
                judged.get(track.track_id, "no"),
            )
        )
    return rows


def _column_of_trace(trace: SignalTrace | None, count: int) -> list[str]:
    column = [""] * count
    if trace is not None:
        for frame, value in zip(trace.frame_indices.tolist(), trace.values, strict=True):
            column[frame] = _cell(value)
    return column


def _columns_of_track(track: FaceTrack, count: int) -> list[list[str]]:
    table = np.column_stack([track.boxes_xyxy, track.confidences])
    columns = [[""] * count for _ in range(table.shape[1])]
    for frame, row in zip(track.frame_indices.tolist(), table, strict=True):
        for column, value in zip(columns, row, strict=True):
            column[frame] = _cell(value)
    return columns


def _cell(value: np.float32) -> str:
    return str(value) if np.isfinite(value) else ""
