"""The clips that the shipped detector was trained on: that it is right about these says nothing about others."""

import functools
from pathlib import Path
from typing import Final

from deepfake.errors import DetectorError

TRAINING_CLIPS_PATH: Final = Path(__file__).parent / "weights" / "efficientnet_lite0_training_clips.txt"


@functools.cache
def training_clips() -> frozenset[str]:
    """Return the SHA-256 of each, in hexadecimal. Photographs and single frames are not among them.

    Raises DetectorError when the list is missing.
    """
    try:
        return frozenset(TRAINING_CLIPS_PATH.read_text(encoding="ascii").split())
    except (OSError, UnicodeError) as error:
        raise DetectorError(TRAINING_CLIPS_PATH, f"cannot be read ({error}); reinstall the application") from error
