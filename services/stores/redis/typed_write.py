"""Writing keys out of an archive: each whole or not at all, and none over one that is there.

A string takes one command that looks, writes and says when it ends. A batch of all other keys is
one transaction: they are watched and looked for first, so that a key that comes into being
meanwhile makes EXEC do nothing, and the batch is looked at anew. A large key, which comes in
several pieces, is built aside and takes its name by RENAMENX.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import redis

from services.archive.formats import TypedKey
from services.errors import StoreUnavailable
from services.restore.models import KeysWritten
from services.stores.redis.erase_sessions import chunks, node_of, sound, values_of
from services.stores.redis.errors import STORE
from services.stores.redis.link import Link, conversation, form, packed
from services.stores.redis.typed_commands import Made, made_of
from services.stores.redis.typed_compare import differing
from services.stores.redis.typed_looks import lets_fields_end, milliseconds, there, watched
from services.tenancy.layout import INDEX_KEY, SESSION_PREFIX, bytes_of, text_of

ASIDE = b"kato-tenants:restoring:"
"""How the names begin under which large keys are built; one that is left behind ends by itself."""

_BATCH_KEYS, _BATCH_BYTES = 500, 1 << 20
_ASIDE_MILLISECONDS = 3_600_000
_OPERATION = "writing keys"
_TRIES = 5


class KeyWriting:
    """Writes keys by their typed content, each batch within `seconds`.

    Every method raises StoreUnavailable, StoreDenied, StoreMisconfigured or StoreRejected.
    """

    def __init__(self, client: redis.Redis, *, seconds: float) -> None:
        self._client, self._seconds = client, seconds

    def time(self) -> int:
        """Return the server's own time, by which its keys end, in Unix milliseconds."""
        with conversation(self._client, operation="asking its time", seconds=self._seconds) as link:
            return milliseconds(link)

    def there(self, names: Sequence[bytes]) -> frozenset[bytes]:
        """Return which of these names have a key now. Nothing is changed."""
        with conversation(self._client, operation="looking for keys", seconds=self._seconds) as on:
            parts = chunks(names, _BATCH_KEYS)
            return frozenset(name for part in parts for name in there(on, part))

    def nodes(self, records: Sequence[bytes]) -> Mapping[bytes, str | None]:
        """Return the node_id of each session's record that is there; None where none can be read.

        Nothing is changed: a look in Redis extends no session.
        """
        with conversation(self._client, operation="reading whose sessions there are",
                          seconds=self._seconds) as link:  # fmt: skip
            return {key: node_of(value) for key, value in values_of(link, records)}

    def lets_fields_end(self) -> bool:
        """Whether fields of hashes can end: not before Redis 7.4 and Valkey 9."""
        with conversation(
            self._client, operation="asking whether fields end", seconds=self._seconds
        ) as link:
            return lets_fields_end(link, ASIDE)

    def write(self, keys: Iterable[TypedKey]) -> KeysWritten:
        """Write keys; one that is there stays as it is.

        What was cut off half-way may be repeated: whatever was written is there then.
        """
        with conversation(self._client, operation=_OPERATION, seconds=self._seconds) as link:
            return _Run(link).write(keys)

    def index(self, sessions: Sequence[str]) -> None:
        """Have KATO's index of sessions name those of these ids whose record is there."""
        ids = list(map(bytes_of, sessions))
        with conversation(self._client, operation="naming sessions", seconds=self._seconds) as on:
            for part in chunks(ids, _BATCH_KEYS):
                found = there(on, [SESSION_PREFIX + each for each in part])
                living = [each for each in part if SESSION_PREFIX + each in found]
                if living:
                    on.ask("SADD", INDEX_KEY, *living)

    def differing(self, keys: Iterable[TypedKey]) -> Iterator[str]:
        """Yield the names of keys that are not, or not with this type, value and end.

        One whose time is over is rightly gone, and so is a field of a hash.
        """
        with conversation(self._client, operation="comparing keys", seconds=self._seconds) as link:
            yield from differing(link, keys, now=milliseconds(link))


@dataclass(slots=True)
class _Batch:
    """Keys of different names, to be written at once."""

    write: Callable[[list[Made]], None]
    keys: dict[bytes, Made] = field(default_factory=dict)
    size: int = 0

    def add(self, made: Made) -> None:
        """Take one more; what there is already is written before, where it is enough."""
        if self.size + made.size > _BATCH_BYTES or len(self.keys) == _BATCH_KEYS:
            self.end()
        self.keys[made.name] = made
        self.size += made.size

    def end(self) -> None:
        """Write what there is."""
        if self.keys:
            self.write(list(self.keys.values()))
            self.keys, self.size = {}, 0


class _Run:
    """Writes keys over one link, and counts what came of them."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._now = milliseconds(link)
        self._field_ends: bool | None = None
        self._sent: list[Made] = []
        self._written = 0
        self._there, self._over = list[str](), list[str]()
        self._ends_lost = dict[str, None]()

    def write(self, keys: Iterable[TypedKey]) -> KeysWritten:
        strings, others = _Batch(self._write_strings), _Batch(self._write_others)
        pieces = self._made(keys)
        ahead = next(pieces, None)
        while ahead is not None:
            made, ahead = ahead, next(pieces, None)
            is_large = ahead is not None and ahead.of.continues
            if is_large or made.name in strings.keys or made.name in others.keys:
                strings.end()
                others.end()
            if is_large:
                ahead = self._write_large(made, ahead, pieces)
            else:
                (strings if made.of.type == "string" else others).add(made)
        strings.end()
        others.end()
        self._settle()
        return KeysWritten(
            self._written, tuple(self._there), tuple(self._over), tuple(self._ends_lost)
        )

    def _made(self, keys: Iterable[TypedKey]) -> Iterator[Made]:
        """Yield what each key takes; of those that are over only the name is noted."""
        for key in keys:
            made = made_of(key, self._now)
            if made is None:
                if not key.continues:
                    self._over.append(text_of(key.key))
            elif made.field_ends and not self._knows_field_ends(made.name):
                self._ends_lost[text_of(key.key)] = None
                yield made._replace(field_ends=())
            else:
                yield made

    def _knows_field_ends(self, name: bytes) -> bool:
        """Ask once."""
        if self._field_ends is None:
            self._settle()
            self._field_ends = lets_fields_end(self._link, name)
        return self._field_ends

    def _note(self, name: bytes, written: bool | None) -> None:
        if written:
            self._written += 1
        else:
            (self._over if written is None else self._there).append(text_of(name))

    def _note_batch(self, batch: Sequence[Made], taken: Collection[bytes]) -> None:
        """Note what was written, and what was there already."""
        self._written += len(batch) - len(taken)
        self._there += [text_of(made.name) for made in batch if made.name in taken]

    def _write_large(self, made: Made, ahead: Made | None, pieces: Iterator[Made]) -> Made | None:
        """Write a key of several pieces, and return what comes after the last of them."""
        self._settle()
        aside = _Aside(self._link, made)
        while ahead is not None and ahead.of.continues:
            aside.add(ahead)
            ahead = next(pieces, None)
        self._note(made.name, aside.end())
        return ahead

    def _write_others(self, batch: list[Made]) -> None:
        """Write keys of which none is a string, in one transaction."""
        for made in batch:
            if made.is_empty:
                self._note(made.name, None)
        batch = [made for made in batch if not made.is_empty]
        if not batch:
            return
        self._settle()
        for _ in range(_TRIES):
            taken = watched(self._link, [made.name for made in batch])
            free = [made for made in batch if made.name not in taken]
            if _done(self._link, [each for made in free for each in made.commands(made.name)]):
                self._note_batch(batch, taken)
                return
        raise StoreUnavailable(STORE, _OPERATION, "the same keys are written all the time")

    def _write_strings(self, batch: list[Made]) -> None:
        """Write strings, for each of which one command looks, writes and says when it ends.

        While the server does that, the next are made ready.
        """
        self._settle()
        self._link.send(b"".join(map(_set_where_free, batch)))
        self._sent = batch

    def _settle(self) -> None:
        """Read what came of the strings that were sent last; nothing else may be asked before.

        How long it took to read more of the archive is no time that the server took.
        """
        self._link.prolong()
        batch, self._sent = self._sent, []
        replies = zip(batch, sound(self._link, len(batch)), strict=True)
        self._note_batch(batch, {made.name for made, reply in replies if reply is None})


_SET = form("SET", None, None, "NX")
_SET_UNTIL = form("SET", None, None, "NX", "PXAT", None)


def _set_where_free(made: Made) -> bytes:
    name, value = made.name, bytes_of(made.of.value)
    if made.expires_at is None:
        return _SET % (len(name), name, len(value), value)
    ends = b"%d" % made.expires_at
    return _SET_UNTIL % (len(name), name, len(value), value, len(ends), ends)


class _Aside:
    """A large key that is being built under another name, which ends by itself if it is left."""

    def __init__(self, link: Link, first: Made) -> None:
        self._link, self._first = link, first
        self._name = ASIDE + hashlib.sha256(first.name).hexdigest().encode()
        self._taken = bool(link.ask("EXISTS", first.name))
        link.ask("UNLINK", self._name)
        self.add(first)

    def add(self, piece: Made) -> None:
        """Add a piece; nothing where the name is taken already."""
        if self._taken or piece.is_empty:
            return
        self._link.prolong()
        commands = [*piece.pieces(self._name), packed("PEXPIRE", self._name, _ASIDE_MILLISECONDS)]
        self._link.send(b"".join(commands))
        sound(self._link, len(commands))

    def end(self) -> bool | None:
        """Give it its name where that is free; None where nothing is left of it to be there."""
        if self._taken:
            return False
        self._link.prolong()
        ends = self._first.expires_at
        if ends is not None and ends <= milliseconds(self._link):
            self._link.ask("UNLINK", self._name)
        if not self._link.ask("EXISTS", self._name):
            return None
        last = [packed("PERSIST", self._name), *self._first.end(self._name)]
        last.append(packed("RENAMENX", self._name, self._first.name))
        done = self._link.transaction(last)
        renamed = bool(done and done[-1])
        if not renamed:
            self._link.ask("UNLINK", self._name)
        return renamed


def _done(link: Link, commands: Sequence[bytes]) -> bool:
    """Do commands in one transaction; False when a key that is watched was written meanwhile."""
    if not commands:
        link.ask("UNWATCH")
        return True
    return link.transaction(commands) is not None
