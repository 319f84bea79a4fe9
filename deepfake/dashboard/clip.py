"""The clip that a page is about."""

from dataclasses import dataclass
from pathlib import Path

from deepfake.dataset import ClipEntry, Dataset

UPLOADS_ID = "uploads"


@dataclass(frozen=True, slots=True)
class ClipChoice:
    """A clip to look at.

    path: on the server, never shown. name: what the user calls it. sha256: of its bytes. label: "REAL", "FAKE" or
    None where it has none. source_id: of the data set, or "uploads". dataset, entry: None for an upload.
    """

    path: Path
    name: str
    sha256: str
    label: str | None
    source_id: str
    dataset: Dataset | None = None
    entry: ClipEntry | None = None

    @property
    def reference(self) -> str | None:
        """What names the clip in a URL; None for an upload, which no other session may see."""
        return None if self.source_id == UPLOADS_ID else f"{self.source_id}/{self.name}"
