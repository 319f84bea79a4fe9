"""The application run without a browser."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 180


@pytest.fixture
def app() -> Callable[[str], AppTest]:
    """Factory: the application at one of its pages, "analyze" or another name, run once, in a session of its own."""

    def at_page(name: str = "analyze") -> AppTest:
        test = AppTest.from_file(str(ROOT / "pages" / "app.py"), default_timeout=60)
        test.run()
        if name != "analyze":
            test.switch_page(f"{name}.py").run()
        return test

    return at_page


@pytest.fixture
def run_until() -> Callable[[AppTest, Callable[[AppTest], bool]], AppTest]:
    """Run a page again, as its polling fragment does, until a condition holds."""

    def run(test: AppTest, condition: Callable[[AppTest], bool]) -> AppTest:
        deadline = time.monotonic() + LIMIT_S
        while not condition(test):
            assert not test.exception, test.exception
            assert time.monotonic() < deadline, f"waited {LIMIT_S} s in vain; errors: {[e.value for e in test.error]}"
            # Jobs run in another process: there is nothing here to wait on but the page itself.
            time.sleep(0.1)
            test.run()
        return test

    return run
