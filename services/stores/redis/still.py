"""Whether anything was written since a pass over Redis, by what the server says of itself.

`rdb_changes_since_last_save` (`server.dirty` in its source) grows by every write to any database,
those of scripts and of readers of streams too, and falls only when a save ends, which moves
`rdb_last_save_time`. What expires or is evicted is no change, but there are fewer keys then, and
none can take their place without a change. Tests hold this on Redis 7.0, Redis 8.2 and Valkey 9.

What cannot be told this way, so that a pass is taken:

- A key whose time is over is hidden from SCAN at once, and counted until the server removes it. So
  a reading holds only until the first key ends, and only where each key that ends is one whose TTL
  was read: sessions, their pointers, KATO's metrics and caches.
- A field of a hash that expires (Redis 7.4, Valkey 9) is no change: where there are such fields,
  and on Redis as long as there is a hash that had one.
- A replica may be filled anew by its primary, which is no change.
- `rdb_last_save_time` has whole seconds: within the second of a save.

What is not told at all: Redis 8 writes a hash otherwise, in some 24 bytes more, once an end was to
be set for a field that it does not have. No value changes, and the next pass sees these.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

from services.stores.redis.link import Link, packed
from services.stores.redis.server import Opening, number
from services.usage.readings import KeyReading, Mark, SessionRecord

_TOLD = ("run_id", "rdb_changes_since_last_save", "rdb_last_save_time")
_MAY_BE_TOLD = ("rdb_saves", "expired_keys", "evicted_keys")
_HELD = ("keys", "expires")
_USUAL = {*_HELD, "avg_ttl"}
_CHUNK = 1_000


def state_of(told: Opening, database: int) -> tuple[str, ...] | None:
    """Return what stays the same as long as nothing is written; None where that is not sure."""
    if told.parts:
        states = [state_of(part, database) for part in told.parts]
        known = [state for state in states if state is not None]
        return tuple(chain.from_iterable(known)) if len(known) == len(states) else None
    facts, held, now = told.facts, told.held(database), _clock(told)
    saved = number(facts.get("rdb_last_save_time", ""))
    if now is None or saved is None or now < saved + 1:
        return None
    if told.standing.is_replica or not all(name in facts for name in _TOLD):
        return None
    if any(value != "0" for name, value in held.items() if name not in _USUAL):
        return None  # `subexpiry`, `keys_with_volatile_items`: hashes with fields that expire
    counts = (facts.get(name, "") for name in (*_TOLD, *_MAY_BE_TOLD))
    return (*counts, *(held.get(name, "0") for name in _HELD))


def mark_of(
    before: Opening, after: Opening, database: int, *, ends_in: float | None
) -> Mark | None:
    """Return by what the reading of a pass is known to hold; None where it was written meanwhile.

    `ends_in` is how many seconds after `before` the first key ends, at the earliest.
    """
    state, began, ended = state_of(before, database), _clock(before), _clock(after)
    if state is None or state != state_of(after, database):
        return None
    if began is None or ended is None or ends_in is None:
        return None
    return Mark(state, at=ended, until=began + ends_in)


def again(last: KeyReading, told: Opening, database: int) -> KeyReading | None:
    """Return the reading of an earlier pass as it is now; None where it may not hold any more."""
    mark, now = last.mark, _clock(told)
    if mark is None or now is None or now >= mark.until or mark.state != state_of(told, database):
        return None
    sessions = last.sessions and tuple(_aged(last.sessions, now - mark.at))
    return replace(
        last, sessions=sessions, used_memory=told.used_memory, mark=replace(mark, at=now)
    )


def first_end(
    link: Link, keys: Sequence[bytes], sessions: Sequence[SessionRecord], *, with_ttl: int | None
) -> float | None:
    """Return in how many seconds the first key ends, at the earliest; `inf` where none does.

    `keys` are those that may end besides the sessions. None where any of the `with_ttl` keys that
    end is none of these.
    """
    ends = [each.expires_in for each in sessions if each.expires_in is not None]
    if with_ttl is None or with_ttl > len(ends) + len(keys):
        return None
    for start in range(0, len(keys), _CHUNK):
        chunk = keys[start : start + _CHUNK]
        link.send(b"".join(packed("PTTL", key) for key in chunk))
        replies = link.replies(len(chunk))
        ends += [ttl / 1000 for ttl in replies if isinstance(ttl, int) and ttl >= 0]
    return min(ends, default=math.inf) if len(ends) == with_ttl else None


def _aged(sessions: Sequence[SessionRecord], seconds: float) -> Iterator[SessionRecord]:
    for each in sessions:
        left = each.expires_in
        yield each if left is None else replace(each, expires_in=left - seconds)


def _clock(told: Opening) -> float | None:
    """Return the server's own time, in seconds since 1970: the first one's of a cluster."""
    facts = told.parts[0].facts if told.parts else told.facts
    time = number(facts.get("server_time_usec", ""))
    return None if time is None else time / 1_000_000
