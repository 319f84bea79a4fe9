"""Evidence that carries its own sentence, for tests that are not about how it comes about."""

from __future__ import annotations

from deepfake.analysis.evidence import Evidence, EvidenceCode


def told(sentence: str, track_id: int | None = None, *, code: EvidenceCode = "as_kept", signal: str = "") -> Evidence:
    """Return evidence as an earlier version kept it: a sentence."""
    return Evidence(code, signal, track_id, {"sentence": sentence})
