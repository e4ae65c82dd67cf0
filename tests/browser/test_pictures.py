"""Every page as a picture, to be looked at: wide and on a telephone, light and dark, in each state.

Nothing is asserted but that the pages are drawn: `make pictures` makes them, and a person looks.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Page

from dashboard.app import navigation
from tests.browser.conftest import Visit, dashboard, picture, settle
from tests.browser.test_walk import check
from tests.servers.deployment import STORES, Deployment

FOLDER = os.environ.get("ALL_PICTURES", "")
pytestmark = pytest.mark.skipif(not FOLDER, reason="only `make pictures` makes them")

TENANT = "tenant/acme-corp"
OPENED: Mapping[str, str] = {
    "tenant": f"tenant?tenant={TENANT}", "find": "find?find=alice",
    "purge": f"purge?tenant={TENANT}", "new_session": f"new_session?tenant={TENANT}",
}  # fmt: skip
"""Pages that show most of themselves when something is open on them."""

WIDTHS, HEIGHT = (1400, 390), 3000


def test_pictures_with_data(sample: str, visit: Visit) -> None:
    take(visit(sample), sample, "data")


def test_pictures_with_nothing(tmp_path: Path, visit: Visit) -> None:
    with dashboard({}, tmp_path / "data", "--empty") as url:
        take(visit(url), url, "empty")


@pytest.mark.parametrize(("state", "dead"), [("without-redis", ["redis"]), ("all-dead", STORES)])
def test_pictures_of_an_outage(
    kato: Deployment, tmp_path: Path, visit: Visit, state: str, dead: Iterable[str]
) -> None:  # fmt: skip
    often = {"KATO_TENANTS_REFRESH_SECONDS": "2"}
    with dashboard({**kato.environment, **often}, tmp_path / "data") as url:
        page = visit(url)
        for store in dead:
            kato.fail(store, "down")
        unknown = page.locator("[data-testid=stMetric]", has_text="unknown")
        unknown.first.wait_for(timeout=120_000)
        take(page, url, state)


def take(page: Page, url: str, state: str) -> None:
    """Take four pictures of each page."""
    for row in navigation.PAGES:
        page.goto(f"{url}/{OPENED.get(row.name, row.name)}")
        settle(page)
        check(page)
        for width in WIDTHS:
            for theme in ("light", "dark"):
                page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
                page.set_viewport_size({"width": width, "height": 1000})
                settle(page)
                picture(page, Path(FOLDER, state, f"{row.name}-{width}-{theme}.png"), most=HEIGHT)
