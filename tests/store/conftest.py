"""A store on either database, and analyses to put into it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url, select, update

from deepfake.analysis.model import Analysis
from deepfake.store import AnalysisStore, open_store
from deepfake.store.tables import analyses, payloads
from tests.store.samples import sample_analysis

START_LIMIT_S = 60
MakeAnalysis = Callable[..., Analysis]


@pytest.fixture
def make_analysis() -> MakeAnalysis:
    return sample_analysis


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """Address of a PostgreSQL server: the one named in DEEPFAKE_TEST_POSTGRES_URL, whose user has to be allowed to make
    databases, else one that is started for this run."""
    named = os.environ.get("DEEPFAKE_TEST_POSTGRES_URL")
    if named:
        yield named
        return
    programs = _postgresql_programs()
    if programs is None:
        message = "no PostgreSQL here: DEEPFAKE_TEST_POSTGRES_URL is not set and no server is installed"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with _running_server(programs) as address:
        yield address


def _postgresql_programs() -> Path | None:
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += Path("/usr/lib/postgresql").glob("*/bin")
    usable = [folder for folder in folders if (folder / "initdb").is_file() and (folder / "postgres").is_file()]
    return max(usable, key=lambda folder: (folder.parent.name.rjust(4, "0"), folder), default=None)


@contextmanager
def _running_server(programs: Path) -> Iterator[str]:
    """A server of its own folder, reached through a socket in it. PostgreSQL refuses to run as root."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    user = {"user": "postgres", "group": "postgres", "extra_groups": []} if is_root else {}
    # A socket's path has to be short, and the folder one that the server's user may enter.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    try:
        if is_root:
            import pwd  # Unix only

            account = pwd.getpwnam("postgres")
            os.chown(folder, account.pw_uid, account.pw_gid)
        data, log = folder / "data", folder / "log"
        initdb = [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **user)
        command = [programs / "postgres", "-D", data, "-k", folder, "-h", "", "-F"]
        with log.open("wb") as output:
            server = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder, **user)
            address = f"postgresql://postgres@/postgres?host={folder}"
            try:
                _wait_until_ready(address, server, log)
                yield address
            finally:
                server.terminate()
                try:
                    server.wait(timeout=20)
                except subprocess.TimeoutExpired:
                    server.kill()
                    server.wait(timeout=20)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_ready(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            psycopg.connect(address).close()
        except psycopg.OperationalError:
            # Nothing to wait on but the socket: ask again shortly.
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"PostgreSQL did not start:\n{log.read_text(errors='replace')[-3000:]}")


@pytest.fixture
def postgresql_address(postgresql_server: str) -> Iterator[str]:
    """Address of an empty database of its own."""
    name = f"deepfake_test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield make_url(postgresql_server).set(database=name).render_as_string(hide_password=False)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of an empty store on either database."""
    if request.param == "sqlite":
        return f"sqlite:///{(tmp_path / 'data' / 'analyses.db').as_posix()}"
    found: str = request.getfixturevalue("postgresql_address")
    return found


@pytest.fixture
def store(address: str) -> Iterator[AnalysisStore]:
    """An empty store on either database."""
    with open_store(url=address) as opened:
        yield opened


@pytest.fixture
def damage_payload() -> Callable[[AnalysisStore, str], None]:
    """Change one byte in the middle of what is kept of a clip."""

    def damage(store: AnalysisStore, sha256: str) -> None:
        with store._database.writing() as connection:
            query = select(payloads).join(analyses).where(analyses.c.sha256 == sha256)
            row = connection.execute(query).one()
            data = bytearray(row.data)
            data[len(data) // 2] ^= 1
            chosen = payloads.c.analysis_id == row.analysis_id
            connection.execute(update(payloads).where(chosen).values(data=bytes(data)))

    return damage
