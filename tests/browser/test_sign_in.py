"""A dashboard behind an identity-aware proxy, in a browser: who comes in, and for how long."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, TimeoutError as PlaywrightTimeout, expect

from tests.browser.conftest import (
    HEADER,
    METRICS_TOKEN,
    Visit,
    click_until,
    dashboard,
    happens,
    new_context,
)
from tests.servers import ROOT, issuer, prometheus
from tests.waiting import wait_until

As = Callable[..., Page]


@pytest.fixture
def come(visit: Visit, proxied: str) -> As:
    """Open a page with these headers, as a proxy would add them."""

    def opened(path: str = "", **headers: str) -> Page:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return visit(f"{proxied}/{path}", headers=named)

    return opened


def test_with_a_good_token_one_is_in(come: As) -> None:
    """And the sidebar says in whose name."""
    page = come(X_Token=issuer.secret_token(groups=["admins"], tenants=["*"]))
    expect(page.locator("h1").first).to_have_text("Overview")
    expect(page.get_by_text("ann@example.com (admin)")).to_be_visible()
    expect(page.get_by_text("Sign-in is off")).to_have_count(0)


@pytest.mark.parametrize("path", ["", "tenants", "tenant?tenant=tenant/acme-corp"])
def test_without_a_token_one_sees_nothing(come: As, path: str) -> None:
    """At any address: no figure, no page's name, no tenant."""
    page = come(path, X_Forwarded_User="ann", X_Auth_Request_Groups="admins")
    expect(page.locator("h1").first).to_have_text("You are not signed in")
    expect(page.locator("[role=dialog]")).to_have_count(0)
    text = page.inner_text("body")
    assert "Overview" not in text
    assert "Tenants" not in text
    assert "acme" not in text


def test_with_a_forged_token_one_sees_nothing(come: As) -> None:
    page = come(X_Token=issuer.secret_token("another secret, as long as the shared one is"))
    expect(page.locator("h1").first).to_have_text("You are not signed in")
    expect(page.get_by_text("its signature does not hold")).to_be_visible()


def test_without_a_role_one_sees_only_that(come: As) -> None:
    page = come(X_Token=issuer.secret_token(groups=["staff"]))
    expect(page.locator("h1").first).to_have_text("You have no role here")
    expect(page.get_by_text("ann@example.com")).to_be_visible()


def test_a_token_that_runs_out_ends_the_session(come: As, later: Path) -> None:
    """The connection stays as it was; the next action is refused, and the figures are gone.

    The action is Streamlit's own key for another run: figures that refresh themselves may have
    ended the session before, and then no link is left to click.
    """
    page = come(X_Token=issuer.secret_token(groups=["admins"], tenants=["*"]))
    expect(page.locator("h1").first).to_have_text("Overview")
    expect(page.get_by_text("acme").first).to_be_visible()
    over = page.get_by_role("heading", name="You are not signed in")
    expect(over).to_have_count(0)
    later.touch()

    def ended() -> bool:
        page.keyboard.press("r")  # one that comes while the page still runs is lost
        with suppress(PlaywrightTimeout):
            over.wait_for(timeout=1000)
        return over.is_visible()

    assert happens(page, ended)
    expect(page.get_by_text("acme")).to_have_count(0)


@pytest.fixture
def later(behind_proxy: tuple[str, Path]) -> Iterator[Path]:
    """A file: while it is there, that dashboard's clock is beyond the end of a usual token."""
    file = behind_proxy[1]
    yield file
    file.unlink(missing_ok=True)


def status(url: str, **headers: str) -> int:
    """Ask without a browser, and return the status."""
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as exc:
        exc.close()
        return exc.code


def test_what_the_server_gives_strangers(proxied: str) -> None:
    """Health, and nothing else of itself; and only under the names that are set."""
    assert status(f"{proxied}/_stcore/health") == 200
    mine = {HEADER: issuer.secret_token(groups=["admins"], tenants=["*"])}
    assert status(f"{proxied}/", Host="dash.example.com") == 401
    assert status(f"{proxied}/", Host="dash.example.com", **mine) == 200
    assert status(f"{proxied}/", Host="evil.example", **mine) == 400
    metrics = f"{proxied}/_stcore/metrics"
    assert status(metrics) == 200
    assert status(metrics, Host="dash.example.com") == 403
    assert status(metrics, **{"X-Forwarded-For": "10.0.0.7"}) == 403
    assert status(f"{proxied}/_stcore/agent/openapi.json", **mine) == 404
    assert status(f"{proxied}/_stcore/upload_file/session/file", **mine) == 404
    request = urllib.request.Request(f"{proxied}/", headers=mine)
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.headers["Content-Security-Policy"] == "frame-ancestors 'none'"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Access-Control-Allow-Origin"] is None


def test_prometheus_scrapes_it(proxied: str, tmp_path: Path) -> None:
    """With the token, whatever signing in says; rules and metrics are as promtool has them."""
    metrics, token = f"{proxied}/metrics", tmp_path / "token"
    assert status(metrics) == 401
    assert status(metrics, **{HEADER: issuer.secret_token(groups=["admins"], tenants=["*"])}) == 401
    token.write_text(f"{METRICS_TOKEN}\n")
    bearer = {"Authorization": f"Bearer {METRICS_TOKEN}"}
    folder, rules = tmp_path / "prometheus", ROOT / "deploy/prometheus/kato-tenants.rules.yml"
    folder.mkdir()
    target = proxied.removeprefix("http://")
    with prometheus.running(folder, target=target, token=token, rules=rules) as client:
        stored = 'sum(kato_tenants_stored{measure="keys"})'
        assert prometheus.awaited(client, f"sum(kato_tenants_keys) - {stored}") == 0
        assert prometheus.awaited(client, 'kato_tenants_keys{tenant="tenant/acme-corp"}') > 0
        assert prometheus.awaited(client, "process_resident_memory_bytes") > 0
        assert prometheus.awaited(client, "min(kato_tenants_store_up)") == 1
        firing = 'count(ALERTS{alertname="KatoTenantsCriticalFinding"})'
        assert prometheus.awaited(client, firing) == 1  # the sample has what is critical
        wait_until(lambda: targets(client) == [("up", "")])  # a busy machine may be late for one
        (meaning,) = client.get("/metadata", params={"metric": "kato_tenants_keys"}).json()[
            "data"]["kato_tenants_keys"]  # fmt: skip
        assert (meaning["type"], meaning["help"]) == ("gauge", "Redis keys, sessions apart.")
    request = urllib.request.Request(metrics, headers=bearer)
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert prometheus.promtool("check", "metrics", given=answer.read()) == ""


def targets(client: httpx.Client) -> list[tuple[str, str]]:
    """What became of the last scrape of each target."""
    told = client.get("/targets").json()["data"]["activeTargets"]
    return [(each["health"], each["lastError"]) for each in told]


def test_signing_in_at_a_provider(browser: Browser, tmp_path: Path) -> None:
    """By a button, with every secret from the environment; and out again by another."""
    with issuer.Provider("kato", groups=["admins"]) as provider:
        settings = {
            "KATO_TENANTS_AUTH": "oidc",
            "KATO_TENANTS_OIDC_CLIENT_ID": "kato",
            "KATO_TENANTS_OIDC_CLIENT_SECRET": "not a secret",
            "KATO_TENANTS_OIDC_METADATA_URL": provider.metadata,
            "KATO_TENANTS_OIDC_REDIRECT_URI": "http://127.0.0.1:{port}/oauth2callback",
            "KATO_TENANTS_OIDC_COOKIE_SECRET": "signs the cookies of this test alone",
            "KATO_TENANTS_DEFAULT_TENANTS": "*",
            "KATO_TENANTS_ROLE_CLAIM": "groups",
            "KATO_TENANTS_ROLES": "admins = admin",
        }
        with (
            dashboard(settings, tmp_path / "data", "--empty") as url,
            new_context(browser) as context,
        ):
            page = context.new_page()
            page.goto(f"{url}/tenants")
            outside = page.get_by_role("heading", name="You are not signed in")
            inside = page.get_by_role("heading", name="Overview", exact=True)
            expect(outside).to_be_visible()
            click_until(page.get_by_role("button", name="Sign in"), inside)
            expect(page.get_by_text("ann@example.com (admin)")).to_be_visible()
            click_until(page.get_by_role("button", name="Sign out"), outside)
