"""The panels of the Analyze page: which one is open, in the URL as well, and links that lead to one of their parts."""

import json
from typing import Final

import streamlit as st

from deepfake.analysis.evidence import Evidence
from deepfake.dashboard.selection import set_person
from deepfake.dashboard.state import AnalyzePage

# What the URL calls a panel, and its title and icon.
PANELS: Final[dict[str, tuple[str, str]]] = {
    "faces": ("Faces", "face"),
    "motion": ("In motion", "animation"),
    "frames": ("Frames", "grid_view"),
    "similarity": ("Similarity", "show_chart"),
    "evidence": ("Evidence", "search_insights"),
    "recompress": ("Re-compress", "compress"),
    "file": ("File", "info"),
}
# Where a measure of quality is shown; signals and scores are on the panel of the evidence.
MEASURE_PANELS: Final = {
    "face_count": "faces",
    "face_width": "faces",
    "edge_blur": "faces",
    "face_turn": "faces",
    "covered_share": "faces",
    "bit_rate": "file",
}
PANEL_PARAMETER: Final = "panel"
SIGNAL_PARAMETER: Final = "signal"
# Waits for the panel, which comes after the link was followed, scrolls to it and gives it the focus: a keyboard goes on
# from there and a screen reader reads it. Once more a little later, since pictures that arrive push the rest down.
SCROLL_SCRIPT: Final = """<script>
(() => {
  const [targets, turn] = %s;
  const find = () => targets.map((target) => document.querySelector(target)).find(Boolean);
  let waited = 0, moved = false;
  const by_user = () => { moved = true; };
  ["wheel", "touchmove", "keydown"].forEach((kind) => addEventListener(kind, by_user, {once: true, passive: true}));
  const show = () => {
    const found = find();
    if (!found) { if ((waited += 200) < 8000) setTimeout(show, 200); return; }
    found.style.scrollMarginTop = "4.5rem";
    if (!found.hasAttribute("tabindex")) found.setAttribute("tabindex", "-1");
    found.scrollIntoView({block: "start"});
    found.focus({preventScroll: true});
    setTimeout(() => { if (!moved && find()) find().scrollIntoView({block: "start"}); }, 900);
  };
  show();
})();
</script>"""


def panel_title(panel: str) -> str:
    """Return what the tab of a panel is called: its icon and title."""
    title, icon = PANELS[panel]
    return f":material/{icon}: {title}"


def panel_of(evidence: Evidence) -> str:
    """Return the panel where a piece of evidence can be looked at."""
    if evidence.code == "unscored":
        return "faces"
    return MEASURE_PANELS.get(evidence.signal, "evidence")


def choose_panel_from_url(page: AnalyzePage) -> None:
    """Open the panel that the URL names, once a session; go to the card of its signal."""
    if page.tab_was_read:
        return
    page.tab_was_read = True
    panel, signal = st.query_params.get(PANEL_PARAMETER), st.query_params.get(SIGNAL_PARAMETER)
    if panel in PANELS:
        _open(page, panel, _plain(signal))


def open_panel(page: AnalyzePage, panel: str) -> None:
    """Open a panel and scroll to it. Call it in a callback."""
    _open(page, panel, None)


def open_evidence(page: AnalyzePage, evidence: Evidence) -> None:
    """Open the panel where a piece of evidence can be looked at, at its card and for its person. Call it in a
    callback."""
    if evidence.track_id is not None:
        set_person(page, evidence.track_id)
    _open(page, panel_of(evidence), evidence.signal)


def left_panel(page: AnalyzePage) -> None:
    """Forget which card was looked at: the callback of tabs that were switched by hand."""
    page.signal, page.scrolls = None, False


def keep_panel_in_url(page: AnalyzePage) -> None:
    """Let the URL name the open panel and the card that was gone to. Call it after the tabs."""
    chosen = st.session_state.get(page.key("tabs"))
    panel = next((panel for panel in PANELS if panel_title(panel) == chosen), None)
    for parameter, value in ((PANEL_PARAMETER, panel), (SIGNAL_PARAMETER, page.signal)):
        if value is None:
            st.query_params.pop(parameter, None)
        elif st.query_params.get(parameter) != value:
            st.query_params[parameter] = value


def scroll_to_panel(page: AnalyzePage) -> None:
    """Scroll to where a link led, once. Call it at the very end of the page: what is drawn after it would move."""
    if page.scrolls:
        page.scrolls = False
        targets = [f".st-key-{page.key('tabs')}"] if page.signal is None else card_targets(page, page.signal)
        script = SCROLL_SCRIPT % json.dumps([targets, page.turn])
        st.html(script, unsafe_allow_javascript=True)


def card_targets(page: AnalyzePage, signal: str) -> list[str]:
    """Return where a signal's card may be, as CSS selectors, the tabs last: not every signal has a card."""
    return [f"#evidence-{signal}", f".st-key-{page.key('tabs')}"]


def _open(page: AnalyzePage, panel: str, signal: str | None) -> None:
    st.session_state[page.key("tabs")] = panel_title(panel)
    page.signal, page.scrolls = signal, True
    page.turn += 1  # never the same number: the browser runs a script again only when it has changed


def _plain(signal: str | None) -> str | None:
    """A URL may hold anything; names of signals are letters, digits and underscores."""
    return signal if signal and signal.replace("_", "").isalnum() and signal.isascii() else None
