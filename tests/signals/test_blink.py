"""Blinks: every planted one is found where it is, none in noise, and no rate is claimed from a short clip."""

import numpy as np
import pytest
from scipy.stats import poisson

from deepfake.faces.alignment import FaceCrop
from deepfake.faces.iris import Eye
from deepfake.signals.base import FaceView, SignalTrace
from deepfake.signals.blink import (
    MIN_MEASURED_S,
    USUAL_PER_MINUTE,
    BlinkSignal,
    eye_openness,
    find_blinks,
    summarize_blinks,
)
from deepfake.video.info import Frame
from tests.meshes import mesh_of_face

RATE = 25


def openness_trace(seconds, blinks_s=(), *, level=0.3, width_s=0.12, depth=0.7, noise=0.006, seed=0):
    time = np.arange(round(seconds * RATE)) / RATE
    values = np.full(len(time), level)
    for moment in blinks_s:
        values *= 1 - depth * np.exp(-4 * np.log(2) * ((time - moment) / width_s) ** 2)
    values += np.random.default_rng(seed).normal(0, noise, len(time))
    return SignalTrace("eye_openness", 0, np.arange(len(time)), time, values.astype(np.float32))


def eye(opening, width=30.0, degrees=0.0):
    across = np.linspace(0, width, 9)
    lower = np.column_stack([across, np.full(9, opening / 2)])
    upper = np.column_stack([across[1:-1], np.full(7, -opening / 2)])
    lower[[0, 8], 1] = 0
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return Eye((np.vstack([lower, upper]) @ turn.T + 100).astype(np.float32), np.zeros((5, 2), np.float32))


@pytest.mark.parametrize("degrees", [0, 40, 180])
def test_openness_is_height_over_width_at_any_tilt(degrees):
    assert eye_openness(eye(9.0, degrees=degrees)) == pytest.approx(0.3, abs=1e-3)
    assert eye_openness(eye(0.0, degrees=degrees)) == pytest.approx(0.0, abs=1e-3)


def test_a_tiny_eye_is_not_measured():
    assert np.isnan(eye_openness(eye(3.0, width=10.0)))


@pytest.mark.parametrize("seed", range(3))
def test_planted_blinks_are_found_where_they_are(seed):
    planted = [1.0, 2.5, 3.1, 7.0]
    blinks = find_blinks(openness_trace(9, planted, seed=seed))
    assert [blink.lowest_s for blink in blinks] == pytest.approx(planted, abs=1 / RATE)
    for blink in blinks:
        assert blink.start_s < blink.lowest_s < blink.end_s
        assert blink.end_s - blink.start_s == pytest.approx(0.12, abs=0.05)
        assert blink.depth == pytest.approx(0.7, abs=0.1)


def test_scale_does_not_matter_and_slow_drift_is_no_blink():
    trace = openness_trace(9, [2.0, 5.0])
    drifting = trace.values * np.linspace(1, 0.6, len(trace.values), dtype=np.float32) * 3
    same = SignalTrace("eye_openness", 0, trace.frame_indices, trace.timestamps_s, drifting)
    assert [blink.lowest_s for blink in find_blinks(same)] == [blink.lowest_s for blink in find_blinks(trace)]


def test_noise_and_half_closings_are_no_blinks():
    assert find_blinks(openness_trace(20, noise=0.012)) == ()
    assert find_blinks(openness_trace(9, [4.0], depth=0.2)) == ()


def test_a_long_look_down_is_no_blink():
    trace = openness_trace(12)
    trace.values[100:170] *= 0.5
    assert find_blinks(trace) == ()


def test_blinks_at_both_ends_and_beside_a_gap_are_found():
    trace = openness_trace(6, [0.0, 3.0, 5.96])
    trace.values[78:90] = np.nan
    assert [blink.lowest_s for blink in find_blinks(trace)] == pytest.approx([0.0, 3.0, 5.96], abs=0.05)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_next_to_nothing_has_no_blinks(count):
    trace = openness_trace(count / RATE)
    assert summarize_blinks(trace).rate == "too short"
    unmeasured = SignalTrace("eye_openness", 0, np.arange(50), np.arange(50) / RATE, np.full(50, np.nan, np.float32))
    assert summarize_blinks(unmeasured).blinks == ()


def test_a_short_clip_tells_no_rate():
    summary = summarize_blinks(openness_trace(MIN_MEASURED_S - 1, [2.0]))
    assert summary.rate == "too short"
    assert np.isnan(summary.per_minute)
    assert len(summary.blinks) == 1
    assert np.isnan(BlinkSignal().statistic(openness_trace(5)))


def test_the_interval_is_the_exact_one_of_a_poisson_count():
    summary = summarize_blinks(openness_trace(30, [3, 9, 15, 21]))
    assert summary.per_minute == pytest.approx(8, abs=0.1)
    low, high = (bound / 2 for bound in summary.interval95)  # expected in 30 s
    assert poisson.sf(3, low) == pytest.approx(0.025, abs=0.001)
    assert poisson.cdf(4, high) == pytest.approx(0.025, abs=0.001)
    assert summary.rate == "usual"


@pytest.mark.parametrize("later_step", [2, 25])
def test_the_rate_counts_how_long_each_frame_is_shown(later_step):
    whole = openness_trace(30, [3, 9, 15, 21])
    kept = (np.arange(750) < 375) | (np.arange(750) % later_step == 0)  # 25 frames per second, then fewer
    times = whole.timestamps_s[kept]
    varying = SignalTrace("eye_openness", 0, np.arange(len(times)), times, whole.values[kept])
    assert summarize_blinks(varying).measured_s == pytest.approx(30, abs=1)


def test_a_gap_is_not_measured():
    whole = openness_trace(30)
    after = np.arange(750) >= 375  # the face was gone for 100 s
    times, indices = whole.timestamps_s + 100 * after, whole.frame_indices + 2500 * after
    gone = SignalTrace("eye_openness", 0, indices, times, whole.values)
    assert summarize_blinks(gone).measured_s == pytest.approx(30, abs=0.1)


def test_a_rate_is_unusual_only_when_its_whole_interval_is():
    assert summarize_blinks(openness_trace(20)).rate == "usual"  # 0 in 20 s: up to 11 a minute
    rare = summarize_blinks(openness_trace(40))
    assert rare.rate == "fewer"
    assert rare.interval95[1] < USUAL_PER_MINUTE[0]
    assert summarize_blinks(openness_trace(20, np.arange(0.5, 20, 0.8))).rate == "more"


def test_open_eyes_are_measured_on_a_portrait_and_shut_ones_are_less_open(portrait):
    landmarks = np.array([[201, 108], [246, 105], [225, 132], [208, 155], [245, 153]], np.float32)
    mesh = mesh_of_face(portrait, landmarks)
    crop = FaceCrop(0, 0, 0.0, portrait[:224, :224], np.eye(2, 3, dtype=np.float32))
    signal = BlinkSignal()
    value = signal.push(FaceView(crop, Frame(0, 0.0, portrait), mesh))
    assert 0.2 < value < 0.5
    assert value == pytest.approx(np.mean(list(signal.parts.values())))
    assert signal.parts.keys() == {"right", "left"}
    assert signal.parts["right"] == pytest.approx(signal.parts["left"], abs=0.08)


@pytest.mark.parametrize("mesh", [None, np.full((468, 3), np.nan, np.float32), np.zeros((468, 3), np.float32)])
def test_without_a_usable_mesh_there_is_no_value(mesh):
    image = np.zeros((64, 64, 3), np.uint8)
    signal = BlinkSignal()
    crop = FaceCrop(0, 0, 0.0, image, np.eye(2, 3, dtype=np.float32))
    value = signal.push(FaceView(crop, Frame(0, 0.0, image), mesh))
    assert np.isnan(value)
    assert signal.parts == {}
