"""An Analysis as bytes, as the store and the cache keep it, and back: also what earlier versions kept."""

import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from deepfake.analysis.model import Analysis
from deepfake.serialize import from_bytes, from_plain, to_bytes


def analysis_to_bytes(analysis: Analysis) -> bytes:
    """Return an analysis as bytes, the same for the same analysis."""
    return to_bytes(analysis)


def analysis_from_bytes(data: bytes) -> Analysis:
    """Return the analysis that analysis_to_bytes, or an earlier version, turned into bytes.

    Raises:
        ValueError: the bytes are damaged, or were written for fields that an Analysis no longer has.
    """
    if data.startswith(b"{"):
        return from_plain(json.loads(data), Analysis, upgrade=_from_version_1)
    return from_bytes(data, Analysis, upgrade=_from_version_1)


def write_analysis(analysis: Analysis, path: Path) -> None:
    """Write an analysis to a file."""
    path.write_bytes(analysis_to_bytes(analysis))


def read_analysis(path: Path) -> Analysis:
    """Return the analysis that write_analysis, or an earlier version, wrote.

    Raises:
        ValueError: the file is damaged, or holds something else.
        OSError: the file cannot be read.
    """
    return analysis_from_bytes(path.read_bytes())


def _from_version_1(data: dict[str, Any]) -> dict[str, Any]:
    """Turn what versions kept that wrote JSON, in the store and in the cache, into today's fields."""
    video, config, rule = data["video"], data["config"], data["notebook_rule"]
    numbers = {name: _measured(rule[name]) for name in ("amplitude", "minimum")}
    return {
        **data,
        "video": {**video, "frame_rate": Fraction(str(video.get("frame_rate_exact", video["frame_rate"])))},
        "config": {"face_detector": config.get("detector"), **config},
        "tracks": [_track(track) for track in data["tracks"]],
        "notebook_rule": {**rule, **numbers},
    }


def _measured(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def _track(track: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(track["landmarks"], list):
        return track  # a row of the table of arrays
    # Lists do not tell the shape of an array that is empty.
    count = len(track["frame_indices"])
    points = len(track["landmarks"][0]) if count else 0
    boxes, landmarks = (np.array(track[name], np.float32) for name in ("boxes_xyxy", "landmarks"))
    return {**track, "boxes_xyxy": boxes.reshape(count, 4), "landmarks": landmarks.reshape(count, points, 2)}
