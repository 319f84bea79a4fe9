"""How fast a large store answers: python benchmarks/store.py [--url ADDRESS] [--analyses N].

Fills an empty store (by default a SQLite file that is removed again) with made-up analyses, and times what the pages
ask of it, the first time and the best of three.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from deepfake.store import AnalysisStore, open_store  # noqa: E402
from deepfake.store.rows import searched_text  # noqa: E402
from deepfake.store.tables import analyses, payloads  # noqa: E402

VERDICTS = ("LIKELY_REAL", "INCONCLUSIVE", "LIKELY_FAKE")
FINGERPRINTS = ("a" * 16, "b" * 16)
PAYLOAD_BYTES = 10_000
BATCH = 2000
EVALUATED = 4000


def sha256_of(number: int) -> str:
    return f"{number * 7919:064x}"


def fill(store: AnalysisStore, count: int) -> None:
    """Write rows as put does, without encoding an analysis for each."""
    rng = random.Random(0)
    payload = rng.randbytes(PAYLOAD_BYTES)
    for start in range(1, count + 1, BATCH):
        rows = [row(number, rng) for number in range(start, min(start + BATCH, count + 1))]
        with store._database.writing() as connection:
            connection.execute(analyses.insert(), rows)
            connection.execute(payloads.insert(), [{"analysis_id": item["id"], "data": payload} for item in rows])


def row(number: int, rng: random.Random) -> dict[str, Any]:
    name = f"{rng.choice(['interview', 'street', 'Zürich'])}_{number:06d}.mp4"
    probability = rng.random()
    return {
        "id": number,
        "sha256": sha256_of(number),
        "fingerprint": FINGERPRINTS[number % 2],
        "name": name,
        "search_name": searched_text(name),
        "location": f"/data/clips/part_{number // 2000}/{name}",
        "created_at_us": 1_700_000_000_000_000 + number * 1_000_000,
        "verdict": rng.choice(VERDICTS),
        "probability_fake": probability,
        "interval_low": probability / 2,
        "interval_high": (1 + probability) / 2,
        "false_alarm_p": rng.random(),
        "reason": f"P(fake) is {probability:.2f} over 32 frames; 91% of them look more fake than real.",
        "faces": 1,
        "duration_s": 10.0,
        "width": 1920,
        "height": 1080,
        "detector": "mtcnn",
        "software_version": "0.1.0",
        "model": "c" * 16,
    }


def questions(store: AnalysisStore, count: int) -> dict[str, Callable[[], object]]:
    wanted = [sha256_of(number) for number in random.Random(1).sample(range(1, count + 1), min(EVALUATED, count))]
    return {
        "History: first page": lambda: store.find().total,
        "History: last page": lambda: store.find(offset=count - 50).total,
        "verdict": lambda: store.find(verdict="LIKELY_FAKE").total,
        "name, in a third of all": lambda: store.find(text="INTERVIEW").total,
        "name, in none": lambda: store.find(text="nowhere").total,
        "name, verdict and settings": lambda: (
            store.find(text="zürich", verdict="LIKELY_REAL", fingerprint=FINGERPRINTS[0]).total
        ),
        f"{len(wanted)} summaries": lambda: len(store.summaries(wanted)),
        f"{len(wanted)} summaries of one setting": lambda: len(store.summaries(wanted, FINGERPRINTS[0])),
        f"which of {len(wanted)} are there": lambda: len(store.has(wanted, FINGERPRINTS[0])),
        "settings and models": lambda: len(store.fingerprints()),
    }


def milliseconds(function: Callable[[], object]) -> tuple[float, object]:
    started = time.perf_counter()
    answer = function()
    return (time.perf_counter() - started) * 1000, answer


def measure(address: str, count: int) -> None:
    with open_store(url=address) as store:
        if store.find(limit=1).total:
            sys.exit("the store is not empty; name an empty one")
        filled_ms, _ = milliseconds(lambda: fill(store, count))
    print(f"{count} analyses written in {filled_ms / 1000:.1f} s\n\n| question | found | first, ms | best of 3, ms |")
    print("|---|---|---|---|")
    opened: list[AnalysisStore] = []
    opened_ms, _ = milliseconds(lambda: opened.append(open_store(url=address)))
    print(f"| open | | {opened_ms:.0f} | |")
    with opened[0] as store:
        for question, ask in questions(store, count).items():
            times = [milliseconds(ask) for _ in range(3)]
            print(f"| {question} | {times[0][1]} | {times[0][0]:.0f} | {min(ms for ms, _ in times):.0f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="an empty store; by default a SQLite file in a temporary folder")
    parser.add_argument("--analyses", type=int, default=100_000, metavar="N")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(options.url or f"sqlite:///{Path(folder) / 'analyses.db'}", options.analyses)


if __name__ == "__main__":
    main()
