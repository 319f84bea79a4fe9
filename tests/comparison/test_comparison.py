from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from skimage.metrics import structural_similarity

from deepfake.analysis.model import AnalysisConfig
from deepfake.comparison.compare import Comparison, ComparisonProgress, compare
from deepfake.comparison.findings import PairCheck, check_pair, greatest_differences
from deepfake.comparison.overlap import difference_map, find_overlap
from deepfake.comparison.pair_clips import PairClips, difference_view, write_side_by_side
from deepfake.comparison.pair_wording import alignment_sentences, pair_sentence
from deepfake.comparison.to_json import comparison_to_dict
from deepfake.errors import ClipNotFoundError
from deepfake.serialize import from_bytes, to_bytes
from deepfake.video.reader import VideoReader
from tests.conftest import WriteClip

HAAR = AnalysisConfig(face_detector="haar")
BEST = {"crf": "1", "preset": "veryfast"}
SIZE = (192, 256)  # height, width


def scene(count: int, *, seed: int = 3, step_px: int = 3, size: tuple[int, int] = SIZE) -> list[np.ndarray]:
    """A textured picture that a smooth patch wanders over: something moves, most stays."""
    height, width = size
    texture = np.random.default_rng(seed).integers(0, 255, (height // 8, width // 8, 3), dtype=np.uint8)
    ground = cv2.resize(texture, (width, height), interpolation=cv2.INTER_CUBIC)
    images = []
    for index in range(count):
        image = ground.copy()
        cv2.circle(image, (30 + step_px * index, height // 2), 24, (230, 200, 60), -1)
        images.append(image)
    return images


def walk(count: int, *, seed: int = 4) -> list[np.ndarray]:
    """The textured picture of scene() with a patch that wanders over it at an uneven pace, another for each seed."""
    [ground] = scene(1)
    noise = np.random.default_rng(seed).normal(size=(2, count + 10))
    places = 4 * np.array([np.convolve(row, np.hanning(13)[1:-1], "valid") for row in noise]).cumsum(axis=1)
    images = []
    for x, y in places.T.round().astype(int).tolist():
        image = ground.copy()
        cv2.circle(image, (40 + abs(x) % (SIZE[1] - 80), 40 + abs(y) % (SIZE[0] - 80)), 24, (230, 200, 60), -1)
        images.append(image)
    return images


def with_patch(images: list[np.ndarray], frames: range) -> list[np.ndarray]:
    """The same with a striped square, 40 px wide from (20, 20), in the given frames."""
    changed = [image.copy() for image in images]
    for index in frames:
        changed[index][20:60, 20:60:2] = 255 - changed[index][20:60, 20:60:2]
    return changed


@pytest.fixture(scope="module")
def patched(tmp_path_factory: pytest.TempPathFactory, write_clip: WriteClip) -> tuple[Path, Path, Comparison]:
    """A fake with a striped patch in frames 20 to 22, its original, and their comparison."""
    folder = tmp_path_factory.mktemp("patched")
    images = scene(40)
    original = write_clip(folder / "original.mp4", images, codec_options=BEST)
    fake = write_clip(folder / "fake.mp4", with_patch(images, range(20, 23)), codec_options=BEST)
    return fake, original, compare(fake, original, HAAR)


def compared(folder: Path, write_clip: WriteClip, fake: dict[str, object], original: dict[str, object]) -> Comparison:
    paths = [
        write_clip(folder / f"{name}.mp4", options.pop("frames"), **{"codec_options": BEST, **options})
        for name, options in (("fake", fake), ("original", original))
    ]
    return compare(*paths, HAAR)


def test_a_clip_is_identical_to_itself(moving_square_clip: Path) -> None:
    found = compare(moving_square_clip, moving_square_clip, HAAR)
    assert found.cross_similarity.values == pytest.approx(1.0)
    assert found.pair.together is True
    assert found.original_frame_indices.tolist() == found.cross_similarity.frame_indices.tolist() == list(range(24))


def test_the_moment_of_greatest_difference_is_where_the_patch_is(patched: tuple[Path, Path, Comparison]) -> None:
    _, _, found = patched
    least = min(found.moments, key=lambda moment: moment.similarity)
    assert least.frame_index in range(20, 23)
    untouched = np.delete(found.cross_similarity.values, range(20, 23))
    assert least.similarity < untouched.min() - 0.01
    assert 1 <= len(found.moments) <= 5
    assert all(moment.similarity < 0.9995 for moment in found.moments)
    assert found.pair.together is True


def test_similarity_is_scikit_images_on_the_reduced_pictures(patched: tuple[Path, Path, Comparison]) -> None:
    fake_path, original_path, found = patched
    with VideoReader(fake_path) as fake, VideoReader(original_path) as original:
        a, b = (list(reader.frames())[21].image for reader in (fake, original))
    assert found.overlap.reduced_size == (256, 192)  # the shorter side is below 256 px already
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
    _, full = structural_similarity(a, b, channel_axis=2, full=True, **options)
    assert found.cross_similarity.values[21] == pytest.approx(full[5:-5, 5:-5].mean(), abs=1e-4)


def test_large_pictures_are_reduced_to_about_256_px(tmp_path: Path, write_clip: WriteClip) -> None:
    frames = scene(3, size=(540, 960))
    found = compared(tmp_path, write_clip, {"frames": frames}, {"frames": frames})
    assert found.overlap.reduced_size == (480, 270)
    assert found.overlap.size == (960, 540)


def test_clips_of_different_rates_are_matched_by_time(tmp_path: Path, write_clip: WriteClip) -> None:
    images = scene(50)
    found = compared(tmp_path, write_clip, {"frames": images[::2], "rate": 25}, {"frames": images, "rate": 50})
    assert found.original_frame_indices.tolist() == list(range(0, 50, 2))
    assert found.cross_similarity.values.min() > 0.97
    assert any("Different frame rates" in note and "nearest in time" in note for note in alignment_sentences(found))


def test_a_rate_that_is_stated_a_little_differently_does_not_shift_the_frames(
    tmp_path: Path, write_clip: WriteClip
) -> None:
    images = scene(40, step_px=5)
    times_s = [index / 29.97 for index in range(40)]
    found = compared(tmp_path, write_clip, {"frames": images, "rate": 30}, {"frames": images, "timestamps_s": times_s})
    assert found.original_frame_indices.tolist() == list(range(40))


@pytest.mark.parametrize(("fake_count", "original_count"), [(30, 18), (18, 30)])
def test_of_different_lengths_the_common_moments_are_compared(
    tmp_path: Path, write_clip: WriteClip, fake_count: int, original_count: int
) -> None:
    images = scene(30)
    found = compared(tmp_path, write_clip, {"frames": images[:fake_count]}, {"frames": images[:original_count]})
    assert len(found.cross_similarity.values) == 18
    assert any("Different lengths" in note and "18 moments" in note for note in alignment_sentences(found))


@pytest.mark.parametrize("is_swapped", [False, True])
def test_a_frame_that_the_other_clip_does_not_have_is_not_compared(
    tmp_path: Path, write_clip: WriteClip, is_swapped: bool
) -> None:
    images = scene(31, step_px=5)
    times_s = [index / 25 for index in (*range(29), 30)]  # one is missing before the last
    clips = ({"frames": [*images[:29], images[30]], "timestamps_s": times_s}, {"frames": images[:30]})
    found = compared(tmp_path, write_clip, *(reversed(clips) if is_swapped else clips))
    assert found.cross_similarity.frame_indices.tolist() == list(range(29))
    assert found.original_frame_indices.tolist() == list(range(29))
    assert found.cross_similarity.values.min() > 0.97
    rate, length, _ = alignment_sentences(found)
    assert "nearest in time" in rate
    assert "frame by frame" not in rate
    assert "the 29 moments that both have are compared" in length


def test_frames_after_a_gap_are_compared_again(tmp_path: Path, write_clip: WriteClip) -> None:
    images = scene(30, step_px=5)
    kept = [*range(10), *range(15, 30)]
    gappy = {"frames": [images[index] for index in kept], "timestamps_s": [index / 25 for index in kept]}
    found = compared(tmp_path, write_clip, {"frames": images}, gappy)
    assert found.cross_similarity.frame_indices.tolist()[:10] == list(range(10))
    assert found.cross_similarity.frame_indices.tolist()[-15:] == list(range(15, 30))
    assert found.cross_similarity.values.min() > 0.9


def test_a_fake_that_is_the_middle_of_its_original_is_laid_there(tmp_path: Path, write_clip: WriteClip) -> None:
    images = scene(12)
    found = compared(tmp_path, write_clip, {"frames": [image[:, 16:-16] for image in images]}, {"frames": images})
    assert found.overlap.kind == "center of the original"
    assert found.overlap.original_xyxy == (16, 0, 240, 192)
    assert found.cross_similarity.values.min() > 0.95
    assert found.overlap.fake_to_original() @ (0, 0, 1) == pytest.approx([16, 0])


def test_a_fake_of_half_the_size_is_compared_at_its_own(tmp_path: Path, write_clip: WriteClip) -> None:
    images = scene(12)
    small = [cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for image in images]
    found = compared(tmp_path, write_clip, {"frames": small}, {"frames": images})
    assert found.overlap.kind == "scaled"
    assert found.overlap.size == (128, 96)
    assert found.cross_similarity.values.min() > 0.9  # color is stored at half resolution once more
    # The center of the first pixel of the small picture lies between the first two of the large one.
    assert found.overlap.fake_to_original() @ (0, 0, 1) == pytest.approx([0.5, 0.5])


def test_strangers_are_told_as_such(tmp_path: Path, write_clip: WriteClip) -> None:
    found = compared(tmp_path, write_clip, {"frames": scene(30, seed=1)}, {"frames": scene(30, seed=2)})
    assert found.pair.together is False
    assert "do not belong together" in pair_sentence(found.pair)
    assert len(found.cross_similarity.values) == 30  # nothing is hidden


def test_another_take_of_the_same_scene_is_told_as_such(tmp_path: Path, write_clip: WriteClip) -> None:
    found = compared(tmp_path, write_clip, {"frames": walk(60, seed=5)}, {"frames": walk(60)})
    assert found.pair.similarity > 0.7
    assert found.pair.code == found.finding.code == "out_of_step"
    assert "not run in step" in pair_sentence(found.pair)


def test_where_nothing_moves_timing_is_no_argument() -> None:
    same = np.full(20, 0.97, dtype=np.float32)
    still = np.tile([0.97, 0.97, 0.995], (5, 1))
    none = np.empty((0, 3))
    assert check_pair(same, still, none).together is True
    assert check_pair(same, none, none).together is True
    moving = np.tile([0.97, 0.97, 0.9], (5, 1))
    assert check_pair(same, moving, none).together is False


def test_a_pair_loses_most_of_what_the_original_changes_by() -> None:
    same, none = np.full(20, 0.89, dtype=np.float32), np.empty((0, 3))
    assert check_pair(same, np.tile([0.894, 0.88, 0.922], (5, 1)), none).code == "out_of_step"
    assert check_pair(same, np.tile([0.982, 0.92, 0.922], (5, 1)), none).code == "pair"


@pytest.mark.parametrize(
    ("first_of_fake", "first_of_original", "note"),
    [(8, 0, "A begins at 0:00.32 of B"), (0, 8, "B begins at 0:00.32 of A"), (30, 0, "A begins at 0:01.20 of B")],
)
def test_a_clip_that_begins_later_is_laid_where_it_belongs(
    tmp_path: Path, write_clip: WriteClip, first_of_fake: int, first_of_original: int, note: str
) -> None:
    images = walk(90)
    fake, original = images[first_of_fake:][:60], images[first_of_original:][:60]
    found = compared(tmp_path, write_clip, {"frames": fake}, {"frames": original})
    assert found.offset_s == pytest.approx((first_of_fake - first_of_original) / 25, abs=1e-6)
    assert (
        found.original_frame_indices - found.cross_similarity.frame_indices == first_of_fake - first_of_original
    ).all()
    assert len(found.cross_similarity.values) == 60 - abs(first_of_fake - first_of_original)
    assert found.pair.code == "pair"
    assert found.cross_similarity.values.min() > 0.95
    assert note in alignment_sentences(found)[0]
    assert comparison_to_dict(found)["alignment"]["offset_s"] == found.offset_s


def test_a_side_by_side_clip_begins_with_what_both_show(tmp_path: Path, write_clip: WriteClip) -> None:
    images = walk(60)
    found = compared(tmp_path, write_clip, {"frames": images}, {"frames": images[20:]})
    assert found.offset_s == pytest.approx(-0.8)
    write_side_by_side(tmp_path / "both.mp4", tmp_path / "fake.mp4", tmp_path / "original.mp4", found)
    with av.open(str(tmp_path / "both.mp4")) as clip:
        assert min(packet.pts for packet in clip.demux(video=0) if packet.pts is not None) == 0


def test_an_excerpt_of_another_size_and_rate_is_found_in_the_whole(tmp_path: Path, write_clip: WriteClip) -> None:
    images = walk(120)
    small = [cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for image in images[40:100:2]]
    found = compared(tmp_path, write_clip, {"frames": small, "rate": 25}, {"frames": images, "rate": 50})
    assert found.offset_s == pytest.approx(0.8, abs=0.011)
    assert found.overlap.kind == "scaled"
    assert found.pair.code == "pair"
    assert found.cross_similarity.values.min() > 0.9


def test_clips_that_begin_together_and_strangers_are_not_moved(tmp_path: Path, write_clip: WriteClip) -> None:
    images = walk(60)
    patched = [image.copy() for image in images]
    for image in patched[20:40]:
        image[40:60, 40:60] = 255
    assert compared(tmp_path, write_clip, {"frames": patched}, {"frames": images}).offset_s == 0
    assert compared(tmp_path, write_clip, {"frames": walk(60, seed=5)}, {"frames": images}).offset_s == 0


def test_a_scene_that_is_repeated_is_compared_whole(tmp_path: Path, write_clip: WriteClip) -> None:
    images = walk(40)
    changed = [image.copy() for image in images]
    for image in changed:
        image[20:170, 20:120] = 255 - image[20:170, 20:120]
    found = compared(tmp_path, write_clip, {"frames": [*changed, *images]}, {"frames": [*images, *images]})
    assert found.offset_s == 0
    assert len(found.cross_similarity.values) == 80


def test_clips_that_are_more_alike_a_moment_apart_are_told_as_such() -> None:
    said = pair_sentence(PairCheck("out_of_step", 0.9, 0.85, moves=True, nudged=0.95))
    assert "one begins later" in said
    assert "0.2 s apart it is higher" in said


def test_pictures_too_small_for_the_window_give_no_answer(tmp_path: Path, write_clip: WriteClip) -> None:
    tiny = [image[:8, :8] for image in scene(3)]
    found = compared(tmp_path, write_clip, {"frames": tiny}, {"frames": tiny})
    assert found.pair.together is None
    assert np.isnan(found.cross_similarity.values).all()
    assert found.moments == ()


def test_one_frame_is_enough_to_compare(tmp_path: Path, write_clip: WriteClip) -> None:
    found = compared(tmp_path, write_clip, {"frames": scene(1)}, {"frames": scene(1)})
    assert found.moments == ()  # they are the same
    assert "The only frame of A is compared." in alignment_sentences(found)
    assert found.cross_similarity.values[0] == pytest.approx(1.0, abs=0.01)


@pytest.mark.usefixtures("quick_network")
def test_a_face_is_followed_in_both_and_compared(tmp_path: Path, write_clip: WriteClip, talking_frames) -> None:
    smoothed = []
    for image in talking_frames[:20]:
        face = image.copy()
        face[60:280, 260:420] = cv2.GaussianBlur(face[60:280, 260:420], (0, 0), 5)
        smoothed.append(face)
    fake = write_clip(tmp_path / "fake.mp4", smoothed)
    original = write_clip(tmp_path / "original.mp4", talking_frames[:20])
    with PairClips(tmp_path, Fraction(25)) as clips:
        found = compare(fake, original, on_faces=clips)
    with VideoReader(tmp_path / "pair-0.mp4") as pair:
        pictures = [frame.image for frame in pair.frames()]
    assert len(pictures) == 20
    left, right = pictures[10][:, :224], pictures[10][:, -224:]
    assert cv2.Laplacian(left, cv2.CV_64F).var() < 0.5 * cv2.Laplacian(right, cv2.CV_64F).var()  # blurred, sharp
    assert found.matched_tracks == ((0, 0),)
    assert found.main_track == 0
    trace = found.face_trace(0)
    assert trace is not None
    assert np.nanmedian(trace.values) < np.median(found.cross_similarity.values) - 0.02
    assert found.original_track(0) == 0
    assert found.original_track(None) is None


def test_analyses_that_are_given_are_not_made_again(patched: tuple[Path, Path, Comparison]) -> None:
    fake, original, found = patched
    stages: list[str] = []
    again = compare(
        fake,
        original,
        HAAR,
        fake_analysis=found.fake,
        original_analysis=found.original,
        progress=lambda state: stages.append(state.stage),
    )
    assert set(stages) == {"comparison"}
    assert again.fake is found.fake
    np.testing.assert_array_equal(again.cross_similarity.values, found.cross_similarity.values)


def test_progress_goes_through_the_stages_in_order(moving_square_clip: Path) -> None:
    told: list[ComparisonProgress] = []
    compare(moving_square_clip, moving_square_clip, HAAR, progress=told.append)
    assert list(dict.fromkeys(state.stage for state in told)) == ["fake", "original", "comparison"]
    done = [state.frames_done for state in told if state.stage == "comparison"]
    assert done[:2] == [0, 1]  # it begins before a place is looked for


def test_a_missing_original_is_an_error_before_the_fake_is_analyzed(moving_square_clip: Path, tmp_path: Path) -> None:
    told: list[ComparisonProgress] = []
    with pytest.raises(ClipNotFoundError, match=r"nowhere\.mp4"):
        compare(moving_square_clip, tmp_path / "nowhere.mp4", HAAR, progress=told.append)
    assert not told


def test_a_comparison_comes_back_from_bytes_and_is_told_in_json(patched: tuple[Path, Path, Comparison]) -> None:
    _, _, found = patched
    data = json.loads(json.dumps(comparison_to_dict(found), allow_nan=False))
    assert {"fake", "original", "cross_similarity", "alignment", "belong_together", "moments"} <= data.keys()
    assert data["finding"]["whole"] == found.finding.whole
    assert data["fake"]["traces"][0]["signal"] == "frame_similarity"
    assert comparison_to_dict(from_bytes(to_bytes(found), Comparison)) == data


def test_a_view_of_the_difference_is_of_the_moment(patched: tuple[Path, Path, Comparison]) -> None:
    fake, original, found = patched
    peaks = []
    for index in (5, 21):
        figure = difference_view(fake, original, index / 25, index / 25, found.overlap, "here")
        assert figure is not None
        peaks.append(float(np.max(figure.data[1].z)))
    assert peaks[1] > 5 * peaks[0]


def test_there_is_no_view_of_the_difference_of_tiny_clips(tmp_path: Path, write_clip: WriteClip) -> None:
    clip = write_clip(tmp_path / "tiny.mp4", [image[:8, :8] for image in scene(2)])
    assert difference_view(clip, clip, 0.0, 0.0, find_overlap(clip, clip), "here") is None


class TestDifferenceMap:
    def test_is_zero_for_equal_pictures(self) -> None:
        image = scene(1)[0]
        assert difference_map(image, image) == pytest.approx(0, abs=1e-5)

    @pytest.mark.parametrize("size", [SIZE, (540, 960)])
    def test_lights_up_where_a_picture_was_changed(self, size: tuple[int, int]) -> None:
        image = scene(1, size=size)[0]
        changed = image.copy()
        changed[100:160, 120:200] = cv2.GaussianBlur(changed, (0, 0), 9)[100:160, 120:200]
        found = difference_map(changed, image)
        assert found.shape == size
        assert found.dtype == np.float32
        inside = found[105:155, 125:195].mean()
        outside = np.concatenate([found[:80].ravel(), found[180:].ravel()]).mean()
        assert inside > 0.1
        assert inside > 20 * outside

    def test_needs_one_size(self) -> None:
        image = scene(1)[0]
        with pytest.raises(ValueError, match="one size"):
            difference_map(image, image[:-1])


class TestGreatestDifferences:
    def test_are_the_minima_well_apart_in_order_of_time(self) -> None:
        times_s = np.arange(120) / 10
        values = np.ones(120, dtype=np.float32)
        values[[30, 31, 32, 80, 5]] = 0.5, 0.4, 0.45, 0.7, 0.8
        rows = greatest_differences(values, times_s, 3)
        assert rows.tolist() == [5, 31, 80]
        assert np.diff(times_s[greatest_differences(values, times_s)]).min() >= 11.9 / 12

    def test_leave_out_what_could_not_be_measured(self) -> None:
        values = np.array([np.nan, 0.9, np.nan], dtype=np.float32)
        assert greatest_differences(values, np.arange(3) / 25).tolist() == [1]
        assert greatest_differences(values * np.nan, np.arange(3) / 25).size == 0

    def test_are_none_of_what_is_the_same(self) -> None:
        values = np.array([1, 0.9996, 0.9994, 1], dtype=np.float32)
        assert greatest_differences(values, np.arange(4) / 25).tolist() == [2]


@pytest.mark.real_data
def test_a_faceforensics_fake_that_was_cropped_is_laid_on_the_middle_of_its_original(real_data: Path) -> None:
    folder = real_data / "faceforensics"
    fake = folder / "manipulated_sequences/NeuralTextures/c23/videos/720_672.mp4"
    overlap = find_overlap(fake, folder / "original_sequences/youtube/c23/videos/720.mp4")
    assert (overlap.kind, overlap.original_xyxy) == ("center of the original", (8, 0, 648, 480))
