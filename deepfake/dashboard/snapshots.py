"""Pictures on demand, made by the worker for snapshots and kept in memory for a while. One wrong clip ends no page."""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import streamlit as st

from deepfake.dashboard.sources import ClipChoice
from deepfake.dashboard.state import runtime
from deepfake.errors import DeepfakeError
from deepfake.video.credentials import read_credentials
from deepfake.video.file_facts import read_file_facts
from deepfake.views import stills

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A file that is no clip of the user's choice: a face clip, or one shown as a thumbnail before it is read.

    sha256: or whatever else tells its bytes from others'.
    """

    path: Path
    name: str
    sha256: str


def snapshot(
    spinner: str | bool, max_entries: int
) -> Callable[[Callable[Concatenate[Path, P], T]], Callable[Concatenate[ClipChoice | PictureFile, P], T]]:
    """Have a function of a clip's path made by the worker for snapshots, and its last results kept.

    Args:
        spinner: what is said while it is made.
        max_entries: how many results are kept.

    Returns:
        A decorator: the function takes a clip in place of its path. What it raises calls the clip by the user's name.
    """

    def decorate(function: Callable[Concatenate[Path, P], T]) -> Callable[Concatenate[ClipChoice | PictureFile, P], T]:
        # Arguments that begin with an underscore are not part of the key: a clip is its bytes, not its place or name.
        def make(sha256: str, arguments: tuple[Any, ...], *, _path: Path, _name: str) -> T:
            return run_now(function, _path, *arguments, name=_name)

        make.__qualname__ = make.__name__ = function.__name__  # tells the results of one function from another's
        kept = st.cache_data(max_entries=max_entries, show_spinner=spinner)(make)

        def of_clip(clip: ClipChoice | PictureFile, /, *args: P.args, **kwargs: P.kwargs) -> T:
            given = signature(function).bind(clip.path, *args, **kwargs)
            given.apply_defaults()  # by position, as the pool of workers calls a function: none may be left out
            return kept(clip.sha256, given.args[1:], _path=clip.path, _name=clip.name)

        return of_clip

    return decorate


def run_now(function: Callable[..., T], path: Path, *args: Any, name: str) -> T:
    """Return function(path, *args), run by the worker for snapshots. Raises DeepfakeError with the user's name."""
    try:
        return runtime().run_now(function, path, *args, name=name)
    except DeepfakeError as error:
        raise error.renamed(path, name) from error


cached_frame = snapshot("Looking at this moment", 24)(stills.moment_at)
frame_pair = snapshot("Comparing two frames", 12)(stills.frame_pair_at)
scored_crop = snapshot("Looking where the classifier looked", 24)(stills.scored_crop_at)
face_spectrum = snapshot("Measuring the face's spectrum", 64)(stills.face_spectrum)
file_facts = snapshot("Reading what the file says of itself", 16)(read_file_facts)
credentials = snapshot("Checking Content Credentials", 16)(read_credentials)
frame_grid = snapshot("Reading frames", 8)(stills.frame_grid)
face_grid = snapshot("Reading faces", 8)(stills.face_grid)
_thumbnail = snapshot(False, 512)(stills.thumbnail_jpeg)


def thumbnail(path: Path, name: str) -> bytes:
    """Return a small picture of a clip, JPEG, known by its place and time: nothing is read for one that is kept.

    Raises DeepfakeError.
    """
    return _thumbnail(PictureFile(path, name, f"{path}|{path.stat().st_mtime_ns}"))


def face_clip_file(path: Path) -> PictureFile:
    """Return what face_grid takes: a face clip is never changed, so its place tells it from others."""
    return PictureFile(path, "the face clip", str(path))
