"""Two people of different scope on one server, in browsers: what each of them is ever sent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page, WebSocket, expect

from tests.browser.conftest import HEADER, go, happens, new_context, settle
from tests.servers import issuer

PAGES = ("", "tenants", "sessions", "isolation", "find?find=alice")
"""Some of whatever kind: `tests/pages/test_scope.py` has every page."""
AROUND = 200  # bytes


@dataclass(eq=False)
class Person:
    """One browser, with everything that the server sent to it."""

    page: Page
    url: str
    frames: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("websocket", self._listen)

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framereceived", self._take)

    def _take(self, payload: bytes | str) -> None:
        self.frames.append(payload if isinstance(payload, bytes) else payload.encode())

    def go(self, path: str) -> None:
        """Open a page: the first as from a bookmark, the others from the one that is open."""
        if self.frames:
            go(self.page, path)
            return
        self.page.goto(f"{self.url}/{path}")
        settle(self.page)

    def was_sent(self, name: bytes) -> bool:
        """Whether a name comes: what is drawn is told of a little later."""
        return happens(self.page, lambda: any(name in frame for frame in self.frames))

    def sent_with(self, name: bytes) -> str:
        """What stands around a name where it was sent, empty where it never was."""
        found = next((frame for frame in self.frames if name in frame), b"")
        at = found.find(name)
        return repr(found[max(at - AROUND, 0) : at + AROUND]) if found else ""


Come = Callable[..., Person]


@pytest.fixture(scope="module")
def come(browser: Browser, proxied: str) -> Iterator[Come]:
    """Have an admin of these tenants open a browser."""
    contexts = []

    def coming(who: str, *tenants: str) -> Person:
        ends = time.time() + 7200  # however long a busy machine takes
        token = issuer.secret_token(groups=["admins"], email=who, tenants=tenants, exp=ends)
        context = new_context(
            browser, extra_http_headers={HEADER: token}, viewport={"width": 1400, "height": 900}
        )
        contexts.append(context)
        return Person(context.new_page(), proxied)

    yield coming
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def ada(come: Come) -> Person:
    """Who may see every tenant."""
    return come("ada@example.com", "*")


@pytest.fixture(scope="module")
def bea(come: Come) -> Person:
    """Who may see one."""
    return come("bea@example.com", "tenant/globex")


def test_neither_is_sent_what_is_the_others(come: Come, ada: Person, bea: Person) -> None:
    """Page by page in turns, after somebody who sees all filled every cache."""
    cid = come("cid@example.com", "tenant/acme")
    for path in PAGES:
        for person in (ada, bea, cid):
            person.go(path)
    bea.go("tenant?tenant=tenant/acme")
    expect(bea.page.get_by_text("Nothing in the stores belongs to")).to_be_visible()
    for person, names in {
        ada: (b"tenant/globex", b"tenant/acme", b"bigco"), bea: (b"tenant/globex", b"globex:user"),
        cid: (b"tenant/acme", b"acme:user"),
    }.items():  # fmt: skip
        for name in names:
            assert person.was_sent(name), name
    for name in (b"acme:user", b"acme_user", b"bigco", b"Traceback"):
        assert bea.sent_with(name) == ""
    for name in (b"globex", b"bigco", b"Traceback"):
        assert cid.sent_with(name) == ""


def test_a_file_holds_what_its_viewer_may_see(come: Come, ada: Person, bea: Person) -> None:
    """It is made in a thread that knows of no browser, in the name of who clicked."""
    bea.go("tenants")
    with bea.page.expect_download() as download:
        bea.page.get_by_test_id("stDownloadButton").first.click()
    address = download.value.url  # Chromium does not send this test's token along with it
    again = come("bea@example.com", "tenant/globex")
    ada.go("tenants")
    text = bea.page.request.get(address).text()
    assert ada.page.request.get(address).status == 404
    assert again.page.request.get(address).status == 404  # in another browser
    assert "tenant/globex" in text
    assert len(text.splitlines()) == 2
    bea.go("audit_log?did=export")
    assert bea.was_sent(b"tenants as csv")
