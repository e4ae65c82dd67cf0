"""Several KATOs over one set of stores: the one that all share, and those of single tenants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING

from services.ask_stores import ask_all
from services.errors import StoreNotConfigured, StoreUnavailable
from services.purge.ports import KatoState, Presence
from services.stores.kato.connect import STORE
from services.usage.readings import ProcessorReading

if TYPE_CHECKING:
    from services.stores.kato.api import KatoApi

_SPARE_SECONDS = 1.0


class KatosAt:
    """The APIs of KATOs by their addresses, each opened when it is first asked for."""

    def __init__(self, timeout_seconds: float) -> None:
        self._seconds, self._lock = timeout_seconds, Lock()
        self._open: dict[str, tuple[KatoApi, Callable[[], None]]] = {}

    def at(self, url: str) -> KatoApi:
        """Return the KATO at an address. Raises StoreMisconfigured for one that is none."""
        from services.stores.kato.api import KatoApi  # noqa: PLC0415  its driver is not for all
        from services.stores.kato.connect import client_at  # noqa: PLC0415  as above

        with self._lock:
            if url not in self._open:
                client = client_at(url, timeout_seconds=self._seconds)
                self._open[url] = KatoApi(client), client.close
            return self._open[url][0]

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            while self._open:
                self._open.popitem()[1][1]()


class EveryKato:
    """What a purge asks of KATO, asked of every one that writes into the same stores.

    `shared` is the one that all share, `others` gives those of single tenants now. A session
    lies in Redis alone, and whichever KATO is asked ends it there.
    """

    def __init__(
        self, shared: KatoApi, others: Callable[[], Sequence[KatoApi]], *, seconds: float
    ) -> None:
        self._shared, self._others, self._seconds = shared, others, seconds

    def presence(self) -> Presence:
        """Say how they are together: stopped where all are, running where each runs or is stopped.

        They began when the first of them did. Raises StoreNotConfigured where there is none.
        """
        others = self._others()
        if not others:
            return self._shared.presence()
        found = [each.presence() for each in others]
        with suppress(StoreNotConfigured):
            found.append(self._shared.presence())
        there = [each for each in found if each.state is not KatoState.STOPPED]
        if not there:
            return Presence(KatoState.STOPPED)
        began = [each.started_at for each in there if each.started_at is not None]
        first = min(began) if len(began) == len(there) else None
        steady = all(each.state is KatoState.RUNNING for each in there)
        return Presence(KatoState.RUNNING if steady else KatoState.UNSTEADY, first)

    def cached_processors(self) -> ProcessorReading:
        """Return the processors of all; one that gives no answer counts as a worker that does not.

        Raises what the shared one raises.
        """
        others = self._others()
        if not others:
            return self._shared.cached_processors()
        asks = {
            str(number): (lambda _, api=api: api.cached_processors())
            for number, api in enumerate(others)
        }
        try:
            found = [self._shared.cached_processors()]
        except StoreNotConfigured:
            found = []
        silent = 0
        for each in ask_all(asks, deadline=2 * self._seconds + _SPARE_SECONDS).values():
            if isinstance(each.reading, ProcessorReading):
                found.append(each.reading)
            else:
                silent += 1
        every = dict.fromkeys(one for reading in found for one in reading.processors)
        return ProcessorReading(tuple(every), silent + sum(each.unanswered for each in found))

    def delete(self, session_id: str) -> None:
        """End a session, by the first KATO that answers."""
        lost: StoreUnavailable | StoreNotConfigured | None = None
        for api in (self._shared, *self._others()):
            try:
                return api.delete(session_id)
            except (StoreUnavailable, StoreNotConfigured) as exc:
                lost = lost or exc
        raise lost or StoreUnavailable(STORE, "deleting a session", "there is no KATO")

    def invalidate_caches(self, session_id: str) -> bool:
        """Have each forget what it caches of a session; False where one is without this call."""
        others = self._others()
        if not others:
            return self._shared.invalidate_caches(session_id)
        known = [api.invalidate_caches(session_id) for api in others]
        with suppress(StoreNotConfigured):
            known.append(self._shared.invalidate_caches(session_id))
        return all(known)
