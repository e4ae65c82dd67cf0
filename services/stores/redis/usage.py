"""Redis: KATO's keyspace, read whole in one pass that changes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import redis

from services.errors import StoreMisconfigured
from services.figures import Precision
from services.health.models import Health, Memory
from services.stores.redis.errors import STORE
from services.stores.redis.estimate import estimate_groups
from services.stores.redis.link import Link, conversation, packed
from services.stores.redis.scan import Choose, KeyPass, Reports, all_of, none_of, some_of
from services.stores.redis.sessions import read_index, read_sessions
from services.stores.redis.sums import Sums
from services.stores.redis.tally import KeyTally
from services.tenancy.layout import bytes_of
from services.usage.readings import KeyReading

if TYPE_CHECKING:
    from services.find.models import KeySight

Progress = Callable[[KeyReading], None]


@dataclass(frozen=True, slots=True)
class _Opening:
    """What the server says of itself: `keys` is DBSIZE, `facts` its INFO by field.

    None is what INFO does not say.
    """

    keys: int
    with_ttl: int | None
    used_memory: int | None
    facts: Mapping[str, str]


class KeyspaceStore:
    """Reads KATO's Redis. Only commands that change nothing are sent, and no TTL is touched.

    `service` is KATO's SERVICE_NAME. `scan_count` is the COUNT of SCAN. Above `memory_budget`
    keys the memory of only a share `memory_sample` of them is asked for. A whole read may take
    `pass_seconds`, and each answer the client's `socket_timeout`.

    Every method raises StoreUnavailable, StoreDenied or StoreMisconfigured, or StoreRejected for
    a command that the server does not know.
    """

    def __init__(
        self,
        client: redis.Redis,
        *,
        service: str,
        scan_count: int,
        memory_budget: int,
        memory_sample: float,
        pass_seconds: float,
    ) -> None:
        self._client = client
        self._service = service
        self._scan_count = scan_count
        self._memory_budget = memory_budget
        self._memory_sample = memory_sample
        self._pass_seconds = pass_seconds

    def health(self) -> Health:
        """Ask for a PONG, and what the server is. The latency is that of the PING alone."""
        with self._talk("asking how it is") as link:
            link.ask("PING")
            began = time.perf_counter()
            link.ask("PING")
            latency = time.perf_counter() - began
            facts = _facts(link)
        policy = facts.get("maxmemory_policy", "")
        detail = f"eviction: {policy}" if policy else ""
        return Health(STORE, _version(facts), latency, detail, _memory(facts))

    def estimate(self, kb_ids: Sequence[str]) -> KeyReading:
        """Count the keys of these kb_ids by KATO's own counters, in one round: a lower bound.

        Predictions, affinities and sessions are not known this way, nor is any memory.
        """
        with self._talk("reading KATO's counters") as link:
            opening = self._open(link)
            groups = tuple(estimate_groups(link, kb_ids, self._service))
        return KeyReading(
            groups=groups,
            sessions=None,
            keys_before=opening.keys,
            keys_after=opening.keys,
            with_ttl=opening.with_ttl,
            used_memory=opening.used_memory,
            share=0.0,
            precision=Precision.ESTIMATE,
            memory_share=0.0,
        )

    def read(self, *, memory: bool = True, progress: Progress | None = None) -> KeyReading:
        """Count every key by owner and kind, and read every session, in one SCAN pass.

        With `memory` the bytes of every key come too, by MEMORY USAGE with the server's default
        of 5 sampled members for a collection; above the memory budget, those of a sample with
        its margin. Bytes are None without, and where Redis does not let us ask.

        `progress` is called a few times a second with what was found so far, scaled up; sessions
        and the index come with the last reading only. A key that goes while it is read is not
        counted; one that comes may be.
        """
        with self._talk("reading the keyspace") as link:
            opening = self._open(link)
            tally = KeyTally(self._service)
            precision, choose = self._sizing(opening.keys, tally.sums, memory=memory)
            reports = Reports(progress and (lambda: progress(_running(opening, tally))))
            KeyPass(link, tally, choose=choose, reports=reports).run(count=self._scan_count)
            return self._finish(link, opening, tally, precision)

    def peek(self, keys: Sequence[bytes]) -> tuple[KeySight, ...]:
        """Return those of the keys that are there, with type and TTL, in one round trip."""
        from services.stores.redis.lookup import sights

        with self._talk("looking for a key") as link:
            return sights(link, keys)

    def _sizing(self, keys: int, sums: Sums, *, memory: bool) -> tuple[Precision, Choose]:
        if not memory:
            return Precision.EXACT, none_of
        if keys <= self._memory_budget or self._memory_sample >= 1:
            return Precision.EXACT, all_of
        return Precision.SAMPLED, some_of(self._memory_sample, sums)

    def _finish(
        self, link: Link, opening: _Opening, tally: KeyTally, precision: Precision
    ) -> KeyReading:
        sessions = tuple(read_sessions(link, list(tally.sessions), self._service))
        live = {bytes_of(session.key) for session in sessions}
        members, stale = read_index(link, live, count=self._scan_count)
        return KeyReading(
            groups=tuple(tally.groups()),
            sessions=sessions,
            keys_before=opening.keys,
            keys_after=link.ask("DBSIZE"),
            with_ttl=opening.with_ttl,
            used_memory=opening.used_memory,
            index_members=members,
            stale_members=stale,
            samples=tuple(tally.samples),
            precision=precision,
            memory_share=tally.sums.sized_share(),
        )

    @contextmanager
    def _talk(self, operation: str) -> Iterator[Link]:
        with conversation(self._client, operation=operation, seconds=self._pass_seconds) as link:
            yield link

    def _open(self, link: Link) -> _Opening:
        # Reading a session would make it look used to an evicting server. Servers before Redis
        # 7.2 do not know NO-TOUCH and answer with an error, which is all right.
        link.send(packed("CLIENT", "NO-TOUCH", "ON"))
        link.replies(1)
        keys = link.ask("DBSIZE")
        facts = _facts(link)
        database = self._client.get_connection_kwargs().get("db") or 0
        with_ttl = _expiring(facts.get(f"db{database}", "")) if keys else 0
        return _Opening(keys, with_ttl, _whole(facts.get("used_memory", "")), facts)


def _running(opening: _Opening, tally: KeyTally) -> KeyReading:
    """Return what a pass found so far, scaled up to the whole keyspace."""
    share = min(1.0, tally.scanned / opening.keys) if opening.keys else 1.0
    return KeyReading(
        groups=tuple(tally.groups(share)) if share else (),
        sessions=None,
        keys_before=opening.keys,
        keys_after=opening.keys,
        with_ttl=opening.with_ttl,
        used_memory=opening.used_memory,
        samples=tuple(tally.samples),
        share=share,
        precision=Precision.RUNNING,
        memory_share=tally.sums.sized_share(),
    )


def _facts(link: Link) -> Mapping[str, str]:
    """Read INFO. Raises StoreMisconfigured for a server that holds only a part of the keys."""
    lines = link.ask("INFO").decode("utf-8", "replace").splitlines()
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    mode = facts.get("redis_mode", facts.get("server_mode", "standalone"))
    if mode != "standalone":
        reason = f"it runs in {mode} mode; KATO uses a single server, which holds every key"
        raise StoreMisconfigured(STORE, "asking what it is", reason)
    return facts


def _expiring(held: str) -> int | None:
    """Read how many keys expire out of what INFO says of a database: `keys=5,expires=2,…`."""
    parts = dict(part.partition("=")[::2] for part in held.split(","))
    return _whole(parts.get("expires", ""))


def _whole(text: str) -> int | None:
    """Read a whole number; None for anything else."""
    return int(text) if text.isdecimal() else None


def _memory(facts: Mapping[str, str]) -> Memory:
    told = (_whole(facts.get(name, "")) for name in ("used_memory", "maxmemory", "evicted_keys"))
    return Memory(*told)


def _version(facts: Mapping[str, str]) -> str:
    name = facts.get("server_name", "redis")
    version = facts.get(f"{name}_version") or facts.get("redis_version", "of unknown version")
    return f"{name} {version}"
