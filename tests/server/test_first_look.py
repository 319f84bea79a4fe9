"""A worker leaves a provisional answer for the page while the analysis goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepfake.analysis.model import AnalysisConfig
from deepfake.server.progress import ProgressWriter, read_first_look, remove_progress
from deepfake.server.tasks import FIRST_LOOK_FACES, take_first_look
from deepfake.settings import load_settings


@pytest.mark.usefixtures("quick_network")
def test_a_worker_leaves_it_for_the_page_and_the_end_removes_it(tmp_path: Path, talking_clip: Path) -> None:
    assert read_first_look(tmp_path) is None
    arguments = (talking_clip, AnalysisConfig(), load_settings(), None)
    sha256 = take_first_look(ProgressWriter(tmp_path), tmp_path, *arguments)
    look = read_first_look(tmp_path)
    assert look is not None
    assert look.verdict.probability_fake is not None
    assert len(look.faces) == FIRST_LOOK_FACES
    assert all(face.startswith(b"\xff\xd8") for face in look.faces)
    assert len(sha256) == 64
    remove_progress(tmp_path)
    assert list(tmp_path.iterdir()) == []
