"""What the address of a page names, so that a link shows the same."""

import streamlit as st


def keep_in_url(parameter: str, value: str | None) -> None:
    """Let the URL name a value; None takes the parameter out of it."""
    if value is None:
        st.query_params.pop(parameter, None)
    elif st.query_params.get(parameter) != value:
        st.query_params[parameter] = value
