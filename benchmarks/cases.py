"""Clips and lists of clips that real users have trouble with, each with the right answer and the one that is given now.

    python -m benchmarks.cases FOLDER [--only 02 05]

FOLDER holds the inputs in `clips/`. Prints a table in Markdown, and ends with status 1 where an answer is not right.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from deepfake.analysis.model import Analysis, AnalysisConfig
from deepfake.analysis.pipeline import analyze
from deepfake.dataset.opening import open_dataset
from deepfake.errors import ClipError, DeepfakeError
from deepfake.report.file_wording import adjustment_sentence
from deepfake.report.wording import warning_sentences
from deepfake.video.info import VideoInfo
from deepfake.video.reader import VideoReader

Answer = tuple[str, bool]
NEAR = 0.1  # P(fake) of a clip and of its reference may differ by so much


@dataclass(frozen=True, slots=True)
class Case:
    """One situation. name: of its files. check: returns what is seen now and whether it is right."""

    name: str
    situation: str
    right: str
    check: Callable[[Path], Answer]


@cache
def analysis_of(path: Path) -> Analysis:
    """Return the analysis of a clip, made once: by the classifier whose P(fake) the right answers quote."""
    return analyze(path, AnalysisConfig(classifier="efficientnet"))


def summary(analysis: Analysis) -> str:
    """Return what was found, in a cell of a table."""
    video, verdict = analysis.video, analysis.verdict
    probability = "–" if verdict.probability_fake is None else f"{verdict.probability_fake:.2f}"
    parts = [
        f"{video.width}×{video.height}",
        f"{len(analysis.frame_timestamps_s)} frames",
        f"{verdict.label} {probability}",
    ]
    return "; ".join([*parts, *map(adjustment_sentence, video.adjustments), *warning_sentences(analysis)])


def codes(video: VideoInfo) -> set[str]:
    """Return the codes of what was changed on reading."""
    return {item.code for item in video.adjustments}


def alike(analysis: Analysis, reference: Analysis) -> bool:
    """Return whether two clips have about the same score."""
    found, wanted = analysis.verdict.probability_fake, reference.verdict.probability_fake
    return found is not None and wanted is not None and abs(found - wanted) < NEAR


def late_fake(folder: Path) -> Answer:
    """Whether a short second person keeps a clip from being called real."""
    analysis = analysis_of(folder / "01-late-short-fake.mp4")
    return summary(analysis), analysis.verdict.label != "LIKELY_REAL"


def every_moment(*names: str) -> Callable[[Path], Answer]:
    """Whether frame_near gives what one pass gives, for every frame of some clips."""

    def check(folder: Path) -> Answer:
        wrong = {name: wrong_moments(folder / name) for name in names}
        return "; ".join(f"{name}: {len(found)} moments wrong" for name, found in wrong.items()), not any(
            wrong.values()
        )

    return check


def wrong_moments(path: Path) -> list[float]:
    """Return the times at which frame_near shows another picture than one pass, seconds."""
    with VideoReader(path) as reader:
        frames = list(reader.frames())
    wrong = []
    for frame in frames:
        with VideoReader(path) as reader:
            near, _ = reader.frame_near(frame.timestamp_s + 1e-3)
        if not np.array_equal(near.image, frame.image):
            wrong.append(frame.timestamp_s)
    return wrong


def clip(name: str, holds: Callable[[Analysis], bool]) -> Callable[[Path], Answer]:
    """Whether something holds of the analysis of a clip."""

    def check(folder: Path) -> Answer:
        analysis = analysis_of(folder / name)
        return summary(analysis), holds(analysis)

    return check


def whole(name: str, frames: int) -> Callable[[Path], Answer]:
    """Whether all frames of a clip are read and nothing is said against it."""
    return clip(name, lambda analysis: len(analysis.frame_timestamps_s) == frames and not warning_sentences(analysis))


def pair(name: str, reference: str, holds: Callable[[Analysis, Analysis], bool]) -> Callable[[Path], Answer]:
    """Whether something holds of a clip beside its reference."""

    def check(folder: Path) -> Answer:
        first, second = analysis_of(folder / name), analysis_of(folder / reference)
        return f"{summary(first)} (reference: {summary(second)})", holds(first, second)

    return check


def refused(name: str, word: str) -> Callable[[Path], Answer]:
    """Whether a file that is no clip is refused in a sentence that says what it is."""

    def check(folder: Path) -> Answer:
        try:
            with VideoReader(folder / name):
                return "it is opened", False
        except ClipError as error:
            return error.detail, word in error.detail

    return check


def listed(name: str, table: str, labels: Mapping[str, str], words: str = "") -> Callable[[Path], Answer]:
    """Whether a table, saved as this one beside its clips, gives these labels and says these words."""

    def check(folder: Path) -> Answer:
        with tempfile.TemporaryDirectory() as place:
            beside = Path(place, table)
            shutil.copy(folder / name, beside)
            for clip_name in labels:
                Path(place, clip_name).parent.mkdir(exist_ok=True)
                Path(place, clip_name).touch()
            dataset = open_dataset(beside if beside.suffix == ".csv" else beside.parent)
        found = {str(entry.path.relative_to(dataset.root)): entry.label for entry in dataset.entries}
        told = [", ".join(f"{clip_name} {label}" for clip_name, label in found.items()), *dataset.warnings]
        return "; ".join(told), found == labels and words in " ".join(dataset.warnings)

    return check


def is_even(analysis: Analysis, step_s: float) -> bool:
    """Return whether frames come evenly, and nothing is said against it."""
    steps = np.diff(analysis.frame_timestamps_s)
    return bool(np.allclose(steps, step_s, atol=1.1e-3)) and not analysis.video.variable_frame_rate


def is_size(analysis: Analysis, width: int, height: int) -> bool:
    """Return whether frames have a size, px."""
    return (analysis.video.width, analysis.video.height) == (width, height)


CASES: Sequence[Case] = (
    Case("01-late-short-fake.mp4", "genuine, then 0.8 s of a fake", "never LIKELY_REAL", late_fake),
    Case(
        "02-mpeg1-seek.mpg, 02-mpeg2-long-gop.mpg",
        "streams without an index",
        "every moment shows its own frame",
        every_moment("02-mpeg1-seek.mpg", "02-mpeg2-long-gop.mpg"),
    ),
    Case(
        "03-matrix-hflip.mp4",
        "display matrix with a flip",
        "mirrored only, face found",
        clip("03-matrix-hflip.mp4", lambda a: codes(a.video) == {"mirrored"} and len(a.tracks) > 0),
    ),
    Case(
        "04-sar2-fake.mp4",
        "pixels that are not square",
        "640×480, P as the reference",
        pair("04-sar2-fake.mp4", "04-ref-square-fake-b.mp4", lambda a, b: is_size(a, 640, 480) and alike(a, b)),
    ),
    Case(
        "05-interlaced.mp4",
        "interlaced, head moves",
        "deinterlaced and told, P as the reference",
        pair(
            "05-interlaced.mp4",
            "05-ref-progressive.mp4",
            lambda a, b: alike(a, b) and "deinterlaced" in codes(a.video),
        ),
    ),
    Case(
        "06-hdr-pq.mp4",
        "PQ, 10 bit",
        "tone-mapped and told, P about 0.09",
        clip(
            "06-hdr-pq.mp4",
            lambda a: "tone_mapped" in codes(a.video) and abs((a.verdict.probability_fake or 1) - 0.09) < NEAR,
        ),
    ),
    Case(
        "07-preview-first.mp4",
        "a small preview is the first stream",
        "640×480, face found, told",
        clip(
            "07-preview-first.mp4",
            lambda a: is_size(a, 640, 480) and len(a.tracks) > 0 and "stream_chosen" in codes(a.video),
        ),
    ),
    Case(
        "08-lowrate-sound.mp4, .mkv",
        "the same packets in two containers",
        "the same verdict",
        pair("08-lowrate-sound.mp4", "08-lowrate-sound.mkv", lambda a, b: a.verdict == b.verdict),
    ),
    Case(
        "09-trimmed-editlist.mp4",
        "trimmed without encoding",
        "45 frames, no warning",
        clip("09-trimmed-editlist.mp4", lambda a: len(a.frame_timestamps_s) == 45 and not warning_sentences(a)),
    ),
    Case(
        "10-xvid-bframes.avi",
        "no presentation times in the file",
        "even steps of 0.04 s, no warning",
        clip(
            "10-xvid-bframes.avi", lambda a: is_even(a, 0.04) and a.video.frame_rate == 25 and not warning_sentences(a)
        ),
    ),
    Case(
        "12-size-change.mkv",
        "the size changes on the way",
        "proportions kept, told",
        clip("12-size-change.mkv", lambda a: "fitted" in codes(a.video) and (a.verdict.probability_fake or 1) < 0.4),
    ),
    Case(
        "14-damaged.mp4",
        "damaged macroblocks",
        "counted, told, not scored",
        clip(
            "14-damaged.mp4",
            lambda a: "damaged_frames" in codes(a.video) and "damaged" in " ".join(warning_sentences(a)),
        ),
    ),
    Case(
        "15-240fps.mkv, .mp4",
        "240 frames/s on a millisecond clock",
        "constant rate",
        pair("15-240fps.mkv", "15-240fps.mp4", lambda a, b: not warning_sentences(a) + warning_sentences(b)),
    ),
    Case(
        "16-fragmented-truncated.mp4",
        "fragmented, cut off",
        "24 frames and “breaks off”",
        clip(
            "16-fragmented-truncated.mp4",
            lambda a: len(a.frame_timestamps_s) == 24 and any("breaks off" in w for w in warning_sentences(a)),
        ),
    ),
    Case(
        "17-transposed-metadata.json",
        "DFDC metadata saved by column",
        "read, told",
        listed("17-transposed-metadata.json", "metadata.json", {"a.mp4": "FAKE", "b.mp4": "REAL"}, "by column"),
    ),
    Case(
        "18-semicolon.csv",
        "a spreadsheet's semicolons, b.mp4 listed as B.MP4",
        "read",
        listed("18-semicolon.csv", "clips.csv", {"a.mp4": "REAL", "b.mp4": "FAKE"}),
    ),
    Case(
        "18-windows-blank-dup.csv",
        "byte-order mark, CRLF, empty and doubled rows",
        "read, odd rows named",
        listed(
            "18-windows-blank-dup.csv",
            "clips.csv",
            {"sub/c.mp4": "FAKE", "a.mp4": "REAL", "b.mp4": "FAKE"},
            "2 empty rows left out",
        ),
    ),
    Case("20-animated.gif", "a picture", "a sentence that says what it is", refused("20-animated.gif", "GIF")),
    Case(
        "21-concat-jumps-back.ts",
        "joined pieces, the clock jumps back",
        "even times over 2.5 s, every moment opens",
        lambda folder: (
            summary(analysis_of(folder / "21-concat-jumps-back.ts")),
            is_even(analysis_of(folder / "21-concat-jumps-back.ts"), 0.04)
            and not wrong_moments(folder / "21-concat-jumps-back.ts"),
        ),
    ),
    Case(
        "22-clap-crop.mp4",
        "clean aperture",
        "480×480",
        clip("22-clap-crop.mp4", lambda a: is_size(a, 480, 480) and "cropped" in codes(a.video)),
    ),
    Case(
        "ok-23-still.mp4",
        "a photograph as a clip",
        "told, not LIKELY_REAL",
        clip("ok-23-still.mp4", lambda a: a.still_frames == 75 and a.verdict.label != "LIKELY_REAL"),
    ),
    Case(
        "ok-12-noindex.avi",
        "no index, cut off",
        "32 frames and “breaks off”",
        clip("ok-12-noindex.avi", lambda a: len(a.frame_timestamps_s) == 32 and len(warning_sentences(a)) == 1),
    ),
    Case("ok-13-nomoov.mp4", "no header", "one sentence", refused("ok-13-nomoov.mp4", "cannot be read")),
    *(
        Case(name, situation, f"{frames} frames, no warning", whole(name, frames))
        for name, situation, frames in (
            ("ok-08-cover-first.mp4", "a cover beside the clip", 60),
            ("ok-29-fullrange.mp4", "full range", 40),
            ("ok-29-neg.mkv", "times before zero", 25),
            ("ok-29-one.mp4", "one frame", 1),
            ("ok-29-rgb.mp4", "RGB", 40),
            ("ok-29-two.mp4", "two frames", 2),
            ("ok-30-midgop.ts", "begins in the middle of a group", 55),
            ("ok-x-vp9alpha.webm", "transparent", 30),
        )
    ),
)


def table(folder: Path, only: Sequence[str] = ()) -> tuple[list[str], bool]:
    """Return the lines of the table and whether every answer is right.

    Args:
        folder: that holds `clips/`.
        only: how the names of the wanted cases begin; all without one.
    """
    lines = ["| file | situation | right | now | |", "|---|---|---|---|---|"]
    all_right = True
    for case in CASES:
        if only and not case.name.startswith(tuple(only)):
            continue
        try:
            now, is_right = case.check(folder / "clips")
        except DeepfakeError as error:
            now, is_right = error.detail, False
        all_right = all_right and is_right
        lines.append(f"| {case.name} | {case.situation} | {case.right} | {now} | {'✔' if is_right else '✘'} |")
    return lines, all_right


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="+", default=(), metavar="NAME", help="how the names of cases begin")
    options = parser.parse_args()
    lines, all_right = table(options.folder, options.only)
    print("\n".join(lines))
    return 0 if all_right else 1


if __name__ == "__main__":
    sys.exit(main())
