"""Several things in columns, row by row."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

T = TypeVar("T")


def in_columns(items: Sequence[T], columns: int) -> Iterator[tuple[T, DeltaGenerator]]:
    """Yield each item with its place: so many of them stand side by side, and rows are alike to the last."""
    for start in range(0, len(items), columns):
        yield from zip(items[start : start + columns], st.columns(columns, gap="medium"), strict=False)
