"""An Analysis as bytes, as the store and the cache keep it, and back: also what earlier versions kept."""

import math
import re
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from deepfake.analysis.evidence import Evidence, EvidenceCode
from deepfake.analysis.model import Analysis
from deepfake.serialize import from_bytes, from_json, to_bytes

# Versions that wrote JSON kept sentences in place of codes: by which words each can be told.
FORMER_WORDS: Final[dict[EvidenceCode, str]] = {
    "no_face": "No face was found",
    "unscored": "this face has no aligned crops",
    "face_too_small": "the face is too small",
    "face_too_blurred": "the face is too blurred",
    "compressed_too_hard": "the clip is compressed too hard",
    "seen_too_briefly": "the face is seen too briefly",
    "turned_away": "the face is turned away",
    "hardly_a_face": "too little of the clip shows a face",
    "too_close": "the score is too close to call",
    "score": "of them look more fake than real",
    "reals_as_suspicious": "genuine calibration examples look",
    "fakes_as_low": "known fakes score as low",
    "seen_in_part": "the answer is about these alone",
    "signal_rare": "as in fakes; alone it",
    "signal_usual": "look at least as suspicious; alone it",
}
FORMER_PERSON: Final = re.compile(r"(?:Person (\d+): )?(.*)", re.DOTALL)


def analysis_to_bytes(analysis: Analysis) -> bytes:
    """Return an analysis as bytes, the same for the same analysis."""
    return to_bytes(analysis)


def analysis_from_bytes(data: bytes) -> Analysis:
    """Return the analysis that analysis_to_bytes, or an earlier version, turned into bytes.

    Raises:
        ValueError: the bytes are damaged, or were written for fields that an Analysis no longer has.
    """
    if data.startswith(b"{"):
        return from_json(data, Analysis, upgrade=_from_version_1)
    return from_bytes(data, Analysis, upgrade=_from_version_1)


def write_analysis(analysis: Analysis, path: Path) -> None:
    """Write an analysis to a file."""
    path.write_bytes(analysis_to_bytes(analysis))


def read_analysis(path: Path) -> Analysis:
    """Return the analysis that write_analysis, or an earlier version, wrote.

    Raises:
        ValueError: the file is damaged, or holds something else.
        OSError: the file cannot be read.
    """
    return analysis_from_bytes(path.read_bytes())


def reason_to_text(item: Evidence | None) -> str:
    """Return a reason as text, for a column of a table; "" for none."""
    return "" if item is None else msgspec.json.encode(item).decode()


def reason_from_text(text: str) -> Evidence | None:
    """Return the reason that reason_to_text, or an earlier version, turned into text; None for no text."""
    if not text:
        return None
    if text.startswith("{"):
        return msgspec.json.decode(text, type=Evidence)
    person, sentence = FORMER_PERSON.fullmatch(text).groups()  # type: ignore[union-attr]
    track_id = None if person is None else int(person) - 1
    return Evidence(_code_of(sentence), "", track_id, {"sentence": sentence})


def _from_version_1(data: dict[str, Any]) -> dict[str, Any]:
    """Turn what versions kept that wrote JSON, in the store and in the cache, into today's fields."""
    video, config, rule = data["video"], data["config"], data["notebook_rule"]
    numbers = {name: _measured(rule[name]) for name in ("amplitude", "minimum")}
    return {
        **data,
        "video": {
            **video,
            "frame_rate": Fraction(str(video.get("frame_rate_exact", video["frame_rate"]))),
            "variable_frame_rate": any("frame rate varies" in warning for warning in data["warnings"]),
            "adjustments": [{"code": "as_kept", "values": {"sentence": warning}} for warning in data["warnings"]],
        },
        "config": {"face_detector": config.get("detector"), **config},
        "tracks": [_track(track) for track in data["tracks"]],
        "notebook_rule": {**rule, **numbers},
        "verdict": _verdict(data["verdict"]),
    }


def _verdict(verdict: dict[str, Any]) -> dict[str, Any]:
    """Sentences become evidence. The evidence that a verdict's reasons were made of came first, in their order."""
    evidence = [_evidence(item) for item in verdict["evidence"]]
    by_sentence = {(item["track_id"], item["values"]["sentence"]): item for item in evidence}

    def known(track_id: int, sentence: str) -> dict[str, Any]:
        kept = {"signal": "", "track_id": track_id, "reason": sentence}
        return by_sentence.get((track_id, sentence)) or _evidence(kept)

    tracks = [
        {**track, "reasons": [known(track["track_id"], sentence) for sentence in track["reasons"]]}
        for track in verdict["tracks"]
    ]
    return {**verdict, "reasons": evidence[: len(verdict["reasons"])], "tracks": tracks}


def _evidence(item: dict[str, Any]) -> dict[str, Any]:
    return {**item, "code": _code_of(item["reason"]), "values": {"sentence": item["reason"]}}


def _code_of(sentence: str) -> EvidenceCode:
    return next((code for code, words in FORMER_WORDS.items() if words in sentence), "as_kept")


def _measured(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def _track(track: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(track["landmarks"], list):
        return track  # a row of the table of arrays
    # Lists do not tell the shape of an array that is empty.
    count = len(track["frame_indices"])
    points = len(track["landmarks"][0]) if count else 0
    boxes, landmarks = (np.array(track[name], np.float32) for name in ("boxes_xyxy", "landmarks"))
    return {**track, "boxes_xyxy": boxes.reshape(count, 4), "landmarks": landmarks.reshape(count, points, 2)}
