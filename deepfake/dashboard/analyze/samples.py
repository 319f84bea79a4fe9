"""The empty page: three samples, one click each."""

import streamlit as st

from deepfake.dashboard.analyze.tabs import TAB_PARAMETER
from deepfake.dashboard.clip_choice import begin_with, sample_clips
from deepfake.dashboard.door import has_login, is_open
from deepfake.dashboard.resume import was_reloaded
from deepfake.dashboard.selection import TIME_PARAMETER
from deepfake.dashboard.snapshots import thumbnail
from deepfake.dashboard.sources import DEMO_ID
from deepfake.dashboard.state import AnalyzePage
from deepfake.dashboard.text import plain
from deepfake.dataset import ClipEntry
from deepfake.errors import DeepfakeError
from deepfake.report.facts import fact

OWN_COMPUTER = "Nothing leaves this computer: no upload to anybody, no account."
BEHIND_A_LOGIN = "Your clips go to the server of this page and nowhere else; other visitors do not see them."
SHARED_SERVER = (
    "Your clips go to the server of this page and nowhere else. Other visitors do not see your uploads. They do see "
    "what was found in clips of data sets, and everything that is kept in a case."
)
PICTURE_HEIGHT_PX = 220
WHAT_THEY_ARE = {
    "real_a": "One person, untouched",
    "fake_a_flicker": "The face jumps in a few frames",
    "fake_pair_right": "Two persons, the right one faked",
}
SHOWN_OF_A_CLIP = (TAB_PARAMETER, TIME_PARAMETER)  # parameters of the address


def draw_samples(page: AnalyzePage) -> None:
    """Draw three clips of the built-in set, each with a button that chooses it."""
    st.markdown(
        "This page looks for signs that the face in a video was manipulated, and says how sure it is.  \n"
        f"{_where_clips_go()}  \n"
        f"A clip of ten seconds in full HD takes about {fact('speed.seconds'):.0f} s."
    )
    st.header("Or begin with a sample")
    st.caption(
        "Synthetic clips, made on this computer from one public-domain portrait. They show what the application does; "
        "they say nothing about how well real deepfakes are recognized."
    )
    places = []
    for entry, column in zip(sample_clips(), st.columns(3, gap="medium"), strict=False):
        with column.container(border=True, height="stretch"):
            places.append((entry, st.container(height=PICTURE_HEIGHT_PX, border=False)))
            _draw_sample(entry, page)
    # The buttons work before the pictures are there.
    for entry, place in places:
        try:
            place.image(thumbnail(entry.path, entry.name), width="stretch", alt=f"A frame of {entry.name}")
        except (DeepfakeError, OSError) as error:
            place.error(plain(error), icon=":material/error:")


def tell_of_upload(page: AnalyzePage) -> None:
    """Say so where the address names a moment or a tab and no clip: it is that of somebody's upload. Whoever has
    reloaded the page is offered it by draw_resume."""
    names_upload = any(name in st.query_params for name in SHOWN_OF_A_CLIP)
    if names_upload and not page.tab_was_read and not was_reloaded():
        st.info(
            "This address is of an upload. An upload stays with the browser that it was given to: upload the clip "
            "here to see what is found in it.",
            icon=":material/link_off:",
        )


def _where_clips_go() -> str:
    if has_login():
        return BEHIND_A_LOGIN
    return SHARED_SERVER if is_open() else OWN_COMPUTER


def _draw_sample(entry: ClipEntry, page: AnalyzePage) -> None:
    what = next((text for stem, text in WHAT_THEY_ARE.items() if entry.name.startswith(stem)), "")
    st.markdown(f"**{plain(entry.name)}** · {entry.label}  \n{what}")
    st.button(
        f"Analyze {plain(entry.name)}",
        key=page.key(f"sample-{entry.name}"),
        icon=":material/play_arrow:",
        on_click=begin_with,
        args=(page, DEMO_ID, entry.name),
        width="stretch",
    )
