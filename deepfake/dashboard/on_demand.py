"""What is made when a button is clicked, and shown without one once it is there."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import streamlit as st

from deepfake.dashboard.state import PageState, runtime, session
from deepfake.dashboard.waiting import read_when_ready
from deepfake.server.results import Request

T = TypeVar("T")


def made_on_demand(
    page: PageState,
    request: Request,
    read: Callable[[Path], T],
    *,
    name: str,
    label: str,
    icon: str,
    what: str,
    heading: str,
) -> T | None:
    """Return a result that takes a while; until somebody wants it draw a button, and then how far it is.

    Args:
        page: where the button is.
        request: the result, and how it is made.
        read: makes the result of its folder; what it raises means that the folder is damaged.
        name: ends the button's key, and names the place of the progress.
        label: of the button.
        icon: of the button.
        what: what the button does, said above it; "" where its label is enough.
        heading: what is being done, said while it is.
    """
    is_there = runtime().cache.get(request.key, session().session_id) is not None
    if not is_there and request.key not in page.asked:
        if what:
            st.caption(what)
        if not st.button(label, key=page.key(name), icon=icon):
            return None
        page.asked.add(request.key)
        st.rerun()
    return read_when_ready(request, read, heading=heading, place=page.key(name))
