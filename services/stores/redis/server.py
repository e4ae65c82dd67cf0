"""What a Redis says of itself, as far as its user may ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import hiredis

from services.errors import StoreMisconfigured
from services.health.models import Memory
from services.stores.redis.errors import STORE
from services.stores.redis.link import Link, Word, packed

_ALONE = "standalone"
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
    """

    standing: Standing
    keys: int | None
    with_ttl: int | None
    used_memory: int | None
    facts: Mapping[str, str]

    @property
    def version(self) -> str:
        """Its product and version."""
        name = self.facts.get("server_name", "redis")
        version = self.facts.get(f"{name}_version") or self.facts.get("redis_version")
        return f"{name} {version}" if version else self.standing.version or "of unknown version"

    def held(self, database: int) -> dict[str, str]:
        """What it counts in a database: keys, those that expire and the like."""
        return _held(self.facts, database)

    @property
    def memory(self) -> Memory:
        """What it keeps in memory, and may."""
        limit, evicted = (number(self.facts.get(n, "")) for n in ("maxmemory", "evicted_keys"))
        return Memory(self.used_memory, limit, evicted)

    def described(self, database: int) -> Iterator[str]:
        """Say what an operator should know of the server, and of the database that is read."""
        if policy := self.facts.get("maxmemory_policy"):
            yield f"eviction: {policy}"
        if self.standing.is_replica:
            yield "a replica, where nothing can be erased: KATO writes to its primary"
        others = [name[2:] for name in self.facts if name.startswith("db") and name[2:].isdecimal()]
        elsewhere = f", which is empty: keys are in {', '.join(others)}" if others else ""
        yield f"database {database}{elsewhere if self.keys == 0 else ''}"


def opening(link: Link, database: int) -> Opening:
    """Ask for all of that at once. Raises StoreMisconfigured for one that holds only a part."""
    hello, size, info = asked(link, ("HELLO",), ("DBSIZE",), ("INFO",))
    facts = {} if info is None else fields_of(info)
    standing = _whole(_by_hello(hello) if hello is not None else _by_info(facts))
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
    (hello,) = asked(link, ("HELLO",))
    return _whole(_by_hello(hello) if hello is not None else _by_info(fields_of(link.ask("INFO"))))


def _whole(found: Standing) -> Standing:
    if found.mode != _ALONE:
        reason = f"it runs in {found.mode} mode; KATO uses a single server, which holds every key"
        raise StoreMisconfigured(STORE, "asking what it is", reason)
    return found


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
