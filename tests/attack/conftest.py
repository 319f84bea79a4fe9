"""What the attacks share: a disk that is soon full."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

SMALL_DISK_BYTES = 2**20
MUTANTS = (
    40  # of clips, in CI; `pytest tests/attack --mutants 2000 -s` makes more by hand, and prints what became of them
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--mutants", type=int, default=MUTANTS, help="how many mutants of clips and of other files to try")


@pytest.fixture
def mutants(request: pytest.FixtureRequest) -> int:
    """How many mutants to try. The option is known only where this folder was named on the command line."""
    count: int = request.config.getoption("mutants", MUTANTS)
    return count


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of 1 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_BYTES}", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mounting, check=False, capture_output=True).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("a disk of 1 MiB takes the right to mount one")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
