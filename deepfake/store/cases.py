"""Cases: clips, or only what was found in them, that somebody keeps on purpose, with a name, notes and their source."""

import logging
import os
import shutil
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, select, update

from deepfake.analysis.keeping import analysis_from_bytes, analysis_to_bytes
from deepfake.analysis.model import Analysis
from deepfake.analysis.moments import Moments
from deepfake.errors import StoreError
from deepfake.serialize import from_bytes, to_bytes
from deepfake.store.database import Database
from deepfake.store.rows import now_us, searched_text, stored_text, time_of
from deepfake.store.tables import case_clips, cases

logger = logging.getLogger(__name__)

MAX_NAME_CHARACTERS = 200
MAX_SOURCE_CHARACTERS = 2000
MAX_NOTES_CHARACTERS = 20_000


@dataclass(frozen=True, slots=True)
class KeptClip:
    """A clip of a case. name: as its user called it. file: its copy's name in the folder of kept clips, "" where only
    the analysis is kept. kept_at: UTC."""

    id: int
    case_id: int
    sha256: str
    fingerprint: str
    name: str
    file: str
    kept_at: datetime


@dataclass(frozen=True, slots=True)
class Case:
    """What somebody keeps. owner: who, "" without a login. source: where the clips come from, an address, say.
    created_at: UTC. clips: the earliest first."""

    id: int
    owner: str
    name: str
    notes: str
    source: str
    created_at: datetime
    clips: tuple[KeptClip, ...]


@dataclass(frozen=True, slots=True)
class KeptContent:
    """What is kept of a clip. moments: the most suspicious ones as pictures; none where it was kept without them."""

    clip: KeptClip
    analysis: Analysis
    moments: Moments


class Cases:
    """The cases of a store, which AnalysisStore.cases gives. Every method raises StoreError.

    `owner` is whose cases are asked for: "" without a login, None for everybody's, which is for whoever may read the
    store itself. A case of somebody else is one that is not there.
    """

    def __init__(self, database: Database, folder: Path) -> None:
        """folder: of kept clips; it is made, for its user alone, when the first is kept."""
        self._database = database
        self._folder = folder

    def make(self, name: str, *, owner: str = "", notes: str = "", source: str = "") -> Case:
        """Return a new case without clips. Raises ValueError where the name is empty."""
        values = _checked(name, notes, source) | {"owner": owner, "created_at_us": now_us()}
        with self._database.writing() as connection:
            number = connection.scalar(insert(cases).values(values).returning(cases.c.id))
            [case] = _found(connection, cases.c.id == number)
        return case

    def change(self, case_id: int, *, owner: str | None, name: str, notes: str, source: str) -> bool:
        """Give a case another name, other notes, another source; return whether it was there."""
        values = _checked(name, notes, source)
        with self._database.writing() as connection:
            changed = connection.execute(update(cases).where(_is_case(case_id, owner)).values(values))
        return changed.rowcount > 0

    def find(self, *, owner: str | None, text: str = "") -> tuple[Case, ...]:
        """Return the cases whose name, notes or source hold `text`, whatever its case, the newest first."""
        wanted = and_(True, _is_of(owner))
        if text.strip():
            wanted = and_(wanted, cases.c.searched.contains(searched_text(text.strip()), autoescape=True))
        with self._database.reading() as connection:
            return _found(connection, wanted)

    def get(self, case_id: int, *, owner: str | None) -> Case | None:
        """Return a case, or None."""
        with self._database.reading() as connection:
            return next(iter(_found(connection, _is_case(case_id, owner))), None)

    def delete(self, case_id: int, *, owner: str | None) -> bool:
        """Delete a case with all that is kept in it; return whether it was there."""
        with self._database.writing() as connection:
            # Locked before its clips are read: PostgreSQL would let another connection keep one in between, whose row
            # would go with the case and whose file would stay.
            locked = select(cases.c.id).where(_is_case(case_id, owner)).with_for_update()
            if connection.scalar(locked) is None:
                return False
            clips = _clips(connection, case_clips.c.case_id == case_id)
            connection.execute(delete(case_clips).where(case_clips.c.case_id == case_id))
            connection.execute(delete(cases).where(cases.c.id == case_id))
        self._remove_files(clips)
        return True

    def keep(
        self,
        case: Case,
        analysis: Analysis,
        *,
        name: str,
        moments: Moments | None = None,
        clip: Path | None = None,
    ) -> KeptClip:
        """Put a clip into a case, in place of what the case has of this clip and these settings.

        Args:
            case: of the store.
            analysis: of the clip.
            name: what the clip is called.
            moments: pictures of it for reports.
            clip: the file to copy; None keeps only what was found.
        """
        file = "" if clip is None else self._copied(clip)
        values = {
            "case_id": case.id,
            "sha256": analysis.video.sha256,
            "fingerprint": analysis.config.fingerprint(),
            "name": stored_text(name),
            "file": file,
            "kept_at_us": now_us(),
            "analysis": analysis_to_bytes(analysis.with_path(Path(name))),
            "moments": to_bytes(moments or Moments()),
        }
        same = and_(*(case_clips.c[column] == values[column] for column in ("case_id", "sha256", "fingerprint")))
        try:
            with self._database.writing() as connection:
                # In the order of delete(): the case, then its clips; otherwise each could wait for the other.
                connection.execute(select(cases.c.id).where(cases.c.id == case.id).with_for_update(read=True))
                former = _clips(connection, same)
                connection.execute(delete(case_clips).where(same))
                connection.execute(insert(case_clips).values(values))
                [kept] = _clips(connection, same)
        except BaseException:
            if file:
                (self._folder / file).unlink(missing_ok=True)
            raise
        self._remove_files(former)
        return kept

    def remove(self, clip_id: int, *, owner: str | None) -> bool:
        """Take a clip out of its case; return whether it was there."""
        with self._database.writing() as connection:
            found = _clips(connection, and_(case_clips.c.id == clip_id, _is_of(owner)))
            connection.execute(delete(case_clips).where(case_clips.c.id.in_([clip.id for clip in found])))
        self._remove_files(found)
        return bool(found)

    def clips(self, *, owner: str | None) -> tuple[KeptClip, ...]:
        """Return the kept clips of all cases whose file is there, the newest first."""
        with self._database.reading() as connection:
            found = _clips(connection, and_(case_clips.c.file != "", _is_of(owner)))
        return tuple(clip for clip in reversed(found) if self.path_of(clip) is not None)

    def content(self, clip: KeptClip) -> KeptContent:
        """Return what is kept of a clip that one of these methods gave. Raises StoreError where it is damaged."""
        query = select(case_clips.c.analysis, case_clips.c.moments).where(case_clips.c.id == clip.id)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        try:
            analysis = analysis_from_bytes(b"" if row is None else row.analysis)
            moments = from_bytes(b"" if row is None else row.moments, Moments)
        except ValueError as error:
            raise StoreError(clip.name, f"what was kept of it cannot be read: {error}") from error
        return KeptContent(clip, analysis, moments)

    def analysis(self, sha256: str, fingerprint: str, *, owner: str | None) -> Analysis | None:
        """Return what a case has of a clip and these settings, or None."""
        same = and_(case_clips.c.sha256 == sha256, case_clips.c.fingerprint == fingerprint, _is_of(owner))
        with self._database.reading() as connection:
            found = _clips(connection, same)
        return self.content(found[-1]).analysis if found else None

    def path_of(self, clip: KeptClip) -> Path | None:
        """Return where the copy of a clip is; None where only the analysis was kept, or the file has gone."""
        path = self._folder / clip.file
        return path if clip.file and path.is_file() else None

    def _copied(self, clip: Path) -> str:
        """Copy a clip for its user alone, under a name of its own; return the name."""
        name = f"{uuid.uuid4().hex}{clip.suffix.lower()}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._folder.chmod(0o700)
            target = os.open(self._folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with clip.open("rb") as source, os.fdopen(target, "wb") as copy:
                shutil.copyfileobj(source, copy, 2**20)
        except OSError as error:
            (self._folder / name).unlink(missing_ok=True)
            raise StoreError(clip.name, f"the clip cannot be kept: {error.strerror or error}") from error
        return name

    def _remove_files(self, clips: Iterable[KeptClip]) -> None:
        for clip in clips:
            if clip.file:
                try:
                    (self._folder / clip.file).unlink(missing_ok=True)
                except OSError:
                    logger.exception("the kept copy of %s cannot be removed", clip.name)


def _checked(name: str, notes: str, source: str) -> dict[str, Any]:
    """Fields of a case as the store has them. Raises ValueError where one cannot be."""
    name, notes, source = (stored_text(text).strip() for text in (name, notes, source))
    if not name:
        raise ValueError("a case needs a name")
    for what, text, most in (
        ("name", name, MAX_NAME_CHARACTERS),
        ("notes", notes, MAX_NOTES_CHARACTERS),
        ("source", source, MAX_SOURCE_CHARACTERS),
    ):
        if len(text) > most:
            raise ValueError(f"the {what} may have {most:,} characters, not {len(text):,}")
    return {"name": name, "notes": notes, "source": source, "searched": searched_text("\n".join((name, source, notes)))}


def _is_of(owner: str | None) -> ColumnElement[bool]:
    return and_(True, *(() if owner is None else (cases.c.owner == owner,)))


def _is_case(case_id: int, owner: str | None) -> ColumnElement[bool]:
    return and_(cases.c.id == case_id, _is_of(owner))


def _found(connection: Connection, wanted: ColumnElement[bool]) -> tuple[Case, ...]:
    query = select(cases).where(wanted).order_by(cases.c.created_at_us.desc(), cases.c.id.desc())
    rows = connection.execute(query).all()
    inside: dict[int, list[KeptClip]] = {row.id: [] for row in rows}
    for clip in _clips(connection, wanted) if rows else ():
        inside[clip.case_id].append(clip)
    return tuple(
        Case(row.id, row.owner, row.name, row.notes, row.source, time_of(row.created_at_us), tuple(inside[row.id]))
        for row in rows
    )


def _clips(connection: Connection, wanted: ColumnElement[bool]) -> list[KeptClip]:
    names = ("id", "case_id", "sha256", "fingerprint", "name", "file", "kept_at_us")
    query = select(*(case_clips.c[name] for name in names)).join(cases).where(wanted)
    return list(map(_clip, connection.execute(query.order_by(case_clips.c.kept_at_us, case_clips.c.id))))


def _clip(row: Row[Any]) -> KeptClip:
    known = row._asdict()
    return KeptClip(kept_at=time_of(known.pop("kept_at_us")), **known)
