"""What a tab is called, and the picture at the top."""

from __future__ import annotations

import tomllib
from xml.etree import ElementTree

import pytest
from hypothesis import given, strategies as st

from dashboard.app.brand import tab
from dashboard.app.logo import GROUND, SHADES, logo
from tests.servers import ROOT

LEAST = 4.5
"""WCAG's contrast of small text."""


def test_a_tab_says_first_what_tells_it_from_its_neighbours() -> None:
    """The thing that is open, the page, the product, and the deployment where it has a name."""
    assert tab("Tenants") == "Tenants · KATO tenants"
    assert tab("Tenant", "prod-eu", "tenant/acme") == (
        "tenant/acme · Tenant · KATO tenants (prod-eu)"
    )
    assert len(tab("Find", "", "x" * 20_000)) < 100


@given(st.text(st.characters(exclude_categories=["C"]), max_size=40), st.sampled_from([*SHADES]))
def test_the_picture_says_the_deployment_whatever_its_name_is(name: str, color: str) -> None:
    """It is XML, and has the name as text; what is too long is cut, and the cut is seen."""
    found = ElementTree.fromstring(logo(name, color))
    texts = [each.text for each in found.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[0] == "KATO tenants"
    if name:
        assert texts[1] == name if len(name) <= 30 else texts[1] == f"{name[:29]}…"
    assert int(found.attrib["width"]) <= 230


@pytest.mark.parametrize("ground", [GROUND, *SHADES.values()])
def test_white_is_legible_on_every_colour(ground: str) -> None:
    """By WCAG's contrast of small text."""
    assert contrast("#ffffff", ground) >= LEAST


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_lesser_text_is_legible(theme: str) -> None:
    """Captions, and names in tables, which no tool can measure, have 60 % of the text's colour."""
    colors = tomllib.loads((ROOT / ".streamlit/config.toml").read_text("utf-8"))["theme"][theme]
    for ground in (colors["backgroundColor"], colors["secondaryBackgroundColor"]):
        assert contrast(mixed(colors["textColor"], ground, 0.6), ground) >= LEAST


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours as WCAG 2 defines it."""
    lower, higher = sorted(map(luminance, (one, other)))
    return (higher + 0.05) / (lower + 0.05)


def luminance(color: str) -> float:
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts(color)]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def parts(color: str) -> list[float]:
    return [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]


def mixed(color: str, ground: str, share: float) -> str:
    pairs = zip(parts(color), parts(ground), strict=True)
    return "#" + "".join(f"{round(255 * (c * share + g * (1 - share))):02x}" for c, g in pairs)
