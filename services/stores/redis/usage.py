"""Redis: KATO's keyspace, read whole in one pass that changes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from services.figures import Precision
from services.health.models import Health
from services.stores.redis import still
from services.stores.redis.errors import STORE
from services.stores.redis.link import Client, Link, conversation, database_of
from services.stores.redis.scan import Choose, KeyPass, Reports, all_of, none_of, some_of
from services.stores.redis.server import Opening, asked, opening
from services.stores.redis.sessions import read_index, read_sessions
from services.stores.redis.sums import Sums
from services.stores.redis.tally import KeyTally
from services.tenancy.layout import SESSION_PREFIX, bytes_of
from services.usage.readings import KeyReading

if TYPE_CHECKING:
    from services.find.models import KeySight
    from services.stores.redis.carry import Base, Beginning

FEW = 100_000
"""Up to so many keys memory is asked for at each pass: that takes half a second."""

Progress = Callable[[KeyReading], None]


class KeyspaceStore:
    """Reads KATO's Redis. Only commands that change nothing are sent, and no TTL is touched.

    `service` is KATO's SERVICE_NAME. `scan_count` is the COUNT of SCAN. Above `memory_budget`
    keys the memory of only a share `memory_sample` of them is asked for. Of more than `few` keys
    memory is carried over to the readings of the next `memory_every` seconds. A whole read may
    take `pass_seconds`, and each answer the client's `socket_timeout`.

    Every method raises StoreUnavailable, StoreDenied or StoreMisconfigured, or StoreRejected for
    a command that the server does not know.
    """

    def __init__(
        self,
        client: Client,
        *,
        service: str,
        scan_count: int,
        memory_budget: int,
        memory_sample: float,
        pass_seconds: float,
        memory_every: float = 0,
        few: int = FEW,
    ) -> None:
        self._client = client
        self._service = service
        self._scan_count = scan_count
        self._memory_budget = memory_budget
        self._memory_sample = memory_sample
        self._pass_seconds = pass_seconds
        self._memory_every = memory_every
        self._few = few

    def health(self) -> Health:
        """Ask for a PONG, what the server is, and try all that a pass asks.

        The latency is that of the PING alone. Raises StoreDenied, which names the commands, where
        no pass is possible.
        """
        from services.stores.redis.looking import lacking

        with self._talk("asking how it is") as link:
            asked(link, ("PING",))
            began = time.perf_counter()
            asked(link, ("PING",))
            latency = time.perf_counter() - began
            told = opening(link, self._database)
            lacks = lacking(link, service=self._service)
        detail = "; ".join(told.described(self._database))
        return Health(STORE, told.version, latency, detail, lacks, told.memory)

    def estimate(self, kb_ids: Sequence[str]) -> KeyReading:
        """Count the keys of these kb_ids by KATO's own counters, in one round: a lower bound.

        Predictions, affinities and sessions are not known this way, nor is any memory.
        """
        from services.stores.redis.estimate import estimate_groups

        with self._talk("reading KATO's counters") as link:
            told = opening(link, self._database)
            groups = estimate_groups(link, kb_ids, self._service)
        return KeyReading(
            groups=groups,
            sessions=None,
            keys_before=told.keys,
            keys_after=told.keys,
            with_ttl=told.with_ttl,
            used_memory=told.used_memory,
            share=0.0,
            precision=Precision.ESTIMATE,
            memory_share=0.0,
        )

    def read(
        self, *, memory: bool = True, progress: Progress | None = None,
        last: KeyReading | None = None,
    ) -> KeyReading:  # fmt: skip
        """Count every key by owner and kind, and read every session, in one SCAN pass.

        With `memory` the bytes of every key come too, by MEMORY USAGE with the server's default
        of 5 sampled members for a collection; above the memory budget, those of a sample with
        its margin. Bytes are None without, and where Redis does not let us ask.

        `progress` is called a few times a second with what was found so far, scaled up, where it
        is known of how many; sessions and the index come with the last reading only. A key that
        goes while it is read is not counted; one that comes may be.

        With the reading of an earlier pass as `last`, that comes again, as it is now, where the
        server tells that nothing was written since; else its memory may be carried over.
        """
        with self._talk("reading the keyspace") as link:
            told = opening(link, self._database)
            base = self._base_of(last)
            if last is not None and (base is not None or last.memory_at is None):
                same = still.again(last, told, self._database)
                if same is not None:
                    return same
            began = self._beginning(link, told) if memory else None
            if base is not None and began is not None and began.standing.follows(base.standing):
                carried = self._carry(link, told, base)
                if carried is not None:
                    return carried
            tally = KeyTally(self._service)
            precision, choose = self._sizing(told.keys, tally.sums, memory=memory)
            reports = Reports(_report(progress, told, tally))
            KeyPass(link, tally, choose=choose, reports=reports).run(count=self._scan_count)
            reading = self._finish(link, told, tally, precision)
            return replace(reading, base=began and began.base(tally))

    def peek(self, keys: Sequence[bytes]) -> tuple[KeySight, ...]:
        """Return those of the keys that are there, with type and TTL, in one round trip."""
        from services.stores.redis.lookup import sights

        with self._talk("looking for a key") as link:
            return sights(link, keys)

    def _base_of(self, last: KeyReading | None) -> Base | None:
        """Return what memory is carried over by, as long as it may be."""
        if last is None or last.base is None:
            return None
        from services.stores.redis.carry import Base

        base = last.base
        return base if isinstance(base, Base) and base.is_young(self._memory_every) else None

    def _beginning(self, link: Link, told: Opening) -> Beginning | None:
        """Return where the server stands; None where nothing is to be carried over."""
        if not self._memory_every or told.keys is None or told.keys <= self._few:
            return None
        from services.stores.redis.carry import Beginning, Standing

        standing = Standing.ask(link, told)
        return None if standing is None else Beginning(standing)

    def _carry(self, link: Link, told: Opening, base: Base) -> KeyReading | None:
        """Count, with memory carried over; None where the sample says that it does not hold."""
        from services.stores.redis.carry import carrying

        tally, sums = carrying(self._service, base)
        _, of_new = self._sizing(told.keys, sums, memory=True)
        choose = sums.choose(self._memory_sample, of_new)
        KeyPass(link, tally, choose=choose, reports=Reports(None)).run(count=self._scan_count)
        if sums.contradicted():
            return None
        reading = self._finish(link, told, tally, Precision.SAMPLED)
        return replace(reading, memory_at=base.at, base=base)

    def _sizing(self, keys: int | None, sums: Sums, *, memory: bool) -> tuple[Precision, Choose]:
        if not memory:
            return Precision.EXACT, none_of
        few = keys is not None and keys <= self._memory_budget
        if few or self._memory_sample >= 1:
            return Precision.EXACT, all_of
        return Precision.SAMPLED, some_of(self._memory_sample, sums)

    def _finish(
        self, link: Link, told: Opening, tally: KeyTally, precision: Precision
    ) -> KeyReading:
        sessions = tuple(read_sessions(link, list(tally.sessions), self._service))
        records = {bytes_of(session.key) for session in sessions}
        live = {key for key in records if key.startswith(SESSION_PREFIX)}
        index = read_index(link, live, count=self._scan_count)
        ends_in = still.first_end(link, list(tally.passing), sessions, with_ttl=told.with_ttl)
        after = opening(link, self._database)
        return KeyReading(
            groups=tally.groups(),
            sessions=sessions,
            keys_before=told.keys,
            keys_after=after.keys,
            with_ttl=told.with_ttl,
            used_memory=told.used_memory,
            index_members=index.members,
            stale_members=index.stale,
            unindexed=index.unindexed,
            samples=tuple(tally.samples),
            precision=precision,
            memory_share=tally.sums.sized_share(),
            mark=still.mark_of(told, after, self._database, ends_in=ends_in),
        )

    @contextmanager
    def _talk(self, operation: str) -> Iterator[Link]:
        with conversation(self._client, operation=operation, seconds=self._pass_seconds) as link:
            yield link

    @property
    def _database(self) -> int:
        return database_of(self._client)


def _report(progress: Progress | None, told: Opening, tally: KeyTally) -> Callable[[], None] | None:
    """Return what reports; nothing where it is not known how far the pass is."""
    if progress is None or told.keys is None:
        return None
    return lambda: progress(_running(told, tally))


def _running(told: Opening, tally: KeyTally) -> KeyReading:
    """Return what a pass found so far, scaled up to the whole keyspace."""
    share = min(1.0, tally.scanned / told.keys) if told.keys else 1.0
    return KeyReading(
        groups=tally.groups(share) if share else (),
        sessions=None,
        keys_before=told.keys,
        keys_after=told.keys,
        with_ttl=told.with_ttl,
        used_memory=told.used_memory,
        samples=tuple(tally.samples),
        share=share,
        precision=Precision.RUNNING,
        memory_share=tally.sums.sized_share(),
    )
