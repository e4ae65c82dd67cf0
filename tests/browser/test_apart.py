"""A kb_id that two tenants of the sample fleet share is taken apart in a browser."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Visit, comes_to_fit, planned
from tests.browser.test_find import check

NODE = "tenant:acme-corp:user:bob"


def test_a_shared_kb_id_is_taken_apart_from_its_finding(fleet: str, visit: Visit) -> None:
    """To the receipt, which says what clients have to name; Find says so of the old name too."""
    page = visit(f"{fleet}/isolation")
    expect(page.get_by_role("heading", name="Findings")).to_be_visible()  # after the first audit
    page.goto(f"{fleet}/tenant?tenant=tenant/acme-corp")
    page.get_by_role("link", name="The finding").click()
    page.get_by_text("Take apart…").click()
    begin = planned(page, "See what can be told apart", "Take apart now", "OPS-16: two companies")
    check(page)
    begin.click()
    expect(page.get_by_text("Taken apart", exact=True)).to_be_visible()
    expect(page.get_by_role("table").filter(has_text="Old node_id")).to_contain_text(NODE)
    comes_to_fit(page, 420)
    check(page)
    page.goto(f"{fleet}/find?find={NODE}")
    expect(page.get_by_text("It was taken apart").first).to_be_visible()
