"""What the audit found, in a browser: from the list to one finding, accepted and back."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit, settle
from tests.browser.test_find import check

SHARED = "tenant_acme_corp_user_bob_kato"
OPEN_AT = (84 + 22, 35 + 17)  # pixels: the button in the first row of the list
REASON = "ticket 4711: <b>moving</b> in March"


def card(page: Page, name: str) -> str:
    """What a figure says."""
    cards = page.get_by_test_id("stMetric").filter(has_text=name)
    return cards.first.inner_text()


def open_first(page: Page) -> None:
    """Open the first finding of the list."""
    box = page.get_by_test_id("stDataFrame").first.bounding_box()
    assert box
    page.mouse.click(box["x"] + OPEN_AT[0], box["y"] + OPEN_AT[1])
    expect(page.get_by_role("heading", name="What was seen")).to_be_visible()
    settle(page)


@pytest.mark.parametrize(("theme", "width"), [("light", 1400), ("dark", 800)])
def test_the_page_is_drawn(stroll: Visit, theme: str, width: int) -> None:
    """Both themes, wide and narrow: score, findings, sums and rules."""
    page = stroll("isolation", theme=theme, width=width)
    for heading in ("Findings", "Reconciliation", "Checks"):
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
    assert "%" in card(page, "Score")
    assert "adds up" in card(page, "Patterns")
    expect(page.locator(".js-plotly-plot")).to_have_count(4)
    check(page)


@pytest.mark.parametrize(("theme", "width"), [("light", 1400), ("dark", 800)])
def test_from_overview_to_a_finding(stroll: Visit, theme: str, width: int) -> None:
    """What needs attention leads to it; what it says of the tenants leads to them."""
    page = stroll("", theme=theme, width=width)
    main = page.get_by_test_id("stMain")
    main.get_by_role("link", name="Isolation").first.click()
    expect(page.locator("h2").first).to_have_text("Tenants that share a kb_id")
    expect(page).to_have_url(re.compile("finding="))
    settle(page)
    check(page)
    page.get_by_role("link", name="Open tenant/acme-corp").click()
    expect(page.locator("h2").first).to_have_text("tenant/acme-corp")
    expect(page.get_by_text("Also written by").first).to_be_visible()


def test_a_finding_is_accepted_and_shown_so(stroll: Visit) -> None:
    """Opened from the list with its filters, accepted to a day, listed as such, and withdrawn."""
    page = stroll("isolation?severity=critical")
    open_first(page)
    expect(page).to_have_url(re.compile("severity=critical"))
    page.get_by_role("button", name="Accept risk").click()
    page.get_by_role("textbox", name="Why").fill(REASON)
    page.get_by_text("Until a day").click()
    expect(page.get_by_test_id("stDateInput")).to_be_visible()
    page.get_by_role("button", name="Accept", exact=True).click()
    expect(page.get_by_role("heading", name="Accepted")).to_be_visible()
    expect(page.get_by_text(REASON)).to_be_visible()  # as it was typed: no HTML
    settle(page)
    check(page)
    page.get_by_role("button", name="All findings").click()
    expect(page.get_by_role("heading", name="Reconciliation")).to_be_visible()
    expect(page).not_to_have_url(re.compile("finding="))
    settle(page)
    assert card(page, "Critical").split()[-1] == "1"
    assert card(page, "Accepted").split()[-1] == "1"
    page = stroll("isolation?status=accepted")
    open_first(page)
    expect(page.get_by_text(REASON)).to_be_visible()
    page.get_by_role("button", name="Withdraw").click()
    expect(page.get_by_role("heading", name="Accepted")).to_have_count(0)


_WATCH = """() => new MutationObserver(() => {
  window.waits ||= [...document.querySelectorAll('button:disabled')]
    .some(e => e.innerText.includes('Auditing…'));
}).observe(document.body, {subtree: true, childList: true, attributes: true, characterData: true})
"""
"""Notes that the button waits, for however short a time it does."""


def test_an_audit_now_is_followed(stroll: Visit) -> None:
    """The button waits, and the page shows the new audit without a reload."""
    page = stroll("isolation")
    page.evaluate(_WATCH)
    page.get_by_role("button", name="Audit now").click()
    page.wait_for_function("window.waits")
    expect(page.get_by_role("button", name="Audit now")).to_be_enabled()
    check(page)
