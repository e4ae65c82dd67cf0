"""A person walks every page in a browser: on the sample fleet, and with each store stopped."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from dashboard.app import navigation
from tests.browser import axe
from tests.browser.conftest import Theme, Visit, dashboard, fits, go, picture, settle
from tests.servers import ROOT
from tests.servers.deployment import SECRET, STORES, Deployment

PAGES = [page.name for page in navigation.PAGES]
PICTURES = Path(os.environ.get("PICTURES", ROOT / "tests" / "browser" / "pictures"))


def check(page: Page) -> None:
    """Nothing failed, and no secret or trace reached the browser."""
    expect(page.locator("[data-testid=stException]")).to_have_count(0)
    text = page.inner_text("body")
    assert SECRET not in text
    assert "Traceback" not in text


LOOKS: tuple[tuple[Theme, tuple[int, int]], ...] = (("light", (1400, 390)), ("dark", (700, 800)))


def test_every_page_is_drawn(sample: str, visit: Visit) -> None:
    """Wide and light, narrow and dark, on a telephone and at 200 % zoom: nothing is too wide.

    Each browser tab is called after its page, and axe has nothing to say of what is ours. A page
    is drawn in one theme and goes over to the other, and the next one is drawn in that.
    """
    page = visit(f"{sample}/new_session")
    looks = LOOKS
    for name in PAGES:
        go(page, name)
        expect(page).to_have_title(f"{navigation.row(name).title} · KATO tenants")
        check(page)
        for theme, widths in looks:
            page.emulate_media(color_scheme=theme)
            for width in widths:
                page.set_viewport_size({"width": width, "height": 1000})
                settle(page)
                fits(page, f"{name} at {width} px")
            is_in(page, theme)
            assert axe.violations(page) == [], f"{name} in {theme}"
        looks = tuple((theme, widths[::-1]) for theme, widths in looks[::-1])


def is_in(page: Page, theme: Theme) -> None:
    """The page has the colours of a theme."""
    ground = page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    brightest = max(map(int, re.findall(r"\d+", ground)[:3]))
    assert (brightest > 127) == (theme == "light"), ground


def test_the_first_page_is_found_by_its_name(sample: str, visit: Visit) -> None:
    """Overview is at `/`, and whoever types its name is led there."""
    page = visit(f"{sample}/overview")
    expect(page).to_have_url(f"{sample}/")
    expect(page.get_by_text("Page not found")).to_have_count(0)


def test_what_is_open_is_in_the_tabs_name(stroll: Visit) -> None:
    """A tenant's and a finding's tabs and bookmarks can be told apart, and pass axe too."""
    page = stroll("tenant?tenant=tenant/acme-corp")
    expect(page).to_have_title("tenant/acme-corp · Tenant · KATO tenants")
    assert axe.violations(page) == []
    page = stroll("find?find=alice", theme="dark")
    expect(page).to_have_title("alice · Find · KATO tenants")
    assert axe.violations(page) == []


def test_the_pictures_of_the_readme(stroll: Visit) -> None:
    """Overview in light, Tenant in dark, as a newcomer sees them."""
    overview = stroll("")
    check(overview)
    picture(overview, PICTURES / "overview.png", most=1150)
    tenant = stroll("tenant?tenant=tenant/acme-corp", theme="dark")
    expect(tenant.get_by_text("Also written by")).to_be_visible()
    picture(tenant, PICTURES / "tenant.png", most=1150)


def test_from_what_needs_attention_to_a_tenant(sample: str, stroll: Visit) -> None:
    """Two clicks from the warning to the tenant, and the link can be pasted."""
    page = stroll("")
    expect(page.get_by_text("one memory")).to_be_visible()
    page.get_by_label("Search").or_(page.get_by_role("link", name="Tenants")).first.click()
    expect(page.locator("h1").first).to_have_text("Tenants")
    page.goto(f"{sample}/tenant?tenant=tenant/acme_corp")
    settle(page)
    expect(page.locator("h2").first).to_have_text("tenant/acme_corp")


def test_a_session_is_created_and_seen_on_its_tenants_page(stroll: Visit) -> None:
    """From the form to the session's row, with a refusal on the way."""
    page = stroll("new_session")
    page.get_by_label("Tenant", exact=True).fill("acme.corp")
    page.get_by_label("User", exact=True).fill("bob")
    page.get_by_label("User", exact=True).press("Enter")
    expect(page.get_by_text("is already used by")).to_be_visible()
    expect(page.get_by_role("button", name="Create session")).to_be_disabled()
    page.get_by_label("Tenant", exact=True).fill("newcomer")
    page.get_by_label("Tenant", exact=True).press("Enter")
    expect(page.get_by_text("New for tenant/newcomer")).to_be_visible()
    page.get_by_role("button", name="Create session").click()
    expect(page.get_by_text("The session was created.")).to_be_visible()
    page.get_by_role("link", name="Open tenant/newcomer").click()
    expect(page.locator("h2").first).to_have_text("tenant/newcomer")
    sessions = page.locator("[data-testid=stMetric]", has_text="Sessions")
    expect(sessions).to_contain_text("1")


@pytest.fixture
def configured(
    kato: Deployment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Deployment]]:
    """A dashboard of a configured deployment whose stores can be stopped."""
    data = tmp_path_factory.mktemp("configured") / "data"
    with dashboard({**kato.environment, "KATO_TENANTS_REFRESH_SECONDS": "5"}, data) as url:
        yield url, kato


def test_every_page_stays_up_with_each_store_stopped(
    configured: tuple[str, Deployment], visit: Visit
) -> None:
    """The figure is unknown, with its reason; the others stay; and it comes back.

    Each page with one store or another: `tests/pages` has each with every one.
    """
    url, kato = configured
    page = visit(f"{url}/new_session")
    cards = {"clickhouse": "Patterns", "redis": "Redis keys", "qdrant": "Vectors"}

    def overview(*, without: str) -> None:
        go(page, "")
        for store, label in cards.items():
            card = page.locator("[data-testid=stMetric]", has_text=label).first  # old and new
            wanted = expect(card)
            (wanted.to_contain_text if store == without else wanted.not_to_contain_text)("unknown")

    for number, store in enumerate(STORES):
        kato.fail(store, "down")
        overview(without=store)  # KATO's API has no figure of its own
        for name in (*PAGES[number :: len(STORES)], "system"):
            if name != "overview":
                go(page, name)
            check(page)
        advice = page.locator("[data-testid=stMarkdown]", has_text="reachable from here")
        expect(advice).to_have_count(1)
        expect(advice).to_contain_text(store, ignore_case=True)
        picture(page, PICTURES / f"system-without-{store}.png", most=2600)
        kato.heal()
    overview(without="")
