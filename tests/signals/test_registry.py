"""The registry: every signal says what a page needs, keeps the contract, and shares nothing between tracks."""

import dataclasses

import numpy as np
import pytest

from deepfake.dataset import ClipEntry
from deepfake.errors import SignalError
from deepfake.faces.alignment import FaceCrop, crop_face, crop_to_frame_from_landmarks
from deepfake.signals import measuring
from deepfake.signals.base import FaceSignal, FaceView, SignalInfo, SignalTrace
from deepfake.signals.blink import BlinkSignal
from deepfake.signals.registry import FACE_SIGNALS, register_signal, signal_auc, signal_info
from deepfake.video.info import Frame
from tests.meshes import mesh_of_face

LANDMARKS = np.array([[201, 108], [246, 105], [225, 132], [208, 155], [245, 153]], np.float32)


@pytest.fixture(scope="module")
def pushes(portrait):
    transform = crop_to_frame_from_landmarks(LANDMARKS, 224)
    mesh = mesh_of_face(portrait, LANDMARKS)
    crop = crop_face(portrait, transform, 224)
    return [FaceView(FaceCrop(0, k, k / 25, crop, transform), Frame(k, k / 25, portrait), mesh) for k in range(4)]


def test_names_are_unique_and_found():
    names = [kind.info.name for kind in FACE_SIGNALS]
    assert len(set(names)) == len(names)
    assert all(signal_info(kind.info.name) is kind.info for kind in FACE_SIGNALS)
    assert signal_info("no such signal") is None


@pytest.mark.parametrize("kind", FACE_SIGNALS)
def test_a_signal_explains_itself(kind):
    info = kind.info
    assert info.name.isidentifier()
    assert info.suspicious in ("high", "low", None)
    for sentence in (info.measures, info.misleads):
        assert sentence.endswith(".")
        assert len(sentence) < 160
    with pytest.raises(dataclasses.FrozenInstanceError):
        info.name = "other"


@pytest.mark.parametrize("kind", FACE_SIGNALS)
def test_a_portrait_has_a_value_and_the_inputs_stay_as_they_are(kind, pushes):
    before = [view.frame.image.copy() for view in pushes], [view.mesh.copy() for view in pushes]
    signal = kind()
    values = [signal.push(view) for view in pushes]
    assert np.isfinite(values[-1])
    assert all(isinstance(value, float) for value in values[1:])
    assert all((view.frame.image == image).all() for view, image in zip(pushes, before[0], strict=True))
    assert all((view.mesh == mesh).all() for view, mesh in zip(pushes, before[1], strict=True))


@pytest.mark.parametrize("kind", FACE_SIGNALS)
def test_tracks_do_not_mix(kind, pushes):
    alone = [kind().push(pushes[0])]
    one, two = kind(), kind()
    one.push(pushes[0])
    assert [two.push(pushes[0])] == pytest.approx(alone, nan_ok=True)


@pytest.mark.parametrize("kind", FACE_SIGNALS)
def test_an_unmeasured_track_has_no_statistic(kind):
    nothing = np.full(20, np.nan, np.float32)
    assert np.isnan(kind().statistic(SignalTrace(kind.info.name, 0, np.arange(20), np.arange(20) / 25, nothing)))
    empty = SignalTrace(kind.info.name, 0, np.arange(0), np.arange(0) / 25, nothing[:0])
    assert np.isnan(kind().statistic(empty))


@pytest.mark.parametrize("kind", FACE_SIGNALS)
def test_every_signal_was_measured_and_its_auc_lies_in_its_interval(kind):
    measured = signal_auc(kind.info.name)
    # Clips of other sources are too short for a rate of blinks.
    elsewhere = set() if kind is BlinkSignal else {"other sources, taken together"}
    assert {item.clips for item in measured} == {"FaceForensics++ c23", "FaceForensics++ c40"} | elsewhere
    for item in measured:
        assert item.interval[0] <= item.auc <= item.interval[1]
        assert item.real > 0
        assert item.fake > 0


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("ff++ c23 Deepfakes", "ff++ c23"),
        ("wild_x", "other sources, taken together"),
        ("", "other sources, taken together"),
    ],
)
def test_signals_are_measured_within_a_rate_or_on_all_other_sources(source, kind):
    from benchmarks.signals import ClipStatistics, _kind

    clip = ClipEntry("a.mp4", "/data/a.mp4", "REAL", extra={"set": source})
    assert _kind(ClipStatistics(clip, {}, {})) == kind


def test_an_unknown_signal_was_not_measured():
    assert signal_auc("no such signal") == ()


@pytest.mark.parametrize("name", ["face_flicker", "frame_similarity", "learned_score", "edge_blur"])
def test_a_name_that_an_analysis_has_a_trace_of_is_taken(name):
    class Mine(FaceSignal):
        info = SignalInfo(name, "Mine", "", "", "", suspicious=None)

        def push(self, view):
            return 1.0

    before = [*FACE_SIGNALS]
    with pytest.raises(ValueError, match=f"there is a signal '{name}' already"):
        register_signal(Mine)
    assert before == FACE_SIGNALS


def test_an_object_is_no_class_of_signals():
    with pytest.raises(TypeError, match="a subclass of FaceSignal is expected"):
        register_signal(BlinkSignal())


@pytest.mark.parametrize(
    ("value", "kind"),
    [(np.zeros(3), "ndarray"), (np.zeros(1), "ndarray"), ([1.0, 2.0], "list"), ("high", "str"), ("0.5", "str")],
)
def test_a_signal_that_gives_no_single_number_is_an_error(portrait, monkeypatch, value, kind):
    class Wrong(FaceSignal):
        info = SignalInfo("wrong", "Wrong", "", "", "", suspicious=None)

        def push(self, view):
            return value

    class Mesh:
        def landmarks(self, *_, **__):
            return None

    monkeypatch.setattr(measuring, "face_mesh", Mesh)
    signals = measuring.FaceSignals(25.0, (Wrong,))
    picture = FaceCrop(0, 0, 0.0, portrait, np.eye(2, 3, dtype=np.float32))
    with pytest.raises(SignalError, match=f"signal 'wrong': it has to give one number, NaN or None; it gave {kind}"):
        signals.push(picture, Frame(0, 0.0, portrait))
