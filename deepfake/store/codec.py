"""An Analysis as bytes and back, bit for bit.

The layout, zlib-compressed behind a mark and the SHA-256 of what follows: the length of a JSON header (u32), the
header, then the bytes of all arrays. The header is the dataclasses as nested objects; an array is a reference into a
list of element type, shape and place. Arrays that are equal (the timestamps of several traces) are there once; the
bytes of their numbers are sorted by significance, which neighbours have in common and zlib finds.

Types come from the annotations of the dataclasses: a field that is added to one needs no change here.
"""

import dataclasses
import hashlib
import json
import types
import zlib
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from deepfake.analysis.model import Analysis

MARK = b"DFA1"
DIGEST_BYTES = 32
COMPRESSION_LEVEL = 6
# What a field was called by earlier versions.
FORMER_NAMES = {"face_detector": "detector"}
ARRAY_KINDS = "biuf"  # bool, integers, floating point: what has no pointers


def encode_analysis(analysis: Analysis) -> bytes:
    """Return an analysis as bytes. Raises TypeError for a field of a type that has no representation."""
    arrays = _ArrayWriter()
    header = json.dumps({"analysis": _plain(analysis, arrays), "arrays": arrays.table}, separators=(",", ":")).encode()
    body = zlib.compress(len(header).to_bytes(4, "little") + header + b"".join(arrays.buffers), COMPRESSION_LEVEL)
    return MARK + hashlib.sha256(body).digest() + body


def decode_analysis(data: bytes) -> Analysis:
    """Return the analysis that encode_analysis turned into bytes.

    Raises ValueError where the bytes are damaged, or were written for fields that an Analysis no longer has.
    """
    if not _is_intact(data):
        raise ValueError("its bytes are damaged: they do not have the checksum that was written with them")
    body = zlib.decompress(data[len(MARK) + DIGEST_BYTES :])
    split = 4 + int.from_bytes(body[:4], "little")
    try:
        header = json.loads(body[4:split])
        analysis = _restored(header["analysis"], Analysis, _ArrayReader(header["arrays"], body[split:]))
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise ValueError(f"it was written by a version that kept other fields ({error!r})") from error
    assert isinstance(analysis, Analysis)
    return analysis


def is_readable(data: bytes) -> bool:
    """Return whether decode_analysis can read the bytes."""
    try:
        decode_analysis(data)
    except ValueError:
        return False
    return True


def _is_intact(data: bytes) -> bool:
    start = len(MARK) + DIGEST_BYTES
    return data[: len(MARK)] == MARK and hashlib.sha256(data[start:]).digest() == data[len(MARK) : start]


class _ArrayWriter:
    def __init__(self) -> None:
        self.table: list[dict[str, Any]] = []
        self.buffers: list[bytes] = []
        self._size = 0
        self._known: dict[tuple[str, tuple[int, ...], bytes], int] = {}

    def add(self, array: NDArray[Any]) -> int:
        """Return the array's place in the table."""
        if array.dtype.kind not in ARRAY_KINDS:
            raise TypeError(f"an array of {array.dtype} cannot be kept")
        raw = array.tobytes()
        key = (array.dtype.str, array.shape, hashlib.sha256(raw).digest())
        if key not in self._known:
            self._known[key] = len(self.table)
            self.table.append({"type": array.dtype.str, "shape": array.shape, "at": self._size, "bytes": len(raw)})
            self.buffers.append(_regrouped(raw, array.dtype.itemsize))
            self._size += len(raw)
        return self._known[key]


class _ArrayReader:
    def __init__(self, table: list[dict[str, Any]], buffers: bytes) -> None:
        self._table = table
        self._buffers = buffers

    def get(self, place: int) -> NDArray[Any]:
        """Return an array of its own, which may be written to."""
        entry = self._table[place]
        kind = np.dtype(entry["type"])
        raw = self._buffers[entry["at"] : entry["at"] + entry["bytes"]]
        grouped = np.frombuffer(raw, np.uint8).reshape(kind.itemsize, -1)
        return np.frombuffer(bytearray(grouped.T.tobytes()), kind).reshape(entry["shape"])


def _regrouped(raw: bytes, item_bytes: int) -> bytes:
    """All first bytes of the numbers, then all second ones, and so on."""
    return np.frombuffer(raw, np.uint8).reshape(-1, item_bytes).T.tobytes()


def _plain(value: Any, arrays: _ArrayWriter) -> Any:
    """A value as JSON's own types; NaN and infinities as Python's json writes them."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name), arrays) for field in dataclasses.fields(value)}
    if isinstance(value, np.ndarray):
        return arrays.add(value)
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Path | Fraction):
        return str(value)
    if isinstance(value, tuple | list):
        return [_plain(item, arrays) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _plain(item, arrays) for key, item in value.items()}
    raise TypeError(f"a {type(value).__name__} cannot be kept in the store")


_hints: Callable[[Any], dict[str, Any]] = cache(get_type_hints)


def _restored(data: Any, hint: Any, arrays: _ArrayReader) -> Any:
    """The value of the annotated type that _plain turned into data."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        chosen = [argument for argument in arguments if argument is not type(None)]
        return None if data is None else _restored(data, chosen[0] if len(chosen) == 1 else Any, arrays)
    if origin is np.ndarray:
        return arrays.get(data)
    if origin is tuple:
        inner = [arguments[0]] * len(data) if arguments[-1] is Ellipsis else arguments
        return tuple(_restored(item, kind, arrays) for item, kind in zip(data, inner, strict=True))
    if origin is list:
        return [_restored(item, arguments[0], arrays) for item in data]
    if origin in (dict, types.MappingProxyType):
        return {key: _restored(item, arguments[1], arrays) for key, item in data.items()}
    if origin is Literal or not isinstance(hint, type):
        return data
    if dataclasses.is_dataclass(hint):
        return _restored_dataclass(data, hint, arrays)
    return hint(data) if issubclass(hint, Path | Fraction) else data


def _restored_dataclass(data: dict[str, Any], kind: type[Any], arrays: _ArrayReader) -> Any:
    # A field that came later has its default; one that is gone is left out.
    hints = _hints(kind)
    stored = {field.name: _stored_name(field.name, data) for field in dataclasses.fields(kind) if field.init}
    return kind(**{name: _restored(data[key], hints[name], arrays) for name, key in stored.items() if key in data})


def _stored_name(name: str, data: dict[str, Any]) -> str:
    return name if name in data else FORMER_NAMES.get(name, name)
