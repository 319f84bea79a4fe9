"""What batches and the store of a large data set are worth, as a table.

    python benchmarks/batch.py DATASET [--compression c40] [--clips N] [--workers N]
    python benchmarks/batch.py --store

With a data set: its clips by one worker, by one worker kept to one core, by N workers (default 2), and by N workers
again over the same store. Every run is a fresh process with its own worker processes; models are loaded within the
time. Run it on an idle machine. With --store: a SQLite store with 100,000 made-up analyses, asked what the pages ask.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

ANALYSES = 100_000
EVALUATED = 4_000
TARGET_SPEEDUP, TARGET_AGAIN, TARGET_STORE_S = 1.7, 50.0, 1.0


def main() -> None:
    arguments = _arguments()
    if arguments.one_core:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # children inherit it
    if arguments.run:
        print(json.dumps(_run(arguments.dataset, arguments.compression, arguments.clips, arguments.run)))
        return
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    if arguments.dataset is not None:
        _measure_batches(arguments)
    if arguments.store:
        _measure_store()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path, nargs="?", help="a data set: folder or CSV")
    parser.add_argument("--compression", help="only clips of this compression, as FaceForensics++ has it: c23, c40")
    parser.add_argument("--clips", type=int, metavar="N", help="only N of them, evenly spread")
    parser.add_argument("--workers", type=int, default=2, metavar="N")
    parser.add_argument("--store", action="store_true", help="measure the store")
    parser.add_argument("--run", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--one-core", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.dataset is None and not arguments.store:
        parser.error("name a data set, or --store")
    return arguments


# --- batches ---


def _run(dataset: Path, compression: str | None, most: int | None, workers: int) -> dict[str, Any]:
    """Run one batch in this process; the store is that of the environment."""
    from deepfake.batch import Batch
    from deepfake.dataset import open_dataset

    clips = [clip for clip in open_dataset(dataset).entries if compression in (None, clip.compression)]
    if most is not None and most < len(clips):
        clips = [clips[index * len(clips) // most] for index in range(most)]
    batch = Batch(clips, workers=workers)
    for result in batch.run():
        if result.error is not None:
            print(f"{result.clip.shown}: {result.error}", file=sys.stderr)
    progress = batch.progress()
    return {name: getattr(progress, name) for name in ("total", "analyzed", "known", "failed", "seconds")}


def _measure_batches(arguments: argparse.Namespace) -> None:
    many = arguments.workers
    with tempfile.TemporaryDirectory() as folder:
        one = _timed(arguments, 1, f"{folder}/one.db")
        narrow = _timed(arguments, 1, f"{folder}/narrow.db", one_core=True)
        more = _timed(arguments, many, f"{folder}/more.db")
        again = _timed(arguments, many, f"{folder}/more.db")
    print("| run | clips | failed | batch, s | whole command, s | clips per minute |\n|---|---|---|---|---|---|")
    names = ("one worker, all cores", "one worker, one core", f"{many} workers", f"{many} workers, second run")
    for name, run in zip(names, (one, narrow, more, again), strict=True):
        rate = 60 * run["total"] / run["seconds"]
        cells = (name, run["total"], run["failed"], f"{run['seconds']:.2f}", f"{run['command_s']:.1f}", f"{rate:.1f}")
        print(f"| {' | '.join(map(str, cells))} |")
    print()
    _print_target(f"{many} workers against one", one["seconds"] / more["seconds"], TARGET_SPEEDUP)
    _print_target(f"{many} workers against one on one core", narrow["seconds"] / more["seconds"], TARGET_SPEEDUP)
    _print_target("the second run against the first", more["seconds"] / again["seconds"], TARGET_AGAIN)
    _print_target("the same, whole commands", more["command_s"] / again["command_s"], TARGET_AGAIN)


def _timed(arguments: argparse.Namespace, workers: int, store: str, *, one_core: bool = False) -> dict[str, Any]:
    command = [sys.executable, __file__, str(arguments.dataset), "--run", str(workers)]
    command += ["--compression", arguments.compression] if arguments.compression else []
    command += ["--clips", str(arguments.clips)] if arguments.clips else []
    command += ["--one-core"] if one_core else []
    started = time.perf_counter()
    settings = {"DEEPFAKE_DATABASE_URL": f"sqlite:///{store}", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, env=os.environ | settings, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**found, "command_s": time.perf_counter() - started}


def _print_target(what: str, ratio: float, target: float) -> None:
    print(f"{what}: {ratio:.2f} times (target {target:g}): {'reached' if ratio >= target else 'MISSED'}")


# --- the store ---


def _measure_store() -> None:
    import sklearn.metrics  # noqa: F401  what a server loads when it starts is no part of an answer's time

    import deepfake.evaluation.measured  # noqa: F401
    from benchmarks.store import FINGERPRINTS, fill
    from deepfake.store import AnalysisStore, open_store

    with tempfile.TemporaryDirectory() as folder:
        address = f"sqlite:///{folder}/analyses.db"
        with open_store(url=address) as store:
            fill(store, ANALYSES)
            dataset = _labeled_clips(Path(folder, "set"), store)
        opened: list[AnalysisStore] = []
        questions: dict[str, Callable[[], object]] = {
            "open the store": lambda: opened.append(open_store(url=address)),
            "History: first page": lambda: opened[0].find().total,
            "History: only LIKELY_FAKE": lambda: opened[0].find(verdict="LIKELY_FAKE").total,
            "History: a word in a third of the names": lambda: opened[0].find(text="interview").total,
            "Evaluate: what the store has of the clips": lambda: _evaluated(dataset, opened[0], FINGERPRINTS[0]),
            "Evaluate: the same and all numbers, 2000 draws": lambda: _numbers(dataset, opened[0], FINGERPRINTS[0]),
        }
        print(f"{ANALYSES:,} analyses in SQLite, {EVALUATED:,} of them evaluated\n")
        print("| question | found | first time, s | second, s | below 1 s |\n|---|---|---|---|---|")
        for question, ask in questions.items():
            (first_s, answer), (second_s, _) = _seconds(ask), _seconds(ask)
            reached = "yes" if first_s < TARGET_STORE_S else "NO"
            print(f"| {question} | {answer or ''} | {first_s:.3f} | {second_s:.3f} | {reached} |")
        for store in opened:
            store.close()


def _labeled_clips(root: Path, store: Any) -> Path:
    """Write real/ and fake/ with empty files, and tell the store that it has seen them."""
    from benchmarks.store import sha256_of
    from deepfake.files import stamp_of

    numbers = random.Random(2).sample(range(2, ANALYSES, 2), EVALUATED)
    for index, number in enumerate(numbers):
        path = root / ("fake" if index % 2 else "real") / f"{number:06}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        store.remember_file(str(path), stamp_of(str(path)), sha256_of(number))
    return root


def _evaluated(root: Path, store: Any, fingerprint: str) -> int:
    from deepfake.dataset import open_dataset
    from deepfake.evaluation.stored import stored_results

    return stored_results(open_dataset(root), store, fingerprint).n_analyzed


def _numbers(root: Path, store: Any, fingerprint: str) -> str:
    from deepfake.dataset import open_dataset
    from deepfake.evaluation.measured import measure
    from deepfake.evaluation.stored import stored_results

    evaluation = measure(stored_results(open_dataset(root), store, fingerprint), name="").evaluation
    return f"AUC {evaluation.auc:.3f}"


def _seconds(function: Callable[[], object]) -> tuple[float, object]:
    started = time.perf_counter()
    answer = function()
    return time.perf_counter() - started, answer


if __name__ == "__main__":
    main()
