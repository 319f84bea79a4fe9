"""Results on the server: from the cache, else from the store, else made by a job. The pages only draw them."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from deepfake.analysis.keeping import write_analysis
from deepfake.analysis.model import Analysis, AnalysisConfig
from deepfake.errors import DeepfakeError
from deepfake.server.cache import PRIVATE, SHA256_DIGITS
from deepfake.server.jobs import Job, JobQueue
from deepfake.server.runtime import Runtime
from deepfake.server.store_access import StoreName
from deepfake.server.tasks import ANALYSIS_FILE, NOT_KEPT_FILE, analyze_clip

T = TypeVar("T")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """A result that a session wants, and how it is made.

    Attributes:
        key: of the result in the cache.
        task: task(folder, *args) leaves it in a folder, in a worker.
        args: of the task.
        source: the file that the task reads.
        name: what the user calls that file.
        is_media: whether it is a clip for the browser, which need not wait for analyses.
        stored: SHA-256 and fingerprint of the analysis that the result is, where the store may have it.
        kept_by: whose cases may have it too.
    """

    key: str
    task: Callable[..., None]
    args: tuple[Any, ...]
    source: Path
    name: str
    is_media: bool = False
    stored: tuple[str, str] | None = None
    kept_by: str = ""


def analysis_request(
    path: Path,
    sha256: str,
    name: str,
    config: AnalysisConfig,
    server: Runtime,
    store_name: StoreName | None,
    *,
    kept_by: str = "",
) -> Request:
    """Return the request for an analysis of a clip. store_name: its name in the store, None for an upload, which is not
    kept and whose result is apart from others', because it goes with its session. kept_by: whose cases may have it."""
    fingerprint = config.fingerprint()
    return Request(
        analysis_key(sha256, fingerprint, server, is_upload=store_name is None),
        analyze_clip,
        (path, config, server.settings, store_name, sha256),
        source=path,
        name=name,
        stored=(sha256, fingerprint),
        kept_by=kept_by,
    )


def analysis_key(sha256: str, fingerprint: str, server: Runtime, *, is_upload: bool) -> str:
    """Return the key of an analysis in the cache, with which the keys of all that is made of it begin."""
    return _apart(f"{sha256}-{fingerprint}-{server.settings.max_faces}", is_upload)


def comparison_key(fake_sha256: str, original_sha256: str, fingerprint: str, *, is_upload: bool) -> str:
    """Return the key of a comparison in the cache. is_upload: whether one of the clips is one."""
    return _apart(f"{fake_sha256[:SHA256_DIGITS]}-{original_sha256[:SHA256_DIGITS]}-{fingerprint}", is_upload)


def player_key(sha256: str, *, is_upload: bool) -> str:
    """Return the key of a clip that was converted for the browser in the cache."""
    return _apart(f"{sha256}-player", is_upload)


def _apart(key: str, is_upload: bool) -> str:
    """Mark the key of what goes with an upload or a clip of a case: others of the same bytes keep theirs."""
    return f"{key}{PRIVATE}" if is_upload else key


def queue(server: Runtime, is_media: bool) -> JobQueue:
    """Return the queue that the job of a request waits in."""
    return server.media_jobs if is_media else server.jobs


def find(server: Runtime, request: Request, owner: str) -> Path | None:
    """Return the folder of a result that is there, and hold it for its owner, a session; None where it has to be made.

    An analysis that only the store has gets a folder, without the face clips that a job makes along with it.
    """
    folder = server.cache.get(request.key, owner)
    if folder is not None or request.stored is None or queue(server, request.is_media).find(request.key) is not None:
        return folder
    sha256, fingerprint = request.stored
    analysis = server.store.ask(
        lambda store: (
            store.get(sha256, fingerprint) or store.cases.analysis(sha256, fingerprint, owner=request.kept_by)
        ),
        None,
    )
    if analysis is None or (analysis.faces_limit or server.settings.max_faces) < server.settings.max_faces:
        return None
    with server.cache.making(request.key) as building:
        write_analysis(analysis, building / ANALYSIS_FILE)
    return server.cache.get(request.key, owner)


def keep_late(server: Runtime, folder: Path, analysis: Analysis, store_name: StoreName | None) -> str | None:
    """Keep an analysis that could not be kept when it was made; return why it still cannot, or None."""
    note = folder / NOT_KEPT_FILE
    if store_name is None or not note.is_file():
        return None
    name, location = store_name.name, store_name.location
    if server.store.ask(lambda store: store.put(analysis, name=name, location=location) or True, otherwise=False):
        note.unlink(missing_ok=True)
        return None
    return server.store.problem or note.read_text(encoding="utf-8")


def start(server: Runtime, request: Request, owner: str) -> Job:
    """Return the job that makes a result, a new one where none is under way. owner: the session that waits for it."""
    return queue(server, request.is_media).submit(
        request.key, request.task, *request.args, owner=owner, source=request.source, name=request.name
    )


def read_or_drop(server: Runtime, request: Request, folder: Path, read: Callable[[Path], T]) -> T | None:
    """Return read(folder) of a result; one that is damaged is removed, so that it is made anew, and gives None."""
    try:
        return read(folder)
    except (DeepfakeError, ValueError, OSError):
        logger.exception("the result %s cannot be read", request.key)
        server.cache.drop(request.key)
        return None
