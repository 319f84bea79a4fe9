"""Nothing is reported to the makers of a library."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Under these onnxruntime reports nothing by itself, so that a test would see nothing.
QUIET = ("CI", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "XDG_CACHE_HOME")


def test_onnxruntime_reports_nothing(tmp_path: Path) -> None:
    """Before it reports, it writes an identifier of the computer and what it has to say below the home folder."""
    ordinary = {name: value for name, value in os.environ.items() if name not in QUIET} | {"HOME": str(tmp_path)}
    code = "from deepfake.detectors.devices import may_use_card; print(may_use_card())"
    done = subprocess.run([sys.executable, "-c", code], env=ordinary, cwd=ROOT, capture_output=True, check=True)
    assert done.stdout.strip()
    assert list(tmp_path.rglob("*")) == []
