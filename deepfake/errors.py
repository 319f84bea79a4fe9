"""Errors of the workbench. Each is a DeepfakeError and also the builtin that a caller would expect."""

import errno
from pathlib import Path
from typing import Final, Self

ANOTHER_DISK: Final = "name a folder on another disk in deepfake.toml (cache_dir) or DEEPFAKE_CACHE_DIR"
DISK_FULL: Final = f"the disk is full. Make room on it, or {ANOTHER_DISK}; cache_mb says how much of it is used"
NOT_ALLOWED: Final = (
    "permission is missing for {name}. Give it to the user who runs this program; where that lies in the cache folder, "
    f"you can also {ANOTHER_DISK}"
)
DISK_PROBLEMS: Final = {
    errno.ENOSPC: DISK_FULL,
    errno.EDQUOT: DISK_FULL,
    errno.EROFS: f"the disk is read-only. Make it writable, or {ANOTHER_DISK}",
}

OUTPUT_FULL: Final = "the disk is full. Make room on it, or name a file on another disk"
OUTPUT_PROBLEMS: Final = {
    errno.ENOSPC: OUTPUT_FULL,
    errno.EDQUOT: OUTPUT_FULL,
    errno.EROFS: "the disk is read-only. Make it writable, or name a file on another disk",
}


class DeepfakeError(Exception):
    """Base of all errors that the workbench raises on purpose. It prints as one sentence: the subject, then the detail.

    Attributes:
        subject: what the error is about, as the caller named it: a file, a folder, a URL, a setting; "" where it is
            about no one thing.
        detail: what is wrong and what to do. It does not repeat the subject, so that a page can call the thing by
            another name.

    Example:
        >>> import deepfake
        >>> try:
        ...     deepfake.analyze("missing.mp4")
        ... except deepfake.DeepfakeError as error:
        ...     print(error)
        missing.mp4: there is no such file
    """

    def __init__(self, subject: object, detail: str) -> None:
        # Not super().__init__: OSError, a base of some, would read the two as an error's number and its text.
        self.args = (str(subject), detail)
        self.subject = str(subject)
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.subject}: {self.detail}" if self.subject else self.detail

    def renamed(self, subject: object, name: str) -> Self:
        """Return the same error with the reader's own name for its subject; an error about something else as it is.

        Args:
            subject: the thing, as the code names it: the place of an upload on the server.
            name: what the reader calls it.
        """
        return type(self)(name, self.detail) if self.subject == str(subject) else self

    def beside(self, *names: object) -> str:
        """Return what is said of a thing that stands beside it already, as in a row of a table.

        Args:
            names: what the thing is called. An error about something else, such as missing weights, is told in full.
        """
        return self.detail if self.subject in map(str, names) else str(self)


class ClipError(DeepfakeError, ValueError):
    """The clip cannot be used: it is no video, has no video track, or has no readable frame.

    Example:
        >>> from pathlib import Path
        >>> import deepfake
        >>> Path("notes.mp4").write_bytes(b"")
        0
        >>> try:
        ...     deepfake.VideoReader("notes.mp4")
        ... except deepfake.ClipError as error:
        ...     print(error.subject, "|", error.detail)
        notes.mp4 | the file is empty
    """


class ClipNotFoundError(DeepfakeError, FileNotFoundError):
    """There is no such clip. A FileNotFoundError as well.

    Example:
        >>> import deepfake
        >>> try:
        ...     deepfake.VideoReader("missing.mp4")
        ... except FileNotFoundError as error:
        ...     print(error)
        missing.mp4: there is no such file
    """


class LimitError(ClipError):
    """The clip is over a limit of the settings. The detail names the limit and how to change it.

    Example:
        >>> import deepfake
        >>> try:
        ...     deepfake.VideoReader("clip.mp4", deepfake.Settings(max_duration_s=0.5))
        ... except deepfake.LimitError as error:
        ...     print("max_duration_s" in error.detail)
        True
    """


class DatasetError(DeepfakeError, ValueError):
    """The data set cannot be used: it has no clips, or its metadata is missing or malformed.

    Example:
        >>> import deepfake
        >>> try:
        ...     deepfake.open_dataset("no_such_folder")
        ... except deepfake.DatasetError as error:
        ...     print(error)
        no_such_folder: no such folder
    """


class OutsideRootError(DeepfakeError, PermissionError):
    """The path lies outside the folders that may be opened."""


class SettingsError(DeepfakeError, ValueError):
    """A setting (environment variable or settings file) has a value that cannot be used."""


class WorkerError(DeepfakeError, RuntimeError):
    """A worker process ended without an answer: it crashed or ran out of time or memory."""


class DiskError(DeepfakeError, OSError):
    """The disk is full, or read-only. Whatever was written of the file is gone again."""


class ClassifierError(DeepfakeError, OSError):
    """There is no such classifier, its weights or its calibration are missing or damaged, or it gives no
    probabilities."""


class SignalError(DeepfakeError, TypeError):
    """A signal gives something else than one number for a crop of a face."""


class StoreError(DeepfakeError, OSError):
    """The store of analyses cannot be used: it is unreachable, damaged, busy, or was written by a newer version.

    Example:
        >>> from pathlib import Path
        >>> import deepfake
        >>> Path("notes.db").write_text("no database", encoding="utf-8")
        11
        >>> try:
        ...     deepfake.open_store(url="sqlite:///notes.db").find()
        ... except deepfake.StoreError as error:
        ...     print(isinstance(error, OSError))
        True
    """


class StoreBusyError(StoreError):
    """Another process has kept the store to itself for longer than anybody should wait. It may be free soon."""


def output_problem(error: OSError) -> str | None:
    """Return what is wrong with the disk of a file that the user named, and what to do; None for other errors."""
    return OUTPUT_PROBLEMS.get(error.errno or 0)


def disk_problem(error: BaseException | None) -> str | None:
    """Return what is wrong with the disk and what to do, where that is what an error, or its cause, says; else None.

    A permission that is missing is told only where nobody has told it in words of their own.
    """
    if isinstance(error, PermissionError) and not isinstance(error, DeepfakeError):
        # The name alone: whoever visits a page is not told where it lies on the server.
        named = Path(error.filename).name if isinstance(error.filename, str) else "a file that is needed"
        return NOT_ALLOWED.format(name=named)
    while error is not None:
        found = DISK_PROBLEMS.get(getattr(error, "errno", None) or 0)
        if found is not None:
            return found
        error = error.__cause__
    return None
