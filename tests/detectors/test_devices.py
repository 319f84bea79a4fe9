"""What networks run on: chosen by what onnxruntime offers; no card is needed to test the choice."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnxruntime
import pytest

from deepfake.cli import main
from deepfake.detectors.clip_vit import BELOW_PATH, ClipVitClassifier
from deepfake.detectors.devices import CPU, CUDA, device_name, open_session


class Session:
    def __init__(self, providers: list[Any], without: tuple[str, ...] = ()) -> None:
        named = [row[0] if isinstance(row, tuple) else row for row in providers]
        self.providers = [name for name in named if name not in without]

    def get_providers(self) -> list[str]:
        return self.providers


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let onnxruntime offer these providers, and open sessions on all but the broken ones; those that are missing it
    leaves out without a word. NVIDIA's libraries are where pip puts them."""

    def offer(*available: str, broken: tuple[str, ...] = (), missing: tuple[str, ...] = ()) -> None:
        found = []

        def preload() -> None:
            found.append("libraries")
            print("Failed to load libcuda.so")

        def session(_path: str, _options: Any, providers: list[Any]) -> Session:
            made = Session(providers, missing if found else (*missing, CUDA))
            if made.providers[0] in broken:
                raise RuntimeError("no driver")
            return made

        monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: list(available))
        monkeypatch.setattr(onnxruntime, "InferenceSession", session)
        monkeypatch.setattr(onnxruntime, "preload_dlls", preload)

    return offer


def test_a_card_is_used_where_there_is_one(
    offer: Callable[..., None], caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    offer(CUDA, CPU)
    session = open_session(Path("network.onnx"), None)
    assert session.get_providers() == [CUDA, CPU]
    assert device_name(session) == ClipVitClassifier().device == "GPU (CUDA)"
    assert not caplog.records
    assert not capsys.readouterr().out, "a result may go there"


@pytest.mark.parametrize("why", ["broken", "missing"])
def test_a_card_that_cannot_be_used_is_told_and_no_reason_to_fail(
    offer: Callable[..., None], why: str, caplog: pytest.LogCaptureFixture
) -> None:
    offer(CUDA, CPU, **{why: (CUDA,)})
    session = open_session(Path("network.onnx"), None)
    assert session.get_providers() == [CPU]
    assert device_name(session) == ClipVitClassifier().device == "CPU"
    assert "no graphics card can be used" in caplog.text


def test_without_a_card_the_processor_does_it(offer: Callable[..., None], caplog: pytest.LogCaptureFixture) -> None:
    offer("AzureExecutionProvider", CPU)
    assert open_session(Path("network.onnx"), None).get_providers() == [CPU]
    assert ClipVitClassifier().device == "CPU"
    assert not caplog.records


def test_a_network_that_cannot_be_read_fails_on_the_processor_too(offer: Callable[..., None]) -> None:
    offer(CUDA, CPU, broken=(CUDA, CPU))
    with pytest.raises(RuntimeError, match="no driver"):
        open_session(BELOW_PATH, None)


def test_the_command_line_says_what_it_runs_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("deepfake workbench ")
    assert main(["--version", "-v"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[1].startswith("clip_vit runs on ")
    assert any(line.startswith("onnxruntime") for line in said)


def test_a_command_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    assert "COMMAND" in capsys.readouterr().err
