"""Structural similarity of successive crops of one face."""

from deepfake.signals.base import FaceSignal, FaceView, SignalInfo
from deepfake.signals.ssim import FrameSimilarity


class FaceSimilaritySignal(FaceSignal):
    """How much of the structure of a face is still there in the next crop.

    Value: SSIM (see ssim.FrameSimilarity) of a crop with the one before it, in [-1, 1], 1 for equal ones. The crop
    follows the face, so motion of the head counts for little and change within the face for much.

    Neither side speaks for a fake: by benchmarks/signals.py the low side, which was expected, is worse than chance (AUC
    0.46 and 0.39 on FaceForensics++ c23 and c40, 0.44 on 448 clips of other sources): fakes are a little steadier.

    When it misleads: speech, a smile, a hand before the face and a turn of the head lower it; a small or blurred face
    looks steadier than it is.
    """

    info = SignalInfo(
        name="face_similarity",
        title="Similarity of successive faces",
        unit="",
        quantity="similarity",
        measures="How much of the structure of the face is still there in the next frame: 1 for two equal ones.",
        misleads=(
            "Speech, a smile, a hand before the face and a turn of the head lower it; a small or blurred face looks "
            "steadier than it is."
        ),
        suspicious=None,
        papers=(
            (
                "Wang, Bovik, Sheikh, Simoncelli 2004, Image quality assessment",
                "https://doi.org/10.1109/TIP.2003.819861",
            ),
            ("Umeyama 1991, Least-squares estimation of transformation parameters", "https://doi.org/10.1109/34.88573"),
        ),
        formula=r"s_t = \mathrm{SSIM}\left(F_{t-1}\!\circ T_{t-1},\; F_t\circ T_t\right)",
        details=(
            "The crops follow the face, so motion of the head counts for little and change within the face for much.",
            "T is the similarity transform (turn, scale, shift) that lays five landmarks on a canonical face, by "
            "least squares, its geometry smoothed over neighboring frames.",
        ),
    )
    every_frame = True

    def __init__(self) -> None:
        self._similarity = FrameSimilarity()
        self._has_previous = False

    def push(self, view: FaceView) -> float | None:
        """Return the similarity of the next crop with the one before it, None for the first."""
        value = self._similarity.push(view.crop.image)
        if not self._has_previous:
            self._has_previous = True
            return None
        return value
