"""Analyze a clip once: from the store where it is there, and into it otherwise."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from deepfake.analysis.model import Analysis, AnalysisConfig, Progress, config_given
from deepfake.analysis.pipeline import analyze
from deepfake.detectors import look_for_weights_in
from deepfake.errors import StoreError
from deepfake.faces.alignment import FaceCrop
from deepfake.settings import Settings, settings_given
from deepfake.store.analyses import AnalysisStore, open_store
from deepfake.video.info import Frame, VideoInfo
from deepfake.video.reader import probe

logger = logging.getLogger(__name__)

_opened: dict[str, AnalysisStore | None] = {}  # by address: one store a process, None where it cannot be opened


@dataclass(frozen=True, slots=True)
class Answer:
    """The analysis of a clip. kept_at: when it was made, UTC, where it came from the store, else None."""

    analysis: Analysis
    kept_at: datetime | None = None


def analyze_once(
    path: Path | str,
    config: AnalysisConfig | None = None,
    *,
    settings: Settings | None = None,
    progress: Callable[[Progress], None] | None = None,
    on_crop: Callable[[FaceCrop, Frame], None] | None = None,
    trouble: Callable[[str], None] = logger.warning,
) -> Answer:
    """Return the analysis of a clip from the store, or make it and keep it there.

    With on_crop the clip is always read: the store has no pictures. A store that cannot be used stops nothing: trouble
    is called with a sentence. The rest is as in pipeline.analyze, which says what is raised.
    """
    path, config, settings = Path(path), config_given(config), settings_given(settings)
    look_for_weights_in(settings.weights_dir)
    info = probe(path, settings, with_hash=True)
    store = _store(settings, trouble)
    if store is not None and on_crop is None:
        found = _recalled(store, info, config, settings.max_faces, trouble)
        if found is not None:
            return found
    analysis = analyze(path, config, settings=settings, progress=progress, on_crop=on_crop, sha256=info.sha256)
    if store is not None:
        try:
            store.put(analysis, name=path.name, location=str(path.absolute()))
        except StoreError as error:
            trouble(f"warning: the analysis could not be kept: {error}")
    return Answer(analysis)


def _store(settings: Settings, trouble: Callable[[str], None]) -> AnalysisStore | None:
    address = settings.database_url
    if address not in _opened:
        try:
            _opened[address] = open_store(settings)
        except StoreError as error:
            _opened[address] = None
            trouble(f"warning: analyses are not kept: {error}")
    return _opened[address]


def _recalled(
    store: AnalysisStore, info: VideoInfo, config: AnalysisConfig, max_faces: int, trouble: Callable[[str], None]
) -> Answer | None:
    fingerprint = config.fingerprint()
    try:
        analysis = store.get(info.sha256, fingerprint)
        summary = store.summaries([info.sha256], fingerprint).get(info.sha256)
    except StoreError as error:
        trouble(f"warning: {error}")
        return None
    if analysis is None or summary is None or not summary.is_enough_for(max_faces):
        return None
    # The same bytes may have been analyzed under another name.
    return Answer(analysis.with_path(info.path), summary.created_at)
