"""The database that an address names, opened and brought up to date; its errors as sentences."""

import errno
import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event, inspect, text
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import NullPool

from deepfake.errors import StoreBusyError, StoreError
from deepfake.store.tables import SCHEMA_REVISION, VERSION_TABLE

logger = logging.getLogger(__name__)

BUSY_TIMEOUT_S = 5.0  # how long to wait for another process that writes: one analysis takes it a few milliseconds
CONNECT_TIMEOUT_S = 10  # how long to wait for a PostgreSQL server
MIGRATION_LOCK = 0x6465657066616B65  # PostgreSQL's advisory lock: any number that no other program uses ("deepfake")
POSTGRESQL_NAMES = {"postgres", "postgresql", "postgresql+psycopg"}
SQLITE_NAMES = {"sqlite", "sqlite+pysqlite"}
LOGS = ("-wal", "-journal")  # beside a SQLite file: of whoever writes to it, or was ended while writing
MIGRATIONS = Path(__file__).parent / "migrations"
ENCODING = "in user and password write @ as %40, : as %3A, / as %2F, ? as %3F, # as %23, % as %25"
ADVICE = "name another store in DEEPFAKE_DATABASE_URL"


class Database:
    """A SQLite file or a PostgreSQL database. Safe to use from several threads, and after a fork."""

    def __init__(self, address: str, *, must_exist: bool = False, wait_s: float | None = None) -> None:
        """must_exist: make no SQLite file where there is none. wait_s: how long to wait for another process that keeps
        the store busy, by default BUSY_TIMEOUT_S. Raises StoreError where the address names no database that can be
        used."""
        self._url = _checked(address)
        self.name = _shown(self._url)
        self.is_sqlite = self._url.drivername == "sqlite+pysqlite"
        self._pid = os.getpid()
        self._wait_s = BUSY_TIMEOUT_S if wait_s is None else wait_s
        with self._told():
            self._prepare(must_exist)
            self._engine = _sqlite_engine(self._url, self._wait_s) if self.is_sqlite else _postgresql_engine(self._url)
            self._writer = self._engine.execution_options(writes=True)  # the same connections
        try:
            self._bring_up_to_date()
        except BaseException:
            self._engine.dispose()
            raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection to read with. Raises StoreError."""
        self._after_fork()
        with self._told(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection in a transaction: all of what is written is kept, or nothing. Raises StoreError."""
        self._after_fork()
        with self._told(), self._writer.begin() as connection:
            yield connection

    def copy_to(self, target: Path) -> None:
        """Copy a SQLite file as it is at one moment, also while others write: what its write-ahead log holds as well.

        Raises StoreError; OSError where the disk of the copy is full.
        """
        self._after_fork()
        with self._told(), closing(self._engine.raw_connection()) as source, closing(sqlite3.connect(target)) as copy:
            try:
                source.driver_connection.backup(copy)  # type: ignore[union-attr]
            except sqlite3.Error as error:
                if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target)) from error
                raise

    def faults(self) -> list[str]:
        """Return what SQLite finds wrong with its file; PostgreSQL looks after its own. Raises StoreError."""
        if not self.is_sqlite:
            return []
        with self.reading() as connection:
            found = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
            strays = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        return [str(line) for line in found if line != "ok"] + [f"a row of {row[0]} belongs to none" for row in strays]

    def close(self) -> None:
        """Close all connections."""
        self._after_fork()
        self._engine.dispose()

    def _after_fork(self) -> None:
        if os.getpid() != self._pid:
            # Connections of the parent process are not this one's to use, nor to close.
            self._engine.dispose(close=False)
            self._pid = os.getpid()

    def _prepare(self, must_exist: bool) -> None:
        """Make the file of a new SQLite store for its owner alone: SQLite gives its other files the same rights."""
        path = Path(self._url.database or "")
        if not self.is_sqlite or path.exists():
            return
        if must_exist:
            raise StoreError(self.name, "there is no such store")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.touch(mode=0o600)
        except OSError as error:
            raise StoreError(self.name, f"it cannot be made ({error.strerror}); {ADVICE}") from error

    def _bring_up_to_date(self) -> None:
        with self.reading() as connection:
            found = _revision(connection)
        if found == SCHEMA_REVISION:
            return
        with self.writing() as connection:
            if not self.is_sqlite:
                # SQLite's transaction keeps other writers out by itself.
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
            found = _revision(connection)
            if found != SCHEMA_REVISION:
                self._migrate(connection, found)

    def _migrate(self, connection: Connection, found: str | None) -> None:
        # Imported here: a store that is up to date needs none of it.
        from alembic import command
        from alembic.config import Config
        from alembic.script import ScriptDirectory

        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        known = {step.revision for step in ScriptDirectory.from_config(config).walk_revisions()}
        if found is not None and found not in known:
            raise StoreError(
                self.name,
                f"this store was written by a newer version of the workbench (schema {found}, this "
                f"version knows {SCHEMA_REVISION}); update the workbench, or {ADVICE}",
            )
        logger.info("%s: from schema %s to %s", self.name, found or "none", SCHEMA_REVISION)
        command.upgrade(config, SCHEMA_REVISION)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what the database says into a StoreError: one sentence, without the password."""
        try:
            yield
        except PoolTimeoutError as error:
            raise StoreError(self.name, "all connections are in use; try again later") from error
        except DBAPIError as error:
            raise self._as_error(error.orig) from error
        except sqlite3.Error as error:
            # From what is set up on a new connection.
            raise self._as_error(error) from error
        except SQLAlchemyError as error:
            raise StoreError(self.name, f"{self._cleaned(str(error))}") from error
        except UnicodeDecodeError as error:
            # SQLite repeats what stands in a damaged file.
            raise StoreError(self.name, self._in_words("malformed text")) from error

    def _as_error(self, error: BaseException | None) -> StoreError:
        said = self._cleaned(str(error))
        if self.is_sqlite and any(word in said.lower() for word in ("locked", "busy")):
            why = f"another process has kept the store busy for {self._wait_s:g} s ({said}); try again later"
            return StoreBusyError(self.name, why)
        return StoreError(self.name, self._in_words(said))

    def _in_words(self, said: str) -> str:
        lowered = said.lower()
        if not self.is_sqlite:
            return f"PostgreSQL cannot be used: {said}"
        if "malformed" in lowered or "not a database" in lowered or "unsupported file format" in lowered:
            what = f"this is not a SQLite database, or a damaged one ({said})"
            return f"{what}; it was left as it is: restore it, or {ADVICE}"
        if "disk is full" in lowered:
            return f"the disk is full ({said}); make room on it, or {ADVICE}"
        if "readonly" in lowered:  # as after somebody ran the program with sudo
            what = f"the store cannot be used for this: it may not be written to ({said})"
            return f"{what}; make the file and its folder writable for this user, or {ADVICE}"
        return f"the store cannot be used ({said}); {ADVICE}"

    def _cleaned(self, message: str) -> str:
        for password in (self._url.password, self._url.query.get("password")):
            if password:
                message = message.replace(str(password), "***")
        return " ".join(message.split())


def _checked(address: str) -> URL:
    if not isinstance(address, str):
        raise TypeError(f"the address of a store is a text such as sqlite:///FILE, not {type(address).__name__}")
    try:
        url = make_url(address.strip())
    except (SQLAlchemyError, ValueError):
        # The address may hold a password: nothing of it is repeated, nor of the cause.
        raise StoreError(
            "DEEPFAKE_DATABASE_URL",
            "this is no address of a database; write sqlite:///path/to/file.db or "
            f"postgresql://user:password@host/database; {ENCODING}",
        ) from None
    if url.drivername in POSTGRESQL_NAMES:
        after_password = address.partition("://")[2].partition(":")[2].partition("@")[2]
        if "@" in after_password:
            # What follows the first @ of a password would be taken for a host, shown, and looked for on the network.
            raise StoreError("DEEPFAKE_DATABASE_URL", f"there is an @ too many; {ENCODING}")
        return url.set(drivername="postgresql+psycopg")
    if url.drivername not in SQLITE_NAMES:
        raise StoreError(url.drivername, "the store is kept in SQLite (sqlite:///) or PostgreSQL (postgresql://)")
    if not url.database or url.database == ":memory:" or url.query:
        raise StoreError("", "the SQLite store needs a file: write sqlite:///path/to/file.db, and nothing after it")
    return url.set(drivername="sqlite+pysqlite", database=str(Path(url.database).expanduser().absolute()))


def _shown(url: URL) -> str:
    """The database's name for the user: nothing of user, password or options."""
    if url.drivername.startswith("sqlite"):
        return str(url.database)
    port = f":{url.port}" if url.port else ""
    return f"postgresql://{url.host or ''}{port}/{url.database or ''}"


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))
    return found


def _postgresql_engine(url: URL) -> Engine:
    options = {} if "connect_timeout" in url.query else {"connect_timeout": CONNECT_TIMEOUT_S}
    return create_engine(url, connect_args=options, pool_pre_ping=True, hide_parameters=True)


def _sqlite_engine(url: URL, wait_s: float) -> Engine:
    path = Path(url.database or "")
    may_write = os.access(path.parent, os.W_OK)
    # Where it may not, each reading opens the file anew: whether its owner is writing can change in between.
    pool = None if may_write else NullPool
    engine = create_engine(url, connect_args={"timeout": wait_s}, hide_parameters=True, poolclass=pool)

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, _address: Any, options: dict[str, Any]) -> sqlite3.Connection | None:
        if may_write or any(path.with_name(path.name + end).exists() for end in LOGS):
            return None  # as usual
        # SQLite cannot make its write-ahead log there, and without one it reads only what it is told does not change.
        unchanging: sqlite3.Connection = sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True, **options)
        return unchanging

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _: Any) -> None:
        # Transactions are begun below: the module by itself would leave reads and table changes out of them.
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")
        _use_write_ahead_log(connection, wait_s)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that began by reading and then wants to write fails at once when another wrote in between.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _use_write_ahead_log(connection: sqlite3.Connection, wait_s: float) -> None:
    """Readers do not wait for a writer then. Where the file system cannot do it, SQLite goes on as it was."""
    deadline = time.monotonic() + wait_s
    [mode] = connection.execute("PRAGMA journal_mode").fetchone()
    while mode != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            # This change does not wait for other processes by itself, as other statements do.
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.02)
