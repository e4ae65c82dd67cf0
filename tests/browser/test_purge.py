"""An admin purges a tenant in a browser, and its neighbour by name stays as it was."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Download, Page, expect

from tests.browser.conftest import Visit, go, settle
from tests.browser.test_find import check

GONE, NEIGHBOUR = "tenant/acme", "tenant/acme-corp"
PROVEN = "Every store was looked at again at the end, and nothing of it was found"


def planned(page: Page) -> None:
    """Plan what was chosen, and wait for the plan."""
    page.get_by_role("button", name="Plan (changes nothing)").click()
    expect(page.get_by_role("heading", name="Will be erased")).to_be_visible()
    settle(page)


def cards(page: Page) -> str:
    """The figures of a tenant, once they are there."""
    expect(page.get_by_test_id("stMetric").first).to_be_visible()
    return " ".join(page.get_by_test_id("stMetric").all_inner_texts())


def saved(download: Download, folder: Path) -> str:
    """The text of a file that the browser saved."""
    path = folder / download.suggested_filename
    download.save_as(path)
    return path.read_text("utf-8")


@pytest.mark.parametrize(("theme", "width"), [("light", 1400), ("dark", 800)])
def test_a_plan_is_drawn(fleet: str, visit: Visit, theme: str, width: int) -> None:
    """Both themes, wide and narrow, with what is left out and who would lose data."""
    page = visit(f"{fleet}/purge?tenant={NEIGHBOUR}", theme=theme, width=width)
    planned(page)
    expect(page.get_by_role("heading", name="Left out")).to_be_visible()
    expect(page.get_by_role("heading", name="Confirm")).to_be_visible()
    check(page)


def test_a_tenant_is_purged_and_its_neighbour_stays(
    fleet: str, visit: Visit, tmp_path: Path
) -> None:
    """From the tenant's page over plan, name and progress to the receipt, at an address."""
    page = visit(f"{fleet}/tenant?tenant={NEIGHBOUR}")
    before = cards(page)
    go(page, f"tenant?tenant={GONE}")
    expect(page.locator("h2").first).to_have_text(GONE)
    settle(page)
    page.get_by_role("link", name="Purge…").click()
    expect(page.locator("h1").first).to_have_text("Purge")
    settle(page)
    planned(page)
    button = page.get_by_role("button", name=re.compile(r"Erase \d"))
    page.get_by_label("Reason or ticket").fill("ticket 4711")
    page.get_by_label("What is to be erased, exactly").fill("tenant/acm")
    expect(page.get_by_text("Still needed: what is to be erased.")).to_be_visible()
    expect(button).to_be_disabled()
    page.get_by_label("What is to be erased, exactly").fill(GONE)
    expect(page.get_by_text("This cannot be undone.")).to_be_visible()
    expect(button).to_be_enabled()
    button.click()
    begun = page.get_by_text("This tab can be closed").or_(page.get_by_text(PROVEN))
    expect(begun.first).to_be_visible()  # a quick one is over before it is drawn
    expect(page).to_have_url(re.compile("job="))
    check(page)
    receipt = visit(page.url)  # a pasted link, while it runs or after
    expect(receipt.get_by_text(PROVEN)).to_be_visible()
    settle(receipt)
    expect(page.get_by_text(PROVEN)).to_be_visible()
    check(receipt)
    expect(receipt.get_by_role("button", name="Refresh").first).to_be_enabled()
    settle(receipt)  # newer figures draw the page anew, and then its files are others
    with receipt.expect_download() as download:
        receipt.get_by_role("button", name="Receipt as JSON").click()
    assert '"outcome": "erased"' in saved(download.value, tmp_path).replace('":"', '": "')
    with receipt.expect_download() as download:
        receipt.get_by_role("button", name="Printable page").click()
    assert "Purge of tenant/acme: erased" in saved(download.value, tmp_path)
    go(receipt, f"tenant?tenant={NEIGHBOUR}")
    assert cards(receipt) == before
    go(receipt, f"tenant?tenant={GONE}")
    expect(receipt.get_by_text("Nothing in the stores belongs to")).to_be_visible()


def test_purges_are_listed(fleet: str, visit: Visit) -> None:
    page = visit(f"{fleet}/purge")
    expect(page.get_by_role("heading", name="Purges so far")).to_be_visible()
    check(page)
