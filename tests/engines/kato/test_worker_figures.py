"""What KATO's workers say of themselves, worker by worker as far as that can be told."""

from __future__ import annotations

import time
from collections import Counter

import pytest
import redis

from services.embedded.kato.server import StandInServer
from services.errors import StoreError, StoreRejected, StoreUnavailable
from services.health.models import Worker, Workers
from services.stores.kato import around
from services.stores.kato.connect import client_at
from services.stores.kato.workers import KatoWorkers
from tests.servers.faults import SOON, Answer, HttpServer, Request, free_port
from tests.servers.kato_workers import Worker as Made, figures, kato_of

MADE = tuple(Made(uptime=1000.0 * number, says=figures(number)) for number in range(1, 5))


def asked(url: str, *, cache: bool = False, alone: bool = False, seconds: float = 20) -> Workers:
    with client_at(url, timeout_seconds=seconds) as client:
        return KatoWorkers(client, alone=alone).figures(cache=cache)


def paths(server: HttpServer) -> Counter[str]:
    return Counter(call.path for call in server.calls)


def test_each_worker_is_asked_everything_once_over_one_connection() -> None:
    """And is known again by when it began, the oldest first; caches only when that is wanted."""
    with kato_of(MADE) as server:
        found = asked(server.url)
        assert (found.configured, found.unanswered) == (4, 0)
        assert [worker.requests for worker in found.told] == [4, 3, 2, 1]
        oldest, youngest = found.told[0], found.told[-1]
        assert oldest.began is not None
        assert youngest.began is not None
        assert (youngest.began - oldest.began).total_seconds() == pytest.approx(3000, abs=1)
        assert youngest == Worker(
            youngest.began, requests=1, peak=10, limit=100, processors=3, served=100, errors=0,
            counted=28, pools_unwell=("qdrant",),
        )  # fmt: skip
        assert oldest.pools_unwell == ()
        assert paths(server)["/stats"] <= 8  # some were met twice at the same moment
        assert not paths(server)["/cache/stats"]
        over = {call.connection for call in server.calls if call.path == "/stats"}
        assert len(over) == paths(server)["/stats"]
        for worker in asked(server.url, cache=True).told:
            assert (worker.cache, worker.hit_rate) == ("healthy", 0.125 * (worker.requests or 0))


def test_a_worker_that_hangs_has_no_row_and_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(around, "GRACE_SHARE", 1 / 60)
    with kato_of([*MADE, *MADE], hung={1}) as server:
        began = time.monotonic()
        found = asked(server.url, seconds=60)
        assert time.monotonic() - began < SOON
    assert found.unanswered >= 1
    assert [worker.requests for worker in found.told] == [4, 3, 2, 1]


def test_workers_that_cannot_be_told_apart_are_one_row() -> None:
    """What began at one moment, and what does not say when it began."""
    with kato_of([Made(says=figures(1)), Made(says=figures(1))]) as server:
        found = asked(server.url)
    assert (len(found.told), found.configured) == (1, 4)

    def silent(request: Request) -> Answer:
        if request.path == "/health":
            return Answer.json({"status": "healthy"})
        return Answer.json(figures(2)[request.path])

    with HttpServer(silent) as server:
        (worker,) = asked(server.url).told
    assert (worker.began, worker.requests) == (None, 2)


def test_a_proxy_that_spreads_one_connection_is_no_worker() -> None:
    """Figures of different workers would be shown as those of one."""
    looks = Counter[int]()

    def spread(request: Request) -> Answer:
        looks[request.connection] += request.path == "/health"
        return MADE[looks[request.connection] % 4].answer(request.path)

    with HttpServer(spread) as server, pytest.raises(StoreRejected, match="cannot be told apart"):
        asked(server.url)


ODD = [{}, {"detail": "Not Found"}, {"current": 5, "summary": [], "health": "well"},
       {"current": {"concurrent_requests": True}, "limits": {"per_worker": -1},
        "active_session_count": "28", "health": {"redis": 1}},
       {"peak": {"concurrent_requests": float("inf")}},
       {"current": {"concurrent_requests": 10**400}}]  # fmt: skip


@pytest.mark.parametrize("said", ODD, ids=range(len(ODD)))
def test_what_is_not_said_is_unknown_and_never_0(said: object) -> None:
    """Whatever stands there in its place, and where KATO fails on a call."""
    for status in (200, 404, 500):
        with kato_of([Made()]) as server:
            honest = server.answer
            server.answer = lambda request, s=status, a=honest: (  # type: ignore[misc]
                a(request) if request.path == "/health" else Answer.json(said, s)
            )
            (worker,) = asked(server.url, cache=True, alone=True).told
        assert worker == Worker(worker.began, pools_unwell=worker.pools_unwell)
        assert worker.pools_unwell in (None, ())


def test_a_kato_that_is_down_is_an_error() -> None:
    with pytest.raises(StoreUnavailable):
        asked(f"http://127.0.0.1:{free_port()}")
    with (
        kato_of(MADE, hung=range(4)) as server,
        pytest.raises(StoreError, match="no answer within"),
    ):
        asked(server.url, seconds=0.3)


def test_the_stand_in_is_one_worker(valkey: redis.Redis) -> None:
    """It says so, and that its cache is off."""
    server = StandInServer(valkey)
    (worker,) = asked(server.url, cache=True, alone=True).told
    server.close()
    assert (worker.requests, worker.processors, worker.counted, worker.served) == (0, 0, 0, 0)
    assert (worker.pools_unwell, worker.cache, worker.hit_rate) == ((), "disabled", None)
