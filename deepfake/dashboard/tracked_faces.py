"""The faces that an analysis has in a frame."""

import numpy as np

from deepfake.analysis.model import Analysis
from deepfake.faces.detection import FaceDetection


def tracked_faces(analysis: Analysis, frame: int) -> dict[int, FaceDetection]:
    """Return the faces that the analysis has in a frame, by track_id."""
    found: dict[int, FaceDetection] = {}
    for track in analysis.tracks:
        row = track.position_at(frame)
        if row is not None:
            landmarks = track.landmarks[row] if track.landmarks.shape[1] else None
            confidence = float(track.confidences[row])
            known = None if np.isnan(confidence) else confidence
            found[track.track_id] = FaceDetection(track.boxes_xyxy[row], landmarks, known)
    return found
