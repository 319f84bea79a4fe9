"""Between the tables' rows and what the store answers with."""

import dataclasses
import hashlib
import unicodedata
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, select

from deepfake.analysis.keeping import reason_from_text, reason_to_text
from deepfake.analysis.model import Analysis
from deepfake.analysis.verdict import Verdict
from deepfake.detectors import classifier
from deepfake.store.records import AnalysisSummary, Failure
from deepfake.store.tables import analyses, failures

SEARCH_NAME_CHARACTERS = 256  # of a name that are searched: an index holds them

_SUMMARY_NAMES = [field.name for field in dataclasses.fields(AnalysisSummary)]
_TIME_AT, _REASON_AT = _SUMMARY_NAMES.index("created_at"), _SUMMARY_NAMES.index("reason")
_SUMMARY_COLUMNS = [analyses.c[f"{name}_us" if name == "created_at" else name] for name in _SUMMARY_NAMES]


def row_of(analysis: Analysis, fingerprint: str, name: str, location: str) -> dict[str, Any]:
    """Return the columns of an analysis, but for its id."""
    verdict, video = analysis.verdict, analysis.video
    low, high = verdict.interval if verdict.interval is not None else (None, None)
    return {
        "sha256": video.sha256,
        "fingerprint": fingerprint,
        "name": stored_text(name),
        "search_name": searched_text(name)[:SEARCH_NAME_CHARACTERS],
        "location": stored_text(location),
        "created_at_us": now_us(),
        "verdict": verdict.label,
        "probability_fake": verdict.probability_fake,
        "interval_low": low,
        "interval_high": high,
        "false_alarm_p": _false_alarm_p(verdict),
        "reason": stored_text(reason_to_text(verdict.first_reason)),
        "faces": len(analysis.tracks),
        "duration_s": analysis.length_s,
        "width": video.width,
        "height": video.height,
        "face_detector": analysis.config.face_detector,
        "classifier": analysis.config.classifier,
        "software_version": analysis.software_version,
        "model": classifier(analysis.config.classifier).fingerprint(),
        "faces_limit": analysis.faces_limit,
        "answer": verdict.answer,
        "declared": None if video.declared is None else video.declared.brief,
    }


def _false_alarm_p(verdict: Verdict) -> float | None:
    """That of the person whose probability is the clip's."""
    values = [
        track.false_alarm_p
        for track in verdict.tracks
        if track.false_alarm_p is not None and track.probability_fake == verdict.probability_fake
    ]
    return min(values, default=None)


def summaries_query() -> Select[Any]:
    """Return the query of all summaries."""
    return select(*_SUMMARY_COLUMNS)


def summary_of(row: Row[Any]) -> AnalysisSummary:
    """Return the summary in a row of summaries_query."""
    values = list(row)
    values[_TIME_AT] = time_of(values[_TIME_AT])
    values[_REASON_AT] = reason_from_text(values[_REASON_AT])
    return AnalysisSummary(*values)


def failure_of(row: Row[Any], location: str) -> Failure:
    """Return the failure in a row; location: as the caller calls it."""
    return Failure(location, row.stamp, row.fingerprint, row.error, row.name, time_of(row.created_at_us), row.limits)


def is_failure_of(location: str, fingerprints: Collection[str]) -> ColumnElement[bool]:
    """Return the condition that picks the failures of one location with these settings."""
    return and_(failures.c.location_key == location_key(location), failures.c.fingerprint.in_(fingerprints))


def location_key(location: str) -> str:
    """Return what a location is found by."""
    return hashlib.sha256(location.encode("utf-8", "surrogateescape")).hexdigest()


def stored_text(value: str) -> str:
    """Text that both databases take: a name that is not UTF-8 on disk with its bytes spelled out, and no NUL."""
    return value.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "")


def searched_text(name: str) -> str:
    """A name as it is searched: the same letter composed in two ways, or in capitals, is the same."""
    return unicodedata.normalize("NFC", stored_text(name).casefold())


def now_us() -> int:
    """Return the time in microseconds since 1970."""
    return round(datetime.now(UTC).timestamp() * 1_000_000)


def time_of(microseconds: int) -> datetime:
    """Return microseconds since 1970 as a time, UTC."""
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC)
