"""Writing keys out of an archive: each whole or not at all, and none over one that is there.

A batch of keys is one transaction. They are watched and looked for first, so that a key that comes
into being meanwhile makes EXEC do nothing, and the batch is looked at anew. What would hold the
server up for too long in one transaction is built aside, and takes its name by RENAMENX.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import hiredis
import redis

from services.errors import StoreUnavailable
from services.stores.redis.erase_sessions import chunks, sound
from services.stores.redis.errors import STORE
from services.stores.redis.link import Link, conversation, packed
from services.stores.redis.typed_commands import Made, commands_of

ASIDE = b"kato-tenants:restoring:"
"""How the names begin under which large keys are built; one that is left behind ends by itself."""

_BATCH_KEYS, _BATCH_BYTES = 500, 1 << 20
_WHOLE_BYTES = 4 << 20
_ASIDE_MILLISECONDS = 3_600_000
_OPERATION = "writing keys"
_TRIES = 5


@dataclass(frozen=True, slots=True)
class KeysWritten:
    """What came of writing keys: how many were written, and the names of those that were not.

    `there` had the name before, `expired` are over by the server's own time. `field_ttls_lost` are
    hashes that were written without the ends of their fields, which this server does not know.
    """

    written: int = 0
    there: tuple[str, ...] = ()
    expired: tuple[str, ...] = ()
    field_ttls_lost: tuple[str, ...] = ()


@dataclass(slots=True)
class _Tally:
    written: int = 0
    there: list[str] = field(default_factory=list)
    expired: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


class KeyWriting:
    """Writes keys by their typed content. A whole call may take `seconds`.

    Every method raises StoreUnavailable, StoreDenied, StoreMisconfigured or StoreRejected.
    """

    def __init__(self, client: redis.Redis, *, seconds: float) -> None:
        self._client, self._seconds = client, seconds

    def there(self, names: Sequence[bytes]) -> frozenset[bytes]:
        """Return which of these names have a key now. Nothing is changed."""
        with conversation(self._client, operation="looking for keys", seconds=self._seconds) as on:
            return frozenset(
                name
                for chunk in chunks(names, _BATCH_KEYS)
                for name in _there(on, chunk)
            )

    def write(self, keys: Iterable[Any]) -> KeysWritten:
        """Write keys, lines of an archive as they were read from JSON.

        A key that is there stays as it is. What was cut off half-way may be repeated: whatever was
        written is there then, and is for the caller to compare.
        """
        tally = _Tally()
        with conversation(self._client, operation=_OPERATION, seconds=self._seconds) as link:
            now = _milliseconds(link)
            ends = _Ends(link)
            for batch in _batches(_made(keys, now, ends, tally)):
                _write_batch(link, batch, tally)
        return KeysWritten(
            tally.written, tuple(tally.there), tuple(tally.expired), tuple(tally.lost)
        )


class _Ends:
    """Whether this server lets fields of a hash end, asked once and only where it matters."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._known: bool | None = None

    def known(self, name: bytes) -> bool:
        """Ask with a look at a key; servers before Redis 7.4 and Valkey 9 know no such command."""
        if self._known is None:
            self._link.send(packed("HPTTL", name, "FIELDS", 1, b""))
            (reply,) = self._link.replies(1)
            self._known = not isinstance(reply, hiredis.ReplyError) or not str(reply).startswith(
                "ERR unknown command"
            )
        return self._known


def _milliseconds(link: Link) -> int:
    """Return the server's own time, since 1970: it is what its keys end by."""
    seconds, micro = link.ask("TIME")
    return int(seconds) * 1000 + int(micro) // 1000


def _made(keys: Iterable[Any], now: int, ends: _Ends, tally: _Tally) -> Iterator[Made]:
    """Yield what each key takes; of those that are over only the name is noted."""
    for key in keys:
        made = commands_of(key, now)
        if made is None:
            tally.expired.append(key["key"])
        elif made.has_field_ends and not ends.known(made.name):
            tally.lost.append(key["key"])
            yield replace(made, field_ends=())
        else:
            yield made


def _batches(keys: Iterable[Made]) -> Iterator[list[Made]]:
    """Yield keys in batches of bounded size, no name twice; one that is too large is alone."""
    batch, size = dict[bytes, Made](), 0
    for made in keys:
        full = size + made.size > _BATCH_BYTES or len(batch) == _BATCH_KEYS
        if batch and (full or made.name in batch):
            yield list(batch.values())
            batch, size = {}, 0
        batch[made.name] = made
        size += made.size
    if batch:
        yield list(batch.values())


def _write_batch(link: Link, batch: list[Made], tally: _Tally) -> None:
    if batch[0].size > _WHOLE_BYTES:
        (made,) = batch
        if _built_aside(link, made):
            tally.written += 1
        else:
            tally.there.append(made.key)
        return
    for _ in range(_TRIES):
        link.ask("WATCH", *(made.name for made in batch))
        taken = _there(link, [made.name for made in batch])
        free = [made for made in batch if made.name not in taken]
        if _done(link, [command for made in free for command in made.commands(made.name)]):
            tally.written += len(free)
            tally.there += [made.key for made in batch if made.name in taken]
            return
    raise StoreUnavailable(STORE, _OPERATION, "the same keys are written all the time")


def _there(link: Link, names: Sequence[bytes]) -> set[bytes]:
    if not names or not link.ask("EXISTS", *names):
        return set()
    link.send(b"".join(packed("EXISTS", name) for name in names))
    found = sound(link, len(names))
    return {name for name, there in zip(names, found, strict=True) if there}


def _done(link: Link, commands: Sequence[bytes]) -> bool:
    """Do commands in one transaction; False when a key that is watched was written meanwhile."""
    if not commands:
        link.ask("UNWATCH")
        return True
    link.send(b"".join((packed("MULTI"), *commands, packed("EXEC"))))
    replies = link.replies(len(commands) + 2)
    done = replies[-1]
    if isinstance(done, hiredis.ReplyError):  # it took none: the first refusal says why
        why = next(each for each in replies if isinstance(each, hiredis.ReplyError))
        raise link.error(why)
    for reply in done or ():
        if isinstance(reply, hiredis.ReplyError):
            raise link.error(reply)
    return done is not None


def _built_aside(link: Link, made: Made) -> bool:
    """Build a large key under another name, and give it its own where that is free."""
    if link.ask("EXISTS", made.name):
        return False
    aside = ASIDE + hashlib.sha256(made.name).hexdigest().encode()
    link.ask("UNLINK", aside)
    for part, commands in enumerate(_parts(made.content(aside))):
        first = [packed("PEXPIRE", aside, _ASIDE_MILLISECONDS)] if part == 0 else []
        link.send(b"".join((*commands, *first)))
        sound(link, len(commands) + len(first))
    last = [packed("PERSIST", aside), *made.end(aside), packed("RENAMENX", aside, made.name)]
    link.send(b"".join((packed("MULTI"), *last, packed("EXEC"))))
    renamed = sound(link, len(last) + 2)[-1][-1]
    if isinstance(renamed, hiredis.ReplyError):
        raise link.error(renamed)
    if not renamed:
        link.ask("UNLINK", aside)
    return bool(renamed)


def _parts(commands: Iterable[bytes]) -> Iterator[list[bytes]]:
    part, size = list[bytes](), 0
    for command in commands:
        part.append(command)
        size += len(command)
        if size > _BATCH_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part

