"""Which crops of a track are scored, and when: evenly spread, bounded, and as soon as the track is over."""

import numpy as np
import pytest

from deepfake.detectors.scoring import MAX_CROPS, CropSample, TrackScorer
from deepfake.faces.alignment import FaceCrop
from deepfake.video.reader import Frame

TRANSFORM = np.eye(2, 3, dtype=np.float32)


def frame(index):
    return Frame(index, index / 25, np.full((4, 4, 3), index % 256, np.uint8))


def crop(frame_index):
    return FaceCrop(0, frame_index, frame_index / 25, frame(frame_index).image, TRANSFORM)


class CountingDetector:
    """P(fake) is the crop's brightness; every call is noted."""

    def __init__(self):
        self.calls = []

    def scores(self, crops):
        self.calls.append(len(crops))
        return (crops.mean(axis=(1, 2, 3)) / 255).astype(np.float32)


@pytest.mark.parametrize("length", [1, 5, 32, 33, 100, 1000])
def test_a_sample_is_bounded_and_evenly_spread(length):
    sample, cut = CropSample(), []
    for index in range(length):
        sample.offer(lambda index=index: cut.append(index) or crop(index))
    kept = np.array([item.frame_index for item in sample.crops])
    assert min(length, MAX_CROPS // 2) <= len(kept) <= MAX_CROPS
    assert kept[0] == 0
    assert len(cut) <= MAX_CROPS / 2 * max(2, np.log2(length))  # not every crop is cut to be thrown away
    steps = np.diff(kept)
    assert np.all(steps == steps[0]) if len(steps) else True
    assert length - kept[-1] <= (steps[0] if len(steps) else 1)


def test_a_track_is_scored_once_it_is_out_of_sight():
    detector = CountingDetector()
    scorer = TrackScorer(detector, patience=3)
    for index in range(4):
        scorer.offer(0, frame(index), TRANSFORM)
    for index in range(4, 7):
        scorer.offer(1, frame(index), TRANSFORM)
    assert detector.calls == []
    scorer.offer(1, frame(7), TRANSFORM)
    assert detector.calls == [4]
    scores = scorer.finish({0, 1})
    assert detector.calls == [4, 4]
    assert scores[0].frame_indices.tolist() == [0, 1, 2, 3]
    assert scores[1].probabilities_fake == pytest.approx(np.arange(4, 8) / 255)


def test_unwanted_tracks_are_not_scored_at_the_end():
    detector = CountingDetector()
    scorer = TrackScorer(detector, patience=3)
    scorer.offer(0, frame(0), TRANSFORM)
    scorer.offer(1, frame(0), TRANSFORM)
    assert list(scorer.finish({1})) == [1]
    assert detector.calls == [1]
