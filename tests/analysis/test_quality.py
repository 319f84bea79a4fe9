"""The quality gate: each limit with its sentence and its number, the blur of made pictures, how much is covered."""

import dataclasses
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from deepfake.analysis.quality import (
    ClipQuality,
    TrackQuality,
    clip_quality,
    coverage_note,
    face_turn,
    quality_failures,
    track_quality,
)
from deepfake.detectors import QualityLimits, TrackScores, classifier
from deepfake.faces.blur import edge_blur_px
from deepfake.faces.tracking import FaceTrack
from deepfake.report.wording import evidence_sentence
from deepfake.video.info import VideoInfo

FRONTAL = np.array([[70, 80], [130, 80], [100, 110], [80, 140], [120, 140]], np.float32)
PROFILE = FRONTAL + np.array([[0, 0], [0, 0], [45, 0], [0, 0], [0, 0]], np.float32)
PICTURE = {"bit_rate": 900_000, "width": 1280, "height": 720, "frame_rate": 25.0}
CLIP = ClipQuality(frames=100, covered_frames=100, bits_per_pixel=0.04, picture=PICTURE)
LIMITS = classifier().limits
GOOD = TrackQuality(120.0, 1.5, 24, 1.0, 1.0, 1.0, 0.04)


def track(frames, *, width_px=120.0, landmarks=FRONTAL):
    count = len(frames)
    boxes = np.tile(np.array([40, 40, 40 + width_px, 200], np.float32), (count, 1))
    points = np.tile(landmarks, (count, 1, 1)).astype(np.float32)
    return FaceTrack(0, np.array(frames, np.int64), boxes, points, np.ones(count, np.float32))


def video(bit_rate):
    """A clip of 100×100 px at 25 frames/s."""
    times = (0, Fraction(25), 100, 4.0)
    return VideoInfo(Path("a.mp4"), "", 100, 100, *times, "h264", "yuv420p", False, "mp4", bit_rate, has_audio=False)


def scores(count=20, blur=1.5):
    filled = np.full(count, 0.5, np.float32)
    return TrackScores(0, np.arange(count, dtype=np.int64), filled, np.full(count, blur, np.float32))


def edges(side=224):
    """Hard edges in every direction."""
    image = np.full((side, side, 3), 40, np.uint8)
    for radius in range(100, 0, -20):
        cv2.circle(image, (side // 2, side // 2), radius, (200,) * 3 if radius // 20 % 2 else (60,) * 3, -1)
    return image


@pytest.mark.parametrize(
    ("change", "code", "sentence"),
    [
        ({"face_width_px": 31.0}, "face_too_small",
         "The face is too small: 31 px wide, at least 48 px are needed."),
        ({"edge_blur_px": 5.26}, "face_too_blurred",
         "The face is too blurred: its edges are smeared by 5.3 of 224 px for the whole picture, "
         "at most 3.0 can be judged."),
        ({"outside_share": 0.31}, "cut_off",
         "The head is cut off by the edge of the picture: 31% of the area that the classifier "
         "looks at lies outside, at most 25% may."),
        ({"hidden_share": 3 / 56}, "face_hidden",
         "Something seems to hide a part of the face, such as writing, a sticker or mirrored glasses: 5.4% of it; "
         "at most 5% may be hidden."),
        ({"smoothed_probability": 0.503}, "face_smoothed",
         "A filter seems to have smoothed the face: the classifier gives this a probability of 50.3%; "
         "at most 50% is let through."),
        ({"bits_per_pixel": 0.0012}, "compressed_too_hard",
         "The clip is compressed too hard: 0.0012 bits per pixel (900 kbit/s for 1280×720 px, "
         "25 frames/s), at least 0.002 are needed."),
        ({"scored_crops": 3}, "seen_too_briefly",
         "The face is seen too briefly: 3 pictures of it, at least 4 are needed."),
        ({"scored_crops": 1}, "seen_too_briefly",
         "The face is seen too briefly: 1 picture of it, at least 4 are needed."),
        ({"frontal_share": 0.1}, "turned_away",
         "The face is turned away: near frontal in 10% of its frames, at least 25% are needed."),
    ],
)  # fmt: skip
def test_what_is_too_poor_is_one_sentence_with_its_number_and_what_is_needed(change, code, sentence):
    failures = quality_failures(dataclasses.replace(GOOD, **change), CLIP, LIMITS, 2)
    assert [(evidence_sentence(item), item.code, item.track_id, item.direction) for item in failures] == [
        (sentence, code, 2, "limits")
    ]


def test_a_clip_that_hardly_shows_a_face_says_so():
    clip = ClipQuality(frames=1000, covered_frames=30)
    poor = dataclasses.replace(GOOD, clip_covered_share=0.03)
    (failure,) = quality_failures(poor, clip, LIMITS, 0)
    assert evidence_sentence(failure) == (
        "Too little of the clip shows a face: 30 of 1000 frames (3.0%), at least 5% are needed."
    )


def test_a_good_face_passes_and_so_does_what_could_not_be_measured():
    assert quality_failures(GOOD, CLIP, LIMITS, 0) == ()
    at_the_limit = dataclasses.replace(
        GOOD, hidden_share=LIMITS.max_hidden_share, smoothed_probability=LIMITS.max_smoothed_probability
    )
    assert quality_failures(at_the_limit, CLIP, LIMITS, 0) == ()
    unknown = dataclasses.replace(GOOD, edge_blur_px=None, bits_per_pixel=None, frontal_share=None)
    assert quality_failures(unknown, CLIP, LIMITS, 0) == ()


def test_every_failure_is_told_of():
    poor = TrackQuality(20.0, 9.0, 2, 0.0, 0.01, 0.01, 0.0001, hidden_share=0.5, smoothed_probability=1.0)
    assert len({item.signal for item in quality_failures(poor, CLIP, LIMITS, 0)}) == 8


def test_a_classifier_without_limits_asks_for_nothing_of_the_pictures():
    poor = TrackQuality(20.0, 9.0, 2, 1.0, 1.0, 1.0, 0.0001)
    assert quality_failures(poor, CLIP, QualityLimits(), 0) == ()


def test_the_most_compressed_clips_of_faceforensics_pass():
    """The lowest of the 75 c40 clips of the training data has 0.00237 bits per pixel."""
    assert LIMITS.min_bits_per_pixel < 0.00237


def test_quality_is_measured_on_the_track_and_the_clip():
    item = track(range(10, 35), width_px=80.0)
    clip = clip_quality([item, track(range(20, 60))], video(bit_rate=2_500), frames=100)
    assert clip.covered_frames == 50, "frames that show both count once"
    quality = track_quality(item, scores(blur=2.5), clip)
    measured = TrackQuality(80.0, 2.5, 20, 1.0, 0.25, 0.5, 0.01, outside_share=quality.outside_share)
    assert quality == measured
    assert track_quality(track(range(10), landmarks=PROFILE), scores(), clip).frontal_share == 0


def test_what_hides_or_smooths_a_face_counts_where_half_of_its_pictures_show_it():
    clip = clip_quality([track(range(4))], frames=4)
    told = [np.array(values, np.float32) for values in ([0, 0.2, 0.3, 0.4], [0, 0, 0, 1])]
    quality = track_quality(
        track(range(4)), dataclasses.replace(scores(4), hidden_shares=told[0], smoothed_probabilities=told[1]), clip
    )
    assert quality.hidden_share == pytest.approx(0.25)
    assert quality.smoothed_probability == 0
    assert {item.code for item in quality_failures(quality, CLIP, LIMITS, 0)} == {"face_hidden"}
    untold = track_quality(track(range(4)), scores(4), clip)
    assert (untold.hidden_share, untold.smoothed_probability) == (None, None)


def test_how_much_of_a_head_is_cut_off_is_the_median_over_the_track():
    inside = np.array([[40, 40], [60, 40], [50, 52], [42, 63], [58, 63]], np.float32)
    clip = clip_quality([track(range(3))], video(bit_rate=2_500), frames=3)
    assert track_quality(track(range(3), landmarks=inside), scores(), clip).outside_share == 0
    shares = [
        track_quality(track(range(3), landmarks=inside - (0, up)), scores(), clip).outside_share for up in (20, 30, 40)
    ]
    assert 0 < shares[0] < shares[1] < shares[2] < 1
    unknown = clip_quality([track(range(3))], frames=3)
    assert track_quality(track(range(3), landmarks=inside), scores(), unknown).outside_share is None


def test_faces_without_landmarks_and_flat_crops_are_not_measured():
    bare = dataclasses.replace(track(range(10)), landmarks=np.empty((10, 0, 2), np.float32))
    quality = track_quality(bare, scores(blur=np.nan), clip_quality([bare], frames=10))
    assert (quality.frontal_share, quality.edge_blur_px, quality.bits_per_pixel) == (None, None, None)
    assert clip_quality([], frames=10).covered_frames == 0


def test_how_much_of_the_clip_an_answer_is_about_is_told_below_half():
    assert coverage_note(GOOD, 0) == ()
    (note,) = coverage_note(dataclasses.replace(GOOD, covered_share=0.031), 0)
    assert "3.1% of the clip's frames" in evidence_sentence(note)
    assert (note.direction, note.code) == ("limits", "seen_in_part")


@pytest.mark.parametrize("sigma", [2.0, 3.0, 4.0, 5.0])
def test_the_blur_of_a_blurred_picture_is_its_sigma(sigma):
    blurred = cv2.GaussianBlur(edges(), (0, 0), sigma)
    assert edge_blur_px(blurred) == pytest.approx(sigma, rel=0.15)


def test_blur_is_free_of_contrast_and_brightness():
    blurred = cv2.GaussianBlur(edges(), (0, 0), 3)
    faint = np.round(blurred * 0.4 + 90).astype(np.uint8)
    assert edge_blur_px(faint) == pytest.approx(edge_blur_px(blurred), rel=0.05)


def test_a_picture_enlarged_from_few_pixels_is_blurred():
    small = cv2.resize(edges(), (28, 28), interpolation=cv2.INTER_AREA)
    enlarged = cv2.resize(small, (224, 224), interpolation=cv2.INTER_LINEAR)
    assert edge_blur_px(enlarged) > 2 * edge_blur_px(edges())


def test_a_portrait_passes_and_fails_once_it_is_strongly_blurred(portrait):
    face = cv2.resize(portrait, (224, 224), interpolation=cv2.INTER_AREA)
    assert edge_blur_px(face) < LIMITS.max_edge_blur_px < edge_blur_px(cv2.GaussianBlur(face, (0, 0), 6))


def test_a_flat_picture_has_no_edges():
    assert np.isnan(edge_blur_px(np.full((224, 224, 3), 128, np.uint8)))


def test_turn_is_zero_for_a_frontal_face_however_it_is_tilted():
    angle = np.deg2rad(30)
    tilted = FRONTAL @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    assert face_turn(np.stack([FRONTAL, tilted]).astype(np.float32)) == pytest.approx([0, 0], abs=1e-5)
