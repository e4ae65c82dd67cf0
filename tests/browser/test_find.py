"""A support engineer with a ticket open: from a user's name to the tenants, in a browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit, fits, settle


def check(page: Page) -> None:
    """Nothing failed, and nothing is wider than the window."""
    expect(page.locator("[data-testid=stException]")).to_have_count(0)
    fits(page)


@pytest.mark.parametrize(("theme", "width"), [("light", 1400), ("dark", 800)])
def test_a_user_is_found_by_a_link(stroll: Visit, theme: str, width: int) -> None:
    """The address can be pasted into a ticket, in both themes, wide and narrow."""
    page = stroll("find?find=bob", theme=theme, width=width)
    expect(page.get_by_text("Found as user in 3 tenants")).to_be_visible()
    expect(page.get_by_text("Written by tenant/acme-corp")).to_be_visible()
    check(page)


def test_from_any_page_to_the_user_and_on_to_the_tenant(stroll: Visit) -> None:
    """Typed into the sidebar, found, and the tenant opened from its row."""
    page = stroll("system")
    entry = page.get_by_test_id("stSidebar").get_by_placeholder("Find a user, session, key…")
    entry.fill("bob")
    entry.press("Enter")
    expect(page.locator("h1").first).to_have_text("Find")
    expect(page.get_by_text("Found as user in 3 tenants")).to_be_visible()
    expect(page).to_have_url(re.compile("find=bob"))
    settle(page)
    rows = page.locator("[data-testid=stDataFrame]").first
    box = rows.bounding_box()
    assert box
    page.mouse.click(box["x"] + 225, box["y"] + 35 + 17)  # the button in the first row
    expect(page.locator("h2").first).to_have_text("tenant/acme")
    expect(page).to_have_url(re.compile("tenant=tenant"))
    check(page)


def test_what_is_nowhere_says_where_was_looked(stroll: Visit) -> None:
    """And one click looks inside of names."""
    page = stroll("find?find=CME")
    expect(page.get_by_text("No match.")).to_be_visible()
    page.get_by_role("button", name="Search inside names").click()
    expect(page.get_by_text("Found as tenant and node_id")).to_be_visible()
    expect(page).to_have_url(re.compile("anywhere=true"))
    check(page)
