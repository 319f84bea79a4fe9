"""What the pages have made of an upload or a kept clip has a key by which it is found and goes with the clip."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from deepfake.analysis.model import AnalysisConfig
from deepfake.dashboard import player
from deepfake.dashboard.compare import results
from deepfake.dashboard.results import ReadyAnalysis
from deepfake.dashboard.sources import DEMO_ID, UPLOADS_ID, ClipChoice
from deepfake.dataset import ClipEntry
from deepfake.server.cache import is_made_of
from deepfake.server.results import Request
from tests.store.samples import sample_analysis


def clip(path: Path, digit: str, *, is_upload: bool) -> ClipChoice:
    path.touch()
    entry = None if is_upload else ClipEntry(path.name, str(path), on_disk=True)
    return ClipChoice(path, path.name, digit * 64, None, UPLOADS_ID if is_upload else DEMO_ID, entry=entry)


def ready(choice: ClipChoice) -> ReadyAnalysis:
    return ReadyAnalysis(choice, sample_analysis(1), choice.path.parent, "key")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """What the pages asked the server for."""
    found: list[Request] = []
    for module, name in ((player, "folder_when_ready"), (results, "read_when_ready")):
        monkeypatch.setattr(module, name, lambda request, *_, **__: found.append(request))
        monkeypatch.setattr(module, "runtime", lambda: SimpleNamespace(settings=None))
    monkeypatch.setattr(player, "browser_plays", lambda _: False)
    monkeypatch.setattr(results, "analysis_when_ready", lambda choice, *_, **__: ready(choice))
    return found


@pytest.mark.parametrize("is_upload", [True, False])
def test_a_converted_clip_goes_with_an_upload(asked: list[Request], tmp_path: Path, is_upload: bool) -> None:
    choice = clip(tmp_path / "a.mp4", "a", is_upload=is_upload)
    player.playable_clip(ready(choice))
    assert is_made_of(asked[0].key, choice.sha256) == is_upload


@pytest.mark.parametrize("uploads", [(True, True), (True, False), (False, True), (False, False)])
def test_a_comparison_goes_with_an_upload(asked: list[Request], tmp_path: Path, uploads: tuple[bool, bool]) -> None:
    clips = [
        clip(tmp_path / name, name[0], is_upload=is_upload)
        for name, is_upload in zip(("a.mp4", "b.mp4"), uploads, strict=True)
    ]
    results.comparison_when_ready(*clips, AnalysisConfig(), place="compare")
    assert [is_made_of(asked[0].key, choice.sha256) for choice in clips] == [any(uploads)] * 2
