"""The tabs of the Analyze page: which one is open, in the URL as well, and links that lead to one of their parts."""

from typing import Final

import streamlit as st

from deepfake.analysis.evidence import Evidence
from deepfake.dashboard.address import keep_in_url
from deepfake.dashboard.browser import scroll_to
from deepfake.dashboard.selection import set_person
from deepfake.dashboard.state import AnalyzePage

# What the URL calls a tab, and its title.
TABS: Final[dict[str, str]] = {
    "faces": "Faces",
    "motion": "In motion",
    "frames": "Frames",
    "similarity": "Similarity",
    "evidence": "Evidence",
    "recompress": "Re-compress",
    "file": "File",
}
# Where a measure of quality is shown; signals, scores and what hides a face are on the tab Evidence.
MEASURE_TABS: Final = {
    "face_count": "faces",
    "face_width": "faces",
    "edge_blur": "faces",
    "outside_share": "faces",
    "smoothed_probability": "faces",
    "face_turn": "faces",
    "covered_share": "faces",
    "bit_rate": "file",
}
TAB_PARAMETER: Final = "panel"
SIGNAL_PARAMETER: Final = "signal"


def tab_of(evidence: Evidence) -> str:
    """Return the tab where a piece of evidence can be looked at."""
    if evidence.code == "unscored":
        return "faces"
    return MEASURE_TABS.get(evidence.signal, "evidence")


def choose_tab_from_url(page: AnalyzePage) -> None:
    """Open the tab that the URL names, once per session; go to the card of its signal. Without one the page stays at
    its top: whoever opens a link sees the clip's name and the answer first. Who comes back from another page finds the
    tab that was open, or that the URL names."""
    if page.tab_was_read:
        named = st.query_params.get(TAB_PARAMETER)
        tab = named if named in TABS else page.tab
        if tab is not None and page.key("tabs") not in st.session_state:
            st.session_state[page.key("tabs")] = TABS[tab]
        return
    page.tab_was_read = True
    tab, signal = st.query_params.get(TAB_PARAMETER), st.query_params.get(SIGNAL_PARAMETER)
    if tab in TABS:
        _open(page, tab, _plain(signal))
        page.scrolls = page.signal is not None


def open_tab(page: AnalyzePage, tab: str) -> None:
    """Open a tab and scroll to it. Call it in a callback."""
    _open(page, tab, None)


def open_evidence(page: AnalyzePage, evidence: Evidence) -> None:
    """Open the tab where a piece of evidence can be looked at, at its card and for its person. Call it in a
    callback."""
    if evidence.track_id is not None:
        set_person(page, evidence.track_id)
    _open(page, tab_of(evidence), evidence.signal)


def left_tab(page: AnalyzePage, key: str) -> None:
    """Forget which card was looked at: the callback of tabs that were switched by hand. key: theirs, since Streamlit
    calls for tabs that are gone as well."""
    if key == page.key("tabs"):
        page.signal, page.scrolls = None, False


def keep_tab_in_url(page: AnalyzePage) -> None:
    """Let the URL name the open tab and the card that was gone to. Call it after the tabs."""
    chosen = st.session_state.get(page.key("tabs"))
    page.tab = next((tab for tab, title in TABS.items() if title == chosen), None)
    keep_in_url(TAB_PARAMETER, page.tab)
    keep_in_url(SIGNAL_PARAMETER, page.signal)


def scroll_to_tab(page: AnalyzePage) -> None:
    """Scroll to where a link led, once. Call it before the tabs are drawn: what takes its time is then waited for in
    view."""
    if page.scrolls:
        page.scrolls = False
        scroll_to(page, [f".st-key-{page.key('tabs')}"] if page.signal is None else card_targets(page, page.signal))


def anchor_of(signal: str) -> str:
    """Return what the heading of a signal's card is called in the page, for links and for scrolling to it."""
    return f"evidence-{signal}"


def card_targets(page: AnalyzePage, signal: str) -> list[str]:
    """Return where a signal's card may be, as CSS selectors, the tabs last: not every signal has a card."""
    return [f"#{anchor_of(signal)}", f".st-key-{page.key('tabs')}"]


def _open(page: AnalyzePage, tab: str, signal: str | None) -> None:
    if st.session_state.get(page.key("tabs")) != TABS[tab]:
        page.renew("tabs")
        st.session_state[page.key("tabs")] = TABS[tab]
    page.signal, page.scrolls = signal, True


def _plain(signal: str | None) -> str | None:
    """A URL may hold anything; names of signals are letters, digits and underscores."""
    return signal if signal and signal.replace("_", "").isalnum() and signal.isascii() else None
