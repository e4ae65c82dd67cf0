"""What KATO's workers say of themselves: how busy each is, and how its stores and cache are.

A worker is asked everything over one connection, which stays with it, and is known again by the
moment at which it began. Only calls that change nothing. `/cache/stats` is asked for on demand
alone: to answer it KATO goes through the whole of its Redis four times.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isfinite

import httpx

from services.errors import StoreRejected
from services.health.models import Worker, Workers
from services.stores.faults import trusted
from services.stores.kato.around import Around, ask_around
from services.stores.kato.connect import Call, ask, cut, seconds_of

APART = timedelta(milliseconds=50)
"""Workers that began closer to each other than this count as one.

One and the same worker says the moment anew each time, from two looks at its clock.
"""

_HEALTH = Call("GET", "/health", "asking a worker how it is", accepts=frozenset({200, 503}))
_THERE_OR_NOT = frozenset({200, 404})
_OPERATION = "asking its workers how they are"
_POOLS_SHOWN = 8
_LONG_AGO = datetime.min.replace(tzinfo=UTC)

Said = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Told:
    """One connection's answers: a worker, and how many there are to be by what it says."""

    worker: Worker
    configured: int | None = None


class KatoWorkers:
    """Asks KATO's workers about themselves.

    `alone` says that one process answers. Raises StoreUnavailable, StoreDenied, StoreRejected or
    StoreMisconfigured where none answers.
    """

    def __init__(self, client: httpx.Client, *, alone: bool = False) -> None:
        self._client, self._alone = client, alone
        self._seconds = seconds_of(client)

    def figures(self, *, cache: bool = False) -> Workers:
        """Return what each worker says; takes at most some seconds more than the timeout.

        With `cache` also of its cache of patterns, which costs KATO four passes over its Redis.
        """
        known: list[datetime] = []

        def look() -> _Told:
            return self._look(known, cache=cache)

        if self._alone:
            return _workers(Around((look(),), 0))
        return _workers(ask_around(look, news=_news, operation=_OPERATION, seconds=self._seconds))

    def _look(self, known: list[datetime], *, cache: bool) -> _Told:
        """Ask one worker everything, unless it was asked already."""
        with _one_connection(self._client) as client:
            began = _began(ask(client, _HEALTH, seconds=self._seconds))
            if began is not None and any(_same(began, each) for each in known):
                return _Told(Worker(began))
            told = self._told(client, began, cache=cache)
            if not _same(began, _began(ask(client, _HEALTH, seconds=self._seconds))):
                why = "one connection goes to several workers: their figures cannot be told apart"
                raise _HEALTH.rejected(why)
        if began is not None:
            known.append(began)
        return told

    def _told(self, client: httpx.Client, began: datetime | None, *, cache: bool) -> _Told:
        busy = self._part(client, "/concurrency")
        stats = self._part(client, "/stats?minutes=1")
        pools = self._part(client, "/connection-pools")
        cached = self._part(client, "/cache/stats") if cache else {}
        worker = Worker(
            began,
            requests=_count(busy, "current", "concurrent_requests"),
            peak=_count(busy, "peak", "concurrent_requests"),
            limit=_count(busy, "limits", "per_worker"),
            processors=_count(stats, "processor_manager", "total_processors"),
            served=_count(stats, "summary", "performance", "total_requests"),
            errors=_count(stats, "summary", "performance", "total_errors"),
            counted=_count(self._part(client, "/sessions/count"), "active_session_count"),
            pools_unwell=_unwell(_at(pools, "health")),
            cache=_cache_state(cached),
            hit_rate=_hit_rate(cached),
        )
        return _Told(worker, _count(busy, "configuration", "workers"))

    def _part(self, client: httpx.Client, path: str) -> Said:
        """Ask for one part; empty for a KATO without this call, and where it fails on it."""
        call = Call("GET", path, _OPERATION, accepts=_THERE_OR_NOT)
        try:
            answer = ask(client, call, seconds=self._seconds)
        except StoreRejected:
            return {}
        return {} if "detail" in answer else answer


def _one_connection(client: httpx.Client) -> httpx.Client:
    """Return a client like another, all of whose calls go over one connection."""
    return httpx.Client(
        base_url=client.base_url,
        timeout=client.timeout,
        limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
        verify=trusted(),
        trust_env=client.trust_env,
    )


def _workers(around: Around[_Told]) -> Workers:
    """Put each worker's answers together: the fullest of those that are one worker's."""
    ordered = sorted(around.answers, key=lambda told: told.worker.began or _LONG_AGO)
    told: list[Worker] = []
    for each in ordered:
        if told and _same(told[-1].began, each.worker.began):
            told[-1] = max(told[-1], each.worker, key=_is_whole)
        else:
            told.append(each.worker)
    configured = [each.configured for each in around.answers if each.configured is not None]
    return Workers(tuple(told), max(configured, default=None), around.unanswered)


def _is_whole(worker: Worker) -> bool:
    """Whether a worker said more than when it began."""
    return worker != Worker(worker.began)


def _news(told: _Told) -> Iterable[object]:
    """What tells that a worker was not asked before: that it was asked everything."""
    return [told.worker.began] if _is_whole(told.worker) else []


def _same(one: datetime | None, other: datetime | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) < APART


def _began(health: Said) -> datetime | None:
    """Reckon when a worker began, by its own clock where it tells the time."""
    uptime = _number(health, "uptime_seconds")
    if uptime is None:
        return None
    said = health.get("timestamp")
    try:
        now = datetime.fromisoformat(said) if isinstance(said, str) else datetime.now(UTC)
        return now.astimezone(UTC) - timedelta(seconds=uptime)
    except (ValueError, OverflowError):
        return None


def _unwell(health: object) -> tuple[str, ...] | None:
    """Return the stores whose connections are not well; None where that is not said."""
    if not isinstance(health, dict):
        return None
    told = {
        cut(name): found.get("healthy") for name, found in health.items() if isinstance(found, dict)
    }
    return tuple(name for name, well in told.items() if well is not True)[:_POOLS_SHOWN]


def _cache_state(said: Said) -> str | None:
    state = _at(said, "cache_health", "status")
    return cut(state) if isinstance(state, str) else None


def _hit_rate(said: Said) -> float | None:
    percent = _number(said, "cache_performance", "hit_rate_percent")
    return None if percent is None else percent / 100


def _at(said: object, *path: str) -> object:
    """Return what stands at a place of an answer, None where there is nothing."""
    for name in path:
        said = said.get(name) if isinstance(said, Mapping) else None
    return said


def _number(said: object, *path: str) -> float | None:
    found = _at(said, *path)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    try:
        number = float(found)
    except OverflowError:
        return None
    return number if isfinite(number) and number >= 0 else None


def _count(said: object, *path: str) -> int | None:
    found = _number(said, *path)
    return None if found is None else int(found)
