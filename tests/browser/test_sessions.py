"""One session from its form to its end, in a browser: created, found, read, extended, deleted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, expect

from dashboard.draw.formatting import visible
from tests.browser.conftest import Visit, click_at_once, go, settle
from tests.browser.test_find import check
from tests.waiting import wait_until

USER, NAME, SECRET_VALUE = "ticket-4711", "insurance_no", "AB 12 34 56 C"
NODE = f"tenant:globex:user:{USER}"
HOSTILE = [
    "it's",
    "<script>alert(1)</script>",
    "[link](//evil.example)",
    "nul\x00",
    "ü 日本",
    "x" * 300,
]


@pytest.fixture(scope="module")
def sealed(written: tuple[str, Path]) -> Iterator[str]:
    """The address of a dashboard with the sample fleet that can encrypt metadata."""
    url, log = written
    yield url
    assert SECRET_VALUE not in log.read_text("utf-8", "replace")


def enter_metadata(page: Page) -> None:
    """One plain entry and one sensitive, its value typed and ticked without a pause."""
    page.get_by_role("button", name="Add a row").click()
    page.get_by_label("Name 2").fill(NAME)
    page.get_by_label("Name 1").fill("plan")
    page.get_by_label("Value 1").fill("gold")
    page.get_by_label("Value 2").fill(SECRET_VALUE)
    click_at_once(page.get_by_text("Sensitive", exact=True).nth(1))


def create(page: Page) -> str:
    """Fill the form, create the session, and return its id."""
    page.get_by_label("Tenant", exact=True).fill("globex")
    page.get_by_label("User", exact=True).fill(USER)
    page.get_by_label("User", exact=True).press("Enter")
    expect(page.get_by_text(NODE).first).to_be_visible()
    enter_metadata(page)
    page.get_by_role("button", name="Create session").click()
    expect(page.get_by_text("The session was created.")).to_be_visible()
    settle(page)
    assert SECRET_VALUE not in shown(page)
    found = re.search(r"session-[0-9a-f-]+", page.inner_text("[data-testid=stMain]"))
    assert found
    return found[0]


def shown(page: Page) -> str:
    """Everything in the document: what is read, what a canvas tells readers, what is typed."""
    typed = "[...document.querySelectorAll('input, textarea')].map(e => e.value).join('\\n')"
    return str(page.content()) + str(page.evaluate(typed))


def fact(page: Page, name: str) -> Locator:
    """One row of the table of facts."""
    return page.locator("tr", has_text=re.compile(rf"^\s*{name}")).first


def dialog(page: Page, deed: str) -> Locator:
    """Ask for a deed, and return the dialog that asks back."""
    page.get_by_role("button", name=deed).first.click()
    asking = page.get_by_role("dialog")
    expect(asking).to_contain_text(f"{deed}: 1 session")
    return asking


def test_a_session_from_its_form_to_its_end(sealed: str, visit: Visit) -> None:
    """What is sensitive is on no page before it is asked for; each deed is asked back about."""
    page = visit(f"{sealed}/new_session")
    session = create(page)
    check(page)

    go(page, f"find?find={USER}")
    expect(page.get_by_text("Found as user in 1 tenant")).to_be_visible()
    check(page)
    go(page, f"find?find={session}")
    expect(page.get_by_text("Found as session id in 1 tenant")).to_be_visible()
    page.get_by_role("link", name="Look into the session").click()
    expect(page.get_by_text("Short-term memory").first).to_be_visible()
    settle(page)
    expect(page).to_have_url(re.compile(f"session={session}"))

    expect(fact(page, "node_id")).to_contain_text(NODE)
    expect(fact(page, "Expires in")).to_contain_text(re.compile(r"5\d min"))
    expect(page.get_by_text("Empty.")).to_be_visible()
    expect(page.get_by_text("Encrypted metadata")).to_be_visible()
    expect(page.get_by_text("left to KATO's defaults")).to_be_visible()
    wait_until(lambda: "gold" in shown(page))  # a table is drawn, and then readers are told of it
    assert SECRET_VALUE not in shown(page)
    assert NAME not in shown(page)
    check(page)

    page.get_by_role("button", name="Decrypt").click()
    expect(page.get_by_text(SECRET_VALUE)).to_be_visible()
    expect(page.get_by_text(NAME)).to_be_visible()

    extending = dialog(page, "Extend")
    settle(page)  # what the run before drew goes when this one ends
    assert SECRET_VALUE not in shown(page)
    extending.get_by_label("New lifetime", exact=True).fill("5")
    extending.get_by_role("button", name="Extend 1 session").click()
    expect(page.get_by_text("Extended 1 session.")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    settle(page)
    expect(fact(page, "Expires in")).to_contain_text("4 h")
    check(page)

    deleting = dialog(page, "Delete")
    expect(deleting).to_contain_text(session)
    deleting.get_by_role("button", name="Delete 1 session").click()
    expect(page.get_by_text("Deleted 1 session.")).to_be_visible()
    expect(page.get_by_text("There is no session")).to_be_visible()
    page.get_by_role("button", name="All sessions").click()
    expect(page.get_by_label("Search").first).to_be_visible()
    go(page, f"sessions?sq={session}")
    expect(page.get_by_text("No session matches.")).to_be_visible()
    check(page)


def test_a_link_with_a_strangers_name_shows_it_as_it_is(sealed: str, visit: Visit) -> None:
    """Escaped, read neither as HTML nor as Markdown, and without an error."""
    page = visit(f"{sealed}/new_session")
    for seen in map(visible, HOSTILE):
        go(page, f"sessions?session={quote(seen)}")
        expect(page.get_by_text(f"There is no session {seen}")).to_be_visible()
        expect(page.locator("a[href*='evil.example']")).to_have_count(0)
        check(page)
        go(page, f"tenant?tenant={quote('tenant/' + seen)}")
        expect(page.get_by_text(f"belongs to tenant/{seen}")).to_be_visible()
        expect(page.locator("a[href*='evil.example']")).to_have_count(0)
        check(page)
