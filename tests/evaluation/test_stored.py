"""What the store has of a labeled data set: found without reading a clip, counted whole, and measured in time."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from deepfake.analysis.model import AnalysisConfig
from deepfake.dataset import ClipEntry, Dataset, open_dataset
from deepfake.evaluation.measured import measure
from deepfake.evaluation.stored import StoredResults, counts_by_fingerprint, known_clips, stored_results
from deepfake.files import stamp_of
from deepfake.store import AnalysisStore, open_store
from tests.evaluated_set import NO_FACE, keep, write_faceforensics

MTCNN = AnalysisConfig().fingerprint()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AnalysisStore]:
    with open_store(url=f"sqlite:///{tmp_path / 'store' / 'analyses.db'}") as opened:
        yield opened


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """6 people, each in a swap with a neighbor: 6 originals and 12 fakes by two methods."""
    write_faceforensics(tmp_path / "ff", b"not decoded by anything here")
    return open_dataset(tmp_path / "ff")


def paths(dataset: Dataset) -> list[Path]:
    return [entry.path for entry in dataset.entries]


def score_of(dataset: Dataset, path: Path) -> float:
    return 0.9 if next(entry for entry in dataset.entries if entry.path == path).label == "FAKE" else 0.1


class TestFinding:
    def test_every_clip_is_a_result_or_missing(self, dataset: Dataset, store: AnalysisStore) -> None:
        known = paths(dataset)[:10]
        keep(store, {path: score_of(dataset, path) for path in known[:9]} | {known[9]: None})
        found = stored_results(dataset, store, MTCNN)
        assert [result.clip.path for result in found.results] == known
        assert [row.path for row in found.missing] == paths(dataset)[10:]
        assert (found.n_labeled, found.n_analyzed, found.absent, found.unlabeled) == (18, 10, (), 0)
        assert [r.probability_fake for r in found.results[:9]] == [score_of(dataset, path) for path in known[:9]]
        assert found.results[9].abstained
        assert found.results[9].reason == NO_FACE
        assert [found.results[place].answer for place in (0, 9)] == [found.results[0].verdict, "NO_FACE"]

    def test_other_settings_are_other_results(self, dataset: Dataset, store: AnalysisStore) -> None:
        keep(store, dict.fromkeys(paths(dataset)[:4], 0.5))
        haar = keep(store, dict.fromkeys(paths(dataset)[2:10], 0.6), face_detector="haar")
        assert haar != MTCNN
        assert stored_results(dataset, store, haar).n_analyzed == 8
        known = known_clips(dataset, store)
        assert counts_by_fingerprint(known, store, [MTCNN, haar, "none"]) == {MTCNN: 4, haar: 8, "none": 0}

    def test_a_clip_that_has_changed_is_missing_again(self, dataset: Dataset, store: AnalysisStore) -> None:
        path = paths(dataset)[0]
        keep(store, {path: 0.5})
        assert stored_results(dataset, store, MTCNN).n_analyzed == 1
        path.write_bytes(b"another clip of that name")
        assert stored_results(dataset, store, MTCNN).n_analyzed == 0

    def test_a_failure_counts_until_the_file_changes(self, dataset: Dataset, store: AnalysisStore) -> None:
        path = paths(dataset)[0]
        stamp = stamp_of(str(path))
        store.put_failure(str(path), stamp, MTCNN, f"{path}: this cannot be read as a video", name=path.name)
        [result] = stored_results(dataset, store, MTCNN).results
        assert result.error == f"{path}: this cannot be read as a video"
        assert (result.probability_fake, result.verdict, result.abstained) == (None, None, False)
        assert stored_results(dataset, store, MTCNN).n_analyzed == 0
        os.utime(path, ns=(1, 1))
        assert stored_results(dataset, store, MTCNN).results == ()

    def test_clips_that_are_gone_and_clips_without_a_label_are_told_apart(
        self, tmp_path: Path, store: AnalysisStore
    ) -> None:
        (tmp_path / "here.mp4").write_bytes(b"1")
        (tmp_path / "plain.mp4").write_bytes(b"2")
        (tmp_path / "set.csv").write_text("path,label\nhere.mp4,REAL\ngone.mp4,FAKE\nplain.mp4,\n")
        found = stored_results(open_dataset(tmp_path / "set.csv"), store, MTCNN)
        assert [clip.name for clip in found.missing] == ["here.mp4"]
        assert [clip.name for clip in found.absent] == ["gone.mp4"]
        assert (found.n_labeled, found.unlabeled) == (2, 1)

    def test_two_copies_of_one_clip_share_its_analysis(self, dataset: Dataset, store: AnalysisStore) -> None:
        first, second = paths(dataset)[:2]
        keep(store, {first: 0.7})
        sha256 = store.known_hashes({str(first): stamp_of(str(first))})[str(first)]
        store.remember_file(str(second), stamp_of(str(second)), sha256)
        assert [result.probability_fake for result in stored_results(dataset, store, MTCNN).results] == [0.7, 0.7]


class TestRows:
    def test_people_that_a_swap_links_share_a_group(self, dataset: Dataset) -> None:
        assert {clip.group for clip in dataset.entries} == {"000", "002", "004"}
        assert {clip.compression for clip in dataset.entries} == {"c23"}
        assert {clip.method for clip in dataset.entries if clip.is_fake} == {"Deepfakes", "FaceSwap"}

    def test_the_csv_has_the_last_word_on_groups(self, tmp_path: Path) -> None:
        table = "path,label,group,original\na.mp4,FAKE,anna,b.mp4\nb.mp4,REAL,,\nc.mp4,FAKE,,b.mp4\n"
        (tmp_path / "set.csv").write_text(table)
        assert [clip.group for clip in open_dataset(tmp_path / "set.csv").entries] == ["anna", "b.mp4", "b.mp4"]

    def test_a_fake_without_a_group_has_that_of_its_original(self, tmp_path: Path) -> None:
        (tmp_path / "set.csv").write_text("path,label,group,original\na.mp4,FAKE,,b.mp4\nb.mp4,REAL,berta,\n")
        assert [clip.group for clip in open_dataset(tmp_path / "set.csv").entries] == ["berta", "berta"]

    def test_a_csv_over_faceforensics_has_the_methods_of_the_folders(self, tmp_path: Path) -> None:
        place = "manipulated_sequences/FaceSwap/c40/videos/000_001.mp4"
        real = "original_sequences/youtube/c40/videos/000.mp4"
        (tmp_path / "set.csv").write_text(f"path,label\n{place},FAKE\n{real},REAL\n")
        fake, original = open_dataset(tmp_path / "set.csv").entries
        assert (fake.method, fake.compression) == ("FaceSwap", "c40")
        assert (original.method, original.compression) == (None, "c40")


class ReadyStore:
    """A store that answers at once: its own speed is measured by benchmarks/batch.py."""

    def __init__(self, scores: dict[str, float]) -> None:
        self.scores = scores

    def known_hashes(self, seen: dict[str, str]) -> dict[str, str]:
        return {location: location for location in seen}

    def summaries(self, sha256s: set[str], fingerprint: str) -> dict[str, SimpleNamespace]:
        return {
            sha256: SimpleNamespace(
                verdict="LIKELY_REAL",
                probability_fake=self.scores[sha256],
                reason=None,
                classifier="efficientnet",
                answer="LIKELY_REAL",
            )
            for sha256 in sha256s
        }

    def failures(self, fingerprint: str, locations: list[str]) -> dict[str, object]:
        return {}


def test_four_thousand_clips_are_found_and_measured_in_time(tmp_path: Path) -> None:
    """With 800 groups, four methods and all bootstraps: about 0.7 s; the limit leaves room for a busy machine."""
    random = np.random.default_rng(0)
    entries, scores = [], {}
    for number in range(4000):
        path, is_fake = tmp_path / f"{number}.mp4", number % 2 == 1
        path.touch()
        scores[str(path)] = float(random.beta(5, 2) if is_fake else random.beta(2, 5))
        method = f"method {number % 8}" if is_fake else None
        label = "FAKE" if is_fake else "REAL"
        entries.append(
            ClipEntry(path.name, str(path), label, group=f"person {number // 5}", method=method, on_disk=True)
        )
    dataset = Dataset(tmp_path, "clips", tuple(entries))
    measure(StoredResults(MTCNN, (), (), (), 0), name="libraries are loaded")
    started = time.perf_counter()
    measured = measure(stored_results(dataset, ReadyStore(scores), MTCNN), name="MTCNN")
    took_s = time.perf_counter() - started
    assert measured.stored.n_analyzed == 4000
    assert len(measured.methods) == 4
    assert measured.evaluation.auc_ci95[0] < measured.evaluation.auc < measured.evaluation.auc_ci95[1]
    assert took_s < 5


def test_an_empty_result_says_so() -> None:
    measured = measure(StoredResults(MTCNN, (), (), (), 0), name="MTCNN")
    assert measured.evaluation.auc is None
    assert measured.roc is None
    assert "nothing to measure" in measured.caveats[0]
