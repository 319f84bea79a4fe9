"""A labeled folder of clips and made-up analyses of them in a store."""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from deepfake.analysis.evidence import Evidence
from deepfake.analysis.model import AnalysisConfig
from deepfake.detectors import DEFAULT_CLASSIFIER
from deepfake.files import stamp_of
from deepfake.store import AnalysisStore
from tests.store.samples import sample_analysis
from tests.told import told

METHODS = ("Deepfakes", "FaceSwap")


def write_faceforensics(
    root: Path, content: bytes, *, people: int = 6, compressions: tuple[str, ...] = ("c23",)
) -> None:
    """Write people's original clips and, of every two who are swapped, both fakes by each method."""
    for compression in compressions:
        for person in range(people):
            _write(root / f"original_sequences/youtube/{compression}/videos/{person:03d}.mp4", content)
            for method in METHODS:
                name = f"{person:03d}_{person ^ 1:03d}.mp4"
                _write(root / f"manipulated_sequences/{method}/{compression}/videos/{name}", content)


NO_FACE = Evidence("no_face", "face_count", None)


def keep(
    store: AnalysisStore,
    scores: Mapping[Path, float | None],
    *,
    face_detector: str = "mtcnn",
    classifier: str = DEFAULT_CLASSIFIER,
    reason: Evidence = NO_FACE,
    quick: bool = False,
) -> str:
    """Keep a made-up analysis of each clip with its P(fake), or none with the reason; return their fingerprint."""
    for path, score in scores.items():
        label = "INCONCLUSIVE" if score is None else "LIKELY_FAKE" if score >= 0.8 else "LIKELY_REAL"
        reasons = (reason,) if score is None else (told(f"P(fake) is {score:.2f} over 32 frames."),)
        analysis = sample_analysis(
            zlib.crc32(os.fsencode(path)),
            frames=8,
            face_detector=face_detector,
            classifier=classifier,
            label=label,
            probability_fake=score,
            reasons=reasons,
            tracks=(),
        )
        analysis = replace(analysis, config=replace(analysis.config, quick=quick))
        store.put(analysis, name=path.name, location=str(path))
        store.remember_file(str(path), stamp_of(str(path)) or "", analysis.video.sha256)
    return AnalysisConfig(face_detector, classifier, quick=quick).fingerprint()  # type: ignore[arg-type]


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
