"""What a tab is called, and the picture at the top."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given, strategies as st

from dashboard.app.brand import tab
from dashboard.app.logo import GROUND, SHADES, logo


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
    parts = [int(ground[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    light = sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    assert 1.05 / (light + 0.05) >= 4.5
