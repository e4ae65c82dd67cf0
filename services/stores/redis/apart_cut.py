"""Cutting patterns out of a shared kb_id in Redis.

A pattern is cut out in one transaction with what it adds to KATO's counts, over keys that are
watched: what was learnt again in between makes EXEC do nothing, and the pattern stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from services.apart.counts import FREQ, MEMBERS, PMF, Counts
from services.apart.evidence import Pattern
from services.stores.redis.erase_sessions import sound
from services.stores.redis.link import Link, packed
from services.tenancy.layout import PATTERN_KINDS

ONCE = b"1"
_TRIES = 5
_KINDS = tuple(kind.encode() for kind in PATTERN_KINDS)


def cut(
    link: Link, head: bytes, own: bytes, patterns: Sequence[Pattern]
) -> set[bytes] | None:  # fmt: skip
    """Cut some patterns; None where something of them was written meanwhile."""
    if link.is_cluster:
        return _cut_apart(link, head, own, patterns)
    old = [key for each in patterns for key in keys_of(head, each.name)]
    there = [key for each in patterns for key in keys_of(own, each.name)]
    counts = Counts()
    link.send(packed("WATCH", head + FREQ, head + PMF, *old) + packed("MGET", *old, *there))
    _, values = sound(link, 2)
    width, out, commands = len(_KINDS), set[bytes](), list[bytes]()
    for number, each in enumerate(patterns):
        at = slice(number * width, (number + 1) * width)
        mine, theirs = values[: len(old)][at], values[len(old) :][at]
        if mine[0] is None and theirs[0] is not None:
            out.add(each.name)  # an earlier try cut it
        elif mine[0] == ONCE and mine == theirs:
            out.add(each.name)
            counts.add([each])
            told = [key for key, value in zip(old[at], mine, strict=True) if value is not None]
            commands.append(packed("UNLINK", *told))
            commands += [packed("SREM", head + MEMBERS + symbol, each.name)
                         for symbol in dict.fromkeys(each.tokens)]  # fmt: skip
    if not commands:
        link.ask("UNWATCH")
        return out
    commands += _less(link, head, counts)
    return None if link.transaction(commands) is None else out


def _less(link: Link, head: bytes, counts: Counts) -> Iterator[bytes]:
    """Yield what takes these off KATO's counts; one that is not there, or less, stays as it is."""
    for name, counted in ((FREQ, counts.freq), (PMF, counts.pmf)):
        yield from _less_of_symbols(link, head + name, counted)
    yield from _less_of_totals(link, head, counts)


def _less_of_symbols(link: Link, key: bytes, counted: Mapping[bytes, int]) -> Iterator[bytes]:
    symbols = list(counted)
    link.send(packed("HMGET", key, *symbols) if symbols else b"")
    for symbol, value in zip(symbols, sound(link, 1)[0] if symbols else (), strict=True):
        left = (number_of(value) or 0) - counted[symbol]
        if left > 0:
            yield packed("HINCRBY", key, symbol, -counted[symbol])
        elif left == 0:
            yield packed("HDEL", key, symbol)


def _less_of_totals(link: Link, head: bytes, counts: Counts) -> Iterator[bytes]:
    totals = counts.totals
    link.send(packed("MGET", *(head + name for name in totals)))
    for (name, count), value in zip(totals.items(), sound(link, 1)[0], strict=True):
        if count and (number_of(value) or 0) >= count:
            yield packed("DECRBY", head + name, count)


def _cut_apart(
    link: Link, head: bytes, own: bytes, patterns: Sequence[Pattern]
) -> set[bytes]:  # fmt: skip
    """Cut patterns whose keys are on several nodes of a cluster, which no transaction spans.

    How often it was learnt goes first, if it still is once: from then on a pattern is cut. What
    else there is of it goes after that, which may be done twice; its symbols name it again where it
    was learnt again by then. A try that was cut off before the last step leaves KATO's counts of
    symbols too high by what it had cut.
    """
    out, counts = set[bytes](), Counts()
    for each in patterns:
        old, there = keys_of(head, each.name), keys_of(own, each.name)
        link.send(packed("MGET", *old) + packed("MGET", *there))
        mine, theirs = sound(link, 2)
        if mine[0] is None and theirs[0] is not None:
            out.add(each.name)  # an earlier try cut it, maybe not to the end
        elif mine[0] == ONCE and mine == theirs and _unlearnt(link, old[0]):
            out.add(each.name)
            counts.add([each])
        else:
            continue
        _clear(link, head, each)
    for name, counted in ((FREQ, counts.freq), (PMF, counts.pmf)):
        _take_off(link, head + name, counted)
    totals = list(_less_of_totals(link, head, counts))
    link.send(b"".join(totals))
    sound(link, len(totals))
    return out


def _unlearnt(link: Link, key: bytes) -> bool:
    """Erase how often a pattern was learnt, if that is once; whether it is erased."""
    link.send(packed("WATCH", key) + packed("GET", key))
    if sound(link, 2)[1] != ONCE:
        link.ask("UNWATCH")
        return False
    return link.transaction([packed("UNLINK", key)]) is not None


def _clear(link: Link, head: bytes, pattern: Pattern) -> None:
    """Erase what else there is of a pattern that is not learnt any more."""
    learnt, *rest = keys_of(head, pattern.name)
    symbols = [head + MEMBERS + symbol for symbol in dict.fromkeys(pattern.tokens)]
    link.send(packed("UNLINK", *rest) + b"".join(packed("SREM", s, pattern.name) for s in symbols))
    sound(link, 1 + len(symbols))
    if link.ask("EXISTS", learnt):
        link.send(b"".join(packed("SADD", symbol, pattern.name) for symbol in symbols))
        sound(link, len(symbols))


def _take_off(link: Link, key: bytes, counted: Mapping[bytes, int]) -> None:
    """Take what was cut off the counts of symbols; of one that is written all the time, nothing."""
    for _ in range(_TRIES):
        link.ask("WATCH", key)
        commands = list(_less_of_symbols(link, key, counted))
        if not commands:
            link.ask("UNWATCH")
            return
        if link.transaction(commands) is not None:
            return


def keys_of(head: bytes, name: bytes) -> list[bytes]:
    """Return the keys of a pattern, how often it was learnt first."""
    return [b":".join((head, kind, name)) for kind in _KINDS]


def number_of(value: object) -> int | None:
    """Read a count; None for what is none."""
    return int(value) if isinstance(value, bytes) and value.isdigit() else None
