"""A store grows with the program; a newer one is refused; whatever cannot be used is told in one line."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from deepfake.analysis.evidence import Evidence, EvidenceCode
from deepfake.analysis.keeping import reason_to_text
from deepfake.analysis.model import Analysis, AnalysisConfig
from deepfake.errors import DeepfakeError, StoreError
from deepfake.settings import Settings
from deepfake.store import AnalysisStore, database, open_store
from deepfake.store.rows import location_key, row_of
from deepfake.store.tables import SCHEMA_REVISION, VERSION_TABLE, metadata

MakeAnalysis = Callable[..., Analysis]
FINGERPRINT = AnalysisConfig().fingerprint()
# Verdict, code of the reason and people of rows of before there were answers, and the answer that these tell.
OLDER_ROWS: list[tuple[str, EvidenceCode | None, int, str]] = [
    ("INCONCLUSIVE", "no_face", 0, "NO_FACE"),
    ("INCONCLUSIVE", "face_too_small", 1, "NOT_JUDGED"),
    ("INCONCLUSIVE", "face_too_small", 2, "INCONCLUSIVE"),
    ("INCONCLUSIVE", "too_close", 1, "INCONCLUSIVE"),
    ("INCONCLUSIVE", None, 1, "INCONCLUSIVE"),
    ("LIKELY_FAKE", "face_too_small", 1, "LIKELY_FAKE"),
]
NEXT_STEP = f'''
"""A step that a later version might take."""
import sqlalchemy as sa
from alembic import op

revision = "next"
down_revision = "{SCHEMA_REVISION}"


def upgrade():
    with op.batch_alter_table("analyses") as table:
        table.add_column(sa.Column("note", sa.Text, server_default="none"))
'''


@contextmanager
def written_by(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str, revision: str) -> Iterator[Connection]:
    """Write into a new store of an older version of the program, which has no migration after `revision`."""
    with monkeypatch.context() as patch:
        shutil.copytree(database.MIGRATIONS, tmp_path / "migrations")
        for path in (tmp_path / "migrations" / "versions").glob("r*.py"):
            if path.name[1:5] > revision:
                path.unlink()
        patch.setattr(database, "MIGRATIONS", tmp_path / "migrations")
        patch.setattr(database, "SCHEMA_REVISION", revision)
        with open_store(url=url) as store, store._database.writing() as connection:
            yield connection


def later_version(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Give the program one more migration than it has."""
    shutil.copytree(database.MIGRATIONS, folder)
    (folder / "versions" / "next.py").write_text(NEXT_STEP)
    monkeypatch.setattr(database, "MIGRATIONS", folder)
    monkeypatch.setattr(database, "SCHEMA_REVISION", "next")


def one_line(error: pytest.ExceptionInfo[BaseException]) -> str:
    assert isinstance(error.value, DeepfakeError)
    assert isinstance(error.value, OSError)
    message = str(error.value)
    assert "\n" not in message
    return message


def test_the_migrations_end_where_the_code_is(store: AnalysisStore) -> None:
    config = Config()
    config.set_main_option("script_location", str(database.MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [SCHEMA_REVISION]
    with store._database.reading() as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []


def test_an_older_store_is_migrated_with_all_in_it(
    address: str, make_analysis: MakeAnalysis, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    analysis = make_analysis()
    with open_store(url=address) as store:
        store.put(analysis, name="a.mp4")
        store.remember_file("/a.mp4", "1", analysis.video.sha256)
    later_version(monkeypatch, tmp_path / "migrations")
    with open_store(url=address) as store:
        with store._database.reading() as connection:
            assert connection.exec_driver_sql("SELECT note FROM analyses").scalars().all() == ["none"]
        found = store.get(analysis.video.sha256, FINGERPRINT)
        assert found is not None
        assert found.verdict == analysis.verdict
        assert store.known_hashes({"/a.mp4": "1"}) == {"/a.mp4": analysis.video.sha256}
        assert not store.put(analysis, name="a.mp4"), "what may be there once only still may"


def test_errors_of_an_older_store_lose_the_place_in_front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path}/analyses.db"
    with written_by(monkeypatch, tmp_path, url, "0001") as connection:
        for place, error in (
            ("/clips/a.mp4", "/clips/a.mp4: the file is empty"),
            ("/clips/b.mp4", "b.mp4: stopped after 6 s, the limit"),
            ("/clips/c.mp4", "/models/face.npz: cannot be read"),
        ):
            row = {
                "location_key": location_key(place), "fingerprint": FINGERPRINT, "location": place, "stamp": "1",
                "error": error, "name": place.rpartition("/")[2], "created_at_us": 0,
            }  # fmt: skip
            connection.execute(text(f"INSERT INTO failures ({', '.join(row)}) VALUES (:{', :'.join(row)})"), row)
    with open_store(url=url) as store:
        errors = {place: failure.error for place, failure in store.failures(FINGERPRINT).items()}
    assert errors == {
        "/clips/a.mp4": "the file is empty",
        "/clips/b.mp4": "stopped after 6 s, the limit",
        "/clips/c.mp4": "/models/face.npz: cannot be read",
    }


def test_analyses_of_an_older_store_are_of_the_only_classifier_there_was(
    tmp_path: Path, make_analysis: MakeAnalysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/analyses.db"
    analysis = make_analysis(face_detector="haar")
    row = row_of(analysis, "0123", "a.mp4", "") | {"detector": "haar"}
    with written_by(monkeypatch, tmp_path, url, "0002") as connection:
        names = [
            name for name in row if name not in ("face_detector", "classifier", "faces_limit", "answer", "declared")
        ]
        places = ", ".join(f":{name}" for name in names)
        connection.execute(text(f"INSERT INTO analyses ({', '.join(names)}) VALUES ({places})"), row)
    with open_store(url=url) as store:
        [summary] = store.find().rows
        [kept] = store.fingerprints()
    assert (
        (summary.face_detector, summary.classifier) == (kept.face_detector, kept.classifier) == ("haar", "efficientnet")
    )


def test_rows_of_an_older_store_tell_what_they_know(
    tmp_path: Path, make_analysis: MakeAnalysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/analyses.db"
    expected = {}
    with written_by(monkeypatch, tmp_path, url, "0006") as connection:
        for number, (verdict, code, faces, answer) in enumerate(OLDER_ROWS):
            reason = reason_to_text(None if code is None else Evidence(code, "face_width", None))
            row = row_of(make_analysis(number), FINGERPRINT, f"{number}.mp4", "")
            row |= {"verdict": verdict, "reason": reason, "faces": faces}
            names = [name for name in row if name not in ("answer", "declared")]
            places = ", ".join(f":{name}" for name in names)
            connection.execute(text(f"INSERT INTO analyses ({', '.join(names)}) VALUES ({places})"), row)
            expected[f"{number}.mp4"] = answer
    with open_store(url=url) as store:
        assert {row.name: row.answer for row in store.find().rows} == expected
        assert {row.declared for row in store.find().rows} == {None}


def test_a_newer_store_is_refused_and_left_as_it_is(
    address: str, make_analysis: MakeAnalysis, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as patch:
        later_version(patch, tmp_path / "migrations")
        with open_store(url=address) as store:
            store.put(make_analysis(), name="a.mp4")
    with pytest.raises(StoreError, match="newer version of the workbench") as caught:
        open_store(url=address)
    assert "DEEPFAKE_DATABASE_URL" in one_line(caught)
    later_version(monkeypatch, tmp_path / "again")
    with open_store(url=address) as store:
        assert store.find().total == 1


def test_a_migration_that_fails_leaves_the_store_as_it_was(
    address: str, make_analysis: MakeAnalysis, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with open_store(url=address) as store:
        store.put(make_analysis(), name="a.mp4")
    with monkeypatch.context() as patch:
        later_version(patch, tmp_path / "migrations")
        step = tmp_path / "migrations" / "versions" / "next.py"
        step.write_text(NEXT_STEP + '    op.execute("SELECT 1 FROM nowhere")\n')
        with pytest.raises(StoreError, match="nowhere"):
            open_store(url=address)
    with open_store(url=address) as store:
        assert store.find().total == 1
        with store._database.reading() as connection:
            columns = connection.exec_driver_sql("SELECT * FROM analyses").keys()
    assert "note" not in columns


def test_the_default_store_is_a_file_made_with_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_analysis: MakeAnalysis
) -> None:
    monkeypatch.setattr("platformdirs.user_data_dir", lambda name: str(tmp_path / "data home" / name))
    with open_store(Settings()) as store:
        store.put(make_analysis(), name="a.mp4")
    assert [path.name for path in tmp_path.rglob("*.db")] == ["analyses.db"]
    assert "deepfake-workbench" in str(next(tmp_path.rglob("*.db")))


def test_the_environment_names_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPFAKE_DATABASE_URL", f"sqlite:///{tmp_path}/here.db")
    open_store().close()
    assert (tmp_path / "here.db").is_file()


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_has_several_names(postgresql_address: str, scheme: str) -> None:
    with open_store(url=postgresql_address.replace("postgresql", scheme, 1)) as store:
        assert store.find().total == 0


def _written(path: Path, content: bytes) -> bytes:
    path.write_bytes(content)
    return content


@pytest.mark.parametrize("content", [b"Once upon a time.\n" * 500, b"SQLite format 3\0" + bytes(range(256)) * 64])
def test_a_file_that_is_no_store_is_told_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "analyses.db"
    _written(path, content)
    with pytest.raises(StoreError, match="damaged") as caught:
        open_store(url=f"sqlite:///{path}")
    assert str(path) in one_line(caught)
    assert path.read_bytes() == content
    assert [item.name for item in tmp_path.iterdir()] == ["analyses.db"]


def test_a_truncated_store_is_told_and_left_as_it_is(tmp_path: Path, make_analysis: MakeAnalysis) -> None:
    path = tmp_path / "analyses.db"
    with open_store(url=f"sqlite:///{path}") as store:
        for number in range(20):
            store.put(make_analysis(number), name="a.mp4")
    content = _written(path, path.read_bytes()[: path.stat().st_size // 2])

    def read_all() -> None:
        with open_store(url=f"sqlite:///{path}") as store:
            for number in range(20):
                store.get(f"{number:064x}", FINGERPRINT)

    with pytest.raises(StoreError, match="damaged") as caught:
        read_all()
    assert str(path) in one_line(caught)
    assert path.read_bytes() == content


def test_a_byte_that_changed_in_the_file_costs_one_entry(tmp_path: Path, make_analysis: MakeAnalysis) -> None:
    path = tmp_path / "analyses.db"
    analyses = [make_analysis(number) for number in range(5)]
    with open_store(url=f"sqlite:///{path}") as store:
        for analysis in analyses:
            store.put(analysis, name="a.mp4")
        with store._database.reading() as connection:
            payload = connection.exec_driver_sql("SELECT data FROM payloads WHERE analysis_id = 3").scalar_one()
    content = path.read_bytes()
    # A payload begins on the page of its row; what is left of it there is contiguous.
    at = content.index(payload[:300]) + 200
    path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    with open_store(url=f"sqlite:///{path}") as store:
        readable = 0
        for analysis in analyses:
            try:
                readable += store.get(analysis.video.sha256, FINGERPRINT) is not None
            except StoreError as error:
                assert "damaged" in str(error)  # noqa: PT017 - which of them it is does not matter
        assert readable == 4
        assert store.find().total == 5


@pytest.mark.parametrize("kind", ["folder", "file in the way"])
def test_a_place_that_cannot_hold_a_file_is_told(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "analyses.db"
    if kind == "folder":
        path.mkdir()
    else:
        (tmp_path / "file").write_text("")
        path = tmp_path / "file" / "analyses.db"
    with pytest.raises(StoreError, match="DEEPFAKE_DATABASE_URL") as caught:
        open_store(url=f"sqlite:///{path}")
    assert str(path) in one_line(caught)


@pytest.mark.parametrize(
    "address",
    [
        "nonsense",
        "mysql://user:geheim@host/database",
        "sqlite://",
        "sqlite:///:memory:",
        "postgresql://user:geheim@host:port/database",
        "://user:geheim@host",
        "postgresql://user:p@ge:heim@host/database",
    ],
)
def test_an_address_of_no_database_is_told_without_its_password(address: str) -> None:
    with pytest.raises(StoreError, match="sqlite:///") as caught:
        open_store(url=address)
    assert "geheim" not in one_line(caught)


@pytest.mark.parametrize("password", ["p@geheim", "p@geheim/x", "p@geheim?x", "geheim@"])
def test_an_at_sign_in_a_password_is_told_and_nothing_after_it_is_shown_or_asked_for(password: str) -> None:
    with pytest.raises(StoreError, match="write @ as %40") as caught:
        open_store(url=f"postgresql://someone:{password}@127.0.0.1:9/clips")
    assert "geheim" not in one_line(caught)


def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with pytest.raises(StoreError, match="cannot be used") as caught:
            open_store(url=f"postgresql://someone:geheim@127.0.0.1:{port}/clips?password=geheim")
    message = one_line(caught)
    assert "geheim" not in message
    assert f"127.0.0.1:{port}/clips" in message


def test_a_missing_database_and_a_wrong_login_are_told(postgresql_address: str) -> None:
    with pytest.raises(StoreError, match="does not exist") as caught:
        open_store(url=postgresql_address.replace("deepfake_test_", "missing_"))
    one_line(caught)
    with pytest.raises(StoreError, match="nobody") as caught:
        open_store(url=postgresql_address.replace("//postgres@", "//nobody:geheim@"))
    assert "geheim" not in one_line(caught)


def test_a_server_that_restarts_is_found_again(postgresql_address: str, make_analysis: MakeAnalysis) -> None:
    with open_store(url=postgresql_address) as store:
        store.put(make_analysis(), name="a.mp4")
        with psycopg.connect(postgresql_address, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        assert store.find().total == 1
