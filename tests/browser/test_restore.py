"""An archive of a tenant of the sample fleet is taken in a browser, and comes back as another."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Visit, click_until, comes_to_fit, settle
from tests.browser.test_find import check
from tests.browser.test_purge import cards

OLD, NEW = "tenant/cyberdyne", "tenant/cyberdyne-trial"


def test_an_archive_comes_back_as_another_tenant(fleet: str, visit: Visit) -> None:
    """From the Archives page to the receipt, and to the tenant as which it is there."""
    page = visit(f"{fleet}/archive?tenant={OLD}")
    page.get_by_text("End its sessions first").click()  # else they would be there already
    page.get_by_label("Reason or ticket").fill("OPS-8: a trial")
    page.get_by_label("Reason or ticket").press("Enter")
    take = page.get_by_role("button", name="Take archive")
    expect(take).to_be_enabled()
    take.click()
    expect(page.get_by_text("SHA-256")).to_be_visible()
    settle(page)
    page.get_by_text("Restore…", exact=True).click()
    name = page.get_by_label("Tenant as which it comes back")
    click_until(page.get_by_text("As another tenant"), name)
    name.fill(NEW)
    plan = page.get_by_role("button", name="Plan (changes nothing)")
    expect(plan).to_be_enabled()
    plan.click()
    expect(page.get_by_text("The archive was taken")).to_be_visible()
    begin = page.get_by_role("button", name="Restore it")
    expect(begin).to_be_disabled()
    page.get_by_label("Reason or ticket").fill("OPS-9: a trial")
    expect(begin).to_be_enabled()
    check(page)
    begin.click()
    expect(page.get_by_text("Every row, key and point is as in the archive.")).to_be_visible()
    comes_to_fit(page, 420)
    check(page)
    page.get_by_role("link", name=NEW).click()
    expect(page.locator("h2").first).to_have_text(NEW)
    assert "Patterns" in cards(page)
