"""`deepfake app`: which file is started, how, and what is said where it is missing. tests/test_wheel.py runs it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from deepfake.cli import app, main

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Commands that would have taken this process's place."""
    commands: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _program, command: commands.append(command))
    monkeypatch.setattr(subprocess, "run", lambda command, check: commands.append(command))
    return commands


def test_a_checkout_starts_its_own_start_file(monkeypatch: pytest.MonkeyPatch, started: list[list[str]]) -> None:
    monkeypatch.setattr(os, "name", "posix")
    assert main(["app"]) == 0
    assert started[0] == [sys.executable, "-m", "streamlit", "run", str(ROOT / "streamlit_app.py")]


def test_options_are_handed_on_to_streamlit(started: list[list[str]]) -> None:
    main(["app", "--port", "8600", "--address", "0.0.0.0", "--no-browser"])
    chosen = started[0][5:]
    assert chosen[:4] == ["--server.port", "8600", "--server.address", "0.0.0.0"]
    assert chosen[-2:] == ["--server.headless", "true"]


@pytest.mark.parametrize("port", ["70000", "-5", "80a", ""])
def test_a_port_that_there_is_none_of_is_wrong_usage(
    port: str, started: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["app", f"--port={port}"])
    assert stopped.value.code == 2
    assert f"a port is a number up to 65535, not '{port}'" in capsys.readouterr().err
    assert not started


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], []),
        (["--host", "news.example"], [*app.LOCAL_NAMES, "news.example"]),
        (["--address", "192.0.2.7"], [*app.LOCAL_NAMES, "192.0.2.7"]),
        (["--address", "0.0.0.0", "--host", "a", "--host", "b"], [*app.LOCAL_NAMES, socket.gethostname(), "a", "b"]),
    ],
)
def test_only_the_names_of_this_computer_and_those_given_are_answered(
    started: list[list[str]], options: list[str], expected: list[str]
) -> None:
    main(["app", *options])
    words = started[0]
    names = [name for option, name in zip(words, words[1:], strict=False) if option == "--server.allowedHosts"]
    assert [name for name in names if name in expected] == expected
    assert "0.0.0.0" not in names
    assert ("--browser.serverAddress" in words) == ("0.0.0.0" in options)


def test_an_installation_without_the_dashboard_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], started: list[list[str]], tmp_path: Path
) -> None:
    monkeypatch.setattr(app, "START_FILES", (tmp_path / "streamlit_app.py",))
    assert main(["app"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert str(tmp_path / "streamlit_app.py") in line
    assert "install the wheel again" in line
    assert started == []
