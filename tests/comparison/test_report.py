"""What a comparison comes to, in a headline, and its report with pictures of both clips."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from deepfake.analysis.model import AnalysisConfig
from deepfake.comparison import pair_wording
from deepfake.comparison.compare import ComparedMoment, Comparison, compare
from deepfake.comparison.findings import Finding, PairCheck, find_difference
from deepfake.comparison.pair_wording import FINDING_TITLES, finding_sentence, pair_warnings
from deepfake.comparison.report import MomentPictures, comparison_document, moment_pictures, side_by_side
from deepfake.report.html import document_html
from deepfake.report.pdf import document_pdf
from deepfake.serialize import from_bytes, to_bytes
from deepfake.signals.base import SignalTrace
from tests.comparison.test_comparison import BEST, scene, with_patch
from tests.conftest import WriteClip

PAIR = PairCheck("pair", 0.98, 0.5, moves=True)


def trace(values: list[float], first: int = 0) -> SignalTrace:
    frames = np.arange(first, first + len(values), dtype=np.int64)
    return SignalTrace("similarity", None, frames, frames / 10, np.array(values, np.float32))


def test_a_face_that_differs_more_than_the_picture_is_the_finding_with_its_times() -> None:
    found = find_difference(PAIR, trace([0.98] * 20), trace([0.97] * 4 + [0.86] * 12 + [0.97] * 4))
    assert found.code == "face"
    assert (found.face, found.whole) == (pytest.approx(0.86), pytest.approx(0.98))
    assert (found.from_s, found.to_s) == (pytest.approx(0.4), pytest.approx(1.5))
    assert finding_sentence(found) == (
        "The face stands out from 0:00.40 to 0:01.50: its similarity there is 0.860, that of the whole picture 0.980. "
        "Another compression alone can do that too, so it is no proof of a fake."
    )


@pytest.mark.parametrize(
    ("face", "whole"),
    [
        (0.982, 0.983),  # compressed again, as much in the face as around it
        (0.972, 0.982),  # a little more in the face
        (1.0, 1.0),
    ],
)
def test_a_face_that_differs_in_a_part_of_the_clip_is_the_finding_with_the_times_of_that_part(
    face: float, whole: float
) -> None:
    found = find_difference(PAIR, trace([whole] * 40), trace([face] * 20 + [0.88] * 10 + [face] * 10))
    assert (found.code, found.face) == ("face", pytest.approx(0.88))
    assert (found.from_s, found.to_s) == (pytest.approx(2.0), pytest.approx(2.9))


def test_a_face_that_stands_out_at_one_moment_is_not_told_from_when_to_when() -> None:
    assert finding_sentence(find_difference(PAIR, trace([0.98]), trace([0.9]))).startswith(
        "The face stands out at 0:00.00: "
    )


def test_a_part_is_found_whatever_another_compression_does_to_the_rest() -> None:
    for rest in (0.975, 0.981):
        face = trace([rest] * 30 + [0.8] * 10 + [rest] * 60 + [0.8] * 6 + [rest] * 20)
        found = find_difference(PAIR, trace([0.98] * 126), face)
        assert (found.code, found.more) == ("face", 1)
        assert found.face == pytest.approx(0.8)
        assert (found.from_s, found.to_s) == (pytest.approx(3.0), pytest.approx(3.9))
        assert "(and in 1 shorter part)" in finding_sentence(found)


def test_a_single_odd_moment_is_no_part_of_a_clip() -> None:
    assert (
        find_difference(PAIR, trace([0.983] * 40), trace([0.984] * 20 + [0.88] * 4 + [0.984] * 16)).code == "all_over"
    )
    assert find_difference(PAIR, trace([0.999] * 40), trace([0.999] * 39 + [0.88])).code == "alike"


def test_a_face_is_not_accused_where_the_clips_run_out_of_step() -> None:
    found = find_difference(PairCheck("out_of_step", 0.9, 0.88, moves=True), trace([0.9] * 10), trace([0.5] * 10))
    assert FINDING_TITLES[found.code] == "Not in step"
    assert finding_sentence(found) == ""


def test_a_picture_that_differs_as_a_whole_accuses_no_face() -> None:
    found = find_difference(PAIR, trace([0.9] * 10), trace([0.95] * 5 + [0.85] * 5))
    assert (found.code, found.from_s) == ("all_over", None)
    assert "stands out" not in finding_sentence(found)


def test_clips_that_are_alike_and_clips_that_are_no_pair_are_called_so() -> None:
    assert find_difference(PAIR, trace([0.999] * 5), trace([0.998] * 5)).code == "alike"
    assert find_difference(PAIR, trace([0.999] * 5), None).code == "alike"
    assert find_difference(PAIR, trace([0.9] * 5), None).code == "all_over"
    assert find_difference(PairCheck("unlike", 0.2, None, moves=True), trace([0.2] * 5), None) == Finding("no_pair")
    assert finding_sentence(Finding("no_pair")) == ""


def test_what_could_not_be_measured_takes_no_part() -> None:
    found = find_difference(PAIR, trace([0.98] * 6), trace([float("nan"), 0.8, 0.8, 0.8], first=1))
    assert (found.code, found.from_s) == ("face", pytest.approx(0.2))
    assert find_difference(PAIR, trace([0.98] * 6), trace([float("nan")] * 3)).face is None


@pytest.fixture(scope="module")
def patched(tmp_path_factory: pytest.TempPathFactory, write_clip: WriteClip) -> tuple[Path, Path, Comparison]:
    folder = tmp_path_factory.mktemp("patched")
    images = scene(30)
    original = write_clip(folder / "original.mp4", images, codec_options=BEST)
    fake = write_clip(folder / "fake <b>.mp4", with_patch(images, range(20, 23)), codec_options=BEST)
    return fake, original, compare(fake, original, AnalysisConfig(face_detector="haar"))


def test_the_report_has_the_finding_both_clips_and_their_greatest_differences(
    patched: tuple[Path, Path, Comparison],
) -> None:
    fake, original, comparison = patched
    pictures = moment_pictures(fake, original, comparison)
    assert from_bytes(to_bytes(pictures), MomentPictures) == pictures
    assert 1 <= len(pictures.pictures) <= 3
    size = PIL.Image.open(io.BytesIO(pictures.pictures[0].jpeg)).size
    assert size == (512, 192), "both beside each other"
    document = comparison_document(comparison, shown_paths=("fake <b>.mp4", "original.mp4"), pictures=pictures)
    page = document_html(document)
    for needed in (FINDING_TITLES[comparison.finding.code], "fake &lt;b&gt;.mp4", comparison.fake.video.sha256,
                   comparison.original.video.sha256, "deepfake compare", "A: fake", "B: original"):  # fmt: skip
        assert needed in page
    assert page.count("data:image/jpeg") == len(pictures.pictures)
    assert str(fake.parent) not in page
    assert document_pdf(document).startswith(b"%PDF-")


def test_moments_that_share_a_frame_of_the_original_each_show_it(tmp_path: Path, write_clip: WriteClip) -> None:
    images = scene(30)
    original = write_clip(tmp_path / "original.mp4", images[::6], rate=5, codec_options=BEST)
    fake = write_clip(tmp_path / "fake.mp4", images, rate=30, codec_options=BEST)
    comparison = compare(fake, original, AnalysisConfig(face_detector="haar"))
    place = {int(frame): row for row, frame in enumerate(comparison.cross_similarity.frame_indices)}

    def moment(frame: int) -> ComparedMoment:
        row = place[frame]
        other = int(comparison.original_frame_indices[row]), float(comparison.original_timestamps_s[row])
        return ComparedMoment(frame, frame / 30, *other, 0.5, float("nan"))

    chosen = tuple(moment(frame) for frame in (11, 13, 23))
    assert [item.original_frame_index for item in chosen] == [2, 2, 4]
    pictures = moment_pictures(fake, original, dataclasses.replace(comparison, moments=chosen)).pictures
    halves = [np.asarray(PIL.Image.open(io.BytesIO(item.jpeg)).convert("RGB"))[:, 256:] for item in pictures]
    assert len(halves) == 3
    differences = [float(np.abs(halves[1].astype(int) - half.astype(int)).mean()) for half in halves]
    assert differences[0] == 0 < differences[2]


def test_a_warning_of_both_clips_is_said_once(
    patched: tuple[Path, Path, Comparison], monkeypatch: pytest.MonkeyPatch
) -> None:
    comparison = patched[2]
    monkeypatch.setattr(pair_wording, "notes_of", lambda analysis: ("Known.", f"{analysis.video.path.name} is short."))
    assert pair_warnings(comparison) == (
        "A and B: Known.",
        "A: fake <b>.mp4 is short.",
        "B: original.mp4 is short.",
    )


def test_clips_of_two_sizes_stand_beside_each_other_at_one_height() -> None:
    tall, wide = np.zeros((400, 200, 3), np.uint8), np.zeros((200, 300, 3), np.uint8)
    assert side_by_side(tall, wide).shape == (200, 100 + 300, 3)
