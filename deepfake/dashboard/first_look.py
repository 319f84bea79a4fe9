"""The provisional answer on a page, while the full analysis goes on."""

from typing import Final

import streamlit as st

from deepfake.dashboard.text import unbroken
from deepfake.dashboard.verdict_style import answer_markdown
from deepfake.report.card import strength_text
from deepfake.server.progress import FirstLook

FACE_WIDTH_PX: Final = 84
NOTE: Final = "Provisional, from a first look at a few moments. The full analysis goes on and can change it."


def draw_first_look(look: FirstLook) -> None:
    """Draw the answer with its strength, the faces that it is about, and that it is provisional."""
    with st.container(border=True, key="first-look", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            st.markdown(f"## {answer_markdown(look.verdict.answer)}", width="content")
            text = unbroken(strength_text(look.verdict))
            if text:
                st.markdown(f":gray[{text}]", width="content")
            for number, face in enumerate(look.faces, start=1):
                st.image(face, width=FACE_WIDTH_PX, alt=f"Face {number} of those that the first look rests on")
        st.caption(NOTE)
