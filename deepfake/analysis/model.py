"""What may be chosen for an analysis, how far it is, and what it found."""

import hashlib
import json
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from numbers import Real
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from deepfake import __version__
from deepfake.analysis.evidence import Evidence
from deepfake.analysis.notebook_rule import NotebookRule
from deepfake.analysis.verdict import RULES_VERSION, Verdict
from deepfake.detectors import DEFAULT_CLASSIFIER, classifier
from deepfake.errors import SettingsError
from deepfake.faces.base import FaceDetection
from deepfake.faces.detection import DEFAULT_FACE_DETECTOR
from deepfake.faces.tracking import FaceTrack
from deepfake.serialize import EqualByContent
from deepfake.signals.base import SignalTrace
from deepfake.signals.registry import FACE_SIGNALS
from deepfake.video.info import READING_VERSION, Frame, VideoInfo

SCHEMA_VERSION = 1
CROP_SIZE_PX = 224  # side of the face crops that the signals read


@dataclass(frozen=True, slots=True)
class AnalysisConfig:
    """What may be chosen for an analysis.

    Attributes:
        face_detector: What finds and follows the faces: "mtcnn", or "haar" (OpenCV's cascade, which gives no verdict).
        classifier: What scores the faces: a name in `deepfake.detectors.CLASSIFIERS`.
        search_every_s: The whole frame is searched for faces this often, in seconds; 0 for every frame.
        resume_within_s: A face that is lost for no longer than this, in seconds, or for a single frame, and shows up at
            the same place is the same track; 0 resumes none.
        min_track_s: Shorter tracks are left out, in seconds; by default nobody is. Who is seen for half of the clip's
            length or more is never left out, however short the clip is.
        quick: A first look at a few moments spread over the clip, however long it is: a provisional verdict, without
            signals over time.

    Raises:
        SettingsError: A time is not a finite number of seconds, 0 or more, a name is no text, or quick is neither True
            nor False.

    Example:
        >>> import deepfake
        >>> config = deepfake.AnalysisConfig(search_every_s=0.5)
        >>> config.fingerprint() == deepfake.AnalysisConfig().fingerprint()
        False
    """

    face_detector: str = DEFAULT_FACE_DETECTOR
    classifier: str = DEFAULT_CLASSIFIER
    search_every_s: float = 1.0
    resume_within_s: float = 1.0
    min_track_s: float = 0.0
    quick: bool = False

    def __post_init__(self) -> None:
        for name in ("search_every_s", "resume_within_s", "min_track_s"):
            # 1 and 1.0 are one setting, and have one fingerprint.
            object.__setattr__(self, name, _seconds(name, getattr(self, name)))
        for name in ("face_detector", "classifier"):
            if not isinstance(getattr(self, name), str):
                raise SettingsError(name, f"it has to be a name, not {getattr(self, name)!r:.40}")
        if not isinstance(self.quick, bool):  # 1 and "no" would each have a fingerprint of their own
            raise SettingsError("quick", f"it has to be True or False, not {self.quick!r:.40}")

    def fingerprint(self) -> str:
        """Return 16 hexadecimal digits that change with every setting, version, signal and weight that can change a
        result. Raises ClassifierError for a classifier that is unknown, or whose weights are missing."""
        signals = [signal.info.name for signal in FACE_SIGNALS]
        versions = [
            SCHEMA_VERSION,
            READING_VERSION,
            RULES_VERSION,
            __version__,
            classifier(self.classifier).fingerprint(),
        ]
        chosen = {name: value for name, value in asdict(self).items() if name != "quick" or value}
        text = json.dumps([*versions, signals, chosen], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _seconds(name: str, value: Any) -> float:
    if not isinstance(value, bool) and isinstance(value, Real):  # NumPy's numbers as well
        with suppress(OverflowError):
            seconds = float(value)
            if 0 <= seconds < math.inf:
                return seconds
    raise SettingsError(name, f"it has to be a finite number of seconds, 0 or more, not {value!r:.40}")


def config_given(config: AnalysisConfig | None) -> AnalysisConfig:
    """Return the config that a caller passed; for None the default. Raises TypeError for anything else."""
    if config is None:
        return AnalysisConfig()
    if not isinstance(config, AnalysisConfig):
        raise TypeError(f"config has to be a deepfake.AnalysisConfig, not {config!r:.40}")
    return config


@dataclass(frozen=True, slots=True)
class NotJudged:
    """A person who was not judged. from_s, to_s: when they are first and last seen, seconds from the first frame.
    causes: what kept them from it, at least one."""

    track_id: int
    from_s: float
    to_s: float
    causes: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Analysis(EqualByContent):
    """All that was found out about one clip. It is small and holds no pictures.

    Two are equal where all but timings_s is.

    Attributes:
        schema_version: Version of the JSON that this becomes.
        software_version: Version of the package that made it.
        video: What is known of the file: size, rate, codec, SHA-256.
        config: What was chosen for the analysis.
        frame_timestamps_s: f64 (n,), of every frame, in seconds from the first one; after a quick look as the header of
            the file promises them.
        cuts: i64, index of the first frame of each new scene.
        tracks: One per person, in the order in which they appear.
        traces: Signals over time, of the whole frame or of one track.
        notebook_rule: What the rule of the notebook says; it decides nothing.
        verdict: The answer, with its reasons.
        timings_s: Seconds by stage.
        still_frames: How many frames there are where all of them show the same picture, a photograph; 0 where anything
            moves.
        device: What the classifier ran on, see FaceClassifier.device.

    Example:
        >>> import deepfake
        >>> analysis = deepfake.analyze("clip.mp4")
        >>> analysis.frame_timestamps_s.shape == (38,)
        True
        >>> analysis.trace("frame_similarity").values.dtype.name
        'float32'
    """

    schema_version: int
    software_version: str
    video: VideoInfo
    config: AnalysisConfig
    frame_timestamps_s: NDArray[np.float64]
    cuts: NDArray[np.int64]
    tracks: tuple[FaceTrack, ...]
    traces: tuple[SignalTrace, ...]
    notebook_rule: NotebookRule
    verdict: Verdict
    timings_s: dict[str, float] = field(compare=False)
    still_frames: int = 0
    device: str = ""

    @property
    def faces_limit(self) -> int | None:
        """How many faces were followed at once where there were more (Settings.max_faces), else None."""
        most = [item.values["most"] for item in self.verdict.reasons if item.code == "faces_left_out"]
        return int(most[0]) if most else None

    @property
    def length_s(self) -> float:
        """How long the clip is by its frames, seconds: until the last has been shown for the usual time."""
        return float(self.frame_timestamps_s[-1] + 1 / self.video.frame_rate)

    @property
    def not_judged(self) -> tuple[NotJudged, ...]:
        """The people who could not be judged, in the order in which they appear."""
        causes = {answer.track_id: answer.abstained for answer in self.verdict.tracks}
        return tuple(
            NotJudged(track.track_id, *self._seen_s(track), causes[track.track_id])
            for track in self.tracks
            if causes.get(track.track_id)
        )

    def _seen_s(self, track: FaceTrack) -> tuple[float, float]:
        first, last = self.frame_timestamps_s[track.frame_indices[[0, -1]]]
        return float(first), float(last)

    def trace(self, signal: str, track_id: int | None = None) -> SignalTrace | None:
        """Return the trace of a signal, of the whole frame or of one track, or None where there is none."""
        return next((t for t in self.traces if t.signal == signal and t.track_id == track_id), None)

    def track(self, track_id: int) -> FaceTrack | None:
        """Return the track of that id, or None."""
        return next((track for track in self.tracks if track.track_id == track_id), None)

    def with_path(self, path: Path) -> Self:
        """Return the same analysis, its clip at another path: another place of the same bytes, or a reader's name."""
        return replace(self, video=replace(self.video, path=path))


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an analysis is. stage: "models", "frames" or "finishing". frames_total: an estimate, or None.
    frame: the latest frame, or None; faces: its faces by track_id; similarity: of successive frames so far."""

    stage: str
    frames_done: int
    frames_total: int | None
    frame: Frame | None = None
    faces: dict[int, FaceDetection] = field(default_factory=dict)
    similarity: Sequence[float] = ()
