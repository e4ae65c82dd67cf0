"""A real dashboard in a process of its own, and a real browser."""

from __future__ import annotations

import os
import signal
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, tzinfo
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Literal, Self
from unittest.mock import patch
from urllib.parse import urlsplit

import pytest
from cryptography.fernet import Fernet
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Error as PlaywrightError,
    Locator,
    Page,
    TimeoutError as PlaywrightTimeout,
    expect,
    sync_playwright,
)  # fmt: skip

from dashboard import app
from dashboard.app import navigation
from tests.browser.chromium import find
from tests.servers import issuer
from tests.servers.forked import begun, import_beforehand
from tests.servers.sockets import free_port

HEADER = "X-Token"
METRICS_TOKEN = "0123456789abcdef-metrics"
PROXY = {
    "KATO_TENANTS_METRICS_TOKEN": METRICS_TOKEN,
    "KATO_TENANTS_AUTH": "proxy",
    "KATO_TENANTS_PROXY_HEADER": HEADER,
    "KATO_TENANTS_PROXY_SECRET": issuer.SECRET,
    "KATO_TENANTS_PROXY_ISSUER": issuer.ISSUER,
    "KATO_TENANTS_PROXY_AUDIENCE": issuer.AUDIENCE,
    "KATO_TENANTS_ROLE_CLAIM": "groups",
    "KATO_TENANTS_ROLES": "admins = admin",
    "KATO_TENANTS_TENANTS_CLAIM": "tenants",
    "KATO_TENANTS_DEFAULT_TENANTS": "",
    "KATO_TENANTS_ALLOWED_HOSTS": "127.0.0.1,dash.example.com",
}
PATIENT = {"KATO_TENANTS_TIMEOUT_SECONDS": "60"}
"""A busy machine is not a slow store, nor a slow provider."""
FLAGS = ["--no-sandbox", "--disable-gpu", "--in-process-gpu", "--disable-background-networking"]
START_SECONDS = 240
Theme = Literal["light", "dark"]

PATIENCE = 120_000  # ms: a busy machine takes its time
expect.set_options(timeout=PATIENCE)


@contextmanager
def dashboard(
    environment: Mapping[str, str], data: Path, *flags: str,
    first: Callable[[], None] | None = None,
) -> Iterator[str]:  # fmt: skip
    """Run `kato-tenants run` and yield its address; stopped as a user stops it.

    It is forked from a process that has imported what it takes, and does `first` before it begins:
    a function of a module.
    """
    import_beforehand(app, "streamlit.web.cli", "uvicorn", "plotly.graph_objects")
    port = free_port()
    log = data.with_suffix(".log")
    given = {"KATO_TENANTS_DATA": str(data), **PATIENT, **environment}
    process = begun(_run, ("--headless", "--port", str(port), *flags), log, given, first)
    try:
        _wait_until_up(f"http://127.0.0.1:{port}/_stcore/health", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.pid and process.is_alive():
            os.kill(process.pid, signal.SIGINT)
        process.join(timeout=240)
        text = log.read_text("utf-8", "replace")
        assert "Traceback" not in text, text


def _run(
    arguments: Sequence[str], log: Path, environment: Mapping[str, str],
    first: Callable[[], None] | None,
) -> None:  # fmt: skip
    """Be `kato-tenants run`, which becomes the server by `exec`, but for that."""
    from cli import main
    from dashboard.app.serve import main as become

    out = os.open(log, os.O_WRONLY | os.O_CREAT)
    for stream in (1, 2):
        os.dup2(out, stream)
    for name in [name for name in os.environ if name.startswith("KATO_TENANTS_")]:
        del os.environ[name]
    os.environ.update(environment)
    if first is not None:
        first()
    os.execv = lambda _, command: sys.exit(become(command[3:]))
    sys.argv = ["kato-tenants", "run", *arguments]
    main.main()


def _wait_until_up(url: str, process: BaseProcess) -> None:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends and process.is_alive():
        try:
            with urllib.request.urlopen(url, timeout=10):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the dashboard did not start")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    path = find()
    assert path, "no Chromium on the PATH: run `make needs`"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS, timeout=PATIENCE)
        yield chromium
        chromium.close()


def new_context(browser: Browser, **options: Any) -> BrowserContext:
    """Open a browser's context whose clicks and downloads may take their time."""
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE)
    return context


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a dashboard on the embedded engines with the sample fleet."""
    with dashboard({}, tmp_path_factory.mktemp("sample") / "data", "--sample") as url:
        yield url


WRITTEN = {
    "KATO_TENANTS_SETTLE_SECONDS": "4",
    "KATO_TENANTS_METADATA_KEYS": Fernet.generate_key().decode(),
}


OTHER = "eu-2"
"""What another deployment is called there; its file is written by who has one."""


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address and the log of another, with a sample fleet that tests may write, park and purge.

    Each takes tenants of its own, so that one dashboard does for all.
    """
    data = tmp_path_factory.mktemp("written") / "data"
    given = {
        **WRITTEN, "KATO_TENANTS_ARCHIVES": str(data.with_name("archives")),
        "KATO_TENANTS_MOVE_TO": f"{OTHER} = {data.with_name(f'{OTHER}.env')}",
    }  # fmt: skip
    with dashboard(given, data, "--sample") as url:
        yield url, data.with_suffix(".log")


@pytest.fixture(scope="session")
def fleet(written: tuple[str, Path]) -> str:
    """The address of that one."""
    return written[0]


@pytest.fixture(scope="session")
def behind_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of one behind a proxy, by whose tokens people are admins and confined.

    It listens on every address. While there is the file, its clock is `LATER`.
    """
    data = tmp_path_factory.mktemp("proxy") / "data"
    with dashboard(PROXY, data, "--sample", "--address", "0.0.0.0", first=late_at_will) as url:
        yield url, data.with_name(LATE)


@pytest.fixture(scope="session")
def proxied(behind_proxy: tuple[str, Path]) -> str:
    """The address of that one."""
    return behind_proxy[0]


LATE, LATER = "late", timedelta(hours=10)


def late_at_will() -> None:
    """Let signing in have a clock that a test can put forward."""
    from jwt import api_jwt

    from dashboard.app import viewer

    file = Path(os.environ["KATO_TENANTS_DATA"]).with_name(LATE)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return super().now(tz) + (LATER if file.exists() else timedelta(0))

    for module in (viewer, api_jwt):
        vars(module)["datetime"] = Clock


_IS_STILL = """() => {
  const app = document.querySelector('[data-testid=stApp]');
  const [drawn, since] = window.drawn ?? [];
  const busy = document.querySelector('#root') && (  // else it is the server's own page
    app?.dataset.testScriptState !== 'notRunning'
    || app.dataset.testConnectionState !== 'CONNECTED'
    || document.querySelector('[data-testid=stSkeleton], [data-testid=stStatusWidget]'));
  const sizes = [...document.querySelectorAll('[data-testid=stMain], canvas, .main-svg')]
    .map(e => `${e.scrollWidth} ${e.scrollHeight}`);
  const now = busy ? null : sizes.join();
  if (now === null || now !== drawn) { window.drawn = [now, performance.now()]; return false; }
  return performance.now() - since > 150;
}"""
"""Whether no script runs, and for a moment nothing on the page has changed its size."""

_AT_ONCE = """document.addEventListener('DOMContentLoaded', () => {
  const style = document.createElement('style');
  style.textContent =
    '*, ::before, ::after { animation: none !important; transition: none !important }' +
    '[data-stale="true"] { opacity: 1 !important }';
  document.head.append(style);
})"""
"""Nothing fades, nor while a script runs: what is drawn has its colours at once."""

_GO = """path => {
  history.pushState({}, '', path);
  dispatchEvent(new PopStateEvent('popstate'));
}"""

Visit = Callable[..., Page]


@pytest.fixture(scope="session")
def visitor(browser: Browser) -> Iterator[BrowserContext]:
    """One visitor for every page: who had to fetch and compile Streamlit's front end only once."""
    context = new_context(browser, reduced_motion="reduce")
    context.add_init_script(_AT_ONCE)
    yield context
    context.close()


@pytest.fixture
def visit(visitor: BrowserContext) -> Iterator[Visit]:
    """Open a page and wait until it is drawn; theme and width as given.

    The headers are those that a proxy adds to every request, the WebSocket's too.
    """
    pages = []

    def visited(
        url: str, *, theme: Theme = "light", width: int = 1400,
        headers: Mapping[str, str] | None = None,
    ) -> Page:  # fmt: skip
        page = visitor.new_page()
        pages.append(page)
        page.set_extra_http_headers(dict(headers or {}))
        page.set_viewport_size({"width": width, "height": 1000})
        page.emulate_media(color_scheme=theme)
        page.goto(url)
        settle(page)
        return page

    yield visited
    for page in pages:
        page.close()


@pytest.fixture(scope="session")
def _tab(visitor: BrowserContext, sample: str) -> Page:
    page = visitor.new_page()
    page.goto(f"{sample}/new_session")  # of all pages the one that is drawn soonest
    settle(page)
    return page


@pytest.fixture
def stroll(_tab: Page, sample: str) -> Visit:
    """Open a page of the sample fleet in a tab that is there, where a new one shows no more.

    What was typed into the sidebar of it before is still there.
    """

    def strolled(path: str, *, theme: Theme = "light", width: int = 1400) -> Page:
        _tab.set_viewport_size({"width": width, "height": 1000})
        _tab.emulate_media(color_scheme=theme)
        if urlsplit(_tab.url).path == f"/{path.partition('?')[0]}":
            _tab.goto(f"{sample}/{path}")  # else it would stay as it was left
            settle(_tab)
        else:
            go(_tab, path)
        return _tab

    return strolled


def go(page: Page, path: str) -> None:
    """Go to another page of the dashboard that is open, as Back and Forward do.

    Half of the work of `goto` or less, which loads the whole front end anew.
    """
    page.evaluate(_GO, f"/{path}")
    title = navigation.row(path.partition("?")[0] or "overview").title
    expect(page.locator("h1").first).to_have_text(title)
    settle(page)


def settle(page: Page) -> None:
    """Wait until the page's figures are there and nothing runs."""
    page.locator("h1").first.wait_for(timeout=PATIENCE)
    _still(page, PATIENCE)


def _still(page: Page, milliseconds: int) -> None:
    page.evaluate("window.drawn = undefined")
    page.wait_for_function(_IS_STILL, timeout=milliseconds, polling=50)


click_at_once = Locator.click
"""Click while a run may draw the page anew, as somebody in a hurry does."""


@pytest.fixture(scope="session", autouse=True)
def _clicks_come_when_nothing_runs() -> Iterator[None]:
    """Between a button's going down and up a run may draw it anew: then nobody hears of it."""

    def click(what: Locator, **options: Any) -> None:
        with suppress(PlaywrightError):  # some pages look for something new every second
            _still(what.page, 5000)
        click_at_once(what, **options)

    with patch.object(Locator, "click", click):
        yield


def happens(page: Page, so: Callable[[], object]) -> bool:
    """Whether something comes to be so while a page is open."""
    ends = time.monotonic() + PATIENCE / 1000
    while not (found := so()) and time.monotonic() < ends:
        page.wait_for_timeout(50)
    return bool(found)


def click_until(what: Locator, there: Locator) -> None:
    """Click what a run draws anew, until something is there: a click during it may be lost."""

    def shown() -> bool:
        with suppress(PlaywrightTimeout):  # it goes when a click was heard, however late
            what.click(timeout=15_000)
        with suppress(PlaywrightTimeout):
            there.wait_for(timeout=15_000)  # ms: what it begins is not to be begun anew
        return there.is_visible()

    assert happens(what.page, shown)


def planned(page: Page, ask: str, begin: str, reason: str) -> Locator:
    """Have something planned, say why, and return the button that begins it: off until then."""
    button, goes_on = page.get_by_role("button", name=begin), page.get_by_text("This tab can be")
    click_until(page.get_by_role("button", name=ask), goes_on.or_(button).first)
    expect(button).to_be_visible()  # planning goes on by itself, for as long as it takes
    expect(button).to_be_disabled()
    page.get_by_label("Reason or ticket").fill(reason)
    expect(button).to_be_enabled()
    return button


def fits(page: Page, name: str = "the page") -> None:
    """Nothing is wider than the window."""
    overflow = page.evaluate(
        "() => { const m = document.querySelector('[data-testid=stMain]');"
        " return m.scrollWidth - m.clientWidth }"
    )
    assert overflow <= 1, f"{name} is {overflow} px too wide"


def comes_to_fit(page: Page, width: int) -> None:
    """Wait until nothing is wider than a window of so many pixels, whatever is drawn meanwhile."""
    page.set_viewport_size({"width": width, "height": 1000})
    page.wait_for_function(
        "() => { const m = document.querySelector('[data-testid=stMain]');"
        " return m.clientWidth > 0 && m.scrollWidth - m.clientWidth <= 1 }",
        timeout=120_000,
    )


def picture(page: Page, path: Path, *, most: int = 1500) -> None:
    """Take a picture of the whole page, at most `most` pixels high."""
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    width = page.viewport_size["width"] if page.viewport_size else 1400
    page.set_viewport_size({"width": width, "height": min(int(height) + 20, most)})
    settle(page)
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(path))
