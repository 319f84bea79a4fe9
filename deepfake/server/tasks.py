"""What worker processes run. Each task leaves its result in `folder` and reports there how far it is."""

import logging
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from deepfake.analysis.keeping import read_analysis, write_analysis
from deepfake.analysis.model import CROP_SIZE_PX, Analysis, AnalysisConfig, Progress
from deepfake.analysis.moments import Moments
from deepfake.analysis.pipeline import analyze
from deepfake.analysis.recompression import RATES_CRF, recompress
from deepfake.comparison.compare import Comparison, ComparisonProgress, compare
from deepfake.comparison.pair_clips import PairClips, write_side_by_side
from deepfake.comparison.report import moment_pictures
from deepfake.demo.writer import write_demo
from deepfake.detectors import classifier
from deepfake.errors import DeepfakeError
from deepfake.faces.alignment import FaceCrop, crop_face
from deepfake.faces.detection import face_detector
from deepfake.faces.tracking import track_crop_to_frame
from deepfake.files import stamp_of
from deepfake.serialize import from_bytes, to_bytes
from deepfake.server.progress import FirstLook, ProgressWriter, should_give_way, write_first_look
from deepfake.server.store_access import StoreName, keep_analysis
from deepfake.settings import Settings
from deepfake.signals.measuring import FaceSignals
from deepfake.signals.ssim import FrameSimilarity
from deepfake.spread import spread
from deepfake.video.browser import transcode
from deepfake.video.info import Frame
from deepfake.video.reader import VideoReader, probe
from deepfake.video.writer import slowed
from deepfake.views.attribution_clip import DRAWING, SCORING, write_attribution_clip
from deepfake.views.face_clips import FaceClips
from deepfake.views.moments import SeenCrops, suspicious_moments
from deepfake.views.stills import fitted, jpeg, preview_jpeg
from deepfake.worker_pool import run_last

logger = logging.getLogger(__name__)

ANALYSIS_FILE = "analysis.bin"
FORMER_ANALYSIS_FILE = "analysis.json"  # of caches that an earlier version wrote
NOT_KEPT_FILE = "not-kept.txt"  # why an analysis is not in the store
MOMENTS_FILE = "moments.bin"
PLAYER_FILE = "player.mp4"
SLOWED_FILE = "slowed.mp4"
RECOMPRESSION_FILE = "recompression.bin"
COMPARISON_FILE = "comparison.bin"
MOMENT_PICTURES_FILE = "moment-pictures.bin"
SIDE_BY_SIDE_FILE = "side-by-side.mp4"
ATTRIBUTION_FILE, ATTRIBUTION_CLIP_FILE = "attribution.bin", "attribution.mp4"
STAGES = {
    "models": "Loading the face detector",
    "frames": "Following faces",
    "finishing": "Putting the results together",
}
FIRST_LOOK_FRAMES = 120  # a shorter clip is analyzed as soon as it is looked at
FIRST_LOOK_FACES = 3
FIRST_LOOK_FACE_PX = 168
WARM_UP_PX = 224
DEMO_WAITS_S = 30.0  # at most: whoever waits for the built-in clips is not to wait for every clip of the others
DEMO_LOOKS_S = 0.1  # from one look whether they are done to the next
ATTRIBUTION_STAGES = {SCORING: "Scoring the face", DRAWING: "Drawing the clip"}


def analysis_file(folder: Path) -> Path:
    """Return where the analysis is in an entry of the cache, of this version or an earlier one."""
    former = folder / FORMER_ANALYSIS_FILE
    return former if former.is_file() else folder / ANALYSIS_FILE


def analyze_clip(
    folder: Path,
    path: Path,
    config: AnalysisConfig,
    settings: Settings,
    store_name: StoreName | None = None,
    sha256: str | None = None,
) -> None:
    """Write analysis.bin, moments.bin and a clip of every face, face-<track_id>.mp4; not-kept.txt where the store could
    not be used. Raises what analyze() raises.

    Of a clip that takes some seconds, a provisional answer is there before.
    store_name: the analysis goes into the store under this name; without it (an upload) it does not. sha256: of the
    clip's bytes, where it is known.
    """
    writer = ProgressWriter(folder)
    file_version = None if store_name is None else stamp_of(store_name.location)  # before it is read

    def report(progress: Progress) -> None:
        frame = progress.frame
        writer.write(
            STAGES[progress.stage],
            progress.frames_done,
            progress.frames_total,
            similarity=progress.similarity,
            preview_jpeg=None if frame is None else lambda: preview_jpeg(frame.image, progress.faces),
        )

    info = probe(path, settings)
    if (info.frame_count or FIRST_LOOK_FRAMES) >= FIRST_LOOK_FRAMES:
        sha256 = take_first_look(writer, folder, path, config, settings, sha256)
    seen = SeenCrops()
    with FaceClips(folder, info.frame_rate) as clips:
        analysis = analyze(
            path, config, settings=settings, progress=report, on_crop=clips, on_scored=seen, sha256=sha256
        )
        clips.close(keep={track.track_id for track in analysis.tracks})
    write_analysis(analysis, folder / ANALYSIS_FILE)
    problem = None if store_name is None else keep_analysis(analysis, store_name, file_version, settings)
    if problem is not None:
        (folder / NOT_KEPT_FILE).write_text(problem, encoding="utf-8")
    make_moments(folder, path, analysis, settings, seen)


def take_first_look(
    writer: ProgressWriter, folder: Path, path: Path, config: AnalysisConfig, settings: Settings, sha256: str | None
) -> str:
    """Leave a provisional answer with its faces in the job's folder; return the SHA-256 of the clip's bytes."""
    faces: dict[int, list[bytes]] = {}

    def keep(crop: FaceCrop, _: Frame) -> None:
        faces.setdefault(crop.track_id, []).append(jpeg(fitted(crop.image, FIRST_LOOK_FACE_PX)))

    def report(progress: Progress) -> None:
        writer.write("Taking a first look", progress.frames_done, progress.frames_total)

    look = analyze(path, replace(config, quick=True), settings=settings, progress=report, on_crop=keep, sha256=sha256)
    shown = faces.get(-1 if look.verdict.most_suspicious is None else look.verdict.most_suspicious, [])
    rows = spread(len(shown), FIRST_LOOK_FACES)
    write_first_look(folder, FirstLook(look.verdict, tuple(shown[row] for row in rows)))
    return look.video.sha256


def make_moments(
    folder: Path, path: Path, analysis: Analysis, settings: Settings, seen: SeenCrops | None = None
) -> None:
    """Write moments.bin, the most suspicious moments as pictures; none where the clip cannot be read a second time,
    because a verdict that is there must not be lost for its pictures."""
    try:
        moments = suspicious_moments(path, analysis, settings=settings, seen=seen)
    except DeepfakeError:
        logger.exception("the moments of %s cannot be shown", path)
        moments = Moments()
    (folder / MOMENTS_FILE).write_bytes(to_bytes(moments))


def cut_face_clips(folder: Path, path: Path, analysis: Analysis, settings: Settings) -> None:
    """Write face-<track_id>.mp4 along the tracks of an analysis of the clip: what analyze_clip writes, without
    looking for faces again. Raises what VideoReader raises."""
    writer = ProgressWriter(folder)
    with VideoReader(path, settings) as reader, FaceClips(folder, reader.info.frame_rate) as clips:
        for frame in reader.frames():
            for track in analysis.tracks:
                transform = track_crop_to_frame(track, frame.index, CROP_SIZE_PX)
                if transform is not None:
                    image = crop_face(frame.image, transform, CROP_SIZE_PX)
                    clips(FaceCrop(track.track_id, frame.index, frame.timestamp_s, image, transform), frame)
            writer.write("Cutting out faces", frame.index + 1, len(analysis.frame_timestamps_s))
        clips.close(keep={track.track_id for track in analysis.tracks})


def make_player_clip(folder: Path, path: Path, settings: Settings) -> None:
    """Write player.mp4, the clip as every browser plays it. Raises what transcode() raises."""
    writer = ProgressWriter(folder)
    transcode(
        path,
        folder / PLAYER_FILE,
        settings=settings,
        progress=lambda done, total: writer.write("Converting the clip for the browser", done, total),
    )


def make_slowed_clip(folder: Path, path: Path, factor: float) -> None:
    """Write slowed.mp4, a face clip that lasts `factor` times as long."""
    slowed(path, folder / SLOWED_FILE, factor)


def recompress_clip(folder: Path, path: Path, analysis: Analysis, settings: Settings) -> None:
    """Write recompression.bin. Raises what recompress() raises."""
    writer = ProgressWriter(folder)
    result = recompress(
        path,
        analysis,
        settings=settings,
        progress=lambda done, total: writer.write(f"Encoding at {len(RATES_CRF)} rates", done, total),
    )
    (folder / RECOMPRESSION_FILE).write_bytes(to_bytes(result))


def make_attribution_clip(
    folder: Path, path: Path, analysis: Analysis, track_id: int, face_clip: Path, part: int, settings: Settings
) -> None:
    """Write attribution.mp4 and attribution.bin. Raises what write_attribution_clip() raises."""
    writer = ProgressWriter(folder)
    shown = write_attribution_clip(
        folder / ATTRIBUTION_CLIP_FILE,
        path,
        analysis,
        track_id,
        face_clip,
        part=part,
        settings=settings,
        progress=lambda stage, done, total: writer.write(ATTRIBUTION_STAGES[stage], done, total),
    )
    (folder / ATTRIBUTION_FILE).write_bytes(to_bytes(shown))


def make_demo(folder: Path, demo_folder: Path) -> None:
    """Write the built-in data set into demo_folder, behind all other work of this computer; in the first DEMO_WAITS_S
    it stops while somebody's job is under way."""
    writer = ProgressWriter(folder)
    waits_until = time.monotonic() + DEMO_WAITS_S

    def report(done: int, total: int) -> None:
        writer.write("Making the built-in clips", done, total)
        while should_give_way(folder) and time.monotonic() < waits_until:
            writer.write("Waiting while a clip is analyzed", done, total)
            time.sleep(DEMO_LOOKS_S)

    run_last(lambda: write_demo(demo_folder, building=folder, progress=report))


def load_models() -> None:
    """Load what the first analysis needs, and let it work once: some seconds, while the clip is being chosen."""
    config = AnalysisConfig()
    picture = np.zeros((WARM_UP_PX, WARM_UP_PX, 3), np.uint8)
    face_detector(config.face_detector).detect(picture)
    FaceSignals(1.0).push(FaceCrop(0, 0, 0.0, picture, np.eye(2, 3, dtype=np.float32)), Frame(0, 0.0, picture))
    FrameSimilarity().push(picture)
    scorer = classifier(config.classifier)
    scorer.scores(np.zeros((1, scorer.crop_px, scorer.crop_px, 3), np.uint8))


def load_stills() -> None:
    """Load what showing single frames needs: this module's imports."""


def compare_clips(
    folder: Path, fake_path: Path, original_path: Path, fake_file: Path, original_file: Path, settings: Settings
) -> None:
    """Write comparison.bin, moment-pictures.bin, and for each compared track pair-<track_id>.mp4.

    fake_file, original_file: both analyses as write_analysis wrote them. Raises what compare() raises.
    """
    writer = ProgressWriter(folder)

    def report(progress: ComparisonProgress) -> None:
        writer.write("Comparing moment by moment", progress.frames_done, progress.frames_total)

    with PairClips(folder, probe(fake_path, settings).frame_rate) as clips:
        comparison = compare(
            fake_path,
            original_path,
            settings=settings,
            progress=report,
            fake_analysis=read_analysis(fake_file),
            original_analysis=read_analysis(original_file),
            on_faces=clips,
        )
    (folder / COMPARISON_FILE).write_bytes(to_bytes(comparison))
    pictures = moment_pictures(fake_path, original_path, comparison, settings=settings)
    (folder / MOMENT_PICTURES_FILE).write_bytes(to_bytes(pictures))


def make_side_by_side(
    folder: Path, fake_path: Path, original_path: Path, comparison_file: Path, settings: Settings
) -> None:
    """Write side-by-side.mp4. Raises what write_side_by_side() raises."""
    writer = ProgressWriter(folder)
    write_side_by_side(
        folder / SIDE_BY_SIDE_FILE,
        fake_path,
        original_path,
        from_bytes(comparison_file.read_bytes(), Comparison),
        settings=settings,
        progress=lambda done, total: writer.write("Putting both side by side", done, total),
    )
