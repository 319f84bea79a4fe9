"""Re-compression: the same crops scored again after encoding, how stable the verdict is, and its JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from deepfake.analysis import recompression
from deepfake.analysis.evidence import Evidence
from deepfake.analysis.model import Analysis
from deepfake.analysis.pipeline import analyze
from deepfake.analysis.recompression import RateOutcome, RateVerdict, Recompression, recompress
from deepfake.dashboard.analyze.recompress_tab import abstentions, recompression_table
from deepfake.detectors import Calibration, ClassifierInfo, FaceClassifier, QualityLimits, TrackScorer, classifier
from deepfake.detectors.efficientnet import WHOLE
from deepfake.figures.robustness import recompression_figure
from deepfake.report.analysis_json import recompression_to_dict
from deepfake.report.card import stability_sentence
from deepfake.serialize import from_bytes, to_bytes
from deepfake.video.info import Frame, VideoInfo
from deepfake.words import bit_rate_text, size_text
from tests.told import told
from tests.watched import Watched

WriteClip = Callable[..., Path]


class KeepsCrops(FaceClassifier):
    """Scores by mean brightness and keeps what it saw."""

    info = ClassifierInfo("brightness", "Mean brightness", "", "")

    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []

    def scores(self, crops: np.ndarray) -> np.ndarray:
        self.seen.append(crops)
        return (crops.mean(axis=(1, 2, 3)) / 255).astype(np.float32)


class WantsManyBits(KeepsCrops):
    """Leaves every clip open whose bit rate is below that of one that is hardly compressed."""

    limits = QualityLimits(min_bits_per_pixel=10.0)


@pytest.fixture(scope="module")
def talking(watched: Watched) -> tuple[Path, Analysis, dict[int, np.ndarray]]:
    """The clip, its analysis, and its face crops by frame."""
    return watched.clip, watched.analysis, {crop.frame_index: crop.image for crop, _ in watched.crops}


def test_the_bit_rate_of_a_part_is_near_that_of_the_whole_clip() -> None:
    random = np.random.default_rng(0)
    background = cv2.GaussianBlur(random.integers(0, 255, (96, 128, 3)).astype(np.uint8), (0, 0), 2.0)
    head = random.integers(0, 255, (32, 24, 3)).astype(np.uint8)
    info = VideoInfo(
        path=Path("a.mp4"), sha256="", width=128, height=96, rotation_deg=0, frame_rate=Fraction(25), frame_count=600,
        duration_s=24.0, codec="h264", pixel_format="yuv420p", variable_frame_rate=False, container="mov",
        bit_rate=None, has_audio=False,
    )  # fmt: skip
    whole, part = (recompression._Encoding(32, info, {}, TrackScorer(KeepsCrops(), patience_s=1)) for _ in range(2))
    for index in range(600):
        image = background.copy()
        x = 50 + round(10 * math.sin(index / 9))
        image[30:62, x : x + 24] = head
        frame = Frame(index, index / 25, image)
        picture = recompression._yuv_picture(frame)
        whole.push(picture, frame, is_start=index == 0)
        if index % 100 < 31:  # as where a crop is scored every 100 frames
            part.push(picture, frame, is_start=index % 100 == 0)
    for encoding in (whole, part):
        encoding.finish(set())
    assert part.frames == 186
    assert part.bit_rate == pytest.approx(whole.bit_rate, rel=0.25)


def test_hardly_compressed_the_same_crops_are_scored(talking: tuple[Path, Analysis, dict[int, np.ndarray]]) -> None:
    clip, analysis, crops = talking
    detector = KeepsCrops()
    recompress(clip, analysis, rates_crf=[1], scorer=detector)
    trace = analysis.trace("learned_score", 0)
    assert trace is not None
    [seen] = detector.seen
    assert len(seen) == len(trace.frame_indices)
    for crop, frame_index in zip(WHOLE.of(seen), trace.frame_indices.tolist(), strict=True):
        assert np.abs(crop.astype(float) - crops[frame_index]).mean() < 2.5  # rounding of two color conversions


def test_stronger_compression_takes_fewer_bits_and_more_detail(
    talking: tuple[Path, Analysis, dict[int, np.ndarray]],
) -> None:
    clip, analysis, crops = talking
    detector = KeepsCrops()
    result = recompress(clip, analysis, rates_crf=[18, 45], scorer=detector)
    _, fine, coarse = result.rates
    assert fine.bit_rate is not None
    assert coarse.bit_rate is not None
    assert coarse.bit_rate < fine.bit_rate / 4
    assert fine.size_bytes == pytest.approx(fine.bit_rate * analysis.video.duration_s / 8, rel=1e-3)
    first = analysis.trace("learned_score", 0).frame_indices[0]  # type: ignore[union-attr]
    errors = [np.abs(WHOLE.of(seen)[0].astype(float) - crops[int(first)]).mean() for seen in detector.seen]
    assert errors[1] > 2 * errors[0]


def test_hardly_compressed_the_verdict_stays(talking: tuple[Path, Analysis, dict[int, np.ndarray]]) -> None:
    clip, analysis, _ = talking
    result = recompress(clip, analysis, rates_crf=[1])
    original, encoded = result.rates
    assert original.clip.probability_fake == analysis.verdict.probability_fake
    assert encoded.clip.probability_fake == pytest.approx(original.clip.probability_fake, abs=0.05)
    assert [outcome.track_id for outcome in encoded.tracks] == [0]


def test_at_a_rate_beyond_the_quality_gate_nobody_is_judged(
    talking: tuple[Path, Analysis, dict[int, np.ndarray]],
) -> None:
    clip, analysis, _ = talking
    original, encoded = recompress(clip, analysis, rates_crf=[40], scorer=WantsManyBits()).rates
    assert original.clip.is_judged
    assert original.tracks[0].is_judged
    assert encoded.clip.answer == encoded.tracks[0].answer == "NOT_JUDGED"
    assert encoded.clip.told_probability is None


def test_every_frame_up_to_the_last_scored_is_reported_and_nothing_is_left(
    talking: tuple[Path, Analysis, dict[int, np.ndarray]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip, analysis, _ = talking
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    reports: list[tuple[int, int]] = []
    result = recompress(
        clip,
        analysis,
        rates_crf=[30],
        scorer=KeepsCrops(),
        progress=lambda done, total: reports.append((done, total)),
    )
    last = int(analysis.trace("learned_score", 0).frame_indices[-1])  # type: ignore[union-attr]
    assert reports == [(done, last + 1) for done in range(1, last + 2)]
    assert result.frames_encoded == last + 1
    assert list(tmp_path.iterdir()) == []


def test_far_from_scored_frames_nothing_is_encoded(
    talking: tuple[Path, Analysis, dict[int, np.ndarray]], monkeypatch: pytest.MonkeyPatch
) -> None:
    clip, analysis, crops = talking
    trace = analysis.trace("learned_score", 0)
    assert trace is not None
    rows = np.array([10, 30])
    thin = replace(trace, frame_indices=rows, timestamps_s=rows / 25, values=trace.values[:2])
    traces = tuple(thin if item is trace else item for item in analysis.traces)
    monkeypatch.setattr(recompression, "LEAD_FRAMES", 4)
    detector = KeepsCrops()
    result = recompress(clip, replace(analysis, traces=traces), rates_crf=[1], scorer=detector)
    assert result.frames_encoded == 2 * 5
    [seen] = detector.seen
    for crop, frame_index in zip(WHOLE.of(seen), (10, 30), strict=True):
        assert np.abs(crop.astype(float) - crops[frame_index]).mean() < 2.5


def test_a_clip_without_a_face_has_nothing_to_compare(moving_square_clip: Path) -> None:
    result = recompress(moving_square_clip, analyze(moving_square_clip))
    assert [rate.crf for rate in result.rates] == [None]
    assert result.frames_encoded == 0
    assert "No face" in stability_sentence(result)
    assert "No face" in recompression_figure(result).layout.annotations[0].text


@pytest.mark.usefixtures("quick_network")
def test_odd_sizes_are_encoded(talking_frames: list[np.ndarray], write_clip: WriteClip, tmp_path: Path) -> None:
    frames = [frame[:479, :637] for frame in talking_frames[:16]]
    clip = write_clip(tmp_path / "odd.mkv", frames, codec="ffv1", pix_fmt="bgr0")
    analysis = analyze(clip)
    detector = KeepsCrops()
    result = recompress(clip, analysis, rates_crf=[20], scorer=detector)
    assert result.rates[1].clip.probability_fake is not None
    assert len(detector.seen[0]) == len(analysis.trace("learned_score", 0).values)  # type: ignore[union-attr]


def rate(
    crf: int | None, label: str, probability: float | None, *, abstained: tuple[Evidence, ...] = ()
) -> RateOutcome:
    interval = None if probability is None else (probability - 0.02, probability + 0.02)
    clip = RateVerdict(None, label, probability, interval, abstained)  # type: ignore[arg-type]
    return RateOutcome(crf, 1e6, 10**6, clip, (replace(clip, track_id=0),))


def not_judged(track_id: int | None, probability: float) -> RateVerdict:
    return RateVerdict(track_id, "INCONCLUSIVE", probability, (0.5, 0.7), (told("Too blurred.", track_id),), False)


def result_of(*rates: RateOutcome) -> Recompression:
    return Recompression(rates, 0.38, 0.8, 100, 100, 1.0)


def test_a_verdict_that_stays_is_called_stable() -> None:
    sentence = stability_sentence(result_of(rate(None, "LIKELY_FAKE", 0.95), rate(40, "LIKELY_FAKE", 0.85)))
    assert sentence == ("The verdict stays Likely fake at every rate. P(fake) lies between 0.85 and 0.95, 0.10 apart.")


def test_a_verdict_that_changes_is_said_where() -> None:
    sentence = stability_sentence(
        result_of(rate(None, "LIKELY_FAKE", 0.9), rate(23, "LIKELY_FAKE", 0.9), rate(40, "INCONCLUSIVE", 0.6))
    )
    assert "changes: Likely fake as the clip is, Inconclusive at CRF 40." in sentence
    assert "opposite" not in sentence


def test_a_verdict_that_turns_round_is_warned_of() -> None:
    result = result_of(rate(None, "LIKELY_FAKE", 0.9), rate(40, "LIKELY_REAL", 0.1))
    assert "opposite" in stability_sentence(result)
    assert not result.keeps_label
    assert result.spread == pytest.approx(0.8)


def test_a_rate_at_which_nobody_is_judged_tells_no_score() -> None:
    blurred = replace(rate(40, "INCONCLUSIVE", 0.6), clip=not_judged(None, 0.6), tracks=(not_judged(0, 0.6),))
    result = result_of(rate(None, "INCONCLUSIVE", 0.7), rate(23, "INCONCLUSIVE", 0.65), blurred)
    assert not result.keeps_label
    assert stability_sentence(result) == (
        "The verdict changes: Inconclusive as the clip is, Not judged at CRF 40. "
        "Where it is judged, P(fake) lies between 0.65 and 0.70, 0.05 apart."
    )
    [curve] = recompression_figure(result, 0).data
    assert (curve.x, curve.y) == ((0, 1), (0.7, 0.65))
    assert recompression_to_dict(result)["rates"][2]["clip"]["is_judged"] is False


def test_a_clip_that_is_judged_at_no_rate_is_called_neither_stable_nor_scored() -> None:
    rates = [replace(rate(crf, "INCONCLUSIVE", 0.6), clip=not_judged(None, 0.6)) for crf in (None, 40)]
    result = result_of(*rates)
    assert result.spread is None
    assert "0.6" not in stability_sentence(result)
    assert "judged neither as it is nor at any rate" in stability_sentence(result)
    assert "judged neither" in recompression_figure(result).layout.annotations[0].text


def test_the_result_comes_back_from_bytes_and_is_told_in_json() -> None:
    both = told("Too blurred.", 0), told("Too blurred.", 1)
    result = result_of(rate(None, "LIKELY_FAKE", 0.9), rate(40, "INCONCLUSIVE", None, abstained=both))
    data = json.loads(json.dumps(recompression_to_dict(result)))
    assert data["keeps_label"] is False
    assert data["rates"][1]["clip"]["abstained"] == ["Too blurred."]
    assert from_bytes(to_bytes(result), Recompression) == result


def test_who_was_not_judged_at_a_rate_is_not_called_inconclusive() -> None:
    small = Evidence("face_too_small", None, 0, {"px": 31.0, "at_least": 48.0})
    clip = RateVerdict(None, "INCONCLUSIVE", 0.6, (0.5, 0.7), (small,), False)
    result = result_of(rate(None, "INCONCLUSIVE", 0.6), replace(rate(40, "INCONCLUSIVE", 0.6), clip=clip))
    said = "The face is too small: 31 px wide, at least 48 px are needed."
    assert abstentions(result) == [f"CRF 40: {said}"]
    assert recompression_to_dict(result)["rates"][1]["clip"]["abstained"] == [said]
    assert recompression_table(result)["Verdict"].tolist() == ["? Inconclusive", "– Not judged"]


def test_limits_of_the_labels_are_where_the_rules_change() -> None:
    reals, fakes = np.linspace(-4, 2, 99).astype(np.float32), np.linspace(-2, 4, 99).astype(np.float32)
    calibration = Calibration(1.0, 0.0, reals, fakes)
    below, fake_from = calibration.label_limits()
    assert below is not None
    assert fake_from is not None
    assert calibration.p_value_fake(below) <= 0.1 < calibration.p_value_fake(below + 0.02)
    assert calibration.p_value_real(fake_from) <= 0.05 < calibration.p_value_real(fake_from - 0.02)
    stricter = calibration.label_limits(3)[1]
    assert stricter is not None
    assert stricter > fake_from
    assert calibration.label_limits(1000)[1] is None


def test_the_shipped_detector_has_both_limits() -> None:
    below, fake_from = classifier().calibration.label_limits()
    assert below is not None
    assert fake_from is not None
    assert below < 0.5 < fake_from


def test_the_figure_shows_every_rate_with_its_interval_and_the_limits() -> None:
    result = result_of(rate(None, "LIKELY_FAKE", 0.9), rate(23, "LIKELY_REAL", 0.3), rate(40, "INCONCLUSIVE", 0.5))
    figure = recompression_figure(result)
    [curve] = figure.data
    assert curve.y == (0.9, 0.3, 0.5)
    assert curve.error_y.array == pytest.approx((0.02, 0.02, 0.02))
    assert len({*curve.marker.symbol}) == 3, "labels must not differ by color alone"
    texts = [annotation.text for annotation in figure.layout.annotations]
    assert texts == ["no signs below 0.380", "likely fake from 0.800"]


def test_another_person_than_the_clips_own_gets_a_curve() -> None:
    base = rate(None, "LIKELY_FAKE", 0.9)
    other = RateVerdict(1, "LIKELY_REAL", 0.1, (0.05, 0.2))
    two = [replace(item, tracks=(*item.tracks, other)) for item in (base, replace(base, crf=40))]
    assert [curve.name for curve in recompression_figure(result_of(*two), 0).data] == ["the clip"]
    assert [curve.name for curve in recompression_figure(result_of(*two), 1).data] == ["the clip", "Person 2"]


def test_rates_and_sizes_are_written_for_readers() -> None:
    assert [bit_rate_text(value) for value in (None, 124_836, 999_600, 3_028_187)] == [
        "unknown", "125 kbit/s", "1.0 Mbit/s", "3.0 Mbit/s",
    ]  # fmt: skip
    assert [size_text(value) for value in (None, 19_400, 2_639_763)] == ["unknown", "19 kB", "2.6 MB"]
