"""A session's uploads: files in a folder of its own with a random name, gone when the session ends."""

import hashlib
import logging
import shutil
import threading
import unicodedata
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from deepfake.errors import ClipError, DiskError, LimitError, disk_problem
from deepfake.video.reader import CLIP_SUFFIXES

logger = logging.getLogger(__name__)

COPY_BYTES = 2**20
MAX_NAME_LENGTH = 80


@dataclass(frozen=True, slots=True)
class Upload:
    """One uploaded clip. path: on the server; name: the user's own file name, fit to be shown."""

    path: Path
    name: str
    sha256: str
    size_bytes: int


class SessionFiles:
    """The uploads of one session, by their SHA-256; the latest last.

    kept: SHA-256 of those that are in a case. let_go: by the name of each page that has shown the session, what has it
    let go of the copies that it serves; called when an upload is deleted.
    """

    def __init__(self, parent: Path) -> None:
        self.session_id = uuid.uuid4().hex
        self._folder = parent / self.session_id
        self.uploads: dict[str, Upload] = {}
        self.kept: set[str] = set()
        self.let_go: dict[str, Callable[[], None]] = {}

    @property
    def upload_bytes(self) -> int:
        """What the session's uploads take, bytes."""
        return sum(upload.size_bytes for upload in tuple(self.uploads.values()))

    def save(self, name: str, stream: BinaryIO, max_bytes: int) -> Upload:
        """Copy an upload into the session's folder, a block at a time.

        Raises ClipError for a file name that no clip has, LimitError when there are more than max_bytes, DiskError
        when there is no room; nothing is left of the upload then.
        """
        shown = display_name(name)
        suffix = Path(shown).suffix.lower()
        if suffix not in CLIP_SUFFIXES:
            known = ", ".join(sorted(item[1:] for item in CLIP_SUFFIXES))
            raise ClipError(shown, f"this kind of file is not read; upload one of {known}")
        path = self._folder / f"{uuid.uuid4().hex}{suffix}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            sha256, size = _copy(stream, path, max_bytes)
        except BaseException as error:
            path.unlink(missing_ok=True)  # a part of a file would keep the disk full
            problem = disk_problem(error)
            if problem is not None:
                raise DiskError(shown, problem) from error
            if not isinstance(error, OverflowError):
                raise
            raise LimitError(
                shown,
                f"over the limit of {max_bytes / 2**20:.0f} MiB; raise max_clip_mb in deepfake.toml or "
                "DEEPFAKE_MAX_CLIP_MB, and server.maxUploadSize, to allow it",
            ) from error
        earlier = self.uploads.pop(sha256, None)
        if earlier is not None:
            path.unlink()
            path = earlier.path
        self.uploads[sha256] = Upload(path, shown, sha256, size)
        return self.uploads[sha256]

    def remove(self, sha256: str) -> None:
        """Delete an upload from the server."""
        upload = self.uploads.pop(sha256, None)
        if upload is not None:
            upload.path.unlink(missing_ok=True)
            self._let_go()

    def close(self) -> None:
        """Delete all uploads of the session."""
        self.uploads.clear()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._let_go()

    def _let_go(self) -> None:
        for let_go in tuple(self.let_go.values()):
            let_go()


class SessionRegistry:
    """The files of all sessions, by session id. Safe to use from several threads.

    A browser that loses its connection for a moment comes back to the same session, so what a session had is
    given up only when it has not come back within grace_s.
    """

    def __init__(self, parent: Path, on_end: Callable[[SessionFiles], None], grace_s: float = 120.0) -> None:
        self._parent = parent
        self._on_end = on_end
        self._grace_s = grace_s
        self._lock = threading.Lock()
        self._sessions: dict[str, SessionFiles] = {}
        self._ending: dict[str, threading.Timer] = {}
        self._connections: Counter[str] = Counter()

    def open(self, session_id: str | None) -> SessionFiles:
        """Return the files of a session, or those of a new one when the id is not known."""
        with self._lock:
            files = self._sessions.get(session_id or "")
            if files is None:
                files = SessionFiles(self._parent)
                self._sessions[files.session_id] = files
            self._stop_timer(files.session_id)
        return files

    def uploads_of(self, session_id: str) -> tuple[Upload, ...]:
        """Return the uploads of a session that has not ended, the earliest first; none where the id is not known."""
        with self._lock:
            files = self._sessions.get(session_id)
        return () if files is None else tuple(files.uploads.values())

    @property
    def upload_bytes(self) -> int:
        """What the uploads of all sessions take, bytes."""
        with self._lock:
            return sum(files.upload_bytes for files in self._sessions.values())

    def is_open(self, session_id: str) -> bool:
        """Return whether a session has not ended."""
        with self._lock:
            return session_id in self._sessions

    def connected(self, session_id: str) -> None:
        """Note that a browser shows this session: a page that was reloaded may go on with it."""
        with self._lock:
            self._connections[session_id] += 1
            self._stop_timer(session_id)  # the page before may have gone since this one opened the session

    def disconnected(self, session_id: str) -> None:
        """Give up a session's files and jobs, unless a browser shows it or comes back to it in time."""
        with self._lock:
            self._connections[session_id] -= 1
            if self._connections[session_id] > 0:
                return
            del self._connections[session_id]
            self._stop_timer(session_id)
            timer = threading.Timer(self._grace_s, lambda: self._end(session_id, timer))
            timer.daemon = True
            self._ending[session_id] = timer
            timer.start()

    def end(self, session_id: str) -> None:
        """Give up a session's files and jobs now."""
        self._end(session_id)

    def _end(self, session_id: str, timer: threading.Timer | None = None) -> None:
        """timer: whose time is up; None ends the session in any case."""
        with self._lock:
            if timer is not None and self._ending.get(session_id) is not timer:
                return  # somebody came back when it was too late to cancel it
            self._stop_timer(session_id)
            files = self._sessions.pop(session_id, None)
        if files is not None:
            self._on_end(files)
            files.close()

    def _stop_timer(self, session_id: str) -> None:
        """Called with the lock."""
        timer = self._ending.pop(session_id, None)
        if timer is not None:
            timer.cancel()


def display_name(name: str) -> str:
    """Return a file name fit to be shown: without folders and control characters, not too long."""
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    visible = "".join(character for character in base if unicodedata.category(character)[0] != "C").strip(" .")
    stem, suffix = (visible or "clip"), ""
    if "." in stem:
        stem, suffix = stem.rsplit(".", 1)[0], "." + stem.rsplit(".", 1)[1]
    return stem[: MAX_NAME_LENGTH - len(suffix)] + suffix[:MAX_NAME_LENGTH]


def _copy(stream: BinaryIO, path: Path, max_bytes: int) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    path.touch(mode=0o600)
    with path.open("wb") as file:
        while block := stream.read(COPY_BYTES):
            size += len(block)
            if size > max_bytes:
                raise OverflowError
            digest.update(block)
            file.write(block)
    return digest.hexdigest(), size
