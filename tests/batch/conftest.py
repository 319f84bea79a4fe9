"""Where the batches of these tests keep what they find."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepfake.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    home = tmp_path / "home"
    home.mkdir()
    return Settings(cache_dir=home, database_url=f"sqlite:///{home}/store.db", job_timeout_s=60)
