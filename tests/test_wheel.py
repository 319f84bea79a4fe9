"""The package as a wheel, installed into an environment of its own and used from another folder.

The environment is bare: it has this wheel and nothing else. A `.pth` file lends it the dependencies of the environment
that runs the tests, since installing TensorFlow once more would take minutes and prove nothing about the wheel.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import tomllib
import urllib.error
import urllib.request
import venv
import zipfile
from collections.abc import Callable
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
START_LIMIT_S = 120
RUN_LIMIT_S = 300
# Files of the package that no import names: what reads them would fail at run time only.
DATA_SUFFIXES = {".json", ".npz", ".onnx", ".html", ".txt", ".md", ".typed", ".j2", ".svg"}

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    return _built(ROOT, tmp_path_factory.mktemp("wheel"))


def _built(source: Path, folder: Path) -> Path:
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel in it and the dependencies lent to it; its folder of programs."""
    folder = tmp_path_factory.mktemp("bare") / "venv"
    venv.create(folder, symlinks=os.name == "posix")
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    install = [sys.executable, "-m", "pip", "--python", str(programs / "python"), "install", "--quiet", "--no-deps"]
    subprocess.run([*install, "--no-index", str(wheel)], check=True)
    own = sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)})
    lent = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    Path(own, "dependencies.pth").write_text("\n".join(sorted(lent)) + "\n", encoding="utf-8")
    return programs


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that is no checkout."""
    return tmp_path_factory.mktemp("elsewhere")


@pytest.fixture(scope="module")
def run(environment: Path, elsewhere: Path) -> Run:
    """Run a program of the environment in the other folder."""

    def program(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(environment / command[0]), *command[1:]],
            cwd=elsewhere,
            env=_own_environment(elsewhere),
            capture_output=True,
            text=True,
            timeout=RUN_LIMIT_S,
            check=False,
        )

    return program


def _own_environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DEEPFAKE_", "PYTHONPATH"))}
    return kept | {
        "DEEPFAKE_CACHE_DIR": str(folder / "cache"),
        "DEEPFAKE_DATABASE_URL": f"sqlite:///{(folder / 'analyses.db').as_posix()}",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }


def test_the_wheel_carries_every_file_that_the_package_reads(wheel: Path) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    sources = [path for path in (ROOT / "deepfake").rglob("*") if path.suffix in {".py", *DATA_SUFFIXES}]
    expected = {path.relative_to(ROOT).as_posix() for path in sources if "__pycache__" not in path.parts}
    pages = {f"deepfake/app/pages/{path.name}" for path in (ROOT / "pages").glob("*.py")}
    assert pages
    assert (expected | pages | {"deepfake/app/streamlit_app.py"}) - packed == set()
    assert not [name for name in packed if name.startswith(("tests/", "training/", "benchmarks/"))]


def test_the_context_of_an_image_is_what_the_wheel_is_built_of(wheel: Path, tmp_path: Path) -> None:
    """Nothing else gets into an image: no secrets, no clips. Each line of .dockerignore takes from, or adds to, those
    above it."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    first, *others = [line for line in lines if line and not line.startswith("#")]
    assert first == "*"
    context = tmp_path / "context"
    for path in (path for line in others if line.startswith("!") for path in ROOT.glob(line[1:])):
        target = context / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, target)
    built = _built(context, tmp_path)
    assert sorted(zipfile.ZipFile(built).namelist()) == sorted(zipfile.ZipFile(wheel).namelist())
    assert not (context / ".streamlit" / "secrets.toml").exists()


def test_the_wheel_asks_for_what_the_requirements_files_name(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
    metadata = Parser().parsestr(archive.read(name).decode("utf-8"))
    wanted = [line.replace(" ", "").lower() for line in metadata.get_all("Requires-Dist", [])]
    files = {extra: f"requirements-{extra}.txt" for extra in ("cluster", "training", "dev")} | {"": "requirements.txt"}
    for extra, file in files.items():
        lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
        names = {line.split("=")[0].split(">")[0].split("<")[0].strip().lower() for line in lines if line[:1].isalpha()}
        asked = {
            line.split(";")[0].split("=")[0].split(">")[0].split("<")[0]
            for line in wanted
            if (f"extra=='{extra}'" in line if extra else "extra==" not in line)
        }
        assert asked == names, file


def test_the_installed_package_is_the_wheels(run: Run, environment: Path) -> None:
    found = run("python", "-c", "import deepfake; print(deepfake.__file__)")
    assert Path(found.stdout.strip()).is_relative_to(environment.parent)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "version" in project["dynamic"]
    version = run("python", "-c", f"from importlib.metadata import version; print(version({project['name']!r}))")
    assert run("deepfake", "--version").stdout.split()[-1] == version.stdout.strip()


def test_demo_and_analyze_run_from_another_folder(run: Run, elsewhere: Path) -> None:
    written = run("deepfake", "demo", "clips")
    assert written.returncode == 0, written.stderr
    clip = next((elsewhere / "clips").rglob("*.mp4"))
    analyzed = run("deepfake", "analyze", str(clip), "--json", "result.json", "--html", "report.html")
    assert analyzed.returncode == 0, analyzed.stderr
    result = json.loads((elsewhere / "result.json").read_text(encoding="utf-8"))
    assert result["tracks"]
    assert result["verdict"]["label"] in {"LIKELY_REAL", "INCONCLUSIVE", "LIKELY_FAKE"}
    assert "<html" in (elsewhere / "report.html").read_text(encoding="utf-8")


def test_app_serves_the_pages_from_another_folder(run: Run, environment: Path, elsewhere: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(environment / "deepfake"), "app", "--port", str(port), "--no-browser"]
    log = elsewhere / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command,
            cwd=elsewhere,
            env=_own_environment(elsewhere),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait_until_healthy(f"http://localhost:{port}/_stcore/health", server, log)
        finally:
            _stop(server)
    # Whoever serves the page to this computer only, as the configuration beside the start file says.
    assert "Network URL" not in log.read_text(encoding="utf-8", errors="replace")
    drawn = run("python", "-c", DRAW_METHODS)
    assert drawn.returncode == 0, drawn.stderr
    assert drawn.stdout.split() == ["Methods"]


# Streamlit's own way to run a page without a browser.
DRAW_METHODS = """
from streamlit.testing.v1 import AppTest
from deepfake.cli.app import start_file

script = start_file().parent / "pages" / "app.py"
page = AppTest.from_file(str(script), default_timeout=120).run().switch_page("methods.py").run()
assert not page.exception, page.exception
print(*(title.value for title in page.title))
"""


def _wait_until_healthy(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            # Nothing to wait on but the port: ask again shortly.
            time.sleep(0.2)
    pytest.fail(f"the application did not start:\n{log.read_text(errors='replace')[-3000:]}")


def _stop(server: subprocess.Popen[bytes]) -> None:
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait(timeout=20)
