"""How well classifiers, signals, MesoNet and the notebook's rule tell fakes from reals of other sources: tables.

    python benchmarks/accuracy.py MANIFEST.csv [--workers N] [--mesonet DIR] [--cache DIR] [--json FILE] [--docs]

The clips are those of training/folds/clip_vit_b16.csv, but for the sources that the classifier before and the capsule
network know; MANIFEST.csv (columns path,label) says where they are, by the same names. The score of the verdict's
classifier is that of the folds, by networks that had not seen the clip's source; all else is measured by a whole
analysis. What was measured of a clip is kept in the cache folder, by the clip's SHA-256 and a fingerprint of the
settings, the code and the weights: a run that was stopped goes on where it was, and nothing old is mixed with new.
--docs puts the tables between the two accuracy marks of docs/accuracy.md and what prose quotes of the comparisons into
facts.json.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import inspect
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.facts import update_quotes, write_facts  # noqa: E402
from benchmarks.folds import Scored, by_size, is_seen_before, judged_clips  # noqa: E402
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
from deepfake.evaluation.metrics import auc, auc_interval, share  # noqa: E402
from deepfake.faces.alignment import FaceCrop  # noqa: E402
from deepfake.files import file_sha256  # noqa: E402
from deepfake.report.files import write_text  # noqa: E402
from deepfake.signals.registry import FACE_SIGNALS  # noqa: E402
from deepfake.video.info import Frame  # noqa: E402
from deepfake.worker_pool import WorkerPool  # noqa: E402

DEFAULT_CACHE = ROOT / "artifacts" / "accuracy"
DEFAULT_MESONET = ROOT.parent / "shared" / "data" / "mesonet"
DOCUMENT = ROOT / "docs" / "accuracy.md"
MARKS = ("<!-- accuracy:begin -->", "<!-- accuracy:end -->")

CLIP = "CLIP ViT-B/16 (P(fake) by the folds)"
EFFICIENTNET = "EfficientNet-Lite0 twice (P(fake))"
CAPSULE = "Capsule network (ours, small)"
CONFIG = AnalysisConfig(classifier="efficientnet")
RULE_ORDER = {"REAL": 0.0, "MAYBE_FAKE": 0.5, "FAKE": 1.0}
LEAST_FAKES = 10  # of a kind that has a column of its own
# A change to one of these can change what is measured.
MEASURING_CODE = ("video", "faces", "signals", "detectors", "analysis")


Baseline = CapsuleClassifier | MesoNet


@dataclass(frozen=True, slots=True)
class Measured:
    """What was found out about one clip. judged: by the folds. verdict: of the classifier before, by the application.
    scores: by scorer, larger is more suspicious."""

    judged: Scored
    verdict: str | None
    scores: dict[str, float]
    error: str | None = None


def main() -> None:
    arguments = _arguments()
    judged = [clip for clip in judged_clips() if not is_seen_before(clip)]
    known = {clip.name: clip for clip in open_dataset(arguments.manifest, anywhere=True).entries}
    missing = [clip.row["clip"] for clip in judged if clip.row["clip"] not in known]
    if missing:
        raise SystemExit(f"{arguments.manifest} lacks {len(missing)} of {len(judged)} clips, {missing[0]} first")
    measured = _measure_all(judged, known, arguments)
    text = report(measured)
    print(text)
    if arguments.json:
        shown = [{"clip": found.judged.row["clip"], "scores": found.scores, "error": found.error} for found in measured]
        write_text(arguments.json, json.dumps(shown, indent=1) + "\n")
    if arguments.docs:
        update_between_marks(DOCUMENT, text, MARKS)
        command = {"command": "python benchmarks/accuracy.py MANIFEST.csv --docs", "version": __version__}
        write_facts("baselines", command | facts(measured))
        update_quotes()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--workers", type=int, default=1, help="worker processes (default 1)")
    parser.add_argument("--timeout-s", type=float, default=1800.0, help="a clip that takes longer is stopped")
    parser.add_argument("--mesonet", type=Path, default=DEFAULT_MESONET, help="folder of MesoNet's published weights")
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help="what was measured is kept here")
    parser.add_argument("--json", type=Path, help="write every clip's scores to this file")
    parser.add_argument("--docs", action="store_true", help="put tables and quoted numbers into the documents")
    return parser.parse_args()


# --- measuring ------------------------------------------------------------------------------------------------------


def _measure_all(
    judged: Sequence[Scored], known: Mapping[str, ClipEntry], arguments: argparse.Namespace
) -> list[Measured]:
    """Measure all clips, in their order; say how far it is on standard error."""
    fingerprint = measuring_fingerprint(arguments.mesonet)
    task = functools.partial(measure_cached, cache=arguments.cache, mesonet=arguments.mesonet, fingerprint=fingerprint)
    clips = [known[clip.row["clip"]] for clip in judged]
    values: dict[str, tuple[Any, str | None]] = {}
    started = time.monotonic()
    for done, (clip, value, error) in enumerate(_outcomes(clips, task, arguments.workers, arguments.timeout_s), 1):
        values[clip.name] = value or {"verdict": None, "scores": {}}, error
        left_s = (time.monotonic() - started) / done * (len(clips) - done)
        told = error or values[clip.name][0]["verdict"]
        print(f"[{done}/{len(clips)}, {left_s / 60:.0f} min left] {clip.name}: {told}", file=sys.stderr, flush=True)
    found = [(clip, *values[clip.row["clip"]]) for clip in judged]
    return [
        Measured(clip, value["verdict"], {CLIP: clip.probability} | value["scores"], error)
        for clip, value, error in found
    ]


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
    for function in (measure, signal_scores, _signed_statistic, _most_suspicious):
        digest.update(inspect.getsource(function).encode())
    return digest.hexdigest()[:16]


def measure_cached(path: Path, *, cache: Path, mesonet: Path, fingerprint: str) -> dict[str, Any]:
    """Return a clip's verdict and scores, from the cache where they are. Raises DeepfakeError."""
    if not path.is_file():
        return measure(path, mesonet)  # it says what is wrong
    stored = cache / f"{file_sha256(path)[:24]}-{fingerprint}.json"
    if stored.is_file():
        kept: dict[str, Any] = json.loads(stored.read_text(encoding="utf-8"))
        return kept
    found = measure(path, mesonet)
    cache.mkdir(parents=True, exist_ok=True)
    write_text(stored, json.dumps(found) + "\n")
    return found


def measure(path: Path, mesonet: Path) -> dict[str, Any]:
    """Analyze a clip and return its verdict and its score by every scorer that has one. Raises DeepfakeError."""
    baselines: dict[str, Baseline] = {CAPSULE: capsule_network(), **mesonet_baselines(mesonet)}
    samples: dict[int, CropSample] = {}

    def sample(crop: FaceCrop, frame: Frame) -> None:
        samples.setdefault(crop.track_id, CropSample()).offer(lambda: crop)

    analysis = analyze(path, CONFIG, on_crop=sample)
    judged = [track.track_id for track in analysis.tracks]
    scores = {EFFICIENTNET: analysis.verdict.probability_fake, **signal_scores(analysis, judged)}
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
        "frame similarity, lowest (−)": None if rule.minimum is None else -rule.minimum,
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


def report(measured: Sequence[Measured]) -> str:
    """Return the tables and what has to be known to read them, Markdown."""
    known = [found for found in measured if found.error is None]
    reals = sum(not found.judged.is_fake for found in known)
    lines = [
        f"Measured with version {__version__} by `python benchmarks/accuracy.py` on {len(known)} clips, {reals} real "
        f"and {len(known) - reals} fake, of {len({found.judged.row['group'] for found in known})} groups of people. No "
        "network of this project in these tables was trained on their sources; what MesoNet's authors trained on was "
        "not compared. A cell holds the AUC, in the first columns with its "
        f"95% interval ({BOOTSTRAP_DRAWS} bootstrap draws of whole groups); 0.5 is chance. Each kind of fake stands "
        "against the real clips of its fold. (−): low values count as suspicious. n, real + fake, where a score is "
        "missing for some clips.",
        "",
        *auc_table(known),
        "",
        "What is called what, with exact 95% intervals. CLIP's verdicts are those of the folds, on the crops alone; "
        "those of EfficientNet-Lite0 are the application's.",
        "",
        *verdict_table(known),
    ]
    failed = [found for found in measured if found.error is not None]
    if failed:
        lines += ["", f"{len(failed)} clips failed and are not in the tables:", ""]
        lines += [f"- {found.judged.row['clip']}: {found.error}" for found in failed]
    return "\n".join(lines)


def auc_table(measured: Sequence[Measured]) -> list[str]:
    """Return one row a scorer; columns: all clips, by size, by kind of fake."""
    by_clip = {found.judged.row["clip"]: found for found in measured}
    sizes = {
        name: [by_clip[clip.row["clip"]] for clip in some]
        for name, some in by_size([found.judged for found in measured]).items()
    }
    wide, kinds = {"all": list(measured), **sizes}, kinds_of_fakes(measured)
    scorers = list(dict.fromkeys(name for found in measured for name in found.scores))
    rows = [
        [
            scorer,
            *(_auc_cell(some, scorer, with_interval=True) for some in wide.values()),
            *(_auc_cell(some, scorer, with_interval=False) for some in kinds.values()),
        ]
        for scorer in scorers
    ]
    heads = [f"{name}<br>{_counts(some)}" for name, some in {**wide, **kinds}.items()]
    return markdown_table(["AUC", *heads], rows)


def kinds_of_fakes(measured: Sequence[Measured]) -> dict[str, list[Measured]]:
    """Return the fakes of each kind that has enough of them, with the real clips of its fold."""
    kinds: dict[str, list[Measured]] = {}
    for found in measured:
        if found.judged.is_fake:
            kinds.setdefault(found.judged.row["method"], []).append(found)
    return {
        kind: [*fakes, *_reals_beside(fakes, measured)]
        for kind, fakes in sorted(kinds.items())
        if len(fakes) >= LEAST_FAKES
    }


def _reals_beside(fakes: Sequence[Measured], measured: Sequence[Measured]) -> list[Measured]:
    folds = {fake.judged.row["fold"] for fake in fakes}
    return [found for found in measured if not found.judged.is_fake and found.judged.row["fold"] in folds]


def _counts(members: Sequence[Measured]) -> str:
    fakes = sum(found.judged.is_fake for found in members)
    return f"{len(members) - fakes} + {fakes}"


def _auc_cell(members: Sequence[Measured], scorer: str, *, with_interval: bool) -> str:
    scored = [found for found in members if scorer in found.scores]
    value = auc(*_scores(scored, scorer))
    missing = "" if len(scored) == len(members) else f", n {_counts(scored)}"
    if math.isnan(value):
        return "–" + missing
    if not with_interval:
        return f"{value:.2f}{missing}"
    low, high = _interval(scored, scorer)
    return f"{value:.2f} [{low:.2f}, {high:.2f}]{missing}"


def _scores(scored: Sequence[Measured], scorer: str) -> tuple[list[float], list[bool]]:
    return [found.scores[scorer] for found in scored], [found.judged.is_fake for found in scored]


def _interval(scored: Sequence[Measured], scorer: str) -> tuple[float, float]:
    return auc_interval(*_scores(scored, scorer), [found.judged.row["group"] for found in scored])


def verdict_table(measured: Sequence[Measured]) -> list[str]:
    """Return one row a classifier: how many of its verdicts are right, wrong, and left open."""
    rows = []
    by_classifier: dict[str, list[str | None]] = {
        CLIP: [found.judged.verdict for found in measured],
        EFFICIENTNET: [found.verdict for found in measured],
    }
    for name, verdicts in by_classifier.items():
        said = list(zip(verdicts, (found.judged.is_fake for found in measured), strict=True))
        reals, fakes = (sum(is_fake is kind for _, is_fake in said) for kind in (False, True))
        cells = [
            share_cell(share(said.count((verdict, is_fake)), fakes if is_fake else reals))
            for verdict, is_fake in (("LIKELY_FAKE", False), ("LIKELY_REAL", True), ("LIKELY_FAKE", True))
        ]
        rows.append([name, *cells, f"{verdicts.count('INCONCLUSIVE')} of {len(verdicts)}"])
    return markdown_table(["", "false alarms", "misses", "fakes found", "not decided"], rows)


def facts(measured: Sequence[Measured]) -> dict[str, Any]:
    """Return the numbers that prose quotes."""
    scored = [found for found in measured if CAPSULE in found.scores]
    low, high = _interval(scored, CAPSULE)
    fakes = sum(found.judged.is_fake for found in scored)
    return {
        "capsule_auc": auc(*_scores(scored, CAPSULE)), "capsule_auc_low": low, "capsule_auc_high": high,
        "capsule_real": len(scored) - fakes, "capsule_fake": fakes,
    }  # fmt: skip


if __name__ == "__main__":
    main()
