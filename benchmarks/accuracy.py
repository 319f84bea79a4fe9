"""How well the classifier before, signals, capsule network, MesoNet and notebook's rule tell fakes from reals: tables.

    python benchmarks/accuracy.py MANIFEST.csv [--splits val,test] [--recompress 23,35] [--workers N]
                                  [--mesonet DIR] [--cache DIR] [--json FILE] [--docs]

The manifest has the columns path,label,group and, where known, split and set; a set named "ff++ c23 Deepfakes" is a
rate and a method of FaceForensics++. What is measured of a clip is kept in the cache folder, by the clip's SHA-256 and
a fingerprint of the settings, the code and the weights: a run that was stopped goes on where it was, and nothing old
is mixed with new. --docs puts the tables between the two accuracy marks of docs/accuracy.md and what prose quotes of
the comparisons into facts.json. The default classifier has learned from most of these clips, so that its verdict on
them is no test: its numbers are those of benchmarks/folds.py.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import inspect
import json
import math
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.facts import update_quotes, write_facts  # noqa: E402
from benchmarks.tables import markdown_table, share_cell, update_between_marks  # noqa: E402
from deepfake import __version__  # noqa: E402
from deepfake.analysis.model import Analysis, AnalysisConfig  # noqa: E402
from deepfake.analysis.pipeline import analyze  # noqa: E402
from deepfake.dataset import ClipEntry, open_dataset  # noqa: E402
from deepfake.detectors.baselines.capsule import CapsuleClassifier  # noqa: E402
from deepfake.detectors.baselines.mesonet import MesoNet  # noqa: E402
from deepfake.detectors.scoring import CropSample  # noqa: E402
from deepfake.errors import DeepfakeError  # noqa: E402
from deepfake.evaluation.bootstrap import BOOTSTRAP_DRAWS  # noqa: E402
from deepfake.evaluation.metrics import auc, auc_interval  # noqa: E402
from deepfake.evaluation.results import ClipResult  # noqa: E402
from deepfake.evaluation.summary import summarize  # noqa: E402
from deepfake.faces.alignment import FaceCrop  # noqa: E402
from deepfake.files import file_sha256  # noqa: E402
from deepfake.report.files import write_text  # noqa: E402
from deepfake.signals.registry import FACE_SIGNALS  # noqa: E402
from deepfake.video.info import Frame  # noqa: E402
from deepfake.video.reader import VideoReader  # noqa: E402
from deepfake.worker_pool import WorkerPool  # noqa: E402

DEFAULT_CACHE = ROOT / "artifacts" / "accuracy"
DEFAULT_MESONET = ROOT.parent / "shared" / "data" / "mesonet"
DOCUMENT = ROOT / "docs" / "accuracy.md"
MARKS = ("<!-- accuracy:begin -->", "<!-- accuracy:end -->")

OURS = "P(fake) of EfficientNet-Lite0"
CONFIG = AnalysisConfig(classifier="efficientnet")
CAPSULE = "Capsule network (ours, small)"
RULE_ORDER = {"REAL": 0.0, "MAYBE_FAKE": 0.5, "FAKE": 1.0}
# A change to one of these can change what is measured.
MEASURING_CODE = ("video", "faces", "signals", "detectors", "analysis")
FORENSICS_SET = re.compile(r"(?P<rate>ff\+\+ c\d+) (?P<method>.+)")


Baseline = CapsuleClassifier | MesoNet


@dataclass(frozen=True, slots=True)
class Measured:
    """What was found out about one clip. variant: "" or "CRF 35". scores: by scorer, larger is more suspicious."""

    clip: ClipEntry
    variant: str
    verdict: str | None
    scores: dict[str, float]
    error: str | None = None

    @property
    def result(self) -> ClipResult:
        return ClipResult(self.clip, self.scores.get(OURS), self.verdict, error=self.error)  # type: ignore[arg-type]


def main() -> None:
    arguments = _arguments()
    splits = arguments.splits.split(",") if arguments.splits else []
    clips = open_dataset(arguments.manifest, anywhere=True).entries
    clips = tuple(clip for clip in clips if clip.label and (not splits or clip.split in splits))
    if not clips:
        raise SystemExit(f"{arguments.manifest}: no clips of the splits {arguments.splits}")
    rates = [None, *(int(text) for text in arguments.recompress.split(",") if text)]
    measured = [found for crf in rates for found in _measure_all(clips, crf, arguments)]
    text = report(measured, splits)
    print(text)
    if arguments.json:
        shown = {"clips": [asdict(found) for found in measured], "tables": text}
        write_text(arguments.json, json.dumps(shown, indent=1) + "\n")
    if arguments.docs:
        update_between_marks(DOCUMENT, text, MARKS)
        command = {"command": "python benchmarks/accuracy.py MANIFEST.csv --docs", "version": __version__}
        write_facts("baselines", command | _scorer_facts("capsule", CAPSULE, measured))
        update_quotes()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--splits", default="val,test", help='those not trained on (default val,test); "" for all')
    parser.add_argument("--recompress", default="", metavar="CRF,…", help="measure again after H.264 at these rates")
    parser.add_argument("--workers", type=int, default=1, help="worker processes (default 1)")
    parser.add_argument("--timeout-s", type=float, default=1800.0, help="a clip that takes longer is stopped")
    parser.add_argument("--mesonet", type=Path, default=DEFAULT_MESONET, help="folder of MesoNet's published weights")
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help="what was measured is kept here")
    parser.add_argument("--json", type=Path, help="write every clip's scores and the tables to this file")
    parser.add_argument("--docs", action="store_true", help="put tables and quoted numbers into the documents")
    return parser.parse_args()


# --- measuring ------------------------------------------------------------------------------------------------------


def _measure_all(clips: Sequence[ClipEntry], crf: int | None, arguments: argparse.Namespace) -> Iterator[Measured]:
    """Measure all clips, in their order; say how far it is on standard error."""
    variant = "" if crf is None else f"CRF {crf}"
    task = functools.partial(
        measure_cached,
        crf=crf,
        cache=arguments.cache,
        mesonet=arguments.mesonet,
        fingerprint=measuring_fingerprint(arguments.mesonet),
    )
    found: dict[str, Measured] = {}
    started = time.monotonic()
    for done, (clip, value, error) in enumerate(_outcomes(clips, task, arguments.workers, arguments.timeout_s), 1):
        value = value or {"verdict": None, "scores": {}}
        found[clip.name] = Measured(clip, variant, value["verdict"], value["scores"], error)
        left_s = (time.monotonic() - started) / done * (len(clips) - done)
        print(
            f"[{done}/{len(clips)}, {left_s / 60:.0f} min left] {variant} {clip.name}: {error or value['verdict']}",
            file=sys.stderr,
            flush=True,
        )
    return iter([found[clip.name] for clip in clips])


def _outcomes(
    clips: Sequence[ClipEntry], task: Callable[[Path], Any], workers: int, timeout_s: float
) -> Iterator[tuple[ClipEntry, Any, str | None]]:
    """Run a task on every clip in worker processes; yield each clip with its value or its error, as they are done."""

    def run(clip: ClipEntry) -> tuple[ClipEntry, Any, str | None]:
        try:
            return clip, pool.call(task, clip.path, timeout_s=timeout_s, name=clip.name), None
        except DeepfakeError as error:
            return clip, None, error.beside(clip.location, clip.name)

    threads = max(1, (os.cpu_count() or 1) // workers)
    with closing(WorkerPool(workers, threads=threads)) as pool, ThreadPoolExecutor(workers) as watchers:
        for future in as_completed([watchers.submit(run, clip) for clip in clips]):
            yield future.result()


def measuring_fingerprint(mesonet: Path) -> str:
    """Return 16 hexadecimal digits that change with settings, code, shipped weights and MesoNet's weights."""
    digest = hashlib.sha256(CONFIG.fingerprint().encode())
    parts = [ROOT / "deepfake" / name for name in MEASURING_CODE]
    files = [file for part in parts for file in ([part] if part.is_file() else sorted(part.rglob("*")))]
    for file in [*files, *sorted(mesonet.glob("*.h5"))]:
        if file.is_file() and file.suffix != ".pyc":
            digest.update(file.name.encode() + file_sha256(file).encode())
    for function in (measure, signal_scores, _signed_statistic, _most_suspicious, recompressed):
        digest.update(inspect.getsource(function).encode())
    return digest.hexdigest()[:16]


def measure_cached(path: Path, *, crf: int | None, cache: Path, mesonet: Path, fingerprint: str) -> dict[str, Any]:
    """Return a clip's verdict and scores, from the cache where they are. Raises DeepfakeError."""
    if not path.is_file():
        return measure(path, mesonet)  # it says what is wrong
    variant = "" if crf is None else f"-crf{crf}"
    stored = cache / f"{file_sha256(path)[:24]}-{fingerprint}{variant}.json"
    if stored.is_file():
        kept: dict[str, Any] = json.loads(stored.read_text(encoding="utf-8"))
        return kept
    if crf is None:
        found = measure(path, mesonet)
    else:
        with tempfile.TemporaryDirectory() as folder:
            found = measure(recompressed(path, Path(folder, "clip.mp4"), crf), mesonet)
    cache.mkdir(parents=True, exist_ok=True)
    write_text(stored, json.dumps(found) + "\n")
    return found


def recompressed(path: Path, out: Path, crf: int) -> Path:
    """Encode a clip's frames anew, H.264 at a constant rate factor."""
    with VideoReader(path) as reader, av.open(str(out), "w") as container:
        stream = container.add_stream("libx264", rate=reader.info.frame_rate, options={"crf": str(crf)})
        # 4:2:0 needs even sides: an odd last row or column goes.
        stream.width, stream.height = reader.info.width // 2 * 2, reader.info.height // 2 * 2
        stream.pix_fmt = "yuv420p"
        for frame in reader.frames():
            image = np.ascontiguousarray(frame.image[: stream.height, : stream.width])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return out


def measure(path: Path, mesonet: Path) -> dict[str, Any]:
    """Analyze a clip and return its verdict and its score by every scorer that has one. Raises DeepfakeError."""
    baselines: dict[str, Baseline] = {CAPSULE: capsule_network(), **mesonet_baselines(mesonet)}
    samples: dict[int, CropSample] = {}

    def sample(crop: FaceCrop, frame: Frame) -> None:
        samples.setdefault(crop.track_id, CropSample()).offer(lambda: crop)

    analysis = analyze(path, CONFIG, on_crop=sample)
    judged = [track.track_id for track in analysis.tracks]
    scores: dict[str, float | None] = {OURS: analysis.verdict.probability_fake, **signal_scores(analysis, judged)}
    for name, detector in baselines.items():
        images = [samples[track_id].track_crops().images for track_id in judged if track_id in samples]
        # The mean, as its authors do: its scores saturate, and a mean of log odds would end in ties.
        scores[name] = max((float(detector.scores(crops).mean()) for crops in images), default=None)
    known = {name: float(value) for name, value in scores.items() if value is not None and math.isfinite(value)}
    return {"verdict": analysis.verdict.label, "scores": known}


def signal_scores(analysis: Analysis, judged: Sequence[int]) -> dict[str, float | None]:
    """Return the score of every signal: its statistic, turned so that larger is more suspicious; of several people the
    most suspicious one's. A signal without a suspicious side is scored as if high were suspicious."""
    rule = analysis.notebook_rule
    scores: dict[str, float | None] = {
        "notebook's rule": None if rule.label is None else RULE_ORDER[rule.label],
        "frame similarity, lowest (−)": -rule.minimum,
        "face similarity, median (−)": _most_suspicious(
            analysis, judged, "face_similarity", lambda trace: -float(np.nanmedian(trace.values))
        ),
    }
    for signal in FACE_SIGNALS:
        sign, mark = (-1, " (−)") if signal.info.suspicious == "low" else (1, "")
        statistic = functools.partial(_signed_statistic, signal(), sign)
        scores[signal.info.title + mark] = _most_suspicious(analysis, judged, signal.info.name, statistic)
    return scores


def _signed_statistic(signal: Any, sign: int, trace: Any) -> float:
    return sign * float(signal.statistic(trace))


def _most_suspicious(
    analysis: Analysis, judged: Sequence[int], signal: str, statistic: Callable[[Any], float]
) -> float | None:
    traces = [analysis.trace(signal, track_id) for track_id in judged]
    values = [statistic(trace) for trace in traces if trace is not None and np.isfinite(trace.values).any()]
    return max((value for value in values if math.isfinite(value)), default=None)


@functools.cache
def capsule_network() -> CapsuleClassifier:
    """Return the process's capsule network, its weights loaded once."""
    return CapsuleClassifier()


@functools.cache
def mesonet_baselines(folder: Path) -> dict[str, MesoNet]:
    """Return MesoNet's networks by name, none where its published weights are not there."""
    return {f"MesoNet {path.stem}": MesoNet(path) for path in sorted(folder.glob("*.h5"))}


# --- tables ---------------------------------------------------------------------------------------------------------


def report(measured: Sequence[Measured], splits: Sequence[str]) -> str:
    """Return the tables and what has to be known to read them, Markdown."""
    sets, methods = subsets(measured), method_subsets(measured)
    groups = len({found.clip.group for found in measured})
    plain = [found for found in measured if not found.variant]
    lines = [
        f"Measured with version {__version__} by `python benchmarks/accuracy.py` on {len(plain)} clips of {groups} "
        f"groups of people ({'split ' + ' and '.join(splits) if splits else 'all splits'}). A cell holds the AUC and "
        f"its 95 % interval ({BOOTSTRAP_DRAWS} bootstrap draws of whole groups; none where all clips are of one "
        "group); 0.5 is chance. (−): low values count as suspicious. n, real + fake, where a score is missing for "
        "some clips.",
        "",
        *auc_table(sets),
        "",
    ]
    if any(_has_both(members) for members in methods.values()):
        lines += ["By method, against the unedited clips of the same rate:", "", *auc_table(methods), ""]
    lines += [
        "The verdict: log loss and accuracy (at 0.5) over the clips with a probability, false alarms (LIKELY_FAKE "
        "among reals) and misses (LIKELY_REAL among fakes) with exact 95 % intervals.",
        "",
        *verdict_table({**sets, **methods}),
    ]
    if any(found.clip.split == "train" for found in plain):
        lines += [
            "",
            "Clips of the split train are among them: the detector was trained on these, its numbers are not a test.",
        ]
    failed = [found for found in measured if found.error is not None]
    if failed:
        lines += ["", f"{len(failed)} clips failed and are not in the tables:", ""]
        lines += [f"- {found.variant} {found.clip.name}: {found.error}".replace("-  ", "- ") for found in failed]
    return "\n".join(lines)


def _scorer_facts(name: str, scorer: str, measured: Sequence[Measured]) -> dict[str, Any]:
    """Return the AUC of one scorer over the clips as they are, its interval, and how many clips have a score."""
    scored = [found for found in measured if not found.variant and scorer in found.scores]
    scores, is_fake = [found.scores[scorer] for found in scored], [found.clip.is_fake for found in scored]
    interval = auc_interval(scores, is_fake, [found.clip.group for found in scored])
    return {
        f"{name}_auc": auc(scores, is_fake),
        **_interval_facts(f"{name}_auc", None if math.isnan(interval[0]) else interval),
        f"{name}_real": len(scored) - sum(is_fake),
        f"{name}_fake": sum(is_fake),
    }


def _interval_facts(name: str, interval: tuple[float, float] | None) -> dict[str, float]:
    return {} if interval is None else {f"{name}_low": interval[0], f"{name}_high": interval[1]}


def subsets(measured: Sequence[Measured]) -> dict[str, list[Measured]]:
    """Return what the tables tell apart: all, by split, by set (FaceForensics++ by rate), re-encoded."""
    plain = [found for found in measured if not found.variant]
    sets = {"all": plain}
    for split in sorted({found.clip.split or "" for found in plain} - {""}):
        sets[f"split {split}"] = [found for found in plain if found.clip.split == split]
    by_set: dict[str, list[Measured]] = {}
    for found in plain:
        match = FORENSICS_SET.fullmatch(found.clip.extra.get("set", ""))
        by_set.setdefault(match["rate"] if match else found.clip.extra.get("set", ""), []).append(found)
    sets.update((name, by_set[name]) for name in sorted(by_set) if name)
    for variant in dict.fromkeys(found.variant for found in measured if found.variant):
        sets[f"all, re-encoded, {variant}"] = [found for found in measured if found.variant == variant]
    return {name: [found for found in members if found.error is None] for name, members in sets.items()}


def method_subsets(measured: Sequence[Measured]) -> dict[str, list[Measured]]:
    """Return, by rate and method of FaceForensics++, the fakes of that method and the unedited clips of that rate."""
    matches = [
        (found, FORENSICS_SET.fullmatch(found.clip.extra.get("set", "")))
        for found in measured
        if not found.variant and found.error is None
    ]
    of_sets = [(found, match["rate"], match["method"]) for found, match in matches if match]
    return {
        f"{rate} {method}": [f for f, r, m in of_sets if r == rate and (m == method or not f.clip.is_fake)]
        for rate, method in sorted({(rate, method) for found, rate, method in of_sets if found.clip.is_fake})
    }


def auc_table(sets: dict[str, list[Measured]]) -> list[str]:
    """Return one row a scorer and one column a subset that has both classes."""
    columns = {name: members for name, members in sets.items() if _has_both(members)}
    scorers = list(dict.fromkeys(name for members in columns.values() for found in members for name in found.scores))
    heads = [f"{name}<br>{_counts(members)}" for name, members in columns.items()]
    rows = [[scorer, *(_auc_cell(members, scorer) for members in columns.values())] for scorer in scorers]
    return markdown_table(["AUC", *heads], rows)


def _has_both(members: Sequence[Measured]) -> bool:
    return len({found.clip.is_fake for found in members}) == 2


def _counts(members: Sequence[Measured]) -> str:
    fakes = sum(found.clip.is_fake for found in members)
    return f"{len(members) - fakes} + {fakes}"


def _auc_cell(members: Sequence[Measured], scorer: str) -> str:
    scored = [found for found in members if scorer in found.scores]
    is_fake = [found.clip.is_fake for found in scored]
    scores = [found.scores[scorer] for found in scored]
    value = auc(scores, is_fake)
    missing = "" if len(scored) == len(members) else f", n {_counts(scored)}"
    if math.isnan(value):
        return "–" + missing
    low, high = auc_interval(scores, is_fake, [found.clip.group for found in scored])
    interval = "" if math.isnan(low) else f" [{low:.2f}, {high:.2f}]"
    return f"{value:.2f}{interval}{missing}"


def verdict_table(sets: dict[str, list[Measured]]) -> list[str]:
    """Return one row a subset: what the verdict says there."""
    rows = []
    for name, members in sets.items():
        if not members:
            continue
        found = summarize([member.result for member in members], draws=1)
        rows.append(
            [
                name,
                f"{found.n_real} + {found.n_fake}",
                _number(found.log_loss),
                _number(found.accuracy),
                f"{found.abstained} of {found.n}",
                *map(share_cell, (found.false_alarms, found.missed)),
            ]
        )
    head = ["", "real + fake", "log loss", "accuracy", "not decided", "false alarms", "misses"]
    return markdown_table(head, rows)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


if __name__ == "__main__":
    main()
