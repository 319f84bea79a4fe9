"""What the address of a page names, so that a link shows the same."""

from typing import NoReturn

import streamlit as st


def keep_in_url(parameter: str, value: str | None) -> None:
    """Let the URL name a value; None takes the parameter out of it."""
    if value is None:
        st.query_params.pop(parameter, None)
    elif st.query_params.get(parameter) != value:
        st.query_params[parameter] = value


def open_page(page: str, **parameters: str) -> NoReturn:
    """Go to another page from the program. parameters: all that its address names.

    st.switch_page alone, without query_params, is refused where the address names a widget's value (an open tab, a
    filter).
    """
    st.switch_page(page, query_params=parameters)
