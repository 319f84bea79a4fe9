"""A person's face clip at several speeds."""

from pathlib import Path

from deepfake.dashboard.results import ReadyAnalysis
from deepfake.dashboard.state import runtime, session
from deepfake.server.tasks import SLOWED_FILE, make_slowed_clip

SPEEDS = {"Full speed": 1, "Half speed": 2, "Quarter speed": 4}


def face_clip_at(ready: ReadyAnalysis, track_id: int, factor: int) -> Path | None:
    """Return the track's face clip lasting `factor` times as long. Raises DeepfakeError."""
    clip = ready.face_clip(track_id)
    if factor == 1 or clip is None:
        return clip
    cache, key = runtime().cache, f"{ready.key}-face{track_id}-x{factor}"
    folder = cache.get(key, session().session_id)
    if folder is None:
        building = cache.new_folder()
        runtime().look(make_slowed_clip, building, clip, factor, name=ready.clip.name)
        folder = cache.commit(building, key)
    return folder / SLOWED_FILE
