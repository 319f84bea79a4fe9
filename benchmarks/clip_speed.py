"""Speed and memory of one analysis, against the steps of the notebook that the project grew from.

    python benchmarks/clip_speed.py CLIP [--json FILE] [--baseline PATH] [--baseline-frames N] [--no-baseline]
                                    [--then CHECKOUT] [--facts]

Three runs, each in a fresh process so that its peak memory is its own: analyze() on the clip, analyze() on the clip
five times over (its packets written one after the other, not re-encoded), and the notebook's steps. The models are
loaded and warmed by an analysis of the clip's first frames before the clock starts. Run it on an idle machine. --then
names a checkout of an earlier version (0.1.0, e1e011d, is what the documents compare with), which is measured in the
same way by its own copy of this script.
--facts writes the numbers that prose quotes into facts.json, and from there into README and docs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_BASELINE = ROOT.parent / "shared" / "bench" / "notebook_baseline.py"
REPEATS = 5
WARM_UP_FRAMES = 8

TARGET_SPEEDUP = 25.0
TARGET_CPU_SECONDS = 7.0
TARGET_PEAK_MIB = 0.9 * 1024
TARGET_GROWTH = 1.10
TARGET_QUICK_SECONDS = 3.0


def main() -> None:
    arguments = _arguments()
    if arguments.worker:
        print(json.dumps(_analysis(arguments.clip, arguments.worker)))
        return
    results = _measure(arguments)
    _print_table(results)
    if arguments.facts:
        _write_facts(results)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip", type=Path)
    parser.add_argument("--json", type=Path, help="write the numbers to this file as well")
    parser.add_argument("--baseline", type=Path, default=DEFAULT_BASELINE, help="script that does the notebook's steps")
    parser.add_argument("--baseline-frames", type=int, help="its slow steps on that many frames, scaled to the clip")
    parser.add_argument("--no-baseline", action="store_true", help="leave the notebook's steps out")
    parser.add_argument("--then", type=Path, metavar="CHECKOUT", help="an earlier version to compare with")
    parser.add_argument("--facts", action="store_true", help="put the numbers into facts.json and the documents")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not arguments.clip.is_file():
        parser.error(f"{arguments.clip}: no such clip")
    return arguments


def _measure(arguments: argparse.Namespace) -> dict[str, Any]:
    results: dict[str, Any] = {"clip": arguments.clip.name, "python": platform.python_version(), "cpus": os.cpu_count()}
    results["load_at_start"] = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
    suffix = arguments.clip.suffix if arguments.clip.suffix in {".mp4", ".mov", ".mkv"} else ".mkv"
    with tempfile.TemporaryDirectory() as folder:
        warm_up = write_repeated(arguments.clip, Path(folder, f"warm_up{suffix}"), repeats=1, packets=WARM_UP_FRAMES)
        longer = write_repeated(arguments.clip, Path(folder, f"longer{suffix}"), repeats=REPEATS)
        for name, clip in [("analysis", arguments.clip), ("analysis_of_longer", longer)]:
            command = [sys.executable, __file__, str(clip.resolve()), "--worker", str(warm_up)]
            results[name] = _last_json(command, name)
        if arguments.then:
            results["then"] = _earlier(arguments.then, arguments.clip, Path(folder, "then.json"))
    if arguments.baseline.is_file() and not arguments.no_baseline:
        command = [sys.executable, str(arguments.baseline), str(arguments.clip)]
        if arguments.baseline_frames:
            command += ["--frames", str(arguments.baseline_frames)]
        results["notebook"] = _last_json(command, "notebook")
    results["targets"] = _targets(results)
    return results


def _earlier(checkout: Path, clip: Path, out: Path) -> dict[str, Any]:
    """Return what the benchmark of an earlier version measures."""
    print("then …", file=sys.stderr, flush=True)
    script = checkout / "benchmarks" / "clip_speed.py"
    command = [sys.executable, str(script), str(clip.resolve()), "--no-baseline", "--json", str(out)]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the earlier version failed with exit status {done.returncode}:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


def _last_json(command: list[str], name: str) -> dict[str, Any]:
    """Run a command and return the JSON object in the last line of its output."""
    print(f"{name} …", file=sys.stderr, flush=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} failed with exit status {done.returncode}:\n{done.stderr[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def _analysis(clip: Path, warm_up: Path) -> dict[str, Any]:
    """Analyze a clip in this process, after the models are loaded and warm."""
    from deepfake.analysis.model import AnalysisConfig
    from deepfake.analysis.pipeline import analyze

    analyze(warm_up, AnalysisConfig())
    analyze(warm_up, AnalysisConfig(quick=True))
    memory_before_mib = _peak_rss_mib()
    started = time.perf_counter()
    analyze(clip, AnalysisConfig(quick=True))
    quick_seconds = time.perf_counter() - started
    started, cpu_started = time.perf_counter(), time.process_time()
    analysis = analyze(clip, AnalysisConfig())
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    return {
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu_seconds, 2),
        "quick_seconds": round(quick_seconds, 2),
        "frames": len(analysis.frame_timestamps_s),
        "size": [analysis.video.width, analysis.video.height],
        "tracks": len(analysis.tracks),
        "tracked_frames": sum(len(track.frame_indices) for track in analysis.tracks),
        "traces": len(analysis.traces),
        "timings_s": {stage: round(value, 2) for stage, value in analysis.timings_s.items()},
        "peak_rss_mib": round(_peak_rss_mib()),
        "peak_rss_after_warm_up_mib": round(memory_before_mib),
    }


def _peak_rss_mib() -> float:
    """Return the most memory that this process held. ru_maxrss, elsewhere the same, counts a Linux parent's as well."""
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    import resource

    unit = 1024**2 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def write_repeated(clip: Path, path: Path, *, repeats: int, packets: int | None = None) -> Path:
    """Write the video packets of a clip `repeats` times, one after the other; of each pass only the first `packets`."""
    with av.open(str(path), "w") as output:
        stream = None
        offset = 0
        for _ in range(repeats):
            with av.open(str(clip)) as source:
                stream = stream or output.add_stream_from_template(source.streams.video[0])
                end = offset
                for packet in _video_packets(source, packets):
                    packet.pts, packet.dts = (packet.pts or 0) + offset, (packet.dts or 0) + offset
                    end = max(end, packet.pts + (packet.duration or 1))
                    packet.stream = stream
                    output.mux(packet)
            offset = end
    return path


def _video_packets(source: av.container.InputContainer, count: int | None) -> Iterator[av.Packet[av.VideoStream]]:
    """Yield packets with their times from zero, in decoding order."""
    first = None
    sent = 0
    for packet in source.demux(source.streams.video[0]):
        if packet.dts is None or packet.pts is None or (count is not None and sent >= count):
            continue
        # The first packet is a keyframe, which is shown first.
        first = packet.pts if first is None else first
        packet.pts, packet.dts = packet.pts - first, packet.dts - first
        sent += 1
        yield packet


def _write_facts(results: dict[str, Any]) -> None:
    """Write what prose quotes. Exits where the notebook's steps or the earlier version were left out: the documents
    compare with both."""
    if "notebook" not in results or "then" not in results:
        raise SystemExit("--facts needs the notebook's steps and --then as well")
    sys.path.insert(0, str(ROOT))
    from benchmarks import facts

    analysis, longer, notebook = results["analysis"], results["analysis_of_longer"], results["notebook"]
    then = results["then"]
    width, height = analysis["size"]
    measured = {
        "command": "python benchmarks/clip_speed.py CLIP --baseline-frames 60 --then CHECKOUT --facts",
        "cores": results["cpus"],
        "width": width,
        "height": height,
        "frames": analysis["frames"],
        "seconds": analysis["seconds"],
        "cpu_seconds": analysis["cpu_seconds"],
        "times_notebook": round(notebook["seconds_without_import"] / analysis["seconds"], 1),
        "quick_seconds": analysis["quick_seconds"],
        "longer_quick_seconds": longer["quick_seconds"],
        "peak_mib": analysis["peak_rss_mib"],
        "then_seconds": then["analysis"]["seconds"],
        "then_times_notebook": round(notebook["seconds_without_import"] / then["analysis"]["seconds"], 1),
        "then_peak_mib": then["analysis"]["peak_rss_mib"],
        "then_longer_seconds": then["analysis_of_longer"]["seconds"],
        "then_longer_peak_mib": then["analysis_of_longer"]["peak_rss_mib"],
        "stages": analysis["timings_s"],
        "then_stages": then["analysis"]["timings_s"],
        "longer_seconds": longer["seconds"],
        "longer_peak_mib": longer["peak_rss_mib"],
        "notebook_seconds": notebook["seconds_without_import"],
        "notebook_peak_mib": notebook["peak_rss_mib"],
    }
    facts.write_facts("speed", measured)
    facts.write_facts("cost", facts.cost())
    facts.update_quotes()


def _targets(results: dict[str, Any]) -> list[dict[str, Any]]:
    analysis, longer, notebook = results["analysis"], results["analysis_of_longer"], results.get("notebook")
    growth = longer["peak_rss_mib"] / analysis["peak_rss_mib"]
    rows = [
        ("processor time, seconds", analysis["cpu_seconds"], "<=", TARGET_CPU_SECONDS),
        ("peak memory, MiB", analysis["peak_rss_mib"], "<=", TARGET_PEAK_MIB),
        (f"quick look at {REPEATS} times the clip, seconds", longer["quick_seconds"], "<=", TARGET_QUICK_SECONDS),
        (f"peak memory of {REPEATS} times the clip, as a ratio", round(growth, 3), "<=", TARGET_GROWTH),
    ]
    if notebook:
        seconds = notebook["seconds_without_import"]
        rows.insert(
            0, ("times faster than the notebook", round(seconds / analysis["seconds"], 2), ">=", TARGET_SPEEDUP)
        )
    return [
        {
            "target": name,
            "value": value,
            "limit": f"{sign} {limit:g}",
            "met": value <= limit if sign == "<=" else value >= limit,
        }
        for name, value, sign, limit in rows
    ]


def _print_table(results: dict[str, Any]) -> None:
    analysis, longer, notebook = results["analysis"], results["analysis_of_longer"], results.get("notebook")
    width, height = analysis["size"]
    print(
        f"{results['clip']}: {width}×{height} px, {analysis['frames']} frames; {results['cpus']} CPUs, models loaded\n"
    )
    print(f"{'run':<44}{'seconds':>9}{'frames/s':>10}{'peak MiB':>10}")
    for name, row in [("analysis", analysis), (f"analysis of {REPEATS} times the clip", longer)]:
        print(f"{name:<44}{row['seconds']:>9.2f}{row['frames'] / row['seconds']:>10.1f}{row['peak_rss_mib']:>10}")
        print(f"    {'processor time':<40}{row['cpu_seconds']:>9.2f}")
        print(f"    {'quick look, before it':<40}{row['quick_seconds']:>9.2f}")
        for stage, seconds in row["timings_s"].items():
            print(f"    {stage:<40}{seconds:>9.2f}")
    if notebook:
        seconds = notebook["seconds_without_import"]
        scaled = f" (scaled from {notebook['scaled_from']} frames)" if notebook["scaled_from"] else ""
        rate = notebook["frames"] / seconds
        print(f"{'notebook' + scaled:<44}{seconds:>9.2f}{rate:>10.1f}{notebook['peak_rss_mib']:>10}")
        for stage, part in notebook["seconds"].items():
            note = ", not counted" if stage == "import" else ", with its models" if stage.startswith("mtcnn") else ""
            print(f"    {stage + note:<40}{part:>9.2f}")
        without = (seconds - notebook["seconds"]["mtcnn_first_frame"]) / analysis["seconds"]
        print(f"\nWithout the notebook's MTCNN step, which loads the models: {without:.2f} times faster")
    print(f"The analysis followed {analysis['tracks']} tracks over {analysis['tracked_frames']} boxes and made")
    print(f"{analysis['traces']} curves; it held {analysis['peak_rss_after_warm_up_mib']} MiB after the warm-up.\n")
    for row in results["targets"]:
        print(f"{'met   ' if row['met'] else 'MISSED'}  {row['target']}: {row['value']:g} (target {row['limit']})")


if __name__ == "__main__":
    main()
