"""The deepfake workbench: evidence and a verdict on whether a video clip was manipulated.

    import deepfake

    analysis = deepfake.analyze("clip.mp4")
    print(analysis.verdict.label, analysis.verdict.probability_fake)

`import deepfake` itself loads nothing: a name is imported from its module when it is first asked for.
"""

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deepfake.analysis.model import Analysis, AnalysisConfig
    from deepfake.analysis.pipeline import analyze
    from deepfake.analysis.verdict import Verdict
    from deepfake.batch import Batch
    from deepfake.comparison.compare import compare
    from deepfake.dataset import open_dataset
    from deepfake.errors import (
        ClipError,
        ClipNotFoundError,
        DatasetError,
        DeepfakeError,
        LimitError,
        StoreError,
    )
    from deepfake.faces.tracking import FaceTrack
    from deepfake.settings import Settings
    from deepfake.signals.base import SignalTrace
    from deepfake.store import open_store
    from deepfake.video.reader import VideoReader

__version__ = "0.4.1"

# From 1.29 on, onnxruntime reports to its maker as soon as it is imported: an identifier that it keeps in the user's
# cache folder, the program, the system. Its function that ends this (disable_telemetry_events) comes too late.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

# Where each name of the front lives. A type checker reads the imports above; a test holds the two equal.
_MODULES = {
    "Analysis": "deepfake.analysis.model",
    "AnalysisConfig": "deepfake.analysis.model",
    "Batch": "deepfake.batch",
    "ClipError": "deepfake.errors",
    "ClipNotFoundError": "deepfake.errors",
    "DatasetError": "deepfake.errors",
    "DeepfakeError": "deepfake.errors",
    "FaceTrack": "deepfake.faces.tracking",
    "LimitError": "deepfake.errors",
    "Settings": "deepfake.settings",
    "SignalTrace": "deepfake.signals.base",
    "StoreError": "deepfake.errors",
    "Verdict": "deepfake.analysis.verdict",
    "VideoReader": "deepfake.video.reader",
    "analyze": "deepfake.analysis.pipeline",
    "compare": "deepfake.comparison.compare",
    "open_dataset": "deepfake.dataset",
    "open_store": "deepfake.store",
}

__all__ = [
    "Analysis",
    "AnalysisConfig",
    "Batch",
    "ClipError",
    "ClipNotFoundError",
    "DatasetError",
    "DeepfakeError",
    "FaceTrack",
    "LimitError",
    "Settings",
    "SignalTrace",
    "StoreError",
    "Verdict",
    "VideoReader",
    "__version__",
    "analyze",
    "compare",
    "open_dataset",
    "open_store",
]


def __getattr__(name: str) -> Any:
    """Import a name of the front when it is first asked for (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module 'deepfake' has no attribute {name!r}")
    value = getattr(importlib.import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
