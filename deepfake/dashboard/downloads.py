"""What every page knows of the files that it offers."""

import streamlit as st

from deepfake.report import Paper

LETTER_COUNTRIES = ("-US", "-CA", "-MX", "-PH", "-CL", "-CO")


def readers_paper() -> Paper:
    """Return the paper that the reader's country uses."""
    return "us-letter" if (st.context.locale or "").endswith(LETTER_COUNTRIES) else "a4"
