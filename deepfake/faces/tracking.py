"""FaceTrack: who is who from frame to frame."""

from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from deepfake.faces.alignment import crop_to_frame_from_box, crop_to_frame_from_landmarks
from deepfake.faces.base import FaceDetection, FaceDetector, box_area, box_iou, boxes_of, match_boxes
from deepfake.serialize import EqualByContent
from deepfake.video.info import Frame

MATCH_MIN_IOU = 0.3  # of a detection with a track's last box: between frames a head moves less than its own width
DUPLICATE_MIN_IOU = 0.5  # two tracks on one face
LARGER = 2.0  # a face of so many times the area takes the place of the smallest: at less, the two would take turns
NEW_TRACK_MIN_CONFIDENCE = 0.9  # to begin a track takes more than to go on with one: patterns that resemble a face
TOLERANCE = 1e-6  # of times that are compared: a second of frames is a second, however it is rounded
SMOOTHING_SIGMA_FRAMES = 1.5
SMOOTHING_RADIUS_FRAMES = 4


@dataclass(frozen=True, slots=True, eq=False)
class FaceTrack(EqualByContent):
    """One face followed through a clip. Where the face was out of sight the indices have a gap.

    Attributes:
        track_id: Number of the person in this clip, from 0. People are followed by place, not recognized.
        frame_indices: i64 (n,), increasing.
        boxes_xyxy: f32 (n, 4), left, top, right, bottom in px of the upright frame.
        landmarks: f32 (n, k, 2), x and y in px of the upright frame. k is 5 (eyes, nose, corners of the mouth), or 0
            where the face detector has none.
        confidences: f32 (n,), in [0, 1]; NaN where the face detector has none.

    Example:
        >>> import deepfake
        >>> track = deepfake.analyze("clip.mp4").tracks[0]
        >>> track.boxes_xyxy.shape == (len(track), 4)
        True
        >>> track.position_at(int(track.frame_indices[3]))
        3
    """

    track_id: int
    frame_indices: NDArray[np.int64]
    boxes_xyxy: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    confidences: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.frame_indices)

    def position_at(self, frame_index: int) -> int | None:
        """Return the row of a frame in the arrays, or None where the face is out of sight."""
        row = int(np.searchsorted(self.frame_indices, frame_index))
        return row if row < len(self) and self.frame_indices[row] == frame_index else None

    def detection(self, row: int) -> FaceDetection:
        """Return the face in a row of the arrays."""
        confidence = float(self.confidences[row])
        return FaceDetection(
            self.boxes_xyxy[row],
            self.landmarks[row] if self.landmarks.shape[1] else None,
            None if np.isnan(confidence) else confidence,
        )


@dataclass(slots=True)
class _OpenTrack:
    track_id: int
    frame_indices: list[int] = field(default_factory=list)
    detections: list[FaceDetection] = field(default_factory=list)
    last_seen: float = 0.0  # by the tracker's clock

    def add(self, frame_index: int, detection: FaceDetection, now: float) -> None:
        self.frame_indices.append(frame_index)
        self.detections.append(detection)
        self.last_seen = now

    def cut_back(self, frame_index: int) -> None:
        """Forget this frame and all after it."""
        count = sum(index < frame_index for index in self.frame_indices)
        del self.frame_indices[count:], self.detections[count:]

    @property
    def box_xyxy(self) -> NDArray[np.float32]:
        return self.detections[-1].box_xyxy

    def closed(self) -> FaceTrack:
        count = len(self.detections)
        points = [face.landmarks for face in self.detections if face.landmarks is not None]
        landmarks = np.stack(points) if len(points) == count else np.empty((count, 0, 2))
        confidences = [np.nan if face.confidence is None else face.confidence for face in self.detections]
        return FaceTrack(
            track_id=self.track_id,
            frame_indices=np.array(self.frame_indices, dtype=np.int64),
            boxes_xyxy=np.stack([face.box_xyxy for face in self.detections]).astype(np.float32),
            landmarks=landmarks.astype(np.float32),
            confidences=np.array(confidences, dtype=np.float32),
        )


class FaceTracker:
    """Follows every face of a clip, frame by frame.

    The whole frame is searched at the start, at intervals, after a cut, and whenever a face was lost; in between
    the detector only looks again where each face was. A face that turns into profile or is covered ends its track
    instead of drifting; when one shows up again at the same place soon enough, the track goes on after a gap.
    Someone who comes back elsewhere, later, or after a cut is a new track: faces are not recognized.

    search_every, resume_within: seconds, or whatever `clock` gives of a frame; a face that misses a single frame is
    resumed however long that is shown, unless resume_within is 0. reach: a search matches boxes as if they
    were so many times as wide and high, for frames that lie far apart. max_faces: so many are followed at once, the
    largest; None follows all. left_out: how many more there were in one frame.
    """

    def __init__(
        self,
        detector: FaceDetector,
        *,
        search_every: float,
        resume_within: float,
        reach: float = 1.0,
        max_faces: int | None = None,
        clock: Callable[[Frame], float] = attrgetter("timestamp_s"),
    ) -> None:
        self._detector = detector
        self._search_every = search_every
        self._resume_within = resume_within
        self._reach = reach
        self._clock = clock
        self.max_faces = max_faces
        self.left_out = 0
        self._tracks: list[_OpenTrack] = []
        self._visible: list[_OpenTrack] = []
        self._resumable: list[_OpenTrack] = []
        self._next_search = 0.0

    def update(self, frame: Frame, *, is_cut: bool = False, mixed_from: int | None = None) -> dict[int, FaceDetection]:
        """Return the face of each visible track in the next frame, by track_id.

        is_cut: a new scene begins with it. mixed_from: the first frame of a dissolve that ended before it: the tracks
        end there, since what follows shows two scenes at once.
        """
        if mixed_from is not None:
            for track in [*self._visible, *self._resumable]:
                track.cut_back(mixed_from)
        now = self._clock(frame)
        if is_cut or mixed_from is not None:
            self._visible, self._resumable, self._next_search = [], [], now
        followed = self._follow(frame)
        if now >= self._next_search - TOLERANCE or len(followed) < len(self._visible):
            self._search(frame, followed)
            self._next_search = now + self._search_every
        self._retire(now, followed)
        for track in self._visible:
            track.add(frame.index, followed[track.track_id], now)
        return followed

    def tracks(self) -> tuple[FaceTrack, ...]:
        """Return all tracks so far, in the order in which they began."""
        return tuple(track.closed() for track in self._tracks if track.detections)

    def _follow(self, frame: Frame) -> dict[int, FaceDetection]:
        found: dict[int, FaceDetection] = {}
        for track in self._visible:
            face = self._detector.follow(frame.image, track.detections[-1])
            if face is not None and not _overlaps(face, found):
                found[track.track_id] = face
        return found

    def _search(self, frame: Frame, followed: dict[int, FaceDetection]) -> None:
        """Search the whole frame: correct the tracks that go on, resume lost ones, begin new ones."""
        faces = self._detector.detect(frame.image)
        candidates = [*self._visible, *self._resumable]
        boxes = np.array([_last_box(track, followed) for track in candidates], dtype=np.float32).reshape(-1, 4)
        detected = boxes_of(faces)
        rows, columns, overlaps = match_boxes(self._reached(boxes), self._reached(detected), MATCH_MIN_IOU)
        for row, column, overlap in zip(rows.tolist(), columns.tolist(), overlaps.tolist(), strict=True):
            track = candidates[row]
            if track in self._resumable:
                if not self._has_room(faces[column], followed):
                    continue
                self._resumable.remove(track)
                self._visible.append(track)
            # A box that was followed is steadier than a new one; it is corrected only where it went astray.
            if track.track_id not in followed or overlap < DUPLICATE_MIN_IOU:
                followed[track.track_id] = faces[column]
        left_out = 0
        for column, face in enumerate(faces):
            sure = face.confidence is None or face.confidence >= NEW_TRACK_MIN_CONFIDENCE
            if sure and column not in columns and not _overlaps(face, followed):
                if not self._has_room(face, followed):
                    left_out += 1
                    continue
                track = _OpenTrack(len(self._tracks))
                self._tracks.append(track)
                self._visible.append(track)
                followed[track.track_id] = face
        self.left_out = max(self.left_out, left_out)

    def _has_room(self, face: FaceDetection, followed: dict[int, FaceDetection]) -> bool:
        """Tell whether one more face can be followed; one that is far larger takes the place of the smallest."""
        if self.max_faces is None or len(followed) < self.max_faces:
            return True
        smallest = min(followed, key=lambda track_id: box_area(followed[track_id]))
        if box_area(face) < LARGER * box_area(followed[smallest]):
            return False
        del followed[smallest]
        self.left_out = max(self.left_out, 1)
        return True

    def _reached(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        margin = (boxes[:, 2:] - boxes[:, :2]) * np.float32((self._reach - 1) / 2)
        return np.concatenate([boxes[:, :2] - margin, boxes[:, 2:] + margin], axis=1)

    def _retire(self, now: float, followed: dict[int, FaceDetection]) -> None:
        lost = [track for track in self._visible if track.track_id not in followed]
        self._visible = [track for track in self._visible if track.track_id in followed]
        earlier = [track for track in self._resumable if now - track.last_seen <= self._resume_within + TOLERANCE]
        # Who was there in the frame before may be back in the next, however late that is.
        self._resumable = [*earlier, *lost] if self._resume_within else []
        if self._resumable:
            self._next_search = min(self._next_search, now + self._search_every / 4)


def _last_box(track: _OpenTrack, followed: dict[int, FaceDetection]) -> NDArray[np.float32]:
    return followed[track.track_id].box_xyxy if track.track_id in followed else track.box_xyxy


def _overlaps(face: FaceDetection, others: dict[int, FaceDetection]) -> bool:
    return bool(np.any(box_iou(face.box_xyxy[None], boxes_of(others.values())) >= DUPLICATE_MIN_IOU))


def smoothed_crop_to_frame(
    frame_index: int, frame_indices: NDArray[np.int64], faces: list[FaceDetection], size: int
) -> NDArray[np.float32]:
    """Return the crop transform of one frame of a track, its geometry smoothed over the frames around it.

    A straight line is fitted to each coordinate over time, weighted by a Gaussian window, and read off at the frame
    (local linear regression): the crop jitters no more than the face does, and does not lag at the ends and gaps of
    a track. faces: the detections at frame_indices, all of one track. size: side of the crop, px. f32 (2, 3).
    """
    weights = _local_linear_weights((frame_indices - frame_index).astype(np.float64))
    points = [face.landmarks for face in faces]
    if any(item is None for item in points):
        box = np.tensordot(weights, np.stack([face.box_xyxy for face in faces]), axes=1)
        return crop_to_frame_from_box(box.astype(np.float32), size)
    landmarks = np.tensordot(weights, np.stack([item for item in points if item is not None]), axes=1)
    return crop_to_frame_from_landmarks(landmarks.astype(np.float32), size)


def _local_linear_weights(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights whose sum over values at `distance` frames is the fitted line's value at 0 (Fan & Gijbels 1996)."""
    window = np.exp(-0.5 * (distance / SMOOTHING_SIGMA_FRAMES) ** 2)
    s0, s1, s2 = (float(np.sum(window * distance**power)) for power in (0, 1, 2))
    determinant = s0 * s2 - s1**2
    if determinant < 1e-9:  # a single frame
        return window / s0
    return window * (s2 - s1 * distance) / determinant


def track_crop_to_frame(track: FaceTrack, frame_index: int, size: int) -> NDArray[np.float32] | None:
    """Return the smoothed crop transform of a finished track at a frame, f32 (2, 3), or None where it is not seen."""
    if track.position_at(frame_index) is None:
        return None
    low, high = np.searchsorted(
        track.frame_indices, [frame_index - SMOOTHING_RADIUS_FRAMES, frame_index + SMOOTHING_RADIUS_FRAMES + 1]
    )
    faces = [track.detection(row) for row in range(int(low), int(high))]
    return smoothed_crop_to_frame(frame_index, track.frame_indices[low:high], faces, size)
