"""What an earlier version kept is read on: a store and an entry of the cache, both written by it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np

from deepfake.analysis.keeping import analysis_from_bytes, analysis_to_bytes, read_analysis
from deepfake.analysis.model import Analysis
from deepfake.report.analysis_json import analysis_to_dict
from deepfake.store import open_store

WRITTEN = Path(__file__).parents[1] / "version_1"  # by the version before, of test_2.mp4 of the built-in set


def stored(tmp_path: Path) -> tuple[Analysis, str]:
    """Return the analysis of the old store, opened by this version, and its database's address."""
    address = f"sqlite:///{tmp_path}/analyses.db"
    with sqlite3.connect(tmp_path / "analyses.db") as database:
        database.executescript((WRITTEN / "store.sql").read_text())
    with open_store(url=address) as store:
        (row,) = store.find().rows
        analysis = store.get(row.sha256, row.fingerprint)
    assert analysis is not None
    return analysis, address


def test_a_store_is_opened_with_its_analysis_its_failure_and_its_files(tmp_path: Path) -> None:
    analysis, address = stored(tmp_path)
    with open_store(url=address) as store:
        (row,) = store.find().rows
        assert (row.name, row.verdict, row.probability_fake) == (
            "test_2.mp4",
            "LIKELY_FAKE",
            analysis.verdict.probability_fake,
        )
        assert store.known_hashes({"/clips/test_2.mp4": "12-34"}) == {"/clips/test_2.mp4": analysis.video.sha256}
        failure = store.failures(row.fingerprint)["/clips/broken.mp4"]
    assert (failure.name, failure.error) == ("broken.mp4", "the file is empty")
    assert analysis.video.path == Path("/clips/test_2.mp4")
    assert analysis.trace("frame_similarity") is not None


def test_an_entry_of_the_cache_is_the_same_analysis(tmp_path: Path) -> None:
    from_store, from_cache = stored(tmp_path)[0], read_analysis(WRITTEN / "analysis.json")
    shown = [analysis_to_dict(analysis, shown_path="a.mp4") for analysis in (from_store, from_cache)]
    assert shown[0] == shown[1]
    for old, new in zip(from_store.tracks, from_cache.tracks, strict=True):
        assert (old.boxes_xyxy.dtype, old.landmarks.shape) == (new.boxes_xyxy.dtype, new.landmarks.shape)
        np.testing.assert_array_equal(old.landmarks, new.landmarks)


def test_what_was_read_is_kept_in_the_new_form_without_loss(tmp_path: Path) -> None:
    analysis, _ = stored(tmp_path)
    again = analysis_from_bytes(analysis_to_bytes(analysis))
    assert analysis_to_dict(again) == analysis_to_dict(analysis)
    assert analysis_to_bytes(again) == analysis_to_bytes(analysis)
