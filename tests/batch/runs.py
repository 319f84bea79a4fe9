"""Batches of clips that are words: a stand-in (batch_work) is in the place of the analysis."""

from __future__ import annotations

from pathlib import Path

from deepfake.batch import Batch, collect_clips
from deepfake.settings import Settings
from deepfake.store import open_store
from tests import batch_work


def write_clips(folder: Path, *contents: str) -> Path:
    """Write files named 00.mp4, 01.mp4 … that hold these words."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(contents):
        (folder / f"{number:02}.mp4").write_text(content)
    return folder


def new_batch(folder: Path | str, settings: Settings, **options) -> Batch:
    options.setdefault("workers", 1)
    return Batch(collect_clips([str(folder)]), settings=settings, analyze=batch_work.analyze, **options)


def calls(settings: Settings) -> list[str]:
    """What the stand-in was asked to analyze, in the order of asking."""
    file = settings.cache_dir / "calls.txt"
    return file.read_text().splitlines() if file.exists() else []


def stored(settings: Settings) -> dict[str, float | None]:
    """P(fake) of everything in the store by the clip's name."""
    with open_store(settings) as store:
        page = store.find(limit=1000)
        assert page.total == len(page.rows) == len({row.sha256 for row in page.rows})
        return {row.name: row.probability_fake for row in page.rows}
