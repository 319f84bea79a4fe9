"""What one server stands: many visitors at once, or many analyses one after the other, as a table.

    python benchmarks/load.py CLIP [--sessions 20] [--settle 300] [--docs]
    python benchmarks/load.py CLIP --soak 200 [--docs]
    python benchmarks/load.py CLIP --fresh 3 [--docs]

Load: visitors (websocket clients of this machine) come at the same time, each uploads a copy of the clip that no
other has, waits for the answer, and leaves. While all wait a newcomer comes, and the server is asked twice a second
whether it is well. Soak: one visitor after the other, through one server; memory, descriptors and files are counted on
the way. Fresh: N new servers, one after the other, each started for the first time; its first visitor takes three
seconds to choose.
Run it on an idle machine. --docs puts the table into docs/performance.md. The server has its own cache and store,
which are gone afterwards.
"""

from __future__ import annotations

import argparse
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import requests

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.tables import markdown_table, update_between_marks  # noqa: E402
from benchmarks.visitor import Visitor  # noqa: E402
from deepfake import __version__  # noqa: E402

DOCUMENT = ROOT / "docs" / "performance.md"
MIB = 2**20
TARGET_FIRST_PAGE_S, TARGET_HEALTH_S, TARGET_GROWTH = 5.0, 0.5, 0.10
SOAK_ROWS = 5
TARGET_FIRST_LOOK_S, TARGET_FIRST_VERDICT_S = 3.0, 12.0
SAMPLE, WARM_UP_S = "real_a.mp4", 10.0
CHOOSING_S = 3.0


def main() -> None:
    arguments = _arguments()
    content = arguments.clip.read_bytes()
    if arguments.fresh:
        kind, lines = "fresh", _fresh(content, arguments.fresh)
    else:
        with _server() as server:
            _warm_up(server, content)
            if arguments.soak:
                kind, lines = "soak", _soak(server, content, arguments.soak, arguments.settle)
            else:
                kind, lines = "load", _load(server, content, arguments.sessions, arguments.settle)
    text = "\n".join([_how(kind, arguments), "", *lines])
    print(text)
    if arguments.docs:
        update_between_marks(DOCUMENT, text, (f"<!-- {kind}:begin -->", f"<!-- {kind}:end -->"))


def _how(kind: str, arguments: argparse.Namespace) -> str:
    number = {"soak": arguments.soak, "fresh": arguments.fresh, "load": arguments.sessions}[kind]
    option = f"--sessions {number}" if kind == "load" else f"--{kind} {number}"
    return (
        f"Measured with version {__version__} by `python benchmarks/load.py CLIP {option}` with a clip of "
        f"{arguments.clip.stat().st_size / 1000:.0f} kB on {os.cpu_count()} cores ({platform.machine()}), Python "
        f"{platform.python_version()}."
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path, help="a short clip, MP4")
    parser.add_argument("--sessions", type=int, default=20, metavar="N", help="visitors at once (default 20)")
    parser.add_argument("--settle", type=float, default=300, metavar="S", help="seconds until the last row (300)")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--soak", type=int, metavar="N", help="so many analyses one after the other instead")
    instead.add_argument("--fresh", type=int, metavar="N", help="the first visitor of so many new servers instead")
    parser.add_argument("--docs", action="store_true", help="put the table into docs/performance.md")
    return parser.parse_args()


@dataclass(frozen=True)
class Server:
    """A running server. folder: all that it writes."""

    url: str
    process: psutil.Process
    folder: Path

    def memory_mib(self) -> tuple[float, float]:
        """Of the server itself, and of its workers together."""
        workers = [each.memory_info().rss for each in self.process.children(recursive=True)]
        return self.process.memory_info().rss / MIB, sum(workers) / MIB

    def descriptors(self) -> int:
        return int(self.process.num_fds())

    def files(self) -> tuple[int, float]:
        """How many files there are, in MiB as well; the built-in samples are left out."""
        sizes = [path.stat().st_size for path in self.folder.rglob("*") if path.is_file() and "demo" not in path.parts]
        return len(sizes), sum(sizes) / MIB


@contextmanager
def _server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="deepfake-load-") as folder, _running(Path(folder)) as server:
        yield server


@contextmanager
def _running(folder: Path) -> Iterator[Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    temporary = folder / "temporary"
    temporary.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DEEPFAKE_")}
    environment |= {
        "DEEPFAKE_CACHE_DIR": str(folder / "cache"),
        "DEEPFAKE_CASES_DIR": str(folder / "cases"),
        "DEEPFAKE_DATABASE_URL": f"sqlite:///{folder / 'analyses.db'}",
        "TMPDIR": str(temporary),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.headless", "true"]
    command += ["--server.port", str(port)]
    running = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://localhost:{port}"
        _wait_until_well(url)
        yield Server(url, psutil.Process(running.pid), folder)
    finally:
        running.terminate()
        running.wait(timeout=60)


def _warm_up(server: Server, content: bytes) -> None:
    """Have everything loaded that every later visitor finds loaded."""
    with Visitor(server.url) as first:
        first.wait(lambda: first.told(SAMPLE) is not None)
        first.upload("warm-up.mp4", own_copy(content, 0))
        first.wait_for_answer()
        time.sleep(WARM_UP_S)


def _wait_until_well(url: str) -> None:
    for _ in range(600):
        try:
            if requests.get(f"{url}/_stcore/health", timeout=2).ok:
                return
        except requests.RequestException:
            time.sleep(0.2)
    raise SystemExit("the server did not start")


def own_copy(content: bytes, number: int) -> bytes:
    """The clip with an empty box of MP4 behind it: another file, the same pictures."""
    text = f"{number:08d}".encode()
    return content + (8 + len(text)).to_bytes(4, "big") + b"free" + text


# --- fresh ---


def _fresh(content: bytes, times: int) -> list[str]:
    found = [_first_stay(content) for _ in range(times)]
    names = (
        "first page, from the start of the server",
        f"first look, from the end of the upload (goal {TARGET_FIRST_LOOK_S:g} s with everything loaded)",
        f"answer, from the end of the upload (goal {TARGET_FIRST_VERDICT_S:g} s)",
    )
    rows = [(name, _both(list(values))) for name, values in zip(names, zip(*found, strict=True), strict=True)]
    return markdown_table((f"{times} servers", "median and longest"), rows)


def _first_stay(content: bytes) -> tuple[float, float, float]:
    """Seconds from the start of a server to the first page, and from the upload to the first look and the answer."""
    started = time.perf_counter()
    with _server() as server, Visitor(server.url) as visitor:
        visitor.wait_for_page()
        page_s = time.perf_counter() - started
        time.sleep(CHOOSING_S)
        visitor.upload("first.mp4", content)
        uploaded = time.perf_counter()
        visitor.wait(lambda: visitor.told("Provisional") is not None)
        look_s = time.perf_counter() - uploaded
        visitor.wait_for_answer()
        return page_s, look_s, time.perf_counter() - uploaded


# --- load ---


@dataclass
class Stay:
    """What one visitor saw. queued: whether their place in the queue was told; left: a time left."""

    first_page_s: float
    answer_s: float
    answer: str
    queued: bool
    left: bool


def _stay(server: Server, content: bytes, number: int) -> Stay:
    started = time.perf_counter()
    with Visitor(server.url) as visitor:
        visitor.wait_for_page()
        first_page_s = time.perf_counter() - started
        try:
            visitor.upload(f"visitor-{number}.mp4", own_copy(content, number))
            answer = visitor.wait_for_answer()
        except TimeoutError as error:
            print(f"visitor {number} left without an answer: {error}", file=sys.stderr)
            answer = ""
        told = (visitor.told("ahead in the queue"), visitor.told("turn comes in") or visitor.told("s left"))
        return Stay(first_page_s, time.perf_counter() - started, answer, told[0] is not None, told[1] is not None)


def _load(server: Server, content: bytes, sessions: int, settle_s: float) -> list[str]:
    before = server.memory_mib()
    health_s: list[float] = []
    peak = [before]
    done = threading.Event()
    watch = threading.Thread(target=_watch, args=(server, health_s, peak, done))
    watch.start()
    started = time.perf_counter()
    with ThreadPoolExecutor(sessions) as visitors:
        stays = [visitors.submit(_stay, server, content, number) for number in range(1, sessions + 1)]
        time.sleep(min(20.0, 2.0 * sessions))
        newcomer_started = time.perf_counter()
        with Visitor(server.url) as newcomer:
            newcomer.wait_for_page()
            newcomer_s = time.perf_counter() - newcomer_started
        found = [stay.result() for stay in stays]
    took_s = time.perf_counter() - started
    done.set()
    watch.join()
    at_end = server.memory_mib()
    time.sleep(settle_s)
    after = server.memory_mib()
    slowest = [max(peak, key=lambda pair: pair[place])[place] for place in (0, 1)]
    answered = [stay for stay in found if stay.answer]
    growth = sum(after) / sum(before) - 1
    rows = [
        ("visitors at once; with an answer of their own", f"{sessions}; {len(answered)}"),
        ("first page, median and longest", _both([stay.first_page_s for stay in found])),
        (f"first page of a newcomer while all wait (goal {TARGET_FIRST_PAGE_S:g} s)", f"{newcomer_s:.1f} s"),
        ("answer, median and longest", _both([stay.answer_s for stay in answered])),
        ("all done", f"{took_s:.0f} s"),
        (f"answer to a health check, longest (goal {TARGET_HEALTH_S:g} s)", f"{max(health_s):.2f} s"),
        ("place in the queue told", _count(stay.queued for stay in found)),
        ("time left told", _count(stay.left for stay in found)),
        ("memory of the server: before, peak, end, after", _memory(0, before, slowest, at_end, after)),
        ("memory of its workers: before, peak, end, after", _memory(1, before, slowest, at_end, after)),
        (f"memory after {settle_s:.0f} s against before (goal {TARGET_GROWTH:.0%})", f"{growth:+.0%}"),
    ]
    return markdown_table(("", "measured"), rows)


def _watch(server: Server, health_s: list[float], peak: list[tuple[float, float]], done: threading.Event) -> None:
    while not done.wait(0.5):
        started = time.perf_counter()
        requests.get(f"{server.url}/_stcore/health", timeout=60)
        health_s.append(time.perf_counter() - started)
        peak.append(server.memory_mib())


def _count(values: Iterator[bool]) -> str:
    told = list(values)
    return f"{sum(told)} of {len(told)}"


def _both(values: list[float]) -> str:
    return f"{statistics.median(values):.1f} s, {max(values):.1f} s" if values else "nobody got one"


def _memory(place: int, *pairs: tuple[float, float] | list[float]) -> str:
    return ", ".join(f"{pair[place]:.0f}" for pair in pairs) + " MiB"


# --- soak ---


def _soak(server: Server, content: bytes, analyses: int, settle_s: float) -> list[str]:
    every = max(1, analyses // SOAK_ROWS)
    rows = [_soaked(server, 1, 0.0)]
    started = time.perf_counter()
    for number in range(1, analyses + 1):
        with Visitor(server.url) as visitor:
            visitor.upload(f"clip-{number}.mp4", own_copy(content, number))
            visitor.wait_for_answer()
        if number % every == 0 or number == analyses:
            rows.append(_soaked(server, number + 1, (time.perf_counter() - started) / number))
    time.sleep(settle_s)
    with Visitor(server.url) as last:  # Streamlit lets go of sessions that are over when the next one comes
        last.wait_for_page()
    rows.append((f"{settle_s:.0f} s later", *_soaked(server, analyses + 1, 0.0)[1:]))
    return markdown_table(
        ("analyses", "seconds each", "server MiB", "workers MiB", "descriptors", "files", "files MiB"), rows
    )


def _soaked(server: Server, done: int, seconds: float) -> tuple[str, ...]:
    own, workers = server.memory_mib()
    count, size = server.files()
    pace = f"{seconds:.1f}" if seconds else ""
    return str(done), pace, f"{own:.0f}", f"{workers:.0f}", str(server.descriptors()), str(count), f"{size:.0f}"


if __name__ == "__main__":
    main()
