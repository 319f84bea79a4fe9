"""Analyses kept: in SQLite on this computer, or in a PostgreSQL that several share."""

from deepfake.store.analyses import AnalysisStore, open_store
from deepfake.store.cases import Case, Cases, KeptClip, KeptContent
from deepfake.store.recall import analyze_once
from deepfake.store.records import AnalysisSummary, Failure, StoredFingerprint, SummaryPage

__all__ = [
    "AnalysisStore",
    "AnalysisSummary",
    "Case",
    "Cases",
    "Failure",
    "KeptClip",
    "KeptContent",
    "StoredFingerprint",
    "SummaryPage",
    "analyze_once",
    "open_store",
]
