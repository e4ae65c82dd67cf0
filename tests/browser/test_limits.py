"""A limit from its form to the alert that it causes, at a real receiver, and to its silence."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from services.alerts import conditions, worker
from tests.browser.conftest import Visit, dashboard, go, happens, settle
from tests.servers.faults import Answer, HttpServer

ROUTE = '[ops]\nwebhook = "{url}/hook"\nsecret = "whsec_{key}"\nconditions = ["limit_near"]\n'
KEY = "a2tra2tra2tra2tra2tra2tra2s="
WHOSE, MOST, WHY = "tenant/acme-corp", 600, "ticket 4711"


def hurry() -> None:
    """Look often, and let what is seen fire at once: both are a matter of minutes."""
    conditions._SHORT = timedelta(0)
    worker.LOOK_EVERY, worker.TICK_SECONDS = timedelta(seconds=1), 0.5


def set_limit(page: Page) -> None:
    """Write a limit of a tenant's patterns, see whom it would put where, set it and refresh."""
    page.get_by_text("One tenant", exact=True).click()
    page.get_by_role("combobox", name="Tenant").fill(WHOSE)
    page.get_by_role("option", name=WHOSE, exact=True).click()
    settle(page)
    page.get_by_label("Limit", exact=True).fill(str(MOST))
    expect(page.get_by_text("This would hold for 1 tenant: 1 near.")).to_be_visible()
    page.get_by_role("button", name="Set limit").click()
    expect(page.get_by_text("1 limit set.")).to_be_visible()
    expect(page.get_by_role("link", name="1 near")).to_be_visible()
    page.get_by_role("button", name="Refresh").click()


def arrived(page: Page, receiver: HttpServer) -> Any:
    """Wait until the receiver has a message, and return the one alert in it."""
    assert happens(page, lambda: receiver.calls)
    (alert,) = receiver.calls[0].json()["alerts"]
    return alert


def silence(page: Page) -> None:
    """Silence the alert that is open, for as long as is offered first."""
    page.get_by_role("button", name="Silence 1 alert…").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Why").fill(WHY)
    form.get_by_role("button", name="Silence", exact=True).click()
    expect(page.get_by_text(WHY)).to_be_visible()
    expect(page.get_by_text("silenced", exact=True)).to_be_visible()


def test_a_limit_is_seen_near_told_and_silenced(tmp_path: Path, visit: Visit) -> None:
    with HttpServer(lambda _: Answer()) as receiver:
        routes = {"KATO_TENANTS_ALERT_ROUTES": ROUTE.format(url=receiver.url, key=KEY)}
        with dashboard(routes, tmp_path / "data", "--sample", first=hurry) as url:
            page = visit(f"{url}/limits")
            set_limit(page)
            alert = arrived(page, receiver)
            assert (alert["condition"], alert["tenants"]) == ("limit_near", [WHOSE])
            assert alert["facts"] == {"quantity": "patterns", "used": 517, "most": MOST}
            go(page, f"alerts?alert={alert['id']}")
            expect(page.get_by_text("A tenant is near a limit").first).to_be_visible()
            silence(page)
            expect(page.get_by_role("link", name="Alerts (6)")).to_be_visible()
        assert len(receiver.calls) == 1
