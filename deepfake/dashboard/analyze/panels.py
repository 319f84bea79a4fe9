"""The panels of the Analyze page: which one is open, in the URL as well, and links that lead to one of their parts."""

import json
from typing import Final

import streamlit as st

from deepfake.analysis.evidence import Evidence
from deepfake.dashboard.person import set_person

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


def panel_key(slot: str) -> str:
    """Return the key of the tabs."""
    return f"{slot}-tabs"


def choose_panel_from_url(slot: str) -> None:
    """Open the panel that the URL names, once a session; go to the card of its signal."""
    if st.session_state.setdefault(f"_{slot}-panel-read", False):
        return
    st.session_state[f"_{slot}-panel-read"] = True
    panel, signal = st.query_params.get(PANEL_PARAMETER), st.query_params.get(SIGNAL_PARAMETER)
    if panel in PANELS:
        _open(slot, panel, _plain(signal))


def open_panel(slot: str, panel: str) -> None:
    """Open a panel and scroll to it. Call it in a callback."""
    _open(slot, panel, None)


def open_evidence(slot: str, evidence: Evidence) -> None:
    """Open the panel where a piece of evidence can be looked at, at its card and for its person. Call it in a
    callback."""
    if evidence.track_id is not None:
        set_person(slot, evidence.track_id)
    _open(slot, evidence.panel, evidence.signal)


def left_panel(slot: str) -> None:
    """Forget which card was looked at: the callback of tabs that were switched by hand."""
    st.session_state.pop(f"_{slot}-signal", None)
    st.session_state.pop(f"_{slot}-scroll", None)


def keep_panel_in_url(slot: str) -> None:
    """Let the URL name the open panel and the card that was gone to. Call it after the tabs."""
    chosen = st.session_state.get(panel_key(slot))
    panel = next((panel for panel in PANELS if panel_title(panel) == chosen), None)
    for parameter, value in ((PANEL_PARAMETER, panel), (SIGNAL_PARAMETER, st.session_state.get(f"_{slot}-signal"))):
        if value is None:
            st.query_params.pop(parameter, None)
        elif st.query_params.get(parameter) != value:
            st.query_params[parameter] = value


def scroll_to_panel(slot: str) -> None:
    """Scroll to where a link led, once. Call it at the very end of the page: what is drawn after it would move."""
    turn = st.session_state.pop(f"_{slot}-scroll", None)
    if turn is not None:
        signal = st.session_state.get(f"_{slot}-signal")
        targets = [f".st-key-{panel_key(slot)}"] if signal is None else card_targets(slot, signal)
        script = SCROLL_SCRIPT % json.dumps([targets, turn])
        st.html(script, unsafe_allow_javascript=True)


def card_targets(slot: str, signal: str) -> list[str]:
    """Return where a signal's card may be, as CSS selectors, the tabs last: not every signal has a card."""
    return [f"#evidence-{signal}", f".st-key-{panel_key(slot)}"]


def _open(slot: str, panel: str, signal: str | None) -> None:
    st.session_state[panel_key(slot)] = panel_title(panel)
    st.session_state[f"_{slot}-signal"] = signal
    # A number that is never the same: the browser runs a script again only when it has changed.
    turn = st.session_state.get(f"_{slot}-turn", 0) + 1
    st.session_state[f"_{slot}-turn"] = st.session_state[f"_{slot}-scroll"] = turn


def _plain(signal: str | None) -> str | None:
    """A URL may hold anything; names of signals are letters, digits and underscores."""
    return signal if signal and signal.replace("_", "").isalnum() and signal.isascii() else None
