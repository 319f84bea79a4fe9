"""An analysis as bytes: whole, compact, and without a type that could not come back."""

from __future__ import annotations

import dataclasses
import hashlib
import types
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import numpy as np
import pytest

from deepfake.analysis.model import Analysis
from deepfake.report.analysis_json import analysis_to_dict, json_text
from deepfake.serialize import DIGEST_BYTES, MARK, from_bytes, to_bytes
from deepfake.video.info import Adjustment
from tests.store.samples import sample_analysis

PLAIN = {str, int, float, bool, type(None)}


def unknown_types(hint: Any, at: str) -> list[str]:
    """Return where an annotation holds a type that serialize cannot restore."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        rest = [argument for argument in arguments if argument is not type(None)]
        if len(rest) > 1:
            return [] if set(rest) <= PLAIN else [f"{at}: {hint}"]
        return unknown_types(rest[0], at)
    if origin in (tuple, list):
        return [name for item in arguments if item is not Ellipsis for name in unknown_types(item, at + "[]")]
    if origin is dict:
        return ([] if arguments[0] is str else [f"{at}: {hint}"]) + unknown_types(arguments[1], at + "{}")
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        hints = get_type_hints(hint)
        fields = dataclasses.fields(hint)
        return [name for field in fields for name in unknown_types(hints[field.name], f"{at}.{field.name}")]
    known = hint in PLAIN or hint in (Path, Fraction) or origin in (Literal, np.ndarray)
    return [] if known else [f"{at}: {hint}"]


def test_every_field_of_an_analysis_can_come_back() -> None:
    assert unknown_types(Analysis, "analysis") == []


def test_what_cannot_come_back_is_refused() -> None:
    analysis = sample_analysis()
    with pytest.raises(TypeError, match="object cannot be kept"):
        to_bytes(dataclasses.replace(analysis, tracks=(object(),)))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="object"):
        to_bytes(dataclasses.replace(analysis, cuts=np.array([None])))


def test_bytes_are_the_same_for_the_same_analysis() -> None:
    assert to_bytes(sample_analysis(3)) == to_bytes(sample_analysis(3))
    assert to_bytes(sample_analysis(3)) != to_bytes(sample_analysis(4))


def test_arrays_take_no_more_room_than_in_memory() -> None:
    analysis = sample_analysis(frames=2000)
    noise = [array for track in analysis.tracks for array in (track.boxes_xyxy, track.landmarks)]
    noise += [analysis.traces[0].values, analysis.traces[1].values]
    random_bytes = sum(array.nbytes for array in noise)
    # Indices, timestamps and NaN are left: the first and the last vanish, the timestamps are there twice.
    assert len(to_bytes(analysis)) < random_bytes + 2 * analysis.frame_timestamps_s.nbytes
    assert len(to_bytes(analysis)) < len(json_text(analysis_to_dict(analysis))) / 4


@pytest.mark.parametrize("at", [0, 3, 10, 36, 40, -1])
def test_one_changed_byte_is_noticed(at: int) -> None:
    data = bytearray(to_bytes(sample_analysis()))
    data[at] ^= 1
    with pytest.raises(ValueError, match="damaged"):
        from_bytes(bytes(data), Analysis)


@pytest.mark.parametrize("length", [0, 4, 36, 100])
def test_missing_bytes_are_noticed(length: int) -> None:
    with pytest.raises(ValueError, match="damaged"):
        from_bytes(to_bytes(sample_analysis())[:length], Analysis)


def _rewritten(change: Any) -> bytes:
    """The bytes of an analysis whose header another version wrote."""
    body = zlib.decompress(to_bytes(sample_analysis())[len(MARK) + DIGEST_BYTES :])
    end = 4 + int.from_bytes(body[:4], "little")
    header = msgspec.msgpack.decode(body[4:end])
    change(header["value"])
    changed = msgspec.msgpack.encode(header)
    packed = zlib.compress(len(changed).to_bytes(4, "little") + changed + body[end:])
    return MARK + hashlib.sha256(packed).digest() + packed


def test_a_field_that_came_later_has_its_default() -> None:
    analysis = from_bytes(_rewritten(lambda header: header["verdict"].pop("interval")), Analysis)
    assert analysis.verdict.interval is None
    assert analysis.verdict.label == "LIKELY_FAKE"


def test_a_field_that_is_gone_is_left_out() -> None:
    analysis = from_bytes(_rewritten(lambda header: header["verdict"].update(mood="sunny")), Analysis)
    assert analysis.verdict == sample_analysis().verdict


def test_a_missing_field_is_told() -> None:
    data = _rewritten(lambda header: header["verdict"].pop("label"))
    with pytest.raises(ValueError, match="other fields"):
        from_bytes(data, Analysis)


def test_what_holds_arrays_is_equal_by_its_content() -> None:
    analysis = sample_analysis()
    again = from_bytes(to_bytes(analysis), Analysis)
    assert again == analysis
    assert again in [analysis]
    assert again.traces[0] == analysis.traces[0] != analysis.traces[1]
    assert again.tracks == analysis.tracks
    assert dataclasses.replace(again, timings_s={"total": 99.0}) == analysis  # how long it took is no part of it
    assert dataclasses.replace(again, cuts=np.array([5])) != analysis
    assert analysis != "an analysis"
    with pytest.raises(TypeError, match="unhashable"):
        hash(analysis)


def test_not_measured_is_equal_to_not_measured() -> None:
    trace = sample_analysis().traces[0]
    gap = trace.values.copy()
    gap[1] = np.nan
    with_gap = dataclasses.replace(trace, values=gap)
    assert with_gap == dataclasses.replace(trace, values=gap.copy())
    assert with_gap != trace


def test_not_measured_is_equal_to_not_measured_in_a_dict_too() -> None:
    def with_values(**values: float) -> Analysis:
        analysis = sample_analysis()
        adjustments = (Adjustment("stream_chosen", dict(values)),)
        return dataclasses.replace(analysis, video=dataclasses.replace(analysis.video, adjustments=adjustments))

    assert with_values(rate=float("nan")) == with_values(rate=float("nan"))
    assert with_values(rate=float("nan")) != with_values(rate=1.0)
    assert with_values(rate=1.0) != with_values(rate=1.0, of=2)
