"""Which crops of a track are scored, and when: evenly spread, bounded, and as soon as the track is over."""

import dataclasses

import numpy as np
import pytest

from deepfake.detectors import ClassifierInfo, CropScores, FaceClassifier, Sampling, TrackScorer
from deepfake.detectors.scoring import CropSample
from deepfake.errors import ClassifierError
from deepfake.faces.alignment import FaceCrop
from deepfake.video.info import Frame

TRANSFORM = np.eye(2, 3, dtype=np.float32)


def frame(index):
    return Frame(index, index / 25, np.full((4, 4, 3), index % 256, np.uint8))


def crop(frame_index):
    return FaceCrop(0, frame_index, frame_index / 25, frame(frame_index).image, TRANSFORM)


class CountingClassifier(FaceClassifier):
    """P(fake) is the crop's brightness; every call is noted."""

    info = ClassifierInfo("brightness", "Mean brightness", "", "")

    def __init__(self):
        self.calls = []

    def scores(self, crops):
        self.calls.append(len(crops))
        return (crops.mean(axis=(1, 2, 3)) / 255).astype(np.float32)


@pytest.mark.parametrize("length", [1, 5, 32, 33, 100, 1000])
def test_a_sample_is_bounded_and_evenly_spread(length):
    sample, cut = CropSample(Sampling(16, 32)), []
    for index in range(length):
        sample.offer(lambda index=index: cut.append(index) or crop(index))
    kept = np.array([item.frame_index for item in sample.crops])
    assert min(length, 16) <= len(kept) <= 32
    assert kept[0] == 0
    assert len(cut) <= 16 * max(2, np.log2(length))  # not every crop is cut to be thrown away
    steps = np.diff(kept)
    assert np.all(steps == steps[0]) if len(steps) else True
    assert length - kept[-1] <= (steps[0] if len(steps) else 1)


@pytest.mark.parametrize("length", [1, 4, 5, 6, 7, 8, 9, 31, 47, 63, 96, 100, 300, 1000])
@pytest.mark.parametrize("sampling", [Sampling(8, 8), Sampling(4, 5)])
def test_a_classifier_that_wants_few_crops_gets_those_in_the_middle_of_equal_parts(sampling, length):
    sample = CropSample(sampling)
    for index in range(length):
        sample.offer(lambda index=index: crop(index))
    crops = sample.track_crops()
    count = min(length, sampling.most)
    assert len(crops) == len(crops.images) == count
    np.testing.assert_allclose(crops.timestamps_s, crops.frame_indices / 25)
    middles = (np.arange(count) + 0.5) * length / count - 0.5
    assert np.abs(crops.frame_indices - middles).max() <= max(0.5, length / 24)


def test_a_track_is_scored_once_it_is_out_of_sight():
    classifier = CountingClassifier()
    scorer = TrackScorer(classifier, patience_s=0.12)
    for index in range(4):
        scorer.offer(0, frame(index), TRANSFORM)
    for index in range(4, 7):
        scorer.offer(1, frame(index), TRANSFORM)
    assert classifier.calls == []
    scorer.offer(1, frame(7), TRANSFORM)
    scorer.offer(1, frame(8), TRANSFORM)
    assert classifier.calls == [4]
    scores = scorer.finish({0, 1})
    assert classifier.calls == [4, 5]
    assert scores[0].frame_indices.tolist() == [0, 1, 2, 3]
    assert scores[1].probabilities_fake == pytest.approx(np.arange(4, 9) / 255)


@pytest.mark.parametrize("pause_s", [0.0, 5.0, 60.0])
def test_a_pause_of_the_clip_puts_nobody_out_of_sight(pause_s):
    classifier = CountingClassifier()
    scorer = TrackScorer(classifier, patience_s=1)
    for index in range(16):
        late = dataclasses.replace(frame(index), timestamp_s=index / 25 + (pause_s if index >= 8 else 0))
        for track_id in (0, 1, 2):
            if (track_id, index) != (2, 8):  # lost for one frame, and back
                scorer.offer(track_id, late, TRANSFORM)
    assert classifier.calls == []
    scores = scorer.finish({0, 1, 2})
    assert [len(scores[track_id].frame_indices) for track_id in (0, 1, 2)] == [16, 16, 15]


def test_a_face_in_damaged_frames_is_in_sight_and_not_scored():
    classifier = CountingClassifier()
    scorer = TrackScorer(classifier, patience_s=0.12)
    for index in range(20):
        shown = dataclasses.replace(frame(index), is_damaged=4 <= index < 14)
        for track_id in (0, 1):
            scorer.offer(track_id, shown, TRANSFORM)
    assert classifier.calls == []
    scores = scorer.finish({0, 1})
    good = [*range(4), *range(14, 20)]
    assert [scores[track_id].frame_indices.tolist() for track_id in (0, 1)] == [good, good]


@pytest.mark.parametrize("first", [1, 7, 90, 96, 128])
def test_what_is_cut_back_leaves_as_many_crops_evenly_spread(first):
    sampling = Sampling(4, 4)
    sample, plain = CropSample(sampling), CropSample(sampling)
    for index in range(128):
        sample.offer(lambda index=index: crop(index))
    for index in range(first):
        plain.offer(lambda index=index: crop(index))
    sample.cut_back(first)
    kept = [item.frame_index for item in sample.crops]
    assert len(kept) == min(4, -(-first // 8))  # every eighth of 128 was kept to choose from
    middles = (np.arange(4) + 0.5) * first / 4
    assert len(kept) < 4 or np.all(np.abs(np.array(kept) - middles) <= 8)


def test_a_track_that_is_cut_back_to_nothing_has_no_score():
    scorer = TrackScorer(CountingClassifier(), patience_s=0.12)
    scorer.offer(0, frame(0), TRANSFORM)
    scorer.offer(1, frame(2), TRANSFORM)
    scorer.cut_back(1)
    scores = scorer.finish({0, 1})
    assert list(scores) == [0]


def test_unwanted_tracks_are_not_scored_at_the_end():
    classifier = CountingClassifier()
    scorer = TrackScorer(classifier, patience_s=0.12)
    scorer.offer(0, frame(0), TRANSFORM)
    scorer.offer(1, frame(0), TRANSFORM)
    assert list(scorer.finish({1})) == [1]
    assert classifier.calls == [1]


class ScoresTheWhole(FaceClassifier):
    """Looks at every second crop, and says of the track as a whole how long it was seen."""

    info = ClassifierInfo("whole", "Whole track", "", "")
    sampling = Sampling(4, 8)

    def scores(self, images):
        return np.full(len(images), 0.4, np.float32)

    def score_track(self, crops):
        looked = np.where(np.arange(len(crops)) % 2 == 0, self.scores(crops.images), np.nan).astype(np.float32)
        return CropScores(looked, track_probability=float(crops.timestamps_s[-1] - crops.timestamps_s[0]))

    def cut(self, image, crop_to_frame):
        return image


def test_a_classifier_may_judge_the_track_as_a_whole_and_take_another_picture_than_the_crop():
    scorer = TrackScorer(ScoresTheWhole(), patience_s=0.12)
    for index in range(6):
        scorer.offer(0, Frame(index, index / 10, np.zeros((64, 64, 3), np.uint8)), TRANSFORM)
    scores = scorer.finish({0})[0]
    assert scores.probability_fake == pytest.approx(0.5)
    assert len(scores.known_probabilities) == 3
    assert len(scores.frame_indices) == len(scores.edge_blur_px) == 6


def test_without_a_word_on_the_track_its_score_is_that_of_its_crops():
    scorer = TrackScorer(CountingClassifier(), patience_s=0.12)
    for index in (100, 101, 102):
        scorer.offer(0, frame(index), TRANSFORM)
    scores = scorer.finish({0})[0]
    assert scores.probability_fake == pytest.approx(101 / 255, abs=1e-3)


class PlainClassifier(FaceClassifier):
    """Says of all crops what it is told to."""

    info = ClassifierInfo("plain", "Plain", "", "")

    def __init__(self, said):
        self.said = said

    def score_track(self, crops):
        return self.said

    def scores(self, crops):
        raise NotImplementedError


def scored(said):
    scorer = TrackScorer(PlainClassifier(said), patience_s=0.12)
    for index in range(4):
        scorer.offer(0, frame(index), TRANSFORM)
    return scorer.finish({0})[0]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (np.full((4, 1), 0.5, np.float32), r"one score per crop, shape \(4,\), not \(4, 1\)"),
        (np.full((4, 2), 0.5, np.float32), r"not \(4, 2\)"),
        (np.full(3, 0.5, np.float32), r"not \(3,\)"),
        (np.float32(0.5), r"not \(\)"),
        (None, "one score per crop"),
        (["0.5", "high", "low", "0.1"], "no numbers"),
        (np.array([0.1, 0.2, 7.5, 0.3]), "from 0 to 1, not 7.5"),
        (np.array([0.1, -2, 0.2, 0.3]), "from 0 to 1, not -2"),
        (np.array([0.1, np.inf, 0.2, 0.3]), "from 0 to 1, not inf"),
        (np.full(4, np.nan), "no score for any of the 4 crops"),
    ],
)
def test_what_is_no_probability_of_each_crop_is_an_error_not_a_score(said, why):
    with pytest.raises(ClassifierError, match=f"^plain: .*{why}"):
        scored(CropScores(said))


def test_a_probability_of_the_track_is_one():
    for wrong in (1.5, -0.1, float("nan")):
        with pytest.raises(ClassifierError, match="from 0 to 1"):
            scored(CropScores(np.full(4, 0.5, np.float32), track_probability=wrong))
    with pytest.raises(ClassifierError, match="no numbers"):
        scored(CropScores(np.full(4, 0.5, np.float32), track_probability=np.zeros(2)))  # type: ignore[arg-type]


def test_what_is_told_of_the_face_of_each_crop_is_kept():
    told = np.array([0, 0.25, 1, 0.5], np.float32)
    kept = scored(
        CropScores(
            np.full(4, 0.5, np.float32), hidden_shares=told.tolist(), smoothed_probabilities=1 - told.astype(np.float64)
        )
    )
    np.testing.assert_array_equal(kept.hidden_shares, told)
    np.testing.assert_array_equal(kept.smoothed_probabilities, 1 - told)
    assert {kept.hidden_shares.dtype, kept.smoothed_probabilities.dtype} == {np.dtype(np.float32)}
    plain = scored(CropScores(np.full(4, 0.5, np.float32)))
    assert (plain.hidden_shares, plain.smoothed_probabilities) == (None, None)


@pytest.mark.parametrize(
    "wrong", [np.zeros(3), np.full(4, 1.5), np.full(4, -0.1), np.full(4, np.nan), np.zeros((4, 1))]
)
@pytest.mark.parametrize("name", ["hidden_shares", "smoothed_probabilities"])
def test_what_is_told_of_a_face_is_a_share_for_each_crop(name, wrong):
    with pytest.raises(ClassifierError, match=f"^plain: .*{name} have to be one number from 0 to 1 per crop"):
        scored(CropScores(np.full(4, 0.5, np.float32), **{name: wrong}))


def test_words_are_no_shares():
    with pytest.raises(ClassifierError, match=r"^plain: .*hidden_shares are no numbers"):
        scored(CropScores(np.full(4, 0.5, np.float32), hidden_shares=["a", "b", "c", "d"]))


def test_what_is_no_crop_scores_is_told_as_that():
    with pytest.raises(ClassifierError, match="has to return CropScores, not ndarray"):
        scored(np.full(4, 0.5, np.float32))


@pytest.mark.parametrize(("certain", "told"), [(1.0, 0.9999), (0.0, 0.0001), (0.3, 0.3)])
def test_a_track_of_which_a_classifier_is_certain_has_odds_all_the_same(certain, told):
    for said in (
        CropScores(np.full(4, certain, np.float32)),
        CropScores(np.full(4, 0.5, np.float32), track_probability=certain),
    ):
        assert scored(said).probability_fake == pytest.approx(told, abs=1e-6)


@pytest.mark.parametrize("said", [[0.25, 1, 0, float("nan")], np.array([0.25, 1, 0, np.nan])])
def test_probabilities_of_another_type_become_f32(said):
    scores = scored(CropScores(said))
    assert scores.probabilities_fake.dtype == np.float32
    np.testing.assert_array_equal(scores.probabilities_fake, np.float32([0.25, 1, 0, np.nan]))
