"""A store looked after: copied while it is in use, and checked."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from deepfake.analysis.keeping import analysis_from_bytes
from deepfake.errors import StoreError
from deepfake.files import output, replacing
from deepfake.settings import Settings, settings_given
from deepfake.store.database import Database
from deepfake.store.tables import analyses, case_clips, payloads


@dataclass(frozen=True, slots=True)
class StoreReport:
    """What a check found. name: of the store. analyses, kept_clips: how many were read. faults: a sentence each."""

    name: str
    analyses: int
    kept_clips: int
    faults: tuple[str, ...]


def back_up_store(target: Path, settings: Settings | None = None) -> str:
    """Copy the store into a new file, as it is at one moment, also while others use it; return the store's name.

    Only its owner may read the copy. The clips that were kept in cases are files of their own, in cases_dir.

    Raises:
        FileExistsError: There is such a file already.
        DiskError: The disk of the copy is full, or read-only.
        StoreError: The store cannot be used, or is a PostgreSQL database, which has tools of its own for this.
    """
    settings = settings_given(settings)
    if target.exists():
        raise FileExistsError(0, "this file exists already; name a new one", str(target))
    database = Database(settings.database_url, must_exist=True)
    try:
        if not database.is_sqlite:
            raise StoreError(
                database.name,
                "this store is a PostgreSQL database: copy it with pg_dump, or with what its administrator uses",
            )
        with output(target), replacing(target) as draft:
            draft.touch(mode=0o600)
            database.copy_to(draft)
    finally:
        database.close()
    return database.name


def check_store(settings: Settings | None = None) -> StoreReport:
    """Read all that the store has, and have SQLite check its file; change nothing.

    Raises StoreError where the store cannot be used at all.
    """
    settings = settings_given(settings)
    database = Database(settings.database_url, must_exist=True)
    try:
        faults = database.faults()
        kept = select(analyses.c.id, analyses.c.name, payloads.c.data).join_from(analyses, payloads, isouter=True)
        found, unreadable = _read_all(database, kept, "entry")
        clips = select(case_clips.c.id, case_clips.c.name, case_clips.c.analysis.label("data"))
        in_cases, unreadable_clips = _read_all(database, clips, "clip of a case")
        missing = _missing_files(database, settings.cases_dir)
    finally:
        database.close()
    return StoreReport(database.name, found, in_cases, (*faults, *unreadable, *unreadable_clips, *missing))


def _read_all(database: Database, query: object, kind: str) -> tuple[int, list[str]]:
    count, faults = 0, []
    with database.reading() as connection:
        for row in connection.execution_options(yield_per=50).execute(query):  # type: ignore[call-overload]
            count += 1
            try:
                analysis_from_bytes(row.data or b"")
            except ValueError as error:
                faults.append(f"{kind} {row.id} ({row.name}) cannot be read: {error}")
    return count, faults


def _missing_files(database: Database, folder: Path) -> list[str]:
    query = select(case_clips.c.name, case_clips.c.file).where(case_clips.c.file != "")
    with database.reading() as connection:
        rows = connection.execute(query).all()
    missing = [row for row in rows if not (folder / row.file).is_file()]
    return [f"the copy of {row.name} in a case is missing: {row.file}" for row in missing]
