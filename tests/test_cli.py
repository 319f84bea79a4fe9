"""The command line as a user meets it: exit status, one clear line for bad input, and the JSON contract."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import jsonschema
import numpy as np
import pytest

from deepfake.cli import main
from deepfake.detectors import CLASSIFIERS, DEFAULT_CLASSIFIER
from deepfake.faces.detection import FACE_DETECTORS
from deepfake.video.reader import probe
from deepfake.views.face_clips import FaceClips

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = json.loads((ROOT / "docs" / "analysis.schema.json").read_text(encoding="utf-8"))
WriteClip = Callable[..., Path]


def run(*arguments: object, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deepfake", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout_s, check=False)


def one_line(error: str) -> str:
    assert error.count("\n") == 1, error
    assert error.startswith("deepfake: ")
    assert "Traceback" not in error
    return error


@pytest.fixture(scope="module")
def analyzed(talking_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """The real command line run on a short clip with a face, all outputs asked for."""
    folder = tmp_path_factory.mktemp("analyzed")
    files = [f"--{kind}={folder / f'a.{kind}'}" for kind in ("json", "csv", "html", "pdf")]
    done = run("analyze", talking_clip, *files, "--faces", folder / "faces", "--recompress")
    assert done.returncode == 0, done.stderr
    return folder, done


def test_json_keeps_the_contract(analyzed: tuple[Path, Any], talking_clip: Path) -> None:
    data = json.loads((analyzed[0] / "a.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(SCHEMA).validate(data)
    assert data["video"]["path"] == str(talking_clip)
    assert data["video"]["sha256"] == probe(talking_clip, with_hash=True).sha256
    assert len(data["frame_timestamps_s"]) == 38
    [track] = data["tracks"]
    assert track["frames"] == len(track["boxes_xyxy"]) == len(track["landmarks"]) == len(track["confidences"])
    assert track["frames"] >= 36, "the face is followed through nearly every frame"
    assert [(trace["signal"], trace["track_id"]) for trace in data["traces"]][:3] == [
        ("frame_similarity", None),
        ("face_similarity", track["track_id"]),
        ("learned_score", track["track_id"]),
    ]
    for trace in data["traces"]:
        assert len(trace["frame_indices"]) == len(trace["timestamps_s"]) == len(trace["values"])
    measured = [value for value in data["traces"][0]["values"] if value is not None]
    assert data["notebook_rule"]["minimum"] == pytest.approx(min(measured), abs=1e-6)
    assert data["notebook_rule"]["amplitude"] == pytest.approx((max(measured) - min(measured)) / 2, abs=1e-6)


def test_schema_describes_every_field(analyzed: tuple[Path, Any]) -> None:
    def undescribed(data: Any, schema: dict[str, Any], at: str) -> list[str]:
        if isinstance(data, list):
            return [name for item in data[:1] for name in undescribed(item, schema.get("items", {}), at + "[]")]
        if not isinstance(data, dict) or "additionalProperties" in schema or at == ".config":
            return []
        known = schema.get("properties", {})
        unknown = [f"{at}.{key}" for key in data.keys() - known.keys()]
        deeper = [undescribed(data[key], known[key], f"{at}.{key}") for key in data.keys() & known.keys()]
        return unknown + [name for names in deeper for name in names]

    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert undescribed(json.loads((analyzed[0] / "a.json").read_text(encoding="utf-8")), SCHEMA, "") == []


def test_the_recompression_stands_beside_the_analysis(analyzed: tuple[Path, Any]) -> None:
    folder, done = analyzed
    data = json.loads((folder / "a.json").read_text(encoding="utf-8"))
    found = data["recompression"]
    first, *encoded = found["rates"]
    assert first["clip"]["probability_fake"] == data["verdict"]["probability_fake"]
    rates = [rate["bit_rate"] for rate in encoded]
    assert len(rates) == 3
    assert rates == sorted(rates, reverse=True)
    assert found["sentence"] in done.stdout.replace("\n", " ")


def test_other_outputs_hold_the_same_clip(analyzed: tuple[Path, Any], talking_clip: Path) -> None:
    folder, done = analyzed
    data = json.loads((folder / "a.json").read_text(encoding="utf-8"))
    assert len((folder / "a.csv").read_text().splitlines()) == 39
    page = (folder / "a.html").read_text(encoding="utf-8")
    assert data["video"]["sha256"] in page
    assert page.count("data:image/jpeg") == 3, "the most suspicious moments"
    assert (folder / "a.pdf").read_bytes().startswith(b"%PDF-")
    track = data["tracks"][0]
    face = folder / "faces" / f"face-{track['track_id']}.mp4"
    assert [path.name for path in face.parent.iterdir()] == [face.name]
    assert probe(face).frame_count == track["frames"]
    assert talking_clip.name in done.stdout
    assert "Person 1" in done.stdout
    assert data["verdict"]["reasons"][0] in done.stdout
    assert f"a heuristic, says {data['notebook_rule']['label']} " in done.stdout
    assert str(face) in done.stdout
    assert done.stderr == "", "nothing on standard error where it is no terminal"


def test_who_has_no_clip_of_the_face_is_told(
    tmp_path: Path,
    write_clip: WriteClip,
    talking_frames: list[np.ndarray],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = write_clip(tmp_path / "two.mp4", [np.hstack([frame, frame]) for frame in talking_frames[:20]])
    monkeypatch.setattr("deepfake.views.face_clips.FaceClips", functools.partial(FaceClips, max_open=1))
    faces = tmp_path / "faces"
    assert main(["analyze", str(path), "--quick", "--detector", "haar", "--faces", str(faces)]) == 0
    assert [file.name for file in faces.iterdir()] == ["face-0.mp4"]
    captured = capsys.readouterr()
    assert "Person 2" in captured.out
    assert "--faces: there is no clip of Person 2" in one_line(captured.err)


def test_json_to_standard_output_is_all_that_is_there(moving_square_clip: Path) -> None:
    done = run("analyze", moving_square_clip, "--detector", "haar", "--json", "-")
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    jsonschema.Draft202012Validator(SCHEMA).validate(data)
    assert data["config"]["face_detector"] == data["config"]["detector"] == "haar"
    assert data["config"]["classifier"] == DEFAULT_CLASSIFIER
    assert data["verdict"]["label"] == "INCONCLUSIVE", "no face is a result"
    assert "No face" in data["verdict"]["reasons"][0]


def test_one_frame_is_a_result(tmp_path: Path, write_clip: WriteClip, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_clip(tmp_path / "one [frame].mp4", (1, (64, 64)))
    assert main(["analyze", str(path), "--detector", "haar", "--json", "-"]) == 0
    data = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator(SCHEMA).validate(data)
    assert data["notebook_rule"] == {"label": None, "amplitude": None, "minimum": None}
    assert main(["analyze", str(path), "--detector", "haar"]) == 0
    assert "one [frame].mp4" in capsys.readouterr().out, "brackets are part of the name"


def test_compare_writes_both_analyses_and_their_similarity(
    talking_clip: Path, talking_frames: list[np.ndarray], write_clip: WriteClip, tmp_path: Path
) -> None:
    blurred = [frame.copy() for frame in talking_frames]
    for frame in blurred:
        frame[120:320, 260:460] = cv2.GaussianBlur(frame[120:320, 260:460], (0, 0), 4)  # the face and some more
    fake = write_clip(tmp_path / "fake.mp4", blurred)
    out = tmp_path / "c.json"
    reports = ("--html", tmp_path / "c.html", "--pdf", tmp_path / "c.pdf")
    done = run("compare", fake, talking_clip, "--detector", "haar", "--json", out, *reports)
    assert done.returncode == 0, done.stderr
    data = json.loads(out.read_text(encoding="utf-8"))
    for side in ("fake", "original"):
        jsonschema.Draft202012Validator(SCHEMA).validate(data[side])
    assert data["belong_together"] is True
    assert data["cross_similarity"]["values"]
    assert "belong together" in done.stdout
    page = (tmp_path / "c.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg") == 3, "the moments of greatest difference"
    assert data["fake"]["video"]["sha256"] in page
    assert (tmp_path / "c.pdf").read_bytes().startswith(b"%PDF-")
    assert done.stderr == ""
    again = run("compare", fake, talking_clip, "--detector", "haar", "--json", "-")
    assert again.stderr.count("from the store, analyzed on") == 2
    assert json.loads(again.stdout)["cross_similarity"] == data["cross_similarity"]


def test_dataset_counts_the_demo_set(demo_set: Path, tmp_path: Path) -> None:
    out = tmp_path / "d.json"
    done = run("dataset", demo_set, "--json", out)
    assert (done.returncode, done.stderr) == (0, "")
    data = json.loads(out.read_text(encoding="utf-8"))
    labels = json.loads((demo_set / "train_sample_videos" / "metadata.json").read_text()).values()
    fakes = sum(entry_["label"] == "FAKE" for entry_ in labels)
    assert data["by_label"]["FAKE"] == fakes
    assert f"{data['clips']} clips" in done.stdout


def test_demo_is_not_written_twice(demo_set: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", str(demo_set)]) == 0
    assert "already" in capsys.readouterr().out


def test_demo_refuses_a_folder_with_other_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert main(["demo", str(tmp_path)]) == 1
    assert "mine.txt" in one_line(capsys.readouterr().err)


BAD_INPUTS: dict[str, Callable[[Path, WriteClip], Path]] = {
    "missing": lambda folder, _: folder / "nowhere.mp4",
    "folder": lambda folder, _: folder,
    "empty": lambda folder, _: _file(folder / "empty.mp4", b""),
    "text": lambda folder, _: _file(folder / "text.mp4", b"Once upon a time.\n" * 100),
    "header only": lambda folder, write_clip: _head(write_clip(folder / "cut.mp4", (25, (96, 96)))),
    "sound": lambda folder, write_clip: write_clip(folder / "sound.mp4", [], audio_s=1.0),
    "line break": lambda folder, _: _file(folder / "two\nlines.mp4", b"text"),
}


def _file(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _head(path: Path) -> Path:
    return _file(path, path.read_bytes()[:40])


@pytest.mark.parametrize("kind", BAD_INPUTS)
@pytest.mark.parametrize("command", ["analyze", "compare"])
def test_unusable_input_is_one_line_and_status_1(
    command: str,
    kind: str,
    tmp_path: Path,
    write_clip: WriteClip,
    moving_square_clip: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    path = BAD_INPUTS[kind](tmp_path, write_clip)
    others = [str(moving_square_clip)] if command == "compare" else []
    out = tmp_path / "out.json"
    assert main([command, str(path), *others, "--detector", "haar", "--json", str(out)]) == 1
    captured = capfd.readouterr()
    assert " ".join(path.name.split()) in one_line(captured.err)
    assert captured.out == ""
    assert not out.exists()


def test_compare_looks_at_both_clips_before_it_analyzes_one(
    tmp_path: Path, moving_square_clip: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("deepfake.store.analyze_once", lambda *_, **__: pytest.fail("a clip was analyzed"))
    unusable = _file(tmp_path / "text.mp4", b"Once upon a time.\n" * 100)
    assert main(["compare", str(moving_square_clip), str(unusable), "--detector", "haar"]) == 1
    assert "text.mp4" in one_line(capsys.readouterr().err)


def test_the_limit_is_named_with_the_way_to_raise_it(
    moving_square_clip: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEEPFAKE_MAX_DURATION_S", "0.5")
    assert main(["analyze", str(moving_square_clip), "--detector", "haar"]) == 1
    assert "DEEPFAKE_MAX_DURATION_S" in one_line(capsys.readouterr().err)


@pytest.mark.parametrize("content", ['{"a.mp4": {"label": "MAYBE"}', "[1, 2]"])
def test_malformed_metadata_is_one_line(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "metadata.json").write_text(content)
    assert main(["dataset", str(tmp_path)]) == 1
    assert "metadata.json" in one_line(capsys.readouterr().err)


def test_results_that_cannot_be_written_are_told_before_any_work(
    moving_square_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind, name in (("--json", tmp_path / "nowhere" / "a.json"), ("--csv", tmp_path)):
        assert main(["analyze", str(moving_square_clip), kind, str(name)]) == 1
        assert str(name) in one_line(capsys.readouterr().err)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["analyse", "a.mp4"],
        ["analyze"],
        ["analyze", "a.mp4", "--detector", "dlib"],
        ["analyze", "a.mp4", "--face-detector", "dlib"],
        ["analyze", "a.mp4", "--classifier", "xception"],
        ["compare", "a.mp4"],
        ["analyze", "a.mp4", "--json", "-", "--csv", "-"],
    ],
)
def test_wrong_usage_is_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "usage: deepfake" in capsys.readouterr().err


def clip_set(folder: Path) -> Path:
    """A clip, two links to it, a list of it, a folder with a list, and a data set with its metadata."""
    (folder / "dfdc").mkdir()
    (folder / "listed").mkdir()
    for name in ("a.mp4", "dfdc/a.mp4", "listed/a.mp4", "face-0.mp4"):
        (folder / name).write_bytes(b"evidence")
    (folder / "soft.json").symlink_to("a.mp4")
    os.link(folder / "a.mp4", folder / "hard.json")
    for name in ("list.csv", "listed/list.csv", "table-interrupted.csv"):
        (folder / name).write_text("path,label\na.mp4,FAKE\n")
    (folder / "dfdc" / "metadata.json").write_text('{"a.mp4": {"label": "FAKE", "split": "train"}}')
    return folder


@pytest.mark.parametrize(
    "command",
    [
        "analyze a.mp4 --json a.mp4",
        "analyze a.mp4 --json soft.json",
        "analyze a.mp4 --json hard.json",
        "analyze soft.json --html ./dfdc/../a.mp4",
        "analyze a.mp4 --json new --html dfdc/../new",
        "analyze face-0.mp4 --faces .",
        "compare a.mp4 dfdc/a.mp4 --json dfdc/a.mp4",
        "compare a.mp4 dfdc/a.mp4 --json new --pdf new",
        "batch list.csv --out list.csv",
        "batch listed --out listed/list.csv",
        "batch table-interrupted.csv --out table.csv",
        "evaluate list.csv --out list.csv",
        "evaluate list.csv --json a.mp4",
        "evaluate list.csv --json new.csv --out new.csv",
        "evaluate dfdc --json dfdc/metadata.json",
        "dataset dfdc --json dfdc/metadata.json",
        "dataset dfdc --json dfdc/a.mp4",
    ],
)
def test_nothing_that_is_read_is_written_over(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = clip_set(tmp_path)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit) as stopped:
        main(command.split())
    assert stopped.value.code == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert "would overwrite" in message or "name the same file" in message
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("command", ["analyze", "compare", "batch", "evaluate"])
def test_choices_are_those_of_the_registries(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    for option, names in {"--face-detector": tuple(FACE_DETECTORS), "--classifier": tuple(CLASSIFIERS)}.items():
        with pytest.raises(SystemExit) as stopped:
            main([command, option, "list"])
        assert stopped.value.code == 0
        assert tuple(line.split()[0] for line in capsys.readouterr().out.splitlines()) == names
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert re.search(r"--face-detector( NAME)?, --detector NAME", capsys.readouterr().out)  # Python 3.13 names it once


def test_weights_that_are_not_shipped_are_asked_for_by_name(
    moving_square_clip: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DEEPFAKE_WEIGHTS_DIR", raising=False)
    assert main(["analyze", str(moving_square_clip), "--classifier", "meso4_df"]) == 1
    message = capsys.readouterr().err
    assert "Meso4_DF.h5" in message
    assert "DEEPFAKE_WEIGHTS_DIR" in message


@pytest.mark.skipif(os.name == "nt", reason="a shell of POSIX")
def test_closed_streams_are_no_fault(tmp_path: Path, moving_square_clip: Path) -> None:
    def run_closed(closed: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "deepfake", "analyze", str(moving_square_clip), "--detector", "haar"]
        line = f"{shlex.join([*command, *map(str, arguments)])} {closed}"
        return subprocess.run(line, shell=True, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)

    out = tmp_path / "a.json"
    for closed in (">&-", "2>&-", ">&- 2>&-"):
        done = run_closed(closed, "--json", out)
        assert (done.returncode, "Traceback" in done.stderr) == (0, False)
        assert out.read_bytes()
        out.unlink()
    done = run_closed(">&-", "--json", "-")
    assert done.returncode == 2
    assert "standard output is closed; name a file" in done.stderr


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom deepfake.cli import main\n"
        "try:\n    main(['analyze', '--help'])\nexcept SystemExit:\n    pass\n"
        "print('heavy:', *({'numpy', 'cv2', 'av', 'plotly', 'rich', 'tensorflow'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "heavy:"
    assert "--faces DIR" in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for another process")
def test_interrupt_is_quiet_and_leaves_no_file(tmp_path: Path, write_clip: WriteClip) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (270, 480, 3), dtype=np.uint8)
    clip = write_clip(tmp_path / "long.mp4", (np.roll(noise, 3 * index, axis=1) for index in range(200)))
    out, faces = tmp_path / "out.json", tmp_path / "faces"
    command = [sys.executable, "-m", "deepfake", "analyze", str(clip), "--json", str(out), "--faces", str(faces),
               "--detector", "haar"]  # fmt: skip
    # A shell's background job, as tests may run in, ignores the interrupt and so would its children.
    with subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:  # fmt: skip
        deadline = time.monotonic() + 60
        # The folder is made right before the analysis starts.
        while not faces.exists() and time.monotonic() < deadline and process.poll() is None:
            os.sched_yield()
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert one_line(error) == "deepfake: interrupted\n"
    assert not out.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for another process")
def test_interrupt_is_the_same_in_code_that_is_made_on_loading(tmp_path: Path) -> None:
    (tmp_path / "interrupted.py").write_text(
        "import os, signal, sys\n"
        "from deepfake.cli import commands, main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def run(_):\n"
        "    exec('os.kill(os.getpid(), signal.SIGINT)\\nwhile True: pass')\n"
        "commands.demo = run\n"
        "sys.exit(main(['demo', 'unused']))\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT)))}
    command = [sys.executable, "-m", "interrupted"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (130, "deepfake: interrupted\n")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals")
def test_progress_shows_on_a_terminal_and_results_stay_on_standard_output(
    moving_square_clip: Path, tmp_path: Path
) -> None:
    controller, terminal = os.openpty()
    command = [sys.executable, "-m", "deepfake", "analyze", moving_square_clip, "--detector", "haar", "--json", "-"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    environment["DEEPFAKE_DATABASE_URL"] = f"sqlite:///{tmp_path / 'empty.db'}"  # what is in a store needs no progress
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=terminal, env=environment) as process:
        os.close(terminal)
        shown = b""
        # A terminal whose other end has gone is an error on Linux, an empty answer elsewhere.
        with contextlib.suppress(OSError):
            while part := os.read(controller, 100_000):
                shown += part
        output, _ = process.communicate(timeout=60)
    os.close(controller)
    assert process.returncode == 0
    assert "Analyzing frames" in shown.decode()
    assert "24/24" in shown.decode()
    assert json.loads(output)["schema_version"] == 1
