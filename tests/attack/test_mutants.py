"""Files with bytes changed, cut, repeated and swapped: each gets an answer or a sentence, and none crashes a worker."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from deepfake.analysis.keeping import analysis_from_bytes, analysis_to_bytes, reason_from_text
from deepfake.batch.clips import collect_clips
from deepfake.dataset import counts, open_dataset, to_frame
from deepfake.errors import WorkerError
from deepfake.server.progress import read_first_look, read_progress
from deepfake.settings import load_settings
from deepfake.worker_pool import WorkerPool
from tests.attack.mutants import clip_outcomes, mutated, mutated_text, outcome, variants
from tests.conftest import WriteClip
from tests.store.samples import sample_analysis
from tests.video.signing import GENERATED, sign

TIMEOUT_S = 120
PER_CLIP = 25  # mutants of small files take a hundredth of the time of a clip's
CONTAINERS = (
    ("a.mp4", {"audio_s": 1.0}),
    ("b.mov", {"codec": "mpeg4", "rotation_deg": 90}),
    ("c.mkv", {"codec": "libx264", "timestamps_s": [0.04 * n * n for n in range(12)]}),
    ("d.webm", {"codec": "libvpx"}),
    ("e.avi", {"codec": "mpeg4"}),
    ("f.ts", {"codec": "mpeg2video"}),
    ("g.mpg", {"codec": "mpeg1video"}),
)
ODD = ['"', "{", "}", "[", "]", ",", ";", "\t", "\n", "\\", "\0", "null", "NaN", "1e999", "-1", "true", "{}", "[[]]"]
ODD += ["\ud800", "\ufeff", "9" * 400, "../", "/etc/passwd", "=1+1", "FAKE", "REAL", "path,label", "label", "x" * 5_000]


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory, write_clip: WriteClip) -> list[Path]:
    """A clip of 12 frames in each of seven containers, and one that is signed."""
    folder = tmp_path_factory.mktemp("seeds")
    clips = [write_clip(folder / name, (12, (48, 64)), **options) for name, options in CONTAINERS]
    return [*clips, sign(clips[0], folder / "h.mp4", GENERATED)]


@pytest.fixture(scope="module")
def worker() -> Iterator[WorkerPool]:
    pool = WorkerPool(1)
    yield pool
    pool.close()


def judged(outcomes: list[tuple[int, str]]) -> None:
    """Print how many there were of each outcome; fail where there is any but an answer and a sentence."""
    print(dict(Counter(found if found in ("answer", "sentence") else "fault" for _, found in outcomes)))
    faults = [(number, found) for number, found in outcomes if found not in ("answer", "sentence")]
    assert faults == [], "\n\n".join(f"mutant {number}: {found}" for number, found in faults[:5])


def test_clips(seeds: list[Path], worker: WorkerPool, tmp_path: Path, mutants: int) -> None:
    found: list[tuple[int, str]] = []
    for number, path in variants(seeds, mutants, tmp_path / "clips"):
        try:
            found += [(number, each) for each in worker.call(clip_outcomes, path, timeout_s=TIMEOUT_S, name=path.name)]
        except WorkerError as error:
            found.append((number, f"the worker: {error}"))
    judged(found)


def test_metadata_of_a_data_set(tmp_path: Path, mutants: int) -> None:
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        (tmp_path / name).touch()
    table = {
        "a.mp4": {"label": "FAKE", "split": "train", "original": "b.mp4"},
        "b.mp4": {"label": "REAL", "split": "train", "original": None},
        "c.mp4": {"label": "FAKE", "split": "test", "original": "lost.mp4"},
    }
    text, file = json.dumps(table, indent=1), tmp_path / "metadata.json"

    def opened() -> None:
        dataset = open_dataset(tmp_path)
        to_frame(dataset)
        counts(dataset)

    found = []
    for number in range(PER_CLIP * mutants):
        file.write_bytes(mutated_text(text, number, ODD))
        found.append((number, outcome(opened)))
    judged(found)


def test_lists_of_clips(tmp_path: Path, mutants: int) -> None:
    (tmp_path / "a.mp4").touch()
    text = "path,label,split,group,original,method\na.mp4,FAKE,train,p1,b.mp4,swap\nb.mp4,REAL,train,p1,,\n,,\n"
    file = tmp_path / "clips.csv"
    found = []
    for number in range(PER_CLIP * mutants):
        file.write_bytes(mutated_text(text, number, ODD))
        found.append((number, outcome(lambda: (open_dataset(file), collect_clips([str(file)])))))
    judged(found)


def test_kept_analyses(mutants: int) -> None:
    former = (Path(__file__).parents[1] / "version_1" / "analysis.json").read_text(encoding="utf-8")
    seeds = (former.encode(), analysis_to_bytes(sample_analysis()))
    found = []
    for number in range(PER_CLIP // 5 * mutants):
        seed = seeds[number % 2]
        data = mutated_text(former, number, ODD) if number % 4 == 0 else mutated(seed, number)
        found.append((number, outcome(lambda data=data: analysis_from_bytes(data), ValueError)))  # type: ignore[misc]
    judged(found)


def test_values_of_a_kept_analysis(mutants: int) -> None:
    """Every value in turn becomes one of another kind: no bytes are damaged then, only what they say."""
    former = (Path(__file__).parents[1] / "version_1" / "analysis.json").read_text(encoding="utf-8")
    values = list(re.finditer(r"(?<=: )(?:-?\d[\d.e+-]*|true|false|null|\"[^\"]*\")", former))
    found = []
    for number in range(PER_CLIP // 5 * mutants):
        place, value = values[number * 7 % len(values)], ODD[5 + number % 12]
        data = f"{former[: place.start()]}{value}{former[place.end() :]}".encode()
        found.append((number, outcome(lambda data=data: analysis_from_bytes(data), ValueError)))  # type: ignore[misc]
    judged(found)


def test_reports_of_progress_and_reasons(tmp_path: Path, mutants: int) -> None:
    progress = '{"stage":"frames","done":3,"total":9,"left_s":null,"curve":[0.9,0.8],"curve_step":1}'
    reason = '{"code":"score","signal":"learned_score","track_id":0,"values":{"frames":9},"suspicion":0.9}'
    found = []
    for number in range(PER_CLIP * mutants):
        (tmp_path / "progress.json").write_bytes(mutated_text(progress, number, ODD))
        (tmp_path / "first_look.bin").write_bytes(mutated(b"DFA2" + bytes(200), number))
        text = mutated_text(reason, number, ODD).decode("utf-8", "replace")
        found.append((number, outcome(lambda: (read_progress(tmp_path), read_first_look(tmp_path)))))
        found.append((number, outcome(lambda text=text: reason_from_text(text), ValueError)))  # type: ignore[misc]
    judged(found)


def test_settings(tmp_path: Path, mutants: int) -> None:
    text = (
        'data_dirs = ["/data"]\ncache_mb = 100\nmax_duration_s = 60.0\nworkers = 2\ndatabase_url = "sqlite:///a.db"\n'
    )
    file = tmp_path / "deepfake.toml"
    found = []
    for number in range(PER_CLIP * mutants):
        file.write_bytes(mutated_text(text, number, ODD))
        found.append((number, outcome(lambda: load_settings({"DEEPFAKE_SETTINGS": str(file)}))))
    judged(found)
