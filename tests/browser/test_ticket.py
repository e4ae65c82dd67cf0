"""A ticket worked by keyboard: bob of acme-corp, whose memory is gone since this morning."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visit, settle


@dataclass
class Hands:
    """Somebody at a keyboard: each thing entered, chosen or followed is an action."""

    page: Page
    actions: int = 0

    def enter(self, into: Locator, text: str) -> None:
        """Type into a field, or a part of a name into a box, and take it."""
        self._at(into)
        self.page.keyboard.type(text)
        self._enter()

    def first(self, box: Locator) -> None:
        """Take the first name in a box."""
        self._at(box)
        self.page.keyboard.press("ArrowDown")
        self._enter()

    def follow(self, way: Locator) -> None:
        """Go where a link or button leads."""
        self._at(way)
        self._enter()

    def _at(self, what: Locator) -> None:
        what.wait_for()
        settle(self.page)  # a key that comes while the page is drawn may be lost
        what.focus()

    def _enter(self) -> None:
        self.page.keyboard.press("Enter")
        self.actions += 1


def box(page: Page, label: str) -> Locator:
    return page.get_by_role("combobox", name=label)


def test_who_else_writes_into_it_and_what_he_learnt_last(stroll: Visit) -> None:
    """From any page in at most 5 actions; and Back leads to what was found."""
    page = stroll("system")
    hands = Hands(page)
    entry = page.get_by_test_id("stSidebar").get_by_placeholder("Find a user, session, key…")
    hands.enter(entry, "bob of acme-corp")
    expect(page.get_by_text("Also written by tenant/acme_corp")).to_be_visible()
    hands.follow(page.get_by_role("link", name="Patterns, newest first"))
    expect(page.locator("h2").first).to_have_text("tenant/acme-corp")
    hands.first(box(page, "Show what is in the pattern …"))
    learnt = page.get_by_role("heading", name=re.compile("^[0-9a-f]{40}$"))
    expect(learnt).to_be_visible()
    assert hands.actions <= 5
    expect(page).to_have_url(re.compile("kb=tenant_acme_corp_user_bob_kato"))
    settle(page)  # what a script still sends of the page that is left would change the address
    page.go_back()
    expect(page).to_have_url(re.compile(r"/find\?find=bob\+of\+acme-corp$"))
    expect(page.get_by_role("heading", name="Find", level=1)).to_be_visible()
    expect(page.get_by_text("Also written by tenant/acme_corp")).to_be_visible()


@pytest.mark.parametrize(
    ("start", "noun", "typed", "address"),
    [
        ("tenants?q=glo", "tenant", "globex", "tenant?tenant=tenant%2Fglobex"),
        ("find?find=bob", "", "", "tenant?tenant=tenant%2Facme"),
        ("sessions?of=tenant%2Fglobex", "session", "globex", "session="),
        ("isolation", "finding", "acme", "finding="),
        ("tenant?tenant=tenant%2Facme-corp&tab=Sessions", "session", "acme", "sessions?session="),
    ],
)
def test_a_row_is_opened_without_a_mouse(
    stroll: Visit, *, start: str, noun: str, typed: str, address: str
) -> None:
    """By its name, of which a part is typed."""
    page = stroll(start)
    hands = Hands(page)
    if noun:
        hands.enter(box(page, f"Open {noun} …"), typed)
        name = page.get_by_test_id("stMain").get_by_role(
            "button" if address.endswith("=") and "?" not in address else "link"
        )
        hands.follow(name.filter(has_text=re.compile("Open [^…]")).first)
    else:
        hands.follow(page.get_by_test_id("stMain").get_by_role("link", name="Tenant").first)
    expect(page).to_have_url(re.compile(re.escape(address)))
    settle(page)
    expect(page.locator("[data-testid=stException]")).to_have_count(0)
