"""What a Redis says of itself, as far as its user may ask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import hiredis

from services.errors import StoreMisconfigured, StoreUnavailable
from services.health.models import Memory
from services.stores.redis.errors import STORE
from services.stores.redis.link import Link, Word, packed

_ALONE, _CLUSTER = "standalone", "cluster"
_NOT_OURS = ("NOPERM", "ERR unknown")


def is_withheld(reply: Any) -> bool:
    """Whether a reply says that this command is not for this user, or was renamed away."""
    return isinstance(reply, hiredis.ReplyError) and str(reply).startswith(_NOT_OURS)


def asked(link: Link, *commands: tuple[Word, ...], wrong_type: bool = False) -> list[Any]:
    """Send commands in one go; the answer to one that is withheld is None. Raises StoreError.

    With `wrong_type` a key of another type than the command's is none: its error is the answer.
    """
    link.send(b"".join(packed(*words) for words in commands))
    found: list[Any] = []
    for reply in link.replies(len(commands)):
        passes = is_withheld(reply) or (wrong_type and str(reply).startswith("WRONGTYPE"))
        if isinstance(reply, hiredis.ReplyError) and not passes:
            raise link.error(reply)
        found.append(None if is_withheld(reply) else reply)
    return found


@dataclass(frozen=True, slots=True)
class Standing:
    """What a server is: its mode (`standalone`), and whether it is a replica.

    `version` is its product and version by HELLO, empty where it is too old for that.
    """

    mode: str
    is_replica: bool
    version: str = ""


@dataclass(frozen=True, slots=True)
class Opening:
    """What a server says of itself; None is what it does not say, or not to us.

    `keys` is DBSIZE, or else INFO's count; `facts` is INFO by field, empty where it is withheld.
    Of a cluster the figures are the sums of its primaries', which are its `parts`.
    """

    standing: Standing
    keys: int | None
    with_ttl: int | None
    used_memory: int | None
    facts: Mapping[str, str]
    parts: Sequence[Opening] = ()

    @property
    def version(self) -> str:
        """Its product and version; those of a cluster's primaries, where they differ."""
        if self.parts:
            return ", ".join(sorted({part.version for part in self.parts}))
        name = self.facts.get("server_name", "redis")
        version = self.facts.get(f"{name}_version") or self.facts.get("redis_version")
        return f"{name} {version}" if version else self.standing.version or "of unknown version"

    def held(self, database: int) -> dict[str, str]:
        """What it counts in a database: keys, those that expire and the like."""
        return _held(self.facts, database)

    def elsewhere(self, database: int) -> Mapping[int, int]:
        """Return how many keys there are in each other database, which is not read."""
        found: Counter[int] = Counter()
        for facts in (part.facts for part in self.parts or (self,)):
            for name in facts:
                if name.startswith("db") and name[2:].isdecimal() and int(name[2:]) != database:
                    found[int(name[2:])] += number(_held(facts, int(name[2:])).get("keys", "")) or 0
        return dict(sorted(found.items()))

    @property
    def memory(self) -> Memory:
        """What it keeps in memory, and may."""
        if self.parts:
            return _all_of([part.memory for part in self.parts])
        limit, evicted = (number(self.facts.get(n, "")) for n in ("maxmemory", "evicted_keys"))
        return Memory(self.used_memory, limit, evicted)

    def described(self, database: int) -> Iterator[str]:
        """Say what an operator should know of the server, and of the database that is read."""
        if self.parts:
            yield from _described(self)
            return
        if policy := self.facts.get("maxmemory_policy"):
            yield f"eviction: {policy}"
        if self.standing.is_replica:
            yield "a replica, where nothing can be erased: KATO writes to its primary"
        others = ", ".join(map(str, self.elsewhere(database)))
        elsewhere = f", which is empty: keys are in {others}" if others else ""
        yield f"database {database}{elsewhere if self.keys == 0 else ''}"


def opening(link: Link, database: int) -> Opening:
    """Ask for all of that at once. Raises StoreMisconfigured for one that holds only a part."""
    if not link.is_cluster:
        return _opening(link, database, of=_ALONE)
    parts = [_opening(each, database, of=_CLUSTER) for each in link.primaries]
    return Opening(
        Standing(_CLUSTER, is_replica=False),
        _sum(part.keys for part in parts),
        _sum(part.with_ttl for part in parts),
        _sum(part.used_memory for part in parts),
        {},
        parts,
    )


def _opening(link: Link, database: int, *, of: str) -> Opening:
    hello, size, info = asked(link, ("HELLO",), ("DBSIZE",), ("INFO",))
    facts = {} if info is None else fields_of(info)
    standing = _sound(_by_hello(hello) if hello is not None else _by_info(facts), of)
    held = _held(facts, database)
    keys = size if size is not None else number(held.get("keys", "0")) if facts else None
    with_ttl = 0 if keys == 0 else number(held.get("expires", ""))
    return Opening(standing, keys, with_ttl, number(facts.get("used_memory", "")), facts)


def _held(facts: Mapping[str, str], database: int) -> dict[str, str]:
    counts = facts.get(f"db{database}", "").split(",")
    return dict(count.split("=", 1) for count in counts if "=" in count)


def standing(link: Link) -> Standing:
    """Ask a server what it is. Raises StoreMisconfigured for one that holds only a part.

    By HELLO, which every user may send; by INFO where the server is older than Redis 6.
    """
    if link.is_cluster:
        for each in link.primaries:
            _standing(each, of=_CLUSTER)
        return Standing(_CLUSTER, is_replica=False)
    return _standing(link, of=_ALONE)


def _standing(link: Link, *, of: str) -> Standing:
    (hello,) = asked(link, ("HELLO",))
    told = _by_hello(hello) if hello is not None else _by_info(fields_of(link.ask("INFO")))
    return _sound(told, of)


_ADVICE = {
    _CLUSTER: "it is one node of a cluster, with a part of the keys: REDIS_URL begins with "
    "redis+cluster:// for all of them",
    "sentinel": "it is a Sentinel, which holds no keys: REDIS_URL is "
    "redis+sentinel://host:port/name-of-the-primary",
    _ALONE: "it is a single server, and no node of a cluster: REDIS_URL begins with redis://",
}


def _sound(found: Standing, of: str) -> Standing:
    """Return what a server is. Raises StoreError for one that is not of the kind that is meant."""
    if found.mode != of:
        reason = _ADVICE.get(found.mode, f"it runs in {found.mode} mode, which is not known")
        raise StoreMisconfigured(STORE, "asking what it is", reason)
    if of == _CLUSTER and found.is_replica:
        reason = "a node of the cluster became a replica just now"
        raise StoreUnavailable(STORE, "asking what it is", reason)
    return found


def _sum(figures: Iterable[int | None]) -> int | None:
    """Return a sum, None where any of it is not known."""
    found = list(figures)
    known = [each for each in found if each is not None]
    return sum(known) if len(known) == len(found) else None


def _all_of(parts: Sequence[Memory]) -> Memory:
    """Return the memory of all; there is no limit where one of them has none."""
    limit = _sum(part.limit for part in parts)
    if any(part.limit == 0 for part in parts):
        limit = 0
    return Memory(_sum(part.used for part in parts), limit, _sum(part.evicted for part in parts))


def unread_databases(link: Link) -> Iterator[str]:
    """Yield what there is of a cluster's in databases that nothing reads, in words."""
    if link.is_cluster and (words := unread_in(opening(link, 0))):
        yield words


def unread_in(told: Opening) -> str:
    """Say what a cluster holds in other databases than 0, which Valkey 9 lets it; empty for none.

    KATO's client of a cluster uses 0 alone. No other of ours is read either: it is not known whose
    these keys are.
    """
    found = told.elsewhere(0) if told.parts else {}
    if not found:
        return ""
    databases = ", ".join(map(str, found))
    return f"not read: {sum(found.values()):,} keys in databases other than 0 ({databases})"


def _described(whole: Opening) -> Iterator[str]:
    parts = whole.parts
    followers = _sum(number(part.facts.get("connected_slaves", "")) for part in parts)
    with_them = "" if followers is None else f" with {followers:,} replicas"
    yield f"a cluster of {len(parts):,} primaries{with_them}"
    if policies := sorted({part.facts.get("maxmemory_policy", "") for part in parts} - {""}):
        yield f"eviction: {', '.join(policies)}"
    if words := unread_in(whole):
        yield words


def _by_hello(answer: Any) -> Standing:
    # a map in protocol 3, a list of names and values in protocol 2
    pairs = answer if isinstance(answer, dict) else zip(answer[::2], answer[1::2], strict=True)
    facts = dict(pairs)
    name, version = (facts.get(key, b"").decode("utf-8", "replace") for key in _NAMED)
    return Standing(
        facts.get(b"mode", b"").decode(), facts.get(b"role") != b"master", f"{name} {version}"
    )


_NAMED = (b"server", b"version")


def _by_info(facts: Mapping[str, str]) -> Standing:
    """Read INFO; where that is withheld too, a single server is taken for granted."""
    mode = facts.get("redis_mode", facts.get("server_mode", _ALONE))
    return Standing(mode, facts.get("role", "master") != "master")


def fields_of(info: bytes) -> Mapping[str, str]:
    """Read INFO: its fields by name."""
    lines = info.decode("utf-8", "replace").splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def number(text: str) -> int | None:
    """Read a whole number; None for anything else."""
    return int(text) if text.isdecimal() else None
