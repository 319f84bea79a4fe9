"""Tracks: one per face, every frame, ended rather than drifting; crops that are steadier than the boxes."""

import dataclasses

import numpy as np
import pytest

from deepfake.faces.base import FaceDetection, largest_first
from deepfake.faces.detection import face_detector
from deepfake.faces.tracking import FaceTracker, track_crop_to_frame
from deepfake.video.info import Frame

BLANK = np.zeros((200, 300, 3), np.uint8)


class ScriptedDetector:
    """Finds faces at scripted places: truth[frame_index] is a list of box corners, written into the frame's pixels."""

    name = "haar"

    def __init__(self):
        self.searches = 0

    def _boxes(self, image):
        count = int(image[0, 0, 0])
        return [image[0, 1 + 4 * i : 5 + 4 * i, 0].astype(np.float32) for i in range(count)]

    def detect(self, image):
        self.searches += 1
        return largest_first([FaceDetection(box, None, None) for box in self._boxes(image)])

    def follow(self, image, face):
        for box in self._boxes(image):
            if np.abs(box - face.box_xyxy).max() < 15:
                return FaceDetection(box, None, None)
        return None


def frame(index, *boxes):
    image = BLANK.copy()
    image[0, 0] = len(boxes)
    for number, box in enumerate(boxes):
        image[0, 1 + 4 * number : 5 + 4 * number] = np.array(box)[:, None]
    return Frame(index, index / 25, image)


def track(frames, search_every=0.4, resume_within=0.32, cuts=()):
    detector = ScriptedDetector()
    tracker = FaceTracker(detector, search_every=search_every, resume_within=resume_within)
    for item in frames:
        tracker.update(item, is_cut=item.index in cuts)
    return tracker.tracks(), detector


def box_at(x, y=20, side=40):
    return (x, y, x + side, y + side)


def test_between_frames_that_lie_far_apart_a_face_may_move_by_its_width():
    far = [frame(0, box_at(20)), frame(1, box_at(50))]
    for reach, people in ((1.0, 2), (2.0, 1)):
        tracker = FaceTracker(ScriptedDetector(), search_every=0.04, resume_within=0.32, reach=reach)
        for item in far:
            tracker.update(item)
        assert len(tracker.tracks()) == people


def test_every_frame_of_a_track_has_a_box_and_searches_are_rare():
    tracks, detector = track([frame(i, box_at(20 + i)) for i in range(50)])
    assert len(tracks) == 1
    assert tracks[0].frame_indices.tolist() == list(range(50))
    assert tracks[0].boxes_xyxy[:, 0].tolist() == list(range(20, 70))
    assert detector.searches == 5


def test_two_people_keep_their_tracks():
    tracks, _ = track([frame(i, box_at(20 + i), box_at(200 - i, y=90)) for i in range(40)])
    assert len(tracks) == 2
    assert [len(item) for item in tracks] == [40, 40]
    assert tracks[1].boxes_xyxy[-1].tolist() == [161, 90, 201, 130]


def test_two_faces_that_cross_do_not_become_one_track_with_two_people():
    frames = [frame(i, box_at(20 + 4 * i, y=20), box_at(180 - 4 * i, y=24)) for i in range(40)]
    tracks, _ = track(frames)
    assert 2 <= len(tracks) <= 4
    for item in tracks:
        assert np.abs(np.diff(item.boxes_xyxy[:, 0])).max() <= 40  # no track jumps across the frame


def test_a_short_gap_at_the_same_place_is_the_same_track():
    frames = [frame(i, *([] if 20 <= i < 25 else [box_at(50)])) for i in range(40)]
    tracks, _ = track(frames)
    assert len(tracks) == 1
    assert len(tracks[0]) < 40
    assert tracks[0].position_at(22) is None
    assert tracks[0].position_at(39) == len(tracks[0]) - 1


def test_a_long_absence_begins_a_new_track():
    frames = [frame(i, *([] if 10 <= i < 30 else [box_at(50)])) for i in range(40)]
    tracks, _ = track(frames)
    assert [item.track_id for item in tracks] == [0, 1]


def test_a_cut_begins_new_tracks():
    tracks, _ = track([frame(i, box_at(50)) for i in range(20)], cuts={10})
    assert [len(item) for item in tracks] == [10, 10]


def test_a_face_that_appears_later_is_found_at_the_next_search():
    frames = [frame(i, box_at(20), *([box_at(150)] if i >= 13 else [])) for i in range(40)]
    tracks, _ = track(frames)
    assert tracks[1].frame_indices[0] == 20


def test_times_hold_at_any_pace():
    """25 frames a second for a second, then one in four: seconds count, not frames."""
    times_s = [*(np.arange(25) / 25), *(1 + np.arange(20) / 4)]
    places = [box_at(20)] * 45
    frames = [frame(i, places[i], *([box_at(150)] if i >= 27 else [])) for i in range(45)]
    paced = [dataclasses.replace(item, timestamp_s=float(time_s)) for item, time_s in zip(frames, times_s, strict=True)]
    tracks, _ = track(paced, search_every=0.5)
    assert times_s[tracks[1].frame_indices[0]] == 1.75
    gone = [frame(i, *([] if 30 <= i < 33 else [box_at(20)])) for i in range(45)]
    paced = [dataclasses.replace(item, timestamp_s=float(time_s)) for item, time_s in zip(gone, times_s, strict=True)]
    assert len(track(paced, resume_within=0.5)[0]) == 2
    assert len(track(paced, resume_within=1.0)[0]) == 1


def test_a_face_that_misses_one_frame_of_a_slow_clip_is_the_same_track():
    frames = [frame(i, *([] if i == 4 else [box_at(20)])) for i in range(10)]
    slow = [dataclasses.replace(item, timestamp_s=2.0 * item.index) for item in frames]
    (one,) = track(slow, search_every=1, resume_within=1)[0]
    assert one.frame_indices.tolist() == [0, 1, 2, 3, 5, 6, 7, 8, 9]


def test_a_lost_face_is_searched_for_at_once():
    tracks, _ = track([frame(i, box_at(20 if i < 13 else 120)) for i in range(30)])
    assert tracks[0].frame_indices[-1] == 12
    assert tracks[1].frame_indices[0] == 13


def test_no_face_gives_no_track():
    assert track([frame(i) for i in range(20)])[0] == ()


def test_the_real_detector_follows_the_portrait(talking_frames):
    tracker = FaceTracker(face_detector("mtcnn"), search_every=1, resume_within=1)
    for index, image in enumerate(talking_frames):
        tracker.update(Frame(index, index / 25, image))
    (found,) = tracker.tracks()
    assert len(found) == len(talking_frames)
    assert found.landmarks.shape == (len(talking_frames), 5, 2)
    assert np.nanmin(found.confidences) > 0.8


def test_crops_jitter_less_than_the_boxes(talking_frames):
    """The transforms of successive frames change more evenly than the raw landmarks do."""
    tracker = FaceTracker(face_detector("mtcnn"), search_every=1, resume_within=1)
    generator = np.random.default_rng(0)
    for index, image in enumerate(talking_frames):
        noisy = np.clip(image + generator.normal(0, 12, image.shape), 0, 255).astype(np.uint8)
        tracker.update(Frame(index, index / 25, noisy))
    (found,) = tracker.tracks()
    crops = np.stack([track_crop_to_frame(found, int(index), 224) for index in found.frame_indices])
    center = crops @ np.array([112, 112, 1.0])
    raw = found.landmarks.mean(axis=1)
    jitter_px = [float(np.abs(np.diff(points, n=2, axis=0)).mean()) for points in (center, raw)]
    assert jitter_px[0] < 0.5 * jitter_px[1]


def test_no_crop_where_the_face_is_not_seen():
    tracks, _ = track([frame(i, *([] if 20 <= i < 25 else [box_at(50)])) for i in range(40)])
    assert track_crop_to_frame(tracks[0], 22, 224) is None
    assert track_crop_to_frame(tracks[0], 19, 224) == pytest.approx(track_crop_to_frame(tracks[0], 5, 224))


def test_crops_do_not_lag_at_the_ends_of_a_track():
    """A face in steady motion: every crop is centered on it, also in the first and last frames."""
    tracks, _ = track([frame(i, box_at(20 + 4 * i)) for i in range(30)])
    transforms = np.stack([track_crop_to_frame(tracks[0], index, 100) for index in range(30)])
    centers = transforms @ np.array([49.5, 49.5, 1.0])
    assert centers[:, 0] == pytest.approx(39.5 + 4 * np.arange(30), abs=1e-3)


def test_of_too_many_faces_the_largest_are_followed_and_the_rest_counted():
    sizes = (30, 14, 22, 18, 26)
    faces = [box_at(10 + 50 * place, side=side) for place, side in enumerate(sizes)]
    tracker = FaceTracker(ScriptedDetector(), search_every=0.08, resume_within=0.32, max_faces=3)
    for index in range(6):
        seen = tracker.update(frame(index, *faces))
        assert sorted(face.box_xyxy[2] - face.box_xyxy[0] for face in seen.values()) == [22, 26, 30]
    assert tracker.left_out == 2
    assert len(tracker.tracks()) == 3


def test_a_far_larger_face_takes_the_place_of_the_smallest():
    crowd = [box_at(10 + 50 * place, side=20) for place in range(3)]
    tracker = FaceTracker(ScriptedDetector(), search_every=0.08, resume_within=0.32, max_faces=3)
    tracker.update(frame(0, *crowd))
    assert tracker.left_out == 0
    for index in range(1, 8):
        seen = tracker.update(frame(index, *crowd, box_at(150, side=60)))
        assert len(seen) <= 3
    assert max(face.box_xyxy[2] - face.box_xyxy[0] for face in seen.values()) == 60
    assert tracker.left_out == 1
