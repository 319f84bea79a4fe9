"""AnalysisStore: every analysis kept, keyed by the clip's SHA-256 and the fingerprint of settings and weights."""

import dataclasses
import logging
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Self, TypeVar, get_args

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Table,
    and_,
    any_,
    bindparam,
    delete,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from deepfake.analysis.keeping import analysis_from_bytes, analysis_to_bytes
from deepfake.analysis.model import Analysis
from deepfake.analysis.verdict import VerdictLabel
from deepfake.errors import StoreError
from deepfake.settings import Settings, settings_given
from deepfake.store.cases import Cases
from deepfake.store.database import Database
from deepfake.store.records import AnalysisSummary, Failure, StoredFingerprint, SummaryPage
from deepfake.store.rows import (
    failure_of,
    is_failure_of,
    location_key,
    now_us,
    row_of,
    searched_text,
    stored_text,
    summaries_query,
    summary_of,
    time_of,
)
from deepfake.store.tables import analyses, failures, files, payloads, visitors

logger = logging.getLogger(__name__)

# Values to look for in one query: SQLite takes 999 in its older versions.
SQLITE_CHUNK = 500
POSTGRESQL_CHUNK = 5000

_T = TypeVar("_T")


def open_store(
    settings: Settings | None = None, url: str | None = None, *, wait_s: float | None = None
) -> "AnalysisStore":
    """Return the store of kept analyses. A store of an older version is brought up to date; a missing one is made.

    Args:
        settings: Their database_url names the store; by default the settings in force.
        url: Names the store instead: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE.
        wait_s: How long to wait for another process that keeps a SQLite file busy, in seconds; by default 5.

    Raises:
        StoreError: The store is damaged, was written by a newer version, or cannot be reached.
        TypeError: settings is no Settings, or url no text.

    Example:
        >>> import deepfake
        >>> analysis = deepfake.analyze("clip.mp4")
        >>> with deepfake.open_store(url="sqlite:///analyses.db") as store:
        ...     store.put(analysis, name="clip.mp4")
        ...     store.get(analysis.video.sha256, analysis.config.fingerprint()).verdict == analysis.verdict
        True
        True
    """
    settings = settings_given(settings)
    address = settings.database_url if url is None else url
    return AnalysisStore(Database(address, wait_s=wait_s), settings.cases_dir)


class AnalysisStore:
    """Kept analyses. Safe to use from several threads, and by several processes at once.

    with open_store() as store:
        analysis = store.get(sha256, config.fingerprint())

    cases: what somebody keeps on purpose. Every method raises StoreError where the database cannot be used.
    """

    def __init__(self, database: Database, cases_dir: Path) -> None:
        self._database = database
        self.cases = Cases(database, cases_dir)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections to the database."""
        self._database.close()

    def get(self, sha256: str, fingerprint: str) -> Analysis | None:
        """Return the analysis of a clip, or None. Its video.path is the location, or the name, that put was given.

        Raises StoreError where this entry is damaged; put replaces it.
        """
        query = (
            select(analyses.c.id, analyses.c.name, payloads.c.data)
            .join_from(analyses, payloads, isouter=True)
            .where(analyses.c.sha256 == sha256, analyses.c.fingerprint == fingerprint)
        )
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        try:
            return analysis_from_bytes(row.data or b"")
        except ValueError as error:
            raise StoreError(
                self._database.name,
                f"entry {row.id} ({row.name}) cannot be read: {error}. Other entries are not "
                "affected; delete it, or analyze the clip again",
            ) from error

    def put(self, analysis: Analysis, *, name: str, location: str = "") -> bool:
        """Keep an analysis, unless there is one of this clip and these settings already; return whether it is new.

        name: what the clip is called. location: its absolute path or URL, or "" where nobody may know. An entry that
        cannot be read, or that left out faces which this one has, is replaced. A failure that was kept for the
        location and these settings is forgotten; with a full analysis also that of the quick look, in whose place it
        is.
        """
        fingerprint = analysis.config.fingerprint()
        mended = {fingerprint, dataclasses.replace(analysis.config, quick=True).fingerprint()}
        analysis = analysis.with_path(Path(location if location and "://" not in location else name))
        row = row_of(analysis, fingerprint, name, location)
        data = analysis_to_bytes(analysis)
        with self._database.writing() as connection:
            new = self._insert(connection, row, data)
            if location:
                connection.execute(delete(failures).where(is_failure_of(location, mended)))
        return new

    def has(self, sha256s: Iterable[str], fingerprint: str) -> set[str]:
        """Return those clips that have an analysis of these settings."""
        found: set[str] = set()
        with self._database.reading() as connection:
            for chunk in self._chunks(sha256s):
                query = select(analyses.c.sha256).where(
                    self._is_among(analyses.c.sha256, chunk), analyses.c.fingerprint == fingerprint
                )
                found.update(connection.scalars(query))
        return found

    def opened_by(self, owner: str, sha256: str, fingerprint: str) -> None:
        """Note that a visitor opened an analysis: from then on it is in their History."""
        chosen = select(literal(owner), analyses.c.id).where(
            analyses.c.sha256 == sha256, analyses.c.fingerprint == fingerprint
        )
        statement = self._insert_into(visitors).from_select(["owner", "analysis_id"], chosen)
        with self._database.writing() as connection:
            connection.execute(statement.on_conflict_do_nothing())

    def delete(self, ids: Iterable[int], *, owner: str = "") -> int:
        """Delete analyses by the id of their summaries; return how many there were. owner: a visitor, out of whose
        History they go; what another visitor has in theirs stays."""
        with self._database.writing() as connection:
            count = 0
            for chunk in self._chunks(ids):
                if owner:
                    chunk, taken = self._taken_out(connection, chunk, owner)
                    count += taken
                connection.execute(delete(payloads).where(self._is_among(payloads.c.analysis_id, chunk)))
                count += connection.execute(delete(analyses).where(self._is_among(analyses.c.id, chunk))).rowcount
        return count

    def _taken_out(self, connection: Connection, ids: list[int], owner: str) -> tuple[list[int], int]:
        """Take analyses out of a visitor's History; return those that are in nobody's now, and how many others."""
        among = self._is_among(visitors.c.analysis_id, ids)
        mine = and_(among, visitors.c.owner == owner)
        taken = connection.scalars(delete(visitors).where(mine).returning(visitors.c.analysis_id)).all()
        others = set(connection.scalars(select(visitors.c.analysis_id).where(among)))
        return [number for number in taken if number not in others], len(others.intersection(taken))

    def known_hashes(self, seen: Mapping[str, str]) -> dict[str, str]:
        """Return the SHA-256 of those files that were seen before and have the same stamp, by location.

        seen: stamps by location: what changes with a file: its size and time of change, or the key that fsspec gives a
        remote one.
        """
        found: dict[str, str] = {}
        location_of = {location_key(location): location for location in seen}
        with self._database.reading() as connection:
            for chunk in self._chunks(location_of):
                for row in connection.execute(select(files).where(self._is_among(files.c.location_key, chunk))):
                    location = location_of[row.location_key]
                    if row.stamp == seen[location]:
                        found[location] = row.sha256
        return found

    def remember_file(self, location: str, stamp: str, sha256: str) -> None:
        """Keep a file's SHA-256 for as long as it has this stamp."""
        values = {"location": stored_text(location), "stamp": stamp, "sha256": sha256}
        with self._database.writing() as connection:
            self._upsert(connection, files, {"location_key": location_key(location)}, values)

    def put_failure(
        self, location: str, stamp: str, fingerprint: str, error: str, *, name: str, limits: str = ""
    ) -> None:
        """Keep why a clip could not be analyzed, in place of what was kept for it and these settings before. limits: as
        in Failure."""
        key = {"location_key": location_key(location), "fingerprint": fingerprint}
        values = {
            "location": stored_text(location),
            "stamp": stamp,
            "error": stored_text(error),
            "name": stored_text(name),
            "limits": limits,
        }
        with self._database.writing() as connection:
            self._upsert(connection, failures, key, {**values, "created_at_us": now_us()})

    def failures(self, fingerprint: str, locations: Iterable[str] | None = None) -> dict[str, Failure]:
        """Return the failures of these settings by location: all, or those of the given locations."""
        query = select(failures).where(failures.c.fingerprint == fingerprint)
        with self._database.reading() as connection:
            if locations is None:
                return {row.location: failure_of(row, row.location) for row in connection.execute(query)}
            location_of = {location_key(location): location for location in locations}
            return {
                location_of[row.location_key]: failure_of(row, location_of[row.location_key])
                for chunk in self._chunks(location_of)
                for row in connection.execute(query.where(self._is_among(failures.c.location_key, chunk)))
            }

    def find(
        self,
        *,
        text: str = "",
        verdict: VerdictLabel | None = None,
        fingerprint: str | None = None,
        owner: str = "",
        offset: int = 0,
        limit: int = 50,
    ) -> SummaryPage:
        """Return a page of analyses: those whose name holds `text`, whatever its case, with this verdict and these
        settings. owner: a visitor, who finds what they opened; "", where nobody logs in, finds all.

        Raises ValueError for a verdict that there is not, or an offset or limit below 0.
        """
        if verdict not in (None, *get_args(VerdictLabel)):
            raise ValueError(f"verdict can be {', '.join(get_args(VerdictLabel))} or None, not {verdict!r}")
        if offset < 0 or limit < 0:
            raise ValueError(f"offset and limit cannot be below 0, as in {offset} and {limit}")
        conditions: list[ColumnElement[bool]] = []
        if text:
            conditions.append(analyses.c.search_name.contains(searched_text(text), autoescape=True))
        if verdict is not None:
            conditions.append(analyses.c.verdict == verdict)
        if fingerprint is not None:
            conditions.append(analyses.c.fingerprint == fingerprint)
        if owner:
            conditions.append(_is_of(owner))
        chosen = and_(True, *conditions)
        newest_first = analyses.c.created_at_us.desc(), analyses.c.id.desc()
        page = summaries_query().where(chosen).order_by(*newest_first).offset(offset).limit(limit)
        with self._database.reading() as connection:
            total = connection.scalar(select(func.count()).select_from(analyses).where(chosen)) or 0
            rows = connection.execute(page).all() if total > offset else []
        return SummaryPage(total, tuple(map(summary_of, rows)))

    def summaries(
        self, sha256s: Iterable[str], fingerprint: str | None = None, *, owner: str = ""
    ) -> dict[str, AnalysisSummary]:
        """Return the summary of each clip that has an analysis of these settings; without them, its newest. owner: as
        in find."""
        found: dict[str, AnalysisSummary] = {}
        query = summaries_query()
        if fingerprint is not None:
            query = query.where(analyses.c.fingerprint == fingerprint)
        if owner:
            query = query.where(_is_of(owner))
        with self._database.reading() as connection:
            for chunk in self._chunks(sha256s):
                rows = map(summary_of, connection.execute(query.where(self._is_among(analyses.c.sha256, chunk))))
                # The newest comes last. Sorted here: the database would rather walk through all of these settings.
                found.update((row.sha256, row) for row in sorted(rows, key=lambda row: (row.created_at, row.id)))
        return found

    def fingerprints(self) -> tuple[StoredFingerprint, ...]:
        """Return the settings and weights that there are analyses of, the latest used first."""
        counted = (
            select(
                analyses.c.fingerprint, func.count().label("count"), func.max(analyses.c.created_at_us).label("newest")
            )
            .group_by(analyses.c.fingerprint)
            .subquery()
        )
        columns = [
            analyses.c[name] for name in ("fingerprint", "face_detector", "classifier", "software_version", "model")
        ]
        # All rows of a fingerprint agree in these: one of them is asked.
        is_newest = and_(analyses.c.fingerprint == counted.c.fingerprint, analyses.c.created_at_us == counted.c.newest)
        query = select(*columns, counted.c.count, counted.c.newest).join_from(counted, analyses, is_newest).distinct()
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(counted.c.newest.desc(), analyses.c.fingerprint)).all()
        return tuple(StoredFingerprint(*row[:6], newest=time_of(row.newest)) for row in rows)

    def _insert(self, connection: Connection, row: dict[str, Any], data: bytes) -> bool:
        statement = self._insert_into(analyses).values(row).on_conflict_do_nothing().returning(analyses.c.id)
        row_id = connection.scalar(statement)
        if row_id is not None:
            connection.execute(payloads.insert().values(analysis_id=row_id, data=data))
            return True
        here = and_(analyses.c.sha256 == row["sha256"], analyses.c.fingerprint == row["fingerprint"])
        columns = analyses.c.id, analyses.c.faces_limit, payloads.c.data
        query = select(*columns).join_from(analyses, payloads, isouter=True).where(here)
        existing = connection.execute(query).first()
        if existing is None:
            return False
        if _is_readable(existing.data or b""):
            if not _follows_more(row["faces_limit"], existing.faces_limit):
                return False
        else:
            logger.warning("%s: entry %d could not be read and is replaced", self._database.name, existing.id)
        connection.execute(update(analyses).where(analyses.c.id == existing.id).values(row))
        self._upsert(connection, payloads, {"analysis_id": existing.id}, {"data": data})
        return True

    def _upsert(self, connection: Connection, table: Table, key: dict[str, Any], values: dict[str, Any]) -> None:
        statement = self._insert_into(table).values({**key, **values})
        connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))

    def _chunks(self, values: Iterable[_T]) -> Iterator[list[_T]]:
        if isinstance(values, str):  # its characters are no hashes, places or ids
            raise TypeError(f"a list is needed, not the text {values!r:.80}")
        rest = iter(dict.fromkeys(values))
        size = SQLITE_CHUNK if self._database.is_sqlite else POSTGRESQL_CHUNK
        while chunk := list(islice(rest, size)):
            yield chunk

    def _is_among(self, column: Column[Any], values: list[Any]) -> ColumnElement[bool]:
        if self._database.is_sqlite:
            return column.in_(values)
        # One parameter: PostgreSQL takes longer over hundreds than over the rows that they find.
        return column == any_(bindparam(None, values, type_=postgresql.ARRAY(column.type)))

    def _insert_into(self, table: Table) -> Any:
        # Both know ON CONFLICT, and SQLAlchemy has it under each one's own name only.
        return sqlite.insert(table) if self._database.is_sqlite else postgresql.insert(table)


def _is_of(owner: str) -> ColumnElement[bool]:
    return analyses.c.id.in_(select(visitors.c.analysis_id).where(visitors.c.owner == owner))


def _follows_more(limit: int | None, other: int | None) -> bool:
    """Whether of two analyses that stopped at so many faces, or at none, the first follows more."""
    return other is not None and (limit is None or limit > other)


def _is_readable(data: bytes) -> bool:
    try:
        analysis_from_bytes(data)
    except ValueError:
        return False
    return True
