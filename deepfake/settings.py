"""Settings: limits, folders and cache, from environment variables and a settings file."""

import operator
import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import platformdirs

from deepfake.errors import SettingsError

SETTINGS_FILE_VARIABLE = "DEEPFAKE_SETTINGS"
DEFAULT_SETTINGS_FILE = Path("deepfake.toml")
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")  # by which this computer calls itself


@dataclass(frozen=True, slots=True)
class Settings:
    """What an administrator may set. Each field is the key in `deepfake.toml`; the environment variable is
    `DEEPFAKE_` and the name in capitals, and wins over the file.

    Attributes:
        data_dirs: Folders whose data sets may be opened in the browser (environment: separated by os.pathsep).
        cache_dir: Where uploads, results and media are kept.
        cache_mb: Size of that folder, in MiB; the least recently used entry is removed first.
        session_uploads_mb: Uploads that one session may have at a time, in MiB.
        uploads_mb: Uploads that all sessions together may have at a time, in MiB; they count as part of cache_mb.
        max_clip_mb: Largest clip accepted, in MiB.
        max_duration_s: Longest clip accepted, in seconds.
        max_pixels: Largest frame accepted, in pixels (width times height).
        max_faces: People who are followed at once in a clip; of more, the largest faces.
        job_timeout_s: An analysis that runs longer is stopped, in seconds.
        workers: Number of worker processes for analyses.
        worker_mb: A worker process that holds more memory than this after a task is replaced by a new one, in MiB.
        weights_dir: Folder of weights that are not shipped, those of the MesoNet baselines (*.h5), or None. The folder
            that an analysis of this process was given last counts.
        cases_dir: Folder of the clips that were kept in a case.
        database_url: Where analyses are kept: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE.

    Raises:
        SettingsError: A value cannot be used, as in the settings file: a number is not greater than 0, or no number.

    Example:
        >>> import deepfake
        >>> analysis = deepfake.analyze("clip.mp4", settings=deepfake.Settings(max_duration_s=60))
        >>> analysis.video.duration_s < 60
        True
    """

    data_dirs: tuple[Path, ...] = ()
    cache_dir: Path = field(default_factory=lambda: _own_folder("cache_dir"))
    cache_mb: int = 2048
    session_uploads_mb: int = 1024
    uploads_mb: int = 1536
    max_clip_mb: int = 500
    max_duration_s: float = 600.0
    max_pixels: int = 8192 * 4320
    max_faces: int = 24
    job_timeout_s: float = 3600.0
    workers: int = 1
    worker_mb: int = 4096
    weights_dir: Path | None = None
    cases_dir: Path = field(default_factory=lambda: _own_folder("cases_dir") / "cases")
    database_url: str = field(default_factory=lambda: _default_database_url(), repr=False)  # may hold a password

    def __post_init__(self) -> None:
        for name in (item.name for item in fields(self)):
            value = getattr(self, name)
            if name != "weights_dir" or value is not None:
                object.__setattr__(self, name, converted(name, value, "Settings"))


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings in force.

    Reads the file named by DEEPFAKE_SETTINGS, or `deepfake.toml` in the working directory when there is one, then
    the environment (by default the process's).

    Raises SettingsError when the file cannot be read, or a key or a value cannot be used.
    """
    environment = os.environ if environment is None else environment
    values = _read_file(environment)
    for name in (item.name for item in fields(Settings)):
        variable = f"DEEPFAKE_{name.upper()}"
        if environment.get(variable):
            text = environment[variable]
            source = f"environment variable {variable}"
            values[name] = converted(name, text.split(os.pathsep) if name == "data_dirs" else text, source)
    return Settings(**values)


def _read_file(environment: Mapping[str, str]) -> dict[str, Any]:
    named = environment.get(SETTINGS_FILE_VARIABLE)
    path = Path(named) if named else DEFAULT_SETTINGS_FILE
    if not named and not path.is_file():
        return {}
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(path, f"the settings file cannot be read: {error}") from error
    known = {item.name for item in fields(Settings)}
    for key in table:
        if key not in known:
            raise SettingsError(path, f"unknown setting {key!r}; known are {', '.join(sorted(known))}")
    base = path.resolve().parent
    return {key: converted(key, value, str(path), base) for key, value in table.items()}


def _default_database_url() -> str:
    return f"sqlite:///{(_own_folder('database_url') / 'analyses.db').as_posix()}"


def _own_folder(setting: str) -> Path:
    """Return the user's folder that holds what a setting names by default, a cache or data."""
    folder_of = platformdirs.user_cache_dir if setting == "cache_dir" else platformdirs.user_data_dir
    try:
        return Path(folder_of("deepfake-workbench"))
    except RuntimeError as error:  # a user who is not in the system's list, without HOME, as in a container
        raise SettingsError(
            setting,
            "this user has no home folder where it would be; set HOME, or name a place in deepfake.toml or "
            f"DEEPFAKE_{setting.upper()}",
        ) from error


def settings_given(settings: Settings | None) -> Settings:
    """Return the settings that a caller passed; for None those in force. Raises TypeError for anything else."""
    if settings is None:
        return load_settings()
    if not isinstance(settings, Settings):
        # Not the value: it may be the address of a store, with its password.
        raise TypeError(f"settings has to be a deepfake.Settings, not {type(settings).__name__}")
    return settings


def converted(name: str, value: Any, source: str, base: Path | None = None) -> Any:
    """Return the value of a setting as its field has it. source: who gave it. base: the folder of a relative path.

    Raises SettingsError where the value cannot be used.
    """

    def as_path(item: str) -> Path:
        if item == "":
            raise ValueError("a folder is expected")
        path = Path(item).expanduser()
        return path if base is None else base / path

    try:
        if name == "data_dirs":
            if isinstance(value, str):
                raise TypeError("a list of folders is expected")
            return tuple(as_path(item) for item in value if item)
        if name in ("cache_dir", "weights_dir", "cases_dir"):
            return as_path(value)
        if name == "database_url":
            if not isinstance(value, str):
                # Not the value, which may hold a password.
                raise SettingsError(source, f"database_url cannot be a {type(value).__name__}: an address is expected")
            return value
        number = _number(value, whole=not name.endswith("_s"))
    except SettingsError:
        raise
    except OverflowError as error:  # not the value: Python writes no number of more than 4300 digits
        raise SettingsError(source, f"{name} cannot be so large a number") from error
    except (TypeError, ValueError, RuntimeError) as error:  # the last of a ~name that nobody has
        raise SettingsError(source, f"{name} cannot be {value!r}: {error}") from error
    if not number > 0:  # nor is nan
        raise SettingsError(source, f"{name} must be greater than 0, not {value!r}")
    return number


def _number(value: Any, *, whole: bool) -> float:
    if isinstance(value, bool):
        raise TypeError("a number is expected")
    if not whole:
        return float(value)
    if isinstance(value, str):
        return int(value)
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError("a whole number is expected") from None
    if abs(number) > sys.maxsize:
        raise OverflowError
    return number
