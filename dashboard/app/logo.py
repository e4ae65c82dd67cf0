"""The mark with the product's and the deployment's name, as an SVG for the page's top. Pure.

It is a picture, which no theme colours: so it brings its own ground.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

PRODUCT = "KATO tenants"

GROUND = "#0f4c75"
SHADES: Mapping[str, str] = {
    "gray": "#52606d", "blue": "#0f5c8c", "green": "#2a6f67", "orange": "#96560f",
    "red": "#a1283c", "violet": "#6b5bb0",
}  # fmt: skip
"""The colours that a deployment can have, by their names in Streamlit: white is legible on each."""

_MOST = 30
"""Characters of the second line; more would be wider than the sidebar."""

_LETTERS = 'font-family="Source Sans Pro, Segoe UI, Helvetica, Arial, sans-serif" fill="#ffffff"'
_MARK = (
    '<path d="M16 7v6.5M16 13.5 8.5 22M16 13.5 23.5 22" stroke="#ffffff" stroke-width="1.6" '
    'fill="none"/><g fill="#ffffff"><circle cx="16" cy="7" r="3"/><circle cx="16" cy="14" r="3.6"/>'
    '<circle cx="8.5" cy="23" r="3"/><circle cx="23.5" cy="23" r="3"/></g>'
)
"""Three of one hub, and none of them touches another."""


def logo(line: str = "", color: str = "gray") -> str:
    """Return the picture, 32 units high; `line` is below the product's name, on `color`."""
    line = line if len(line) <= _MOST else f"{line[: _MOST - 1]}…"
    width = 46 + max(90, _wide(line))
    text = _two_lines(line, width, SHADES[color]) if line else _words(PRODUCT, 90, 21, 14)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="32" '
        f'viewBox="0 0 {width} 32"><clipPath id="plate"><rect width="{width}" height="32" rx="6"/>'
        f'</clipPath><g clip-path="url(#plate)"><rect width="{width}" height="32" fill="{GROUND}"/>'
        f"{_MARK}{text}</g></svg>"
    )


def _two_lines(line: str, width: int, shade: str) -> str:
    strip = f'<rect x="32" y="17" width="{width - 32}" height="15" fill="{shade}"/>'
    return f"{_words(PRODUCT, 84, 13, 12.5)}{strip}{_words(line, _wide(line), 28, 10.5)}"


def _wide(line: str) -> int:
    return round(5.6 * len(line))


def _words(text: str, width: int, y: float, size: float) -> str:
    """Write a text as wide as given, whatever letters the browser has."""
    fit = f'textLength="{width}" lengthAdjust="spacingAndGlyphs"'
    return (
        f'<text x="38" y="{y}" font-size="{size}" font-weight="600" {fit} {_LETTERS}>'
        f"{escape(text)}</text>"
    )
