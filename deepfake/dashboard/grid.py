"""Many things: in columns row by row, and page by page."""

from collections.abc import Hashable, Iterator, Sequence
from typing import TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

T = TypeVar("T")


def in_columns(items: Sequence[T], columns: int) -> Iterator[tuple[T, DeltaGenerator]]:
    """Yield each item with its place: so many of them stand side by side, and rows are alike to the last."""
    for start in range(0, len(items), columns):
        yield from zip(items[start : start + columns], st.columns(columns, gap="medium"), strict=False)


def draw_page_choice(total: int, page_items: int, *, key: str, of: Hashable) -> int:
    """Draw the choice of a page where one does not hold all; return its number, from 1. The URL names it by the key.

    of: what is paged. Something else, as after a change of filters, begins at its first page.
    """
    pages = max(1, -(-total // page_items))
    if st.session_state.setdefault(f"{key}-of", of) != of:
        st.session_state[key] = 1
    st.session_state[f"{key}-of"] = of
    if st.session_state.get(key, 1) > pages:
        st.session_state[key] = pages  # some were deleted since
    return st.pagination(pages, key=key, bind="query-params", persist_state="session") if pages > 1 else 1
