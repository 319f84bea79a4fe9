"""Somebody at the application, without a browser: what they do and what they see. Only this module knows the keys of
widgets, so that a test says what a user does."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, Self

from streamlit.testing.v1 import AppTest

from deepfake.dashboard.analyze.tabs import TABS as ANALYZE_TABS
from deepfake.dashboard.state import PageState

SCRIPT = Path(__file__).resolve().parents[2] / "pages" / "app.py"
RUN_LIMIT_S = 60  # of one run of a page
WAIT_LIMIT_S = 180  # for what workers make

PageName = Literal["analyze", "compare", "dataset", "evaluate", "history", "methods"]
HEADINGS: dict[str, PageName] = {
    "Analyze a clip": "analyze",
    "Compare two clips": "compare",
    "Data set": "dataset",
    "Evaluate a data set": "evaluate",
    "History": "history",
    "Methods": "methods",
}
VERDICTS = ("NO SIGNS OF A FAKE FOUND", "INCONCLUSIVE", "LIKELY FAKE", "NOT JUDGED", "NO FACE")
ANSWERS = ("Same scene", "NOT A PAIR", "NOT IN STEP", "CANNOT BE COMPARED")
CLOSED = ("popover", "expandable", "expander")  # what has to be opened first
# The key of a page's tabs, and their titles.
TABS = {
    "dataset": ("view", {"gallery": "Gallery"}),
    "evaluate": ("details", {"not decided": "Not decided", "methods": "By method"}),
}


class User(AppTest):
    """A session of the application, at one of its pages."""

    def __init__(self, page: PageName = "analyze") -> None:
        super().__init__(SCRIPT, default_timeout=RUN_LIMIT_S)
        self._begins_at: PageName = page
        self.switch_page(f"{page}.py")

    # --- Going somewhere ------------------------------------------------------------------------------------------

    def arrive(self, **query: str) -> Self:
        """Open the page, at an address with a query."""
        self.query_params.update(query)
        self.run()
        return self

    def go_to(self, page: PageName) -> Self:
        """Choose a page in the menu."""
        self.switch_page(f"{page}.py").run()
        return self

    def at_tab(self, tab: str) -> Self:
        """Have a tab open when the page is drawn next."""
        key, titles = TABS.get(self.at, (self._key("tabs"), ANALYZE_TABS))
        self.session_state[key] = titles[tab]
        return self

    def open_tab(self, tab: str) -> Self:
        """Click on a tab."""
        self.at_tab(tab).run()
        return self

    def with_haar(self) -> Self:
        """Have faces found by the Haar cascade: quick, because it loads no network."""
        self.session_state["settings-face-detector"] = "haar"
        return self

    def scored_by(self, classifier: str) -> Self:
        """Have faces scored by another classifier."""
        self.session_state["settings-classifier"] = classifier
        return self

    @property
    def classifiers(self) -> list[str]:
        """The titles of the classifiers that can be chosen."""
        return list(self.selectbox(key="settings-classifier").options)

    @property
    def chosen_classifier(self) -> str:
        """The name of the classifier that is chosen."""
        return str(self.selectbox(key="settings-classifier").value)

    @property
    def at(self) -> PageName:
        """The page that is shown."""
        return HEADINGS[self.heading] if self.title else self._begins_at

    # --- Choosing ---------------------------------------------------------------------------------------------------

    def upload(self, *paths: Path, as_original: bool = False) -> Self:
        """Upload clips, or on Compare the original."""
        files = [(path.name, path.read_bytes(), "video/mp4") for path in paths]
        self.file_uploader[int(as_original)].set_value(files).run()
        return self

    def choose(self, clip: str | None = None, *, source: str | None = None, original: bool = False) -> Self:
        """Choose a data set, or a clip of it, or both; on Compare also of the original."""
        for kind, value in (("source", source), ("clip", clip)):
            if value is not None:
                self.chooser(kind, original=original).set_value(value).run()
        return self

    def chooser(self, kind: Literal["source", "clip"], *, original: bool = False) -> Any:
        """The widget that chooses the data set or the clip."""
        if self.at in ("dataset", "evaluate"):
            return self.selectbox(key="dataset-source")
        return self.selectbox(key=self._key(kind, f"{self.at}{'-b' * original}"))

    def _key(self, widget: str, page: str | None = None) -> str:
        """The key that a widget has at the moment: what the program writes into has a new one then."""
        name = page or self.at
        remembered = f"_page-{name}"
        state = self.session_state[remembered] if remembered in self.session_state else PageState(name)
        return state.key(widget)

    def take_sample(self, name: str) -> Self:
        """Click on one of the three samples, or pairs, of the empty page."""
        return self.click(f"{self.at}-sample-{name}")

    # --- Clicking ---------------------------------------------------------------------------------------------------

    def click(self, key: str) -> Self:
        """Click on the button of that key."""
        self.button(key=key).click().run()
        return self

    def has_button(self, key: str) -> bool:
        return any(item.key == key for item in self.button)

    def buttons_of(self, prefix: str) -> list[Any]:
        """Buttons whose keys begin alike: the moments of a list, the reasons of a verdict."""
        return [item for item in self.button if (item.key or "").startswith(prefix)]

    def cancel(self, what: str | None = None) -> Self:
        """Cancel what is being made at a place of the page: at first the analysis."""
        return self.click(f"cancel-{what or self.at}")

    def start_again(self, what: str | None = None) -> Self:
        return self.click(f"again-{what or self.at}")

    # --- Time -------------------------------------------------------------------------------------------------------

    @property
    def time_slider(self) -> Any:
        return self.slider(key=self._key("time"))

    def move_to(self, time_s: float) -> Self:
        """Move the slider to a time, in seconds."""
        self.time_slider.set_value(time_s).run()
        return self

    def one_frame_on(self) -> Self:
        return self.click(f"{self.at}-step-on")

    @property
    def person_choice(self) -> Any:
        """The choice of the person that the page follows."""
        return self.pills(key=self._key("person"))

    @property
    def threshold(self) -> Any:
        """The slider of Evaluate."""
        return self.slider(key="evaluate-threshold")

    # --- Waiting ----------------------------------------------------------------------------------------------------

    def wait_until(self, condition: Callable[[Self], bool]) -> Self:
        """Run the page again, as its polling fragment does, until a condition holds."""
        deadline, run_s = time.monotonic() + WAIT_LIMIT_S, 0.0
        while not condition(self):
            assert not self.exception, self.exception
            assert time.monotonic() < deadline, f"waited {WAIT_LIMIT_S} s in vain; errors: {self.errors}"
            # Jobs run in another process: there is nothing here to wait on but the page itself. What a run of it costs
            # the workers could use.
            time.sleep(max(0.1, 2 * run_s))
            started = time.monotonic()
            self.run()
            run_s = time.monotonic() - started
        return self

    def wait_for_verdict(self) -> Self:
        return self.wait_until(User.has_verdict)

    def wait_for_answer(self) -> Self:
        """Wait for what Compare says of the two clips."""
        return self.wait_until(User.has_answer)

    def wait_for_samples(self) -> Self:
        return self.wait_until(lambda user: bool(user.samples))

    def wait_for_error(self) -> Self:
        return self.wait_until(lambda user: bool(user.errors))

    # --- Seeing -----------------------------------------------------------------------------------------------------

    @property
    def words(self) -> str:
        """All that is written on the page, but for errors, buttons and tables."""
        kinds = ("markdown", "caption", "info", "success", "warning", "header", "subheader")
        return "\n".join(str(element.value) for kind in kinds for element in getattr(self, kind))

    @property
    def words_in_view(self) -> list[str]:
        """Every word that a visitor sees outside the menu: no icons, nothing that has to be opened first."""
        found: list[str] = []

        def read(block: Any) -> None:
            for child in block.children.values():
                if child.type == "plotly_chart":
                    found.append(_words_of_chart(json.loads(child.proto.spec)))
                elif child.type == "imgs":
                    found.extend(picture.caption for picture in child.proto.imgs)
                elif child.type in CLOSED:
                    found.append(str(getattr(child, "label", "")))
                elif hasattr(child, "children"):
                    read(child)
                elif child.type != "html":
                    found.append(str(getattr(child, "label", None) or getattr(child, "value", None) or ""))

        read(self.main)
        text = re.sub(r":material/\w+:|:[a-z]+(-badge)?\[", " ", "\n".join(found))
        return [word for word in text.split() if re.search(r"\w", word)]

    @property
    def errors(self) -> list[str]:
        return [element.value for element in self.error]

    @property
    def scrolls_to(self) -> str:
        """Where the page scrolls of itself, and with it the keyboard: CSS selectors."""
        told = [json.loads(item.proto.json) for item in self.get("bidi_component") if item.proto.json]
        return " ".join(target for data in told for target in data.get("targets", ()))

    @property
    def heading(self) -> str:
        return str(self.title[0].value)

    @property
    def pictures(self) -> str:
        """The pictures with what is written below them."""
        return str([item.proto for item in self.get("image")])

    @property
    def samples(self) -> list[Any]:
        """The buttons of the empty page that begin with a sample, or a pair."""
        return self.buttons_of(f"{self.at}-sample-")

    @property
    def reasons(self) -> list[Any]:
        """The reasons of the verdict: buttons that lead to what they rest on."""
        return self.buttons_of("banner-reason-")

    @property
    def moments(self) -> list[Any]:
        """The most suspicious moments on the card: buttons below their pictures."""
        return self.buttons_of("banner-moment-")

    @property
    def tab(self) -> str:
        """The title of the open tab."""
        return str(self.session_state[self._key("tabs")])

    @property
    def is_waiting(self) -> bool:
        """Whether progress is shown."""
        return bool(self.get("progress"))

    def has_verdict(self) -> bool:
        return any(word in self.words for word in VERDICTS)

    def has_answer(self) -> bool:
        return any(word in self.words for word in ANSWERS)

    def table_with(self, column: str) -> Any:
        """The table that has a column of that name."""
        return next(item.value for item in self.dataframe if column in item.value)

    def select_rows(self, *rows: int, table: str = "history-table-") -> Self:
        """Select rows of the table whose key begins like that, which AppTest itself cannot."""
        key = next(item.key for item in self.dataframe if (item.key or "").startswith(table))
        self.session_state[key] = {"selection": {"rows": list(rows), "columns": [], "cells": []}}
        self.run()
        return self


def _words_of_chart(figure: dict[str, Any]) -> str:
    """What is written in a chart: titles of it and its axes, and its legend."""
    layout = figure["layout"]
    titles = [layout.get("title", {}).get("text", "")]
    titles += [axis.get("title", {}).get("text", "") for name, axis in layout.items() if name[1:5] == "axis"]
    named = figure["data"] if layout.get("showlegend") is not False else []
    legend = [curve.get("name", "") for curve in named if curve.get("showlegend") is not False]
    return "\n".join(filter(None, titles + legend))
