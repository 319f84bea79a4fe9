"""Uploads: what one visitor and all together may have, and that nothing of them stays in the server's memory."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from deepfake.errors import LimitError
from deepfake.server.runtime import Runtime
from deepfake.settings import Settings

MIB = 2**20


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Runtime]:
    """A server that keeps 4 MiB, of which uploads are 3 and those of a session 2."""
    settings = Settings(
        cache_dir=tmp_path,
        cache_mb=4,
        uploads_mb=3,
        session_uploads_mb=2,
        database_url=f"sqlite:///{tmp_path}/store.db",
    )
    running = Runtime(settings)
    yield running
    running.close()


def clip(number: int, mib: float = 1) -> io.BytesIO:
    return io.BytesIO(bytes([number]) * int(mib * MIB))


def test_a_session_has_a_quota_and_gets_room_by_deleting(server: Runtime) -> None:
    files = server.sessions.open(None)
    first = server.save_upload(files, "1.mp4", clip(1))
    server.save_upload(files, "2.mp4", clip(2, 0.5))
    with pytest.raises(LimitError, match=r"^3\.mp4: there is room for 0 MiB more of your uploads"):
        server.save_upload(files, "3.mp4", clip(3))
    assert files.upload_bytes == 1.5 * MIB
    server.delete_upload(files, first.sha256)
    assert server.save_upload(files, "3.mp4", clip(3)).size_bytes == MIB


def test_all_sessions_share_a_quota(server: Runtime) -> None:
    for number in range(3):
        server.save_upload(server.sessions.open(None), f"{number}.mp4", clip(number))
    newcomer = server.sessions.open(None)
    with pytest.raises(LimitError, match="of the uploads of all visitors"):
        server.save_upload(newcomer, "4.mp4", clip(4))
    assert server.sessions.upload_bytes == 3 * MIB
    assert [path for path in server.server_folder.rglob("*.mp4") if path.stat().st_size != MIB] == []


def test_uploads_count_as_part_of_the_cache(server: Runtime) -> None:
    for key in ("a", "b", "c"):
        with server.cache.making(key) as folder:
            (folder / "data").write_bytes(bytes(MIB))
    assert all(server.cache.get(key) for key in "abc")
    files = server.sessions.open(None)
    for number in (1, 2):
        server.save_upload(files, f"{number}.mp4", clip(number))
    assert sum(server.cache.get(key) is not None for key in "abc") == 2
