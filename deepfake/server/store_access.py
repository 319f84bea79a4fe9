"""The store of analyses as the pages use it: opened once per server. Where it cannot be used they go on without it."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from deepfake.analysis.model import Analysis
from deepfake.errors import StoreBusyError, StoreError
from deepfake.settings import Settings
from deepfake.store import AnalysisStore, open_store

T = TypeVar("T")
Otherwise = TypeVar("Otherwise")

logger = logging.getLogger(__name__)

RETRY_S = 10.0  # after a store could not be opened, or was busy: a page must not wait for it every time


@dataclass(frozen=True, slots=True)
class StoreName:
    """What an analysis is called in the store. location: absolute path, as a batch over the same folder names it."""

    name: str
    location: str


class StoreAccess:
    """The store of a server. Safe to use from several threads.

    problem: what was wrong the last time that the store was asked, a sentence, or None.
    """

    def __init__(self, settings: Settings, *, retry_s: float = RETRY_S) -> None:
        self._settings = settings
        self._retry_s = retry_s
        self._lock = threading.Lock()
        self._store: AnalysisStore | None = None
        self._failed_at = -retry_s
        self.problem: str | None = None

    def ask(self, question: Callable[[AnalysisStore], T], otherwise: Otherwise) -> T | Otherwise:
        """Return what the store answers, or `otherwise` where it cannot be used, which `problem` then tells of."""
        try:
            store = self._opened()
            if store is None:
                return otherwise
            answer = question(store)
        except StoreError as error:
            if isinstance(error, StoreBusyError):
                self._failed_at = time.monotonic()
            logger.warning("the store cannot be used: %s", error)
            self.problem = str(error)
            return otherwise
        self.problem = None
        return answer

    def close(self) -> None:
        """Let go of the store."""
        with self._lock:
            store, self._store = self._store, None
        if store is not None:
            store.close()

    def _opened(self) -> AnalysisStore | None:
        with self._lock:
            if time.monotonic() - self._failed_at < self._retry_s:
                return None
            if self._store is None:
                try:
                    self._store = open_store(self._settings)
                except StoreError:
                    self._failed_at = time.monotonic()
                    raise
            return self._store


def keep_analysis(
    analysis: Analysis, store_name: StoreName, file_version: str | None, settings: Settings
) -> str | None:
    """Put an analysis into the store, and the SHA-256 of its file; return why that could not be done, or None.

    file_version: of the file before it was read, see deepfake.files; None where it has none.
    """
    try:
        with open_store(settings) as store:
            store.put(analysis, name=store_name.name, location=store_name.location)
            if file_version:
                store.remember_file(store_name.location, file_version, analysis.video.sha256)
    except StoreError as error:
        logger.warning("%s is not kept in the store: %s", store_name.name, error)
        return str(error)
    return None
