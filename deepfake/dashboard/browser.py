"""What every page needs of the browser besides Streamlit: styles, keys, a region that screen readers follow, and a way
back in one press."""

import json
from typing import Final

import streamlit as st

STYLE: Final = """<style>
/* A screen that is touched shows the buttons of a chart all the time, and over its title. A chart that can be dragged
   holds a finger that only wants to scroll: there, the slider and the lists of moments do what a click on a point
   does. */
@media (hover: none) {
  .js-plotly-plot .modebar { display: none; }
  .js-plotly-plot .draglayer, .js-plotly-plot .draglayer * { pointer-events: none !important; }
}
/* Streamlit's captions and axes are too faint to be read by everybody: a contrast of 4.5 to 1 is asked for. */
[data-testid="stCaptionContainer"], [data-testid="stImageCaption"] { color: inherit !important; opacity: 0.8; }
.js-plotly-plot .main-svg text { fill: currentColor !important; }
button[kind$="Active"], button[kind$="Active"] p { color: inherit !important; }
button[kind="primary"]:not(:disabled) { background-color: #3A57B7 !important; border-color: #3A57B7 !important; }
input::placeholder, textarea::placeholder { color: inherit !important; opacity: 0.75 !important; }
/* The buttons beside the slider show an arrow and are read by their names. */
[class*="-step-back"] p, [class*="-step-on"] p {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap;
}
</style>"""

# Once for each document. Keys work where nothing that takes them has the focus. A click that only changes the query of
# the address replaces it: the way back leads to the page before, not to the moment before.
SCRIPT: Final = """<script>
(() => {
  if (window.deepfakeSay) return;
  const region = document.createElement("div");
  region.id = "deepfake-live";
  region.setAttribute("role", "status");
  region.setAttribute("aria-live", "polite");
  region.style.cssText = "position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)";
  document.body.append(region);
  window.deepfakeSay = (text) => { if (region.textContent !== text) region.textContent = text; };
  const push = history.pushState.bind(history);
  history.pushState = (state, title, url) => {
    const stays = url && new URL(url, location.href).pathname === location.pathname;
    (stays ? history.replaceState.bind(history) : push)(state, title, url);
  };
  const TAKES_KEYS = "input, textarea, select, video, canvas, [contenteditable=true], [role=slider], [role=tab], " +
    "[role=radio], [role=combobox], [role=dialog], [role=listbox]";
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey || event.target.closest(TAKES_KEYS)) return;
    const step = {ArrowLeft: "back", ArrowRight: "on"}[event.key];
    const button = step && document.querySelector(`[class*="-step-${step}"] button:not([disabled])`);
    const player = document.querySelector('video[data-testid="stVideo"], [data-testid="stVideo"] video');
    const key = event.key.toLowerCase();
    if (button) button.click();
    else if (player && key === "k") player.paused ? player.play() : player.pause();
    else if (player && key === "j") player.currentTime = Math.max(0, player.currentTime - 1);
    else if (player && key === "l") player.currentTime += 1;
    else return;
    event.preventDefault();
  });
})();
</script>"""


def draw_browser() -> None:
    """Give the browser its styles and keys. Call it once per page, before anything else."""
    st.html(STYLE)
    st.html(SCRIPT, unsafe_allow_javascript=True)


def announce(text: str) -> None:
    """Have a screen reader say a text where it is: once, until there is another one."""
    said = json.dumps(text).replace("</", "<\\/")
    st.html(f"<script>window.deepfakeSay && window.deepfakeSay({said});</script>", unsafe_allow_javascript=True)
