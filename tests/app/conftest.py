"""One server for all tests of the application: its workers live from the first test to the last, and have a stand-in
for the default classifier's network."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from deepfake.dashboard import state
from deepfake.server.runtime import Runtime, Workers
from deepfake.settings import Settings, load_settings


@pytest.fixture(scope="session")
def workers() -> Iterator[Workers]:
    """Workers that load TensorFlow and the detectors once, whatever store and data sets a test has."""
    shared = Workers(load_settings())
    yield shared
    shared.close()


@pytest.fixture(scope="session")
def runtimes() -> Iterator[dict[Settings, Runtime]]:
    made: dict[Settings, Runtime] = {}
    yield made
    for runtime in made.values():
        runtime.close()


@pytest.fixture(scope="session", autouse=True)
def _samples(_own_cache_dir: Path, demo_set: Path) -> None:
    """The built-in samples where the server looks for them; how it makes them at its first start, tests/e2e sees."""
    shutil.copytree(demo_set, _own_cache_dir / "demo")


@pytest.fixture(autouse=True)
def _one_server(
    quick_network: None, workers: Workers, runtimes: dict[Settings, Runtime], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings of a test, with a store or data sets of its own, make a place of their own inside the server."""

    def runtime_for(settings: Settings) -> Runtime:
        if settings not in runtimes:
            runtimes[settings] = Runtime(settings, workers)
        return runtimes[settings]

    monkeypatch.setattr(state, "_runtime_for", runtime_for)
