"""What every page needs of the browser besides Streamlit: styles, keys, a region that screen readers follow, and a way
back in one press."""

from typing import Any, Final

import streamlit as st

from deepfake.dashboard.state import PageState

ROW_KEYS: Final = "By keyboard: the arrow keys lead to a row, Shift and the space bar select it."

STYLE: Final = """<style>
/* A screen that is touched shows the buttons of a chart all the time, and over its title. A chart that can be dragged
   holds a finger that only wants to scroll: there, the slider and the lists of moments do what a click on a point
   does. */
@media (hover: none) {
  .js-plotly-plot .modebar { display: none; }
  .js-plotly-plot .draglayer, .js-plotly-plot .draglayer * { pointer-events: none !important; }
  /* Those of a table stay: they stand above it, and it keeps the room for them. */
  [data-testid="stElementContainer"]:has(> [data-testid="stFullScreenFrame"] > [data-testid="stDataFrame"]) {
    margin-top: 1.75rem;
  }
}
/* The buttons of a chart stand above it, as those of a table do: else they cover its title. Not where it fills the
   screen: there is no room above. */
@media (hover: hover) {
  [data-testid="stPlotlyChart"] { container-type: size; width: 100%; }
  [data-testid="stElementContainer"]:has(.js-plotly-plot) { overflow: visible; }
  .js-plotly-plot { overflow: visible !important; }
  @container (max-height: 85vh) { .js-plotly-plot .modebar-container { top: -1.7rem !important; } }
}
/* Streamlit's captions and axes are too faint to be read by everybody: a contrast of 4.5 to 1 is asked for. */
[data-testid="stCaptionContainer"], [data-testid="stImageCaption"] { color: inherit !important; opacity: 0.8; }
.js-plotly-plot .main-svg text:not(.bartext-inside) { fill: currentColor !important; }
button[data-variant][data-selected="true"] { color: inherit !important; }
[data-testid="stSidebar"] [data-testid="stExpanderDetails"] { padding-inline: 0.25rem; }
[data-testid="stBaseButton-primary"]:not(:disabled) { background-color: #3A57B7 !important; border-color: #3A57B7; }
input::placeholder, textarea::placeholder { color: inherit !important; opacity: 0.75 !important; }
.st-key-next-steps [data-testid="stMarkdown"] p { font-size: 0.875rem; padding-block: 0.25rem; }
.st-key-next-steps [data-testid="stMarkdown"] [role="img"] { margin-right: 0.45rem; font-size: 1rem; }
/* What only tells the browser something takes no room. */
[class*="st-key-browser-"], .st-key-resume { position: absolute; width: 1px; height: 1px; overflow: hidden; }
/* Where the keyboard is has to be seen (WCAG 2.2, 2.4.7). Streamlit shows it faintly at links, hardly at switches, and
   not at all at a box whose entry was just chosen, at the buttons over a picture or a table, and at a table. */
[data-testid="stSidebarNavLink"]:focus-visible, [data-testid="stPageLink-NavLink"]:focus-visible,
[data-testid="stElementToolbar"] button:focus-visible,
:is([data-testid="stCheckbox"], [data-testid="stRadio"]) label:has(input:focus-visible) {
  outline: 2px solid currentColor !important; outline-offset: 1px; border-radius: 0.375rem;
}
.js-plotly-plot .modebar-btn:focus-visible { outline: 2px solid currentColor !important; }
[data-testid="stPageLink-NavLink"] { color: inherit; }
[data-testid="stSelectbox"] [role="group"]:has(input:focus-visible) { outline: 1px solid currentColor; }
[data-testid="stDataFrame"] canvas:focus-visible { outline: 2px solid currentColor; outline-offset: -2px; }
[data-testid="stElementToolbar"]:has(button:focus-visible) { opacity: 1 !important; }
/* The buttons beside the slider show an arrow and are read by their names; so is what tells alike buttons apart. */
:is([data-testid="stButton"], [data-testid="stPageLink"]) em, [class*="-step-back"] p, [class*="-step-on"] p {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap;
}
</style>"""

# A component, because the pages allow no script that stands in them. What it is told once holds for the document. Keys
# work where nothing that takes them has the focus. A click that only changes the query of the address replaces it: the
# way back leads to the page before, not to the moment before. Just before it goes to another page, Streamlit
# empties the query of the one that is left, or gives it the other's: what it was at the click is put back, so that the
# way back leads to the tab and the filters that were left.
SCRIPT: Final = """
const TAKES_KEYS = "input, textarea, select, video, canvas, [contenteditable=true], [role=slider], [role=tab], " +
  "[role=radio], [role=combobox], [role=dialog], [role=listbox]";

function press(event) {
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
}

function begin() {
  const region = document.createElement("div");
  region.id = "deepfake-live";
  region.setAttribute("role", "status");
  region.setAttribute("aria-live", "polite");
  region.style.cssText = "position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)";
  document.body.append(region);
  const push = history.pushState.bind(history), replace = history.replaceState.bind(history);
  let clicked_at = location.href;
  addEventListener("click", () => { clicked_at = location.href; }, true);
  history.pushState = (state, title, url) => {
    const stays = new URL(url || "", location.href).pathname === location.pathname;
    if (!stays && new URL(clicked_at).pathname === location.pathname) replace(state, title, clicked_at);
    (stays ? replace : push)(state, title, url);
  };
  document.addEventListener("keydown", press);
}

// Waits for the first of some places, scrolls to it and gives it the focus: a keyboard goes on from there and a screen
// reader reads it. What is really wanted may come later, below a sign that something is being made: then on to that,
// and once more a little later, since pictures that arrive push the rest down. Nothing moves after the reader has.
function scroll(targets) {
  const find = () => targets.map((target) => document.querySelector(target)).find(Boolean);
  let waited = 0, moved = false, shown = null;
  const by_user = () => { moved = true; };
  ["wheel", "touchmove", "keydown"].forEach((kind) => addEventListener(kind, by_user, {once: true, passive: true}));
  const show = () => {
    const found = find();
    if (found && found !== shown && !moved) {
      shown = found;
      found.style.scrollMarginTop = "4.5rem";
      if (!found.hasAttribute("tabindex")) found.setAttribute("tabindex", "-1");
      found.style.outline = "none"; // a place to read on from, not a control
      found.scrollIntoView({block: "start"});
      found.focus({preventScroll: true});
      setTimeout(() => { if (!moved && find() === shown) shown.scrollIntoView({block: "start"}); }, 900);
    }
    if (!moved && (!found || found !== document.querySelector(targets[0])) && (waited += 200) < 30000) {
      setTimeout(show, 200);
    }
  };
  show();
}

export default ({data}) => {
  if (!document.getElementById("deepfake-live")) begin();
  const region = document.getElementById("deepfake-live");
  if (data.say && region.textContent !== data.say) region.textContent = data.say;
  if (data.targets && window.deepfakeTurn !== data.turn) {
    window.deepfakeTurn = data.turn;
    scroll(data.targets);
  }
};
"""


def draw_browser() -> None:
    """Give the browser its styles and keys. Call it once per page, before anything else."""
    st.html(STYLE)
    _tell("begin")


def announce(text: str, *, place: str) -> None:
    """Have a screen reader say a text: once, until there is another one. place: of the page that says it."""
    _tell(f"say-{place}", say=text)


def scroll_to(page: PageState, targets: list[str]) -> None:
    """Scroll to the first of some CSS selectors that there is. Call it in one run only: the next would scroll again."""
    page.turn += 1  # never the same twice: the browser scrolls only when it has changed
    _tell("scroll", targets=targets, turn=f"{page.name}-{page.turn}")


def show_answer(page: PageState, *targets: str) -> None:
    """Scroll to the answer of a page where it was waited for, once. targets: CSS selectors, of which one is there."""
    if page.was_waiting:
        page.was_waiting = False
        scroll_to(page, list(targets))


def _tell(what: str, **data: Any) -> None:
    st.components.v2.component("deepfake_browser", js=SCRIPT)(key=f"browser-{what}", data=data, height=1)
