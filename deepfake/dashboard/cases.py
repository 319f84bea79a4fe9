"""The cases of whoever uses the page."""

from pathlib import Path

from deepfake.dashboard.state import runtime
from deepfake.dashboard.visitor import owner
from deepfake.store import AnalysisStore, Case, KeptClip


def known_cases(text: str = "") -> tuple[Case, ...]:
    """Return the cases that hold `text` in name, notes or source, the newest first."""
    return runtime().store.ask(lambda store: store.cases.find(owner=owner(), text=text), ())


def kept_clips() -> list[tuple[KeptClip, Path]]:
    """Return the clips of all cases whose file is there, and where, the newest first."""

    def look_up(store: AnalysisStore) -> list[tuple[KeptClip, Path]]:
        found = [(clip, store.cases.path_of(clip)) for clip in store.cases.clips(owner=owner())]
        return [(clip, path) for clip, path in found if path is not None]

    return runtime().store.ask(look_up, [])
