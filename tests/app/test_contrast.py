"""All text can be read in both themes: computed from the theme, the styles of the pages and the colors of figures."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from deepfake.dashboard.browser import STYLE
from deepfake.figures.style import COLORS

ROOT = Path(__file__).resolve().parents[2]
THEME = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"]
TEXT, GRAPHIC = 4.5, 3.0  # WCAG 2.2: success criteria 1.4.3 and 1.4.11
Rgb = tuple[float, ...]


def rgb(color: str) -> Rgb:
    return tuple(int(color[place : place + 2], 16) for place in (1, 3, 5))


def mixed(ink: Rgb, ground: Rgb, opacity: float) -> Rgb:
    return tuple(opacity * a + (1 - opacity) * b for a, b in zip(ink, ground, strict=True))


def luminance(color: Rgb) -> float:
    parts = [value / 255 for value in color]
    linear = [value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4 for value in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: Rgb, b: Rgb) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def opacity_of(selector: str) -> float:
    rule = re.search(re.escape(selector) + r"[^{]*\{[^}]*opacity: ([\d.]+)", STYLE)
    assert rule is not None
    return float(rule[1])


@pytest.mark.parametrize("name", ["light", "dark"])
def test_every_text_stands_out(name: str) -> None:
    theme = THEME[name]
    grounds = [rgb(theme[key]) for key in ("backgroundColor", "secondaryBackgroundColor")]
    text = rgb(theme["textColor"])
    inks = [rgb(theme[key]) for key in ("textColor", "linkColor", "greenTextColor", "orangeTextColor")]
    faint = [opacity_of('[data-testid="stCaptionContainer"]'), opacity_of("input::placeholder")]
    for ground in grounds:
        for ink in (*inks, *(mixed(text, ground, opacity) for opacity in faint)):
            assert contrast(ink, ground) >= TEXT, (name, ink, ground)
    assert contrast(rgb(theme["primaryColor"]), grounds[0]) >= TEXT, "the chosen tab, the value of a slider"
    # Axes, titles and legends have the page's own color, whatever the figure says.
    assert re.search(r"\.main-svg text\S* \{ fill: currentColor !important", STYLE)


def test_the_words_of_a_button_stand_out_of_it() -> None:
    (button,) = re.findall(r'stBaseButton-primary"\][^{]*\{ background-color: (#\w{6})', STYLE)
    assert contrast(rgb(button), (255, 255, 255)) >= TEXT


@pytest.mark.parametrize("name", ["light", "dark"])
@pytest.mark.parametrize("color", COLORS)
def test_every_line_of_a_chart_stands_out(name: str, color: str) -> None:
    assert contrast(rgb(COLORS[color]), rgb(THEME[name]["backgroundColor"])) >= GRAPHIC
