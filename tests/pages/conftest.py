"""Pages run by AppTest on a whole deployment, without a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime import context as streamlit_context
from streamlit.runtime.context import ContextProxy, StreamlitHeaders
from streamlit.testing.v1 import AppTest

from dashboard.app import cache, runtime
from services import bootstrap
from services.access.viewer import Role
from services.bill import background
from services.bootstrap import Services
from services.purge.planning import KIND as PLAN_PURGE
from services.sessions import care
from services.settings.environment import Settings
from tests.servers import issuer
from tests.servers.deployment import Deployment
from tests.servers.written import Written, let_last
from tests.waiting import wait_until

ENTRY = str(Path(__file__).parents[2] / "streamlit_app.py")
RULES = {"ROLE_CLAIM": "groups", "ROLES": "admins = admin\nhelpers = support",
         "DEFAULT_TENANTS": "*"}  # fmt: skip
PROXY = {
    **RULES, "AUTH": "proxy", "PROXY_HEADER": "X-Token", "PROXY_SECRET": issuer.SECRET,
    "PROXY_ISSUER": issuer.ISSUER, "PROXY_AUDIENCE": issuer.AUDIENCE,
}  # fmt: skip

Open = Callable[..., AppTest]
Headers = list[tuple[str, str]]
Put = Callable[[dict[str, str]], None]
Send = Callable[[Headers], None]
SignIn = Callable[..., None]


@pytest.fixture(scope="session", autouse=True)
def _installed_once() -> Iterator[None]:
    """Each AppTest looks through every installed package for components: a second each time."""
    found = manifest_scanner.scan_component_manifests()
    with patch.object(manifest_scanner, "scan_component_manifests", lambda: found):
        yield


@pytest.fixture(autouse=True)
def _no_leftovers() -> Iterator[None]:
    """Caches outlive tests."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture(autouse=True)
def _nothing_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """No session is waited for after its deletion."""
    monkeypatch.setattr(care, "RETURN_SECONDS", 0.0)


@pytest.fixture(autouse=True)
def _bills_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is; one test looks at a page that does not wait."""
    monkeypatch.setattr(background, "PATIENCE", 240.0)


@pytest.fixture(autouse=True)
def _on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest has no connection; a mock stands for it, made anew at each of a page's 20 looks."""
    monkeypatch.setattr(streamlit_context, "_get_client_context", lambda: None)


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> Put:
    """Set variables."""

    def setting(variables: dict[str, str]) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(f"KATO_TENANTS_{name}", value)

    return setting


@pytest.fixture
def send(monkeypatch: pytest.MonkeyPatch) -> Send:
    """Have the connection begin with these headers."""

    def sending(headers: Headers) -> None:
        found = StreamlitHeaders([("Host", "localhost:8501"), *headers])
        monkeypatch.setattr(ContextProxy, "headers", property(lambda _: found))

    return sending


@pytest.fixture
def sign_in(put: Put, send: Send) -> SignIn:
    """Have somebody be signed in with a role and tenants in scope, from now on."""

    def signing(role: str, *tenants: str, who: str = "ann@example.com", **claims: object) -> None:
        roles = "\n".join(f"{each} = {each}" for each in Role)
        put({**PROXY, "ROLES": roles, "TENANTS_CLAIM": "tenants",
             "DEFAULT_TENANTS": ""})  # fmt: skip
        names = tenants or ("*",)
        text = issuer.secret_token(groups=[role], tenants=names, email=who, **claims)
        send([("X-Token", text)])

    return signing


@pytest.fixture
def services(kato_settings: Settings) -> Iterator[Services]:
    """The services that the pages will use, their first refresh done."""
    assert not kato_settings.embedded
    built = runtime.services()
    assert built.collector.wait(timeout=240)
    yield built
    built.close()


@pytest.fixture(scope="module")
def _reading(reading_settings: Settings) -> Iterator[Services]:
    built = bootstrap.build(reading_settings)
    built.start()
    assert built.collector.wait(timeout=240)
    yield built
    built.close()


@pytest.fixture
def reading_services(_reading: Services, monkeypatch: pytest.MonkeyPatch) -> Services:
    """Services for pages that only read, the same for every test of a module."""
    monkeypatch.setattr(runtime._holder, "_built", _reading)
    return _reading


@pytest.fixture
def restored_services(
    reading_services: Services, reading_kato: Deployment, capture: Written
) -> Iterator[Services]:
    """The same, for tests that write keys or let stores fail: the next finds all as it was.

    What they bring into the product's own records stays.
    """
    collector, begun = reading_services.collector, reading_services.collector.begun
    yield reading_services
    reading_kato.heal()
    keys = reading_kato.targets.redis
    assert keys is not None
    keys.flushall()
    capture.copy_keys(keys)
    let_last(keys)
    if collector._wanted.is_set() or collector.rounds < collector.begun or collector.begun > begun:
        refresh(reading_services)


def refresh(services: Services) -> None:
    """Have the collector read everything that was written until now."""
    collector = services.collector
    following = collector.begun + 1
    collector.refresh()
    assert collector.wait(rounds=following, timeout=240)


@pytest.fixture
def open_page() -> Open:
    """Open a page by its name, with query parameters."""

    def opened(name: str = "overview", **query: str) -> AppTest:
        app = AppTest.from_file(ENTRY, default_timeout=240)
        for key, value in query.items():
            app.query_params[key] = value
        if name != "overview":
            app.switch_page(f"dashboard/pages/{name}.py")
        app.run()
        assert not app.exception, app.exception
        return app

    return opened


def looked(app: AppTest, services: Services, kind: str) -> AppTest:
    """The page once a look that was asked for is over: it is drawn anew by itself then."""
    wait_until(lambda: not services.job_book.unended(kind), 240)
    return app.run()


def plan_purge(
    app: AppTest, services: Services, label: str = "Plan (changes nothing)"
) -> AppTest:  # fmt: skip
    """The page once it shows the plan that a button asked for, or says why there is none."""
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception, app.exception
    return looked(app, services, PLAN_PURGE)


def words(app: AppTest) -> str:
    """Every text on the page, as it is read: without Markdown's escapes."""
    shown = [*app.title, *app.header, *app.subheader, *app.caption, *app.markdown]
    notes = [*app.warning, *app.error, *app.info, *app.success, *app.code]
    metrics = [f"{m.label}: {m.value} {m.delta}" for m in app.metric]
    texts = [*(element.value for element in [*shown, *notes]), *metrics]
    return "\n".join(texts).replace("\\", "")
