"""What a pass over Redis asks, tried on keys that are not there: which of it the user may not."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.errors import StoreDenied
from services.health.models import Lack
from services.stores.redis.errors import STORE
from services.stores.redis.link import Link, Word, packed
from services.stores.redis.server import is_withheld
from services.tenancy.kb_ids import service_suffix
from services.tenancy.layout import INDEX_KEY


@dataclass(frozen=True, slots=True)
class _Look:
    """One command of a pass, as a right; and what it costs to lack it, nothing where all."""

    words: tuple[Word, ...]
    right: str
    costs: str = ""


def lacking(link: Link, *, service: str) -> tuple[Lack, ...]:
    """Return the rights that are missing for a part of the figures.

    Raises StoreDenied, which names them, where those are missing that every pass takes. A cluster's
    nodes have users of their own each: one that lacks a right is enough.
    """
    looks = [*_looks(service), *(_of_clusters() if link.is_cluster else ())]
    missing = [look for each in link.primaries for look in _missing(each, looks)]
    vital = dict.fromkeys(look.right for look in missing if not look.costs)
    if vital:
        reason = f"its user may not use {', '.join(vital)}, without which nothing is known"
        raise StoreDenied(STORE, "trying what a pass asks", reason)
    return tuple(dict.fromkeys(Lack(look.right, look.costs) for look in missing))


def _missing(link: Link, looks: Sequence[_Look]) -> list[_Look]:
    """Try what is looked for; another node's key is refused for that, once it is allowed."""
    link.send(b"".join(packed(*look.words) for look in looks))
    answers = zip(looks, link.replies(len(looks)), strict=True)
    return [look for look, answer in answers if is_withheld(answer)]


def _of_clusters() -> Iterator[_Look]:
    """Yield what tells a cluster's nodes, and lists their keys."""
    for words in PASS:
        yield _Look(words, " ".join(map(str, words[:2])))
    yield _Look(("EXISTS", "kato:session:none"), "EXISTS on session records")


PASS: Sequence[tuple[Word, ...]] = (
    ("CLUSTER", "SLOTS"), ("CLUSTER", "NODES"), ("CLUSTER", "COUNTKEYSINSLOT", 0),
    ("CLUSTER", "GETKEYSINSLOT", 0, 1),
)  # fmt: skip
"""What a pass over a cluster takes besides."""


def _looks(service: str) -> Iterator[_Look]:
    lot = secrets.token_hex(16)
    kb, record = f"tenant_{lot}{service_suffix(service)}", f"kato:session:{lot}"
    estimate = "a first estimate while the first pass runs"
    index = "how many sessions KATO's index has that are gone"
    yield _Look(("SCAN", 0, "COUNT", 1), "SCAN")
    yield _Look(("PTTL", record), "PTTL on session records")
    yield _Look(("GET", record), "GET on session records", "whose each session is")
    yield _Look(("DBSIZE",), "DBSIZE", "the server's own count of keys, unless INFO tells it")
    yield _Look(("INFO",), "INFO", "memory in use, keys that expire, eviction and persistence")
    yield _Look(("MEMORY", "USAGE", f"{kb}:x"), "MEMORY USAGE", "the memory of keys and sessions")
    yield _Look(
        ("CLIENT", "NO-TOUCH", "ON"), "CLIENT NO-TOUCH",
        "nothing, but reading counts as use, which keeps keys from eviction",
    )  # fmt: skip
    yield _Look(("TYPE", INDEX_KEY), "TYPE on KATO's index", index)
    yield _Look(("SSCAN", INDEX_KEY, 0, "COUNT", 1), "SSCAN on KATO's index", index)
    yield _Look(("EXISTS", record), "EXISTS on session records", index)
    yield _Look(("GET", f"{kb}:x"), "GET on keys of kb_ids", estimate)
    yield _Look(("HLEN", f"{kb}:x"), "HLEN on keys of kb_ids", estimate)
    yield _Look(("XLEN", f"stm:{lot}"), "XLEN on streams", "streams that all tenants share")
    yield _Look(("CONFIG", "GET", "save"), "CONFIG GET", "whether it saves to disk by a schedule")
