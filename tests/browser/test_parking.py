"""A tenant of the sample fleet is parked in a browser and brought back: the same figures again."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Visit, fits, go, planned, settle
from tests.browser.test_find import check
from tests.browser.test_purge import cards

TENANT = "tenant/acme"


def test_a_tenant_is_parked_and_brought_back(fleet: str, visit: Visit) -> None:
    page = visit(f"{fleet}/tenant?tenant={TENANT}")
    before = cards(page)
    page.get_by_text("Park it", exact=True).click()
    park = planned(page, "See what goes and what stays", "Park it now", "OPS-7: does not pay")
    check(page)
    park.click()
    expect(page.get_by_text("Parked since")).to_be_visible()
    settle(page)
    check(page)
    go(page, "tenants")
    expect(page.get_by_role("heading", name="Parked")).to_be_visible()
    check(page)
    go(page, f"find?find={TENANT}")
    expect(page.get_by_text(f"{TENANT} is parked")).to_be_visible()
    page.get_by_role("link", name=f"Open {TENANT}").click()
    page.get_by_label("Reason or ticket").fill("OPS-8: pays again")
    page.set_viewport_size({"width": 420, "height": 1000})
    settle(page)
    fits(page)
    page.get_by_role("button", name="Bring it back").click()
    expect(page.get_by_text("Park it", exact=True)).to_be_visible()
    settle(page)
    assert cards(page) == before
