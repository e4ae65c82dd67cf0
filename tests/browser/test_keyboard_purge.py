"""A whole purge without a mouse: planned, confirmed and proven, and each key counted."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit, settle

FROM_THE_TOP, TO_THE_NAME, AFTER_ERASING = 14, 8, 2
"""Tabs at most: to the button that plans, from it to what is typed, from erasing to its receipt."""

_FOCUSED = """() => {
  const at = document.activeElement;
  if (!['BUTTON', 'INPUT'].includes(at?.tagName)) return '';  // a region holds every text
  return (at.getAttribute('aria-label') || at.innerText).trim();
}"""


def tabs_to(page: Page, name: str, most: int) -> int:
    """Press Tab until what is called so has the focus; return how often that was."""
    seen: list[str] = []
    while len(seen) < most:
        page.keyboard.press("Tab")
        seen.append(page.evaluate(_FOCUSED))
        if name in seen[-1]:
            return len(seen)
    raise AssertionError(f"{name!r} is not within {most} tabs: {seen}")


def test_a_purge_goes_by_keyboard_in_the_order_of_the_work(fleet: str, visit: Visit) -> None:
    """What comes next is next: after Plan what stays and the confirmation, then the receipt."""
    page = visit(f"{fleet}/purge?tenant=tenant/hooli")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.closest('#stMain')")  # past the menu
    counted = 1 + tabs_to(page, "Plan (changes nothing)", FROM_THE_TOP)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Confirm")).to_be_visible()
    settle(page)
    assert "Plan (changes nothing)" in page.evaluate(_FOCUSED)  # it stays where one works
    counted += tabs_to(page, "What is to be erased, exactly", TO_THE_NAME)
    page.keyboard.type("tenant/hooli")
    counted += tabs_to(page, "Reason or ticket", 1)
    page.keyboard.type("GDPR-4711")
    expect(page.get_by_text("This cannot be undone.")).to_be_visible()
    settle(page)
    counted += tabs_to(page, "Erase ", 1)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Every store was looked at again at the end")).to_be_visible()
    settle(page)
    counted += tabs_to(page, "Verify again", AFTER_ERASING)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Last looked at")).to_be_visible()
    typed, entered = 2, 4
    assert counted + typed + entered <= 30  # 60 and more before what comes next stood next
