"""A clip of a face at several speeds."""

from pathlib import Path

from deepfake.dashboard.state import runtime, session
from deepfake.server.tasks import SLOWED_FILE, make_slowed_clip

SPEEDS = {"Full speed": 1, "Half speed": 2, "Quarter speed": 4}


def slowed_clip(clip: Path, factor: int, *, key: str, name: str) -> Path:
    """Return a clip that lasts `factor` times as long, made at once where it is not there.

    key: of the clip in the cache. name: what the user calls what it was made from. Raises DeepfakeError.
    """
    if factor == 1:
        return clip
    cache, owner = runtime().cache, session().session_id
    entry = f"{key}-x{factor}"
    while (folder := cache.get(entry, owner)) is None:
        with cache.making(entry) as building:
            runtime().run_now(make_slowed_clip, building, clip, factor, name=name)
    return folder / SLOWED_FILE
