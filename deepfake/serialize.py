"""Dataclasses as bytes and back, bit for bit, by their annotations, and compared: a field that is added needs no change
here.

The layout: a mark, the SHA-256 of what follows, then, zlib-compressed, the length of a header (u32), the header, and
the bytes of all arrays. The header is MessagePack: the table of arrays (element type, shape and place) and the value,
in which an array is its row in that table. Arrays that are equal (the timestamps of several traces) are there once; the
bytes of their numbers are sorted by significance, which neighbors have in common and zlib finds.
"""

import hashlib
import json
import os
import zlib
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, TypeVar, get_args, get_origin

import msgspec
import numpy as np
from numpy.typing import NDArray

MARK: Final = b"DFA2"
MARK_1: Final = b"DFA1"  # of versions whose header was JSON
DIGEST_BYTES: Final = 32
COMPRESSION_LEVEL: Final = 6
ARRAY_KINDS: Final = "biuf"  # bool, integers, floating point: what has no pointers
# What reading raises where the bytes are whole and say something else than is expected.
OTHER_FIELDS: Final = (
    msgspec.MsgspecError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    zlib.error,
)

T = TypeVar("T")
Upgrade = Callable[[Any], Any]


class EqualByContent:
    """A dataclass(eq=False) that holds arrays: equal where all fields are that count (compare=True), arrays element by
    element, NaN to NaN. Without it, == asks NumPy for one truth of many numbers, which raises."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return _are_equal(self, other) if type(self) is type(other) else NotImplemented


def _are_equal(a: Any, b: Any) -> bool:
    if is_dataclass(a):
        counted = [item.name for item in fields(a) if item.compare]
        return type(a) is type(b) and all(_are_equal(getattr(a, name), getattr(b, name)) for name in counted)
    if isinstance(a, np.ndarray):
        # NaN is the one number that is not equal to itself; integers have none.
        return isinstance(b, np.ndarray) and np.array_equal(a, b, equal_nan=a.dtype.kind == b.dtype.kind == "f")
    if isinstance(a, tuple):
        return isinstance(b, tuple) and len(a) == len(b) and all(map(_are_equal, a, b))
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(_are_equal(a[key], b[key]) for key in a)
    return bool(a == b or (a != a and b != b))


class _Place(msgspec.Struct, array_like=True):
    kind: str
    shape: tuple[int, ...]
    at: int
    size: int


class _Header(msgspec.Struct):
    arrays: list[_Place]
    value: msgspec.Raw


def to_bytes(value: Any) -> bytes:
    """Return a dataclass as bytes.

    Args:
        value: a dataclass of dataclasses, tuples, dicts with text for keys, numbers, texts, arrays of numbers, paths
            and fractions.

    Raises:
        TypeError: a field has a type that has no representation.
    """
    arrays = _ArrayWriter()
    packed = msgspec.msgpack.encode(value, enc_hook=arrays.plain)
    header = msgspec.msgpack.encode(_Header(arrays.table, msgspec.Raw(packed)))
    body = zlib.compress(len(header).to_bytes(4, "little") + header + b"".join(arrays.buffers), COMPRESSION_LEVEL)
    return MARK + hashlib.sha256(body).digest() + body


def from_bytes(data: bytes, kind: type[T], *, upgrade: Upgrade | None = None) -> T:
    """Return the value that to_bytes turned into bytes.

    Args:
        data: what to_bytes returned.
        kind: the dataclass. A field that came later takes its default; one that is gone is left out.
        upgrade: turns what a version before MARK wrote, as nested dicts and lists, into today's fields.

    Raises:
        ValueError: the bytes are damaged, or were written for fields that the dataclass no longer has.
    """
    start = len(MARK) + DIGEST_BYTES
    if data[: len(MARK)] not in (MARK, MARK_1) or hashlib.sha256(data[start:]).digest() != data[len(MARK) : start]:
        raise ValueError("its bytes are damaged: they do not have the checksum that was written with them")
    try:
        body = zlib.decompress(data[start:])
        split = 4 + int.from_bytes(body[:4], "little")
        if data[: len(MARK)] == MARK:
            header = msgspec.msgpack.decode(body[4:split], type=_Header)
            arrays = _ArrayReader(header.arrays, body[split:])
            return msgspec.msgpack.decode(header.value, type=kind, dec_hook=arrays.restored)
        old = json.loads(body[4:split])
        places = [_Place(row["type"], tuple(row["shape"]), row["at"], row["bytes"]) for row in old["arrays"]]
        return _from_plain(old["analysis"], kind, upgrade, _ArrayReader(places, body[split:]))
    except OTHER_FIELDS as error:
        raise ValueError(f"it was written by a version that kept other fields ({error})") from error


def from_json(data: bytes, kind: type[T], *, upgrade: Upgrade | None = None) -> T:
    """Return a dataclass from JSON: dicts by the names of fields; arrays as lists, None for NaN.

    Args:
        data: the text, UTF-8.
        kind: the dataclass.
        upgrade: turns the nested dicts and lists into today's fields first.

    Raises:
        ValueError: the text is no JSON, or has not the fields of the dataclass.
    """
    try:
        return _from_plain(json.loads(data), kind, upgrade, _ArrayReader([], b""))
    except OTHER_FIELDS as error:
        raise ValueError(f"it was written by a version that kept other fields ({error})") from error


def _from_plain(data: Any, kind: type[T], upgrade: Upgrade | None, arrays: "_ArrayReader") -> T:
    plain = data if upgrade is None else upgrade(data)
    return msgspec.convert(plain, kind, dec_hook=arrays.restored)


class _ArrayWriter:
    def __init__(self) -> None:
        self.table: list[_Place] = []
        self.buffers: list[bytes] = []
        self._size = 0
        self._known: dict[tuple[str, tuple[int, ...], bytes], int] = {}

    def plain(self, value: Any) -> Any:
        """Return what MessagePack knows for what it does not know."""
        if isinstance(value, np.ndarray):
            return self._add(value)
        if isinstance(value, np.generic):
            return value.item()
        if isinstance(value, Path):
            return os.fsencode(value)  # a name need not be text
        if isinstance(value, Fraction):
            return str(value)
        raise TypeError(f"a {type(value).__name__} cannot be kept")

    def _add(self, array: NDArray[Any]) -> int:
        """Return the array's row in the table."""
        if array.dtype.kind not in ARRAY_KINDS:
            raise TypeError(f"an array of {array.dtype} cannot be kept")
        raw = array.tobytes()
        key = (array.dtype.str, array.shape, hashlib.sha256(raw).digest())
        if key not in self._known:
            self._known[key] = len(self.table)
            self.table.append(_Place(array.dtype.str, array.shape, self._size, len(raw)))
            self.buffers.append(_regrouped(raw, array.dtype.itemsize))
            self._size += len(raw)
        return self._known[key]


class _ArrayReader:
    def __init__(self, table: list[_Place], buffers: bytes) -> None:
        self._table = table
        self._buffers = buffers

    def restored(self, kind: Any, value: Any) -> Any:
        """Return the value of an annotation that msgspec does not know."""
        if isinstance(value, np.ndarray):
            return value
        if get_origin(kind) is np.ndarray:
            return np.array(value, dtype=_element(kind)) if isinstance(value, list) else self._get(value)
        if issubclass(kind, Path):
            return kind(os.fsdecode(value))
        if issubclass(kind, Fraction):
            return kind(value)
        raise TypeError(f"a {kind.__name__} cannot be read")

    def _get(self, row: int) -> NDArray[Any]:
        """Return an array of its own, which may be written to."""
        place = self._table[row]
        kind = np.dtype(place.kind)
        grouped = np.frombuffer(self._buffers[place.at : place.at + place.size], np.uint8).reshape(kind.itemsize, -1)
        return np.frombuffer(bytearray(grouped.T.tobytes()), kind).reshape(place.shape)


def _element(kind: Any) -> Any:
    """The element type of an annotation such as NDArray[np.float32]."""
    return get_args(get_args(kind)[1])[0]


def _regrouped(raw: bytes, item_bytes: int) -> bytes:
    """All first bytes of the numbers, then all second ones, and so on."""
    return np.frombuffer(raw, np.uint8).reshape(-1, item_bytes).T.tobytes()
