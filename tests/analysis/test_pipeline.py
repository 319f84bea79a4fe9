"""analyze(): the whole of it on small real clips, and what must hold of every Analysis. The clip that the first tests
look at is scored by the network itself, the others by a stand-in for it."""

import itertools
import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest

from deepfake.analysis.model import Analysis, AnalysisConfig
from deepfake.analysis.pipeline import _within, analyze
from deepfake.demo.puppet import dress
from deepfake.demo.scenes import LOOK_B
from deepfake.detectors import FaceClassifier, TrackScores, classifier
from deepfake.errors import ClipError, SettingsError
from deepfake.report.page import file_rows
from deepfake.report.wording import warning_sentences
from deepfake.signals.face_similarity import FaceSimilaritySignal
from deepfake.signals.registry import FACE_SIGNALS, OTHER_TRACES
from deepfake.signals.ssim import ssim
from deepfake.video.reader import VideoReader
from tests.conftest import swaying
from tests.video.clips import packed

pytestmark = pytest.mark.usefixtures("quick_network")


@pytest.fixture(scope="module")
def talking(watched) -> Analysis:
    return watched.analysis


def test_every_frame_is_tracked_and_compared(talking):
    (track,) = talking.tracks
    assert track.frame_indices.tolist() == list(range(38))
    assert talking.frame_timestamps_s == pytest.approx(np.arange(38) / 25, abs=1e-3)
    whole, face = talking.trace("frame_similarity"), talking.trace("face_similarity", track.track_id)
    for trace in (whole, face):
        assert trace.frame_indices.tolist() == list(range(1, 38))
        assert trace.timestamps_s == pytest.approx(talking.frame_timestamps_s[1:])
        assert np.all((trace.values > 0.3) & (trace.values <= 1.0))


def test_the_traces_are_the_similarity_of_successive_frames(talking, talking_clip):
    with VideoReader(talking_clip) as reader:
        images = [frame.image for frame in reader.frames()]
    expected = [ssim(before, after) for before, after in itertools.pairwise(images)]
    assert talking.trace("frame_similarity").values == pytest.approx(expected, abs=1e-5)


def test_the_face_in_its_own_frame_of_reference_is_steadier_than_the_picture(talking):
    """The portrait sways as a whole: following the face takes the motion out, whole frames keep it."""
    assert talking.trace("face_similarity", 0).values.mean() > talking.trace("frame_similarity").values.mean()


def test_the_rule_is_applied_to_whole_frames(talking):
    values = talking.trace("frame_similarity").values
    assert talking.notebook_rule.minimum == pytest.approx(float(values.min()))
    assert talking.notebook_rule.amplitude == pytest.approx(float(values.max() - values.min()) / 2)


def test_haar_follows_the_same_face(talking_clip):
    analysis = analyze(talking_clip, AnalysisConfig(face_detector="haar"))
    longest = max(analysis.tracks, key=len)
    assert len(longest) >= 30
    assert longest.landmarks.shape == (len(longest), 0, 2)
    assert np.all(np.isnan(longest.confidences))
    assert analysis.trace("face_similarity", longest.track_id) is not None


def test_the_learned_detector_scores_crops_spread_over_the_track(talking):
    scores = talking.trace("learned_score", 0)
    sampling = classifier().sampling
    frames = len(next(track for track in talking.tracks if track.track_id == 0))
    assert sampling.least <= len(scores.values) <= sampling.most
    half_a_part = frames / len(scores.values) / 2
    ends = scores.frame_indices[0], frames - 1 - scores.frame_indices[-1]
    assert ends == pytest.approx((half_a_part, half_a_part), abs=2), "in the middle of equal parts"
    gaps = np.diff(scores.frame_indices)
    assert gaps.max() <= 2 * frames / len(scores.values)
    assert gaps.min() >= frames / len(scores.values) / 2
    assert np.all((scores.values >= 0) & (scores.values <= 1))
    (verdict,) = talking.verdict.tracks
    assert talking.verdict.probability_fake == verdict.probability_fake
    assert verdict.interval[0] <= verdict.probability_fake <= verdict.interval[1]


def test_every_face_signal_has_a_trace(talking):
    (track,) = talking.tracks
    for signal in FACE_SIGNALS:
        trace = talking.trace(signal.info.name, 0)
        expected = len(track) if signal.every_frame else pytest.approx(len(track) * 4 / 25, abs=2)
        if signal is FaceSimilaritySignal:
            expected = len(track) - 1  # the first crop has none before it
        assert len(trace.values) == expected
        assert np.isfinite(trace.values).mean() > 0.8
        assert trace.unit == signal.info.unit
    assert len(talking.trace("eye_openness/left", 0).values) == len(track)


def test_the_names_of_all_other_traces_are_taken(talking):
    named = {trace.signal.partition("/")[0] for trace in talking.traces}
    assert named - {signal.info.name for signal in FACE_SIGNALS} == set(OTHER_TRACES)


def test_without_landmarks_nothing_is_scored(talking_clip):
    analysis = analyze(talking_clip, AnalysisConfig(face_detector="haar"))
    assert analysis.trace("learned_score", analysis.tracks[0].track_id) is None
    assert analysis.verdict.label == "INCONCLUSIVE"
    assert analysis.verdict.probability_fake is None
    assert analysis.verdict.reasons[0].code == "unscored"


def test_crops_are_handed_out_in_order_with_their_frames(watched):
    assert [crop.frame_index for crop, _ in watched.crops] == list(range(38))
    assert all(crop.frame_index == index for crop, index in watched.crops)
    assert all(crop.image.shape == (224, 224, 3) for crop, _ in watched.crops)


def test_progress_is_told_for_every_frame(watched):
    (first, *_), *between, (last, *_) = watched.progress
    assert (first, last) == ("models", "finishing")
    assert between == [("frames", done, 38) for done in range(1, 39)]


def test_a_frozen_clip_is_perfectly_similar(tmp_path, write_clip, portrait):
    path = write_clip(tmp_path / "still.mkv", [portrait] * 12, codec="ffv1", pix_fmt="bgr0")
    analysis = analyze(path)
    assert analysis.trace("frame_similarity").values == pytest.approx(np.ones(11), abs=1e-6)
    assert analysis.trace("face_similarity", 0).values == pytest.approx(np.ones(11), abs=1e-3)
    assert analysis.notebook_rule.label == "REAL"


def test_a_cut_is_named_and_ends_the_tracks(tmp_path, write_clip, talking_frames):
    mirrored = [np.ascontiguousarray(255 - frame[:, ::-1]) for frame in talking_frames[:15]]
    other = [np.full_like(frame, (20, 140, 60)) for frame in mirrored]
    path = write_clip(tmp_path / "cut.mp4", [*talking_frames[:15], *other, *talking_frames[:15]])
    analysis = analyze(path)
    assert analysis.cuts.tolist() == [15, 30]
    assert [(track.frame_indices[0], track.frame_indices[-1]) for track in analysis.tracks] == [(0, 14), (30, 44)]
    assert analysis.notebook_rule.label == "MAYBE_FAKE"


def test_two_people_have_a_track_each(tmp_path, write_clip, talking_frames):
    pairs = [np.concatenate([frame, frame[:, ::-1]], axis=1) for frame in talking_frames[:15]]
    analysis = analyze(write_clip(tmp_path / "two.mp4", pairs))
    assert len(analysis.tracks) == 2
    assert {trace.track_id for trace in analysis.traces} == {None, 0, 1}


def test_a_face_out_of_sight_for_a_moment_is_not_compared_across_the_gap(tmp_path, write_clip, talking_frames):
    blank = np.full_like(talking_frames[0], 128)
    images = [*talking_frames[:10], *[blank] * 4, *talking_frames[:10]]
    analysis = analyze(write_clip(tmp_path / "gap.mp4", images), AnalysisConfig(search_every_s=0.1))
    for track in analysis.tracks:
        seen = set(track.frame_indices.tolist())
        compared = analysis.trace("face_similarity", track.track_id).frame_indices.tolist()
        assert compared == [index for index in sorted(seen) if index - 1 in seen]


def test_no_face_is_a_result(moving_square_clip):
    analysis = analyze(moving_square_clip)
    assert analysis.tracks == ()
    assert analysis.verdict.label == "INCONCLUSIVE"
    assert analysis.verdict.reasons[0].code == "no_face"
    assert len(analysis.trace("frame_similarity").values) == 23


def test_one_frame_is_a_result(tmp_path, write_clip, portrait):
    analysis = analyze(write_clip(tmp_path / "one.mp4", [portrait]))
    assert len(analysis.tracks) == 1
    assert len(analysis.trace("frame_similarity").values) == 0
    assert analysis.notebook_rule.label is None
    assert analysis.verdict.label == "INCONCLUSIVE"


def test_eight_by_eight_pixels_are_a_result(tmp_path, write_clip):
    analysis = analyze(write_clip(tmp_path / "tiny.mkv", (12, (8, 8)), codec="ffv1", pix_fmt="yuv444p"))
    assert analysis.tracks == ()
    assert np.all(np.isnan(analysis.trace("frame_similarity").values))
    assert analysis.notebook_rule.label is None
    assert analysis.verdict.label == "INCONCLUSIVE"


def test_a_clip_that_breaks_off_is_analyzed_with_a_warning(tmp_path, write_clip, talking_frames):
    options = {"movflags": "faststart"}
    path = write_clip(tmp_path / "cut.mp4", talking_frames, container_options=options, codec_options={"g": "5"})
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.7)])
    analysis = analyze(path)
    assert 10 < len(analysis.frame_timestamps_s) < 38
    assert len(analysis.tracks) == 1
    assert any("breaks off" in warning for warning in warning_sentences(analysis))


def test_a_variable_rate_is_told(tmp_path, write_clip, talking_frames):
    times_s = np.cumsum([0, *np.where(np.arange(19) % 3 == 0, 0.12, 0.04)])
    path = write_clip(tmp_path / "vfr.mp4", talking_frames[:20], timestamps_s=times_s)
    analysis = analyze(path)
    assert analysis.frame_timestamps_s == pytest.approx(times_s, abs=1e-3)
    assert analysis.video.variable_frame_rate
    assert any("uneven" in value for _, value in file_rows(analysis, "vfr.mp4"))
    last_s, rate = times_s[-1], float(analysis.video.frame_rate)
    promises_less = replace(analysis, video=replace(analysis.video, duration_s=1.0))
    duration = dict(file_rows(promises_less, "vfr.mp4"))["duration"]
    assert duration == f"{last_s + 1 / rate:.3f} s by its frames (the header says 1.000 s)"
    assert warning_sentences(analysis) == (), "it changes no answer"


def test_people_who_dissolve_into_each_other_at_one_place_are_two(tmp_path, write_clip, portrait):
    another, _ = dress(portrait, np.ones((512, 512), np.float32), LOOK_B)
    first, second = swaying(portrait, 65), swaying(np.roll(another[:, ::-1], -62, axis=1), 65)
    mixed = [
        np.round(a * (1 - share) + b * share).astype(np.uint8)
        for a, b, share in zip(first[30:45], second[30:45], np.arange(1, 16) / 16, strict=True)
    ]
    analysis = analyze(write_clip(tmp_path / "dissolve.mp4", [*first[:30], *mixed, *second[45:65]]))
    one, two = analysis.tracks
    apart = np.abs(one.boxes_xyxy.mean(axis=0) - two.boxes_xyxy.mean(axis=0))
    assert apart.max() < 20, "followed by place alone they would be one person"
    assert one.frame_indices.min() == 0
    assert one.frame_indices.max() < 34
    assert two.frame_indices.min() > 41
    for track in (one, two):
        for signal in ("face_similarity", "learned_score"):
            assert np.isin(analysis.trace(signal, track.track_id).frame_indices, track.frame_indices).all()


def test_somebody_who_fades_out_is_judged_by_the_frames_before(tmp_path, write_clip, portrait):
    images = swaying(portrait, 88)
    shares = 1 - np.arange(1, 25) / 24
    fading = [np.round(image * share).astype(np.uint8) for image, share in zip(images[64:], shares, strict=True)]
    analysis = analyze(write_clip(tmp_path / "fades.mp4", [*images[:64], *fading, *[np.zeros_like(images[0])] * 15]))
    (somebody,) = analysis.tracks
    assert 55 <= len(somebody) < 70
    scored = analysis.trace("learned_score", 0).frame_indices
    assert len(scored) == classifier().sampling.most
    np.testing.assert_allclose(scored, (np.arange(4) + 0.5) * len(somebody) / 4, atol=4)


def test_a_photograph_shown_as_a_clip_is_told_and_is_no_evidence_for_a_real_clip(tmp_path, write_clip, talking_frames):
    dark = [image // 3 for image in talking_frames[:30]]  # to the stand-in as real as can be
    assert analyze(write_clip(tmp_path / "moving.mp4", dark)).verdict.label == "LIKELY_REAL"
    analysis = analyze(write_clip(tmp_path / "still.mp4", dark[:1] * 30))
    assert analysis.still_frames == 30
    assert len(analysis.tracks) == 1
    assert analysis.verdict.label != "LIKELY_REAL"
    assert "Nothing moves in this clip: it shows the same picture 30 times." in warning_sentences(analysis)


def test_a_photograph_beside_somebody_alive_is_told_and_stops_nothing(tmp_path, write_clip, portrait, talking_frames):
    inset = cv2.resize(portrait, (300, 300), interpolation=cv2.INTER_AREA)[:150, 50:250]
    images = [image.copy() for image in talking_frames[:32]] * 2
    for image in images:
        image[:150, 440:] = inset
    analysis = analyze(write_clip(tmp_path / "wall.mp4", images))
    somebody, picture = analysis.verdict.tracks
    assert not somebody.is_picture
    assert picture.is_picture
    assert analysis.verdict.label == somebody.label
    assert analysis.verdict.probability_fake == somebody.probability_fake != picture.probability_fake
    (told,) = analysis.not_judged
    assert (told.track_id, told.causes[0].code) == (picture.track_id, "a_picture")
    assert any("was not judged: it is a picture of a face" in warning for warning in warning_sentences(analysis))


def test_a_clip_in_which_somebody_moves_is_no_photograph(talking):
    assert talking.still_frames == 0
    assert warning_sentences(talking) == ()


def test_the_same_packets_get_the_same_verdict_in_every_container(tmp_path, write_clip, talking_frames):
    options = {"g": "8", "bf": "2"}
    source = write_clip(tmp_path / "a.mp4", talking_frames[:20], codec_options=options, audio_s=0.8)
    paths = [source, *(packed(source, tmp_path / name) for name in ("b.mkv", "b.mov", "b.avi", "b.ts"))]
    first, *others = map(analyze, paths)
    assert first.verdict.probability_fake is not None
    assert all(other.verdict == first.verdict for other in others)
    assert {other.video.bit_rate for other in others} == {first.video.bit_rate}


def test_damaged_frames_are_shown_and_not_scored(tmp_path, write_clip, talking_frames):
    options = {"g": "10", "bf": "0", "crf": "20", "sc_threshold": "0", "preset": "veryfast"}
    path = write_clip(tmp_path / "damaged.mp4", talking_frames, codec_options=options)
    data = bytearray(path.read_bytes())
    place = len(data) // 2
    data[place : place + 300] = np.random.default_rng(3).integers(0, 255, 300, dtype=np.uint8).tobytes()
    path.write_bytes(bytes(data))
    with VideoReader(path) as reader:
        damaged = {frame.index for frame in reader.frames() if frame.is_damaged}
    analysis = analyze(path)
    assert damaged
    assert len(analysis.frame_timestamps_s) == 38
    assert damaged <= set(analysis.tracks[0].frame_indices.tolist())
    scored = set(analysis.trace("learned_score", 0).frame_indices.tolist())
    assert scored
    assert not scored & damaged
    assert analysis.video.adjustment("damaged_frames") is not None
    assert any("not scored" in warning for warning in warning_sentences(analysis))


def test_the_file_is_hashed_once_and_not_at_all_where_the_hash_is_known(talking_clip, monkeypatch):
    from deepfake.analysis import pipeline

    hashed = []
    monkeypatch.setattr(pipeline, "file_sha256", lambda path: hashed.append(path) or "f" * 64)
    assert analyze(talking_clip, AnalysisConfig(face_detector="haar")).video.sha256 == "f" * 64
    assert hashed == [talking_clip]
    assert analyze(talking_clip, AnalysisConfig(face_detector="haar"), sha256="a" * 64).video.sha256 == "a" * 64
    assert hashed == [talking_clip]


@pytest.mark.parametrize("sha256", ["zz", "A" * 64, "a" * 63, "a" * 64 + "\n"])
def test_what_is_no_sha256_is_refused_before_the_clip_is_read(sha256, tmp_path):
    with pytest.raises(ValueError, match="sha256 has to be 64 hexadecimal digits"):
        analyze(tmp_path / "missing.mp4", sha256=sha256)


def test_what_is_no_clip_is_an_error(tmp_path):
    path = tmp_path / "text.mp4"
    path.write_text("not a video")
    with pytest.raises(ClipError):
        analyze(path)


def test_the_fingerprint_follows_every_setting():
    prints = {
        AnalysisConfig().fingerprint(),
        AnalysisConfig(face_detector="haar").fingerprint(),
        AnalysisConfig(search_every_s=2.0).fingerprint(),
    }
    assert len(prints) == 3
    assert AnalysisConfig().fingerprint() == AnalysisConfig().fingerprint()


@pytest.mark.parametrize("value", [1, "no", None])
def test_quick_is_true_or_false_alone(value):
    # Each would have a fingerprint of its own, and "no" would be a quick look.
    with pytest.raises(SettingsError, match="quick"):
        AnalysisConfig(quick=value)


def test_the_fingerprint_follows_the_weights(monkeypatch):
    before = AnalysisConfig().fingerprint()
    monkeypatch.setattr(FaceClassifier, "fingerprint", lambda self: "other weights")
    assert AnalysisConfig().fingerprint() != before


MEMORY_SCRIPT = """
import resource, sys
from deepfake.analysis.model import AnalysisConfig\nfrom deepfake.analysis.pipeline import analyze
analyze(sys.argv[1], AnalysisConfig(face_detector="haar"))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.parametrize("name", ["search_every_s", "resume_within_s", "min_track_s"])
@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), 10**400, "1", None])
def test_a_time_that_is_none_is_refused_by_name(name, value):
    with pytest.raises(SettingsError, match=f"^{name}: it has to be a finite number of seconds, 0 or more, not "):
        AnalysisConfig(**{name: value})


def test_a_whole_number_of_seconds_is_the_same_setting_as_its_fraction():
    whole, same = AnalysisConfig(search_every_s=1, min_track_s=2), AnalysisConfig(search_every_s=1.0, min_track_s=2.0)
    of_numpy = AnalysisConfig(search_every_s=np.float32(1), min_track_s=np.int64(2))
    assert whole.fingerprint() == same.fingerprint() == of_numpy.fingerprint()


@pytest.mark.parametrize("name", ["face_detector", "classifier"])
@pytest.mark.parametrize("value", [["haar"], None, 1])
def test_a_name_that_is_no_text_is_refused(name, value):
    with pytest.raises(SettingsError, match=f"^{name}: it has to be a name, not "):
        AnalysisConfig(**{name: value})


def test_memory_does_not_grow_with_the_length(tmp_path, write_clip):
    def peak_mib(frames: int) -> float:
        path = write_clip(tmp_path / f"{frames}.mp4", (frames, (480, 640)))
        done = subprocess.run([sys.executable, "-c", MEMORY_SCRIPT, str(path)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return int(done.stdout) / 1024

    # 270 more frames would be 240 MiB.
    assert peak_mib(300) < peak_mib(30) + 40


@pytest.mark.real_data
def test_a_real_clip_is_followed_whole(real_data):
    analysis = analyze(real_data / "talking" / "grid_bbaf2n.mpg")
    assert [len(track) for track in analysis.tracks] == [75]
    assert analysis.video.codec == "mpeg1video"


def test_what_a_classifier_tells_of_faces_goes_with_the_frames_of_a_dissolve(talking):
    (track,) = talking.tracks
    arrays = ("probabilities_fake", "edge_blur_px", "hidden_shares", "smoothed_probabilities")
    rows = [np.linspace(0, 1, 4, dtype=np.float32) / part for part in (1, 2)]
    scores = TrackScores(track.track_id, np.array([0, 1, 2, 999]), rows[0], rows[0], hidden_shares=rows[1])
    kept = _within(scores, {track.track_id: track}, *arrays)
    assert kept.frame_indices.tolist() == [0, 1, 2]
    assert kept.hidden_shares.tolist() == rows[1][:3].tolist()
    assert kept.smoothed_probabilities is None
