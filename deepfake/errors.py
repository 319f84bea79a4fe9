"""Errors of the workbench. Each is a DeepfakeError and also the builtin that a caller would expect."""


class DeepfakeError(Exception):
    """Base of all errors that the workbench raises on purpose; the message is one sentence for the user."""


class ClipError(DeepfakeError, ValueError):
    """The clip cannot be used: not a video, no video track, no readable frame."""


class ClipNotFoundError(DeepfakeError, FileNotFoundError):
    """There is no such clip."""


class LimitError(ClipError):
    """The clip is over a configured limit; the message names the limit and how to change it."""


class DatasetError(DeepfakeError, ValueError):
    """The data set cannot be used: no clips, no or malformed metadata."""


class OutsideRootError(DeepfakeError, PermissionError):
    """The path lies outside the folders that may be opened."""


class SettingsError(DeepfakeError, ValueError):
    """A setting (environment variable or settings file) has a value that cannot be used."""


class WorkerError(DeepfakeError, RuntimeError):
    """A worker process ended without an answer: it crashed or ran out of time or memory."""


class ReportError(DeepfakeError, ValueError):
    """A file is not an analysis that this version can read."""


class StoreError(DeepfakeError, OSError):
    """The store of analyses cannot be used: unreachable, damaged, busy, or written by a newer version."""
