"""The caller's token on its way to a KATO behind a gateway that asks for one, and nowhere else."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import redis

from services.access.gate import Gate
from services.access.viewer import Role, Viewer
from services.embedded.kato.server import StandInServer
from services.errors import NotSignedIn, StoreDenied
from services.sessions.access import DeskCare, DeskSessions
from services.sessions.caller import carrying, headers_carried
from services.sessions.care import SessionCare
from services.sessions.create import SessionService
from services.sessions.models import Deed, Result
from services.settings.encryption import Encryption
from services.stores.kato.api import KatoApi
from services.stores.kato.connect import client_at
from services.stores.records.nodes import StateStore
from services.stores.redis.session_detail import SessionRecords
from services.stores.redis.session_writes import SessionWrites
from services.tenancy.layout import Owner, OwnerKind
from services.tenancy.ownership import Ownership
from services.tenancy.schemes import NamingSchemes
from services.usage.readings import SessionRecord
from tests.servers.faults import Answer, HttpServer, Request
from tests.servers.logbooks import NobodyApproves, SqliteLog, sqlite_log

TOKEN = "eyJhbGciOi.hunter2-_~+/.c2ln=="
SCHEMES = NamingSchemes.of()
SCHEME = next(s for s in SCHEMES.schemes if s.template == "tenant:{tenant}:user:{user}")
VALUES = {"tenant": "acme", "user": "bob"}


@dataclass
class Behind:
    """A stand-in for KATO behind a gateway on a real socket that lets in who brings a token."""

    gateway: HttpServer
    api: KatoApi
    valkey: redis.Redis
    log: SqliteLog
    state: StateStore

    @property
    def sent(self) -> list[str | None]:
        """What each call so far brought."""
        found = [{k.lower(): v for k, v in call.headers.items()} for call in self.gateway.calls]
        return [headers.get("authorization") for headers in found]

    def desks(self, token: str, *, forward: bool = True) -> tuple[DeskSessions, DeskCare]:
        """Somebody's desk."""
        gate = Gate(
            viewer=lambda: Viewer("ann", Role.ADMIN, token=token), log=self.log.logbook,
            approvals=NobodyApproves, now=lambda: datetime.now(UTC),
        )  # fmt: skip
        sessions = SessionService(
            self.api, state=self.state, ownership=lambda: Ownership((), schemes=SCHEMES)
        )
        records = SessionRecords(self.valkey, service="kato", scan_count=100, seconds=20)
        index = SessionWrites(self.valkey, scan_count=100, seconds=20)
        care = SessionCare(self.api, records=records, index=index, encryption=Encryption())
        ownership = Ownership((), schemes=SCHEMES)
        return (
            DeskSessions(gate, sessions, forward=forward),
            DeskCare(gate, care, ownership=lambda: ownership, holds=tuple, forward=forward),
        )

    def everything_kept(self) -> bytes:
        """All that was written down, in this product's records and in Redis."""
        self.state.close()
        path = Path(str(self.log.engine.url.database))
        own = b"".join(file.read_bytes() for file in path.parent.iterdir())
        return own + b"".join(self.valkey.dump(key) or b"" for key in self.valkey.scan_iter())


@pytest.fixture
def behind(valkey: redis.Redis, tmp_path: Path) -> Iterator[Behind]:
    standin = StandInServer(valkey)

    def answer(request: Request) -> Answer:
        headers = {name.lower(): value for name, value in request.headers.items()}
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return Answer(401, b"{}")
        passed = httpx.request(
            request.method, standin.url + request.path, params=request.query, content=request.body,
            headers={"Content-Type": "application/json"}, trust_env=False,
        )  # fmt: skip
        return Answer(passed.status_code, passed.content, {"Content-Type": "application/json"})

    log = sqlite_log(tmp_path)
    with HttpServer(answer) as gateway, client_at(gateway.url, timeout_seconds=10) as client:
        yield Behind(gateway, KatoApi(client), valkey, log, StateStore(log.engine))
    standin.close()
    log.engine.dispose()


def record(session_id: str) -> SessionRecord:
    owner = Owner(OwnerKind.NODE, "tenant:acme:user:bob")
    return SessionRecord(f"kato:session:{session_id}", session_id, owner)


def test_what_somebody_asks_of_kato_carries_their_token(
    behind: Behind, caplog: pytest.LogCaptureFixture
) -> None:
    """From creating a session to ending it; and it is written down nowhere."""
    caplog.set_level(logging.DEBUG)
    sessions, care = behind.desks(TOKEN)
    made = sessions.create(SCHEME, VALUES, ttl_seconds=60, metadata={"a": "b"})
    for deed in (Deed.EXTEND, Deed.CLEAR_STM, Deed.DELETE):
        (outcome,) = care.act(deed, [record(made.session_id)], ttl_seconds=120)
        assert outcome.result is Result.DONE, outcome
    sessions.create(SCHEME, VALUES, ttl_seconds=60, metadata={"a": "b"})
    assert behind.sent == [f"Bearer {TOKEN}"] * 5
    assert "hunter2" not in caplog.text
    assert b"hunter2" not in behind.everything_kept()
    assert headers_carried() == {}


@pytest.mark.parametrize(("token", "forward"), [(TOKEN, False), ("", True)])
def test_without_the_setting_or_a_token_none_is_sent(
    behind: Behind, token: str, forward: bool
) -> None:
    """And the gateway's answer is told as what it is."""
    sessions, care = behind.desks(token, forward=forward)
    with pytest.raises(StoreDenied):
        sessions.create(SCHEME, VALUES, ttl_seconds=60, metadata={})
    (outcome,) = care.act(Deed.DELETE, [record("x")])
    assert outcome.result is Result.FAILED
    assert behind.sent == [None, None]


def test_each_caller_brings_their_own(behind: Behind) -> None:
    """At the same time, too."""
    tokens = [f"token-{n}" for n in range(6)]

    def end(token: str) -> None:
        behind.desks(token)[1].act(Deed.DELETE, [record(token)])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(end, tokens * 3))
    brought = {(call.path.rpartition("/")[2], sent) for call, sent in
               zip(behind.gateway.calls, behind.sent, strict=True)}  # fmt: skip
    assert brought == {(token, f"Bearer {token}") for token in tokens}


def test_what_runs_by_itself_brings_none(behind: Behind) -> None:
    """Neither in the same thread afterwards, nor in one that was started meanwhile."""
    with carrying(TOKEN), ThreadPoolExecutor(1) as pool, pytest.raises(StoreDenied):
        pool.submit(behind.api.health).result()
    with pytest.raises(StoreDenied):
        behind.api.health()
    assert set(behind.sent) == {None}


@pytest.mark.parametrize("token", ["a b", "a\r\nX-Admin: 1", "ä", "a\0", "a\n", "=", '"a"'])
def test_what_is_no_token_is_not_sent(behind: Behind, token: str) -> None:
    """A header cannot be broken out of; the log has that it was tried, and not the token."""
    sessions, _ = behind.desks(token)
    with pytest.raises(NotSignedIn, match=r"^the token of this sign-in cannot be passed on"):
        sessions.create(SCHEME, VALUES, ttl_seconds=60, metadata={})
    assert not behind.gateway.calls
    assert [entry.event.outcome.value for entry in behind.log.entries()] == ["begun", "failed"]


def test_an_error_of_kato_says_nothing_of_the_token(behind: Behind) -> None:
    behind.gateway.answer = lambda request: Answer(422, str(request.headers).encode())
    sessions, _ = behind.desks(TOKEN)
    with pytest.raises(Exception, match="KATO") as caught:
        sessions.create(SCHEME, VALUES, ttl_seconds=60, metadata={})
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in "".join(entry.event.reason for entry in behind.log.entries())
