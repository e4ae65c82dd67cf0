"""Writing keys out of an archive: each whole or not at all, and none over one that is there.

A string takes one command that looks, writes and says when it ends. A batch of all other keys is
one transaction: they are watched and looked for first, so that a key that comes into being
meanwhile makes EXEC do nothing, and the batch is looked at anew. A large key, which comes in
several pieces, is built aside and takes its name by RENAMENX.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from services.archive.formats import TypedKey
from services.errors import StoreUnavailable
from services.restore.models import KeysWritten
from services.stores.redis.erase_sessions import chunks, node_of, sound, values_of
from services.stores.redis.errors import STORE
from services.stores.redis.link import Client, Link, conversation, form
from services.stores.redis.typed_aside import ASIDE, Aside, milliseconds
from services.stores.redis.typed_commands import Made, end_of, made_of
from services.stores.redis.typed_compare import differing
from services.stores.redis.typed_looks import lets_fields_end, there, watched
from services.tenancy.layout import INDEX_KEY, SESSION_PREFIX, bytes_of, text_of

_BATCH_KEYS, _BATCH_BYTES = 500, 1 << 20
_OPERATION = "writing keys"
_TRIES = 5

T = TypeVar("T")


class KeyWriting:
    """Writes keys by their typed content, each batch within `seconds`.

    Every method raises StoreUnavailable, StoreDenied, StoreMisconfigured or StoreRejected.
    """

    def __init__(self, client: Client, *, seconds: float) -> None:
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
class _Batch(Generic[T]):
    """What it takes to write keys of different names at once, by their names."""

    write: Callable[[dict[bytes, T]], None]
    keys: dict[bytes, T] = field(default_factory=dict)
    size: int = 0

    def add(self, name: bytes, made: T, size: int) -> None:
        """Take one more; what there is already is written before, where it is enough."""
        if self.size + size > _BATCH_BYTES or len(self.keys) == _BATCH_KEYS:
            self.end()
        self.keys[name] = made
        self.size += size

    def end(self) -> None:
        """Write what there is."""
        if self.keys:
            self.write(self.keys)
            self.keys, self.size = {}, 0


class _Run:
    """Writes keys over one link, and counts what came of them."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._now = milliseconds(link)
        self._field_ends: bool | None = None
        self._sent: Collection[bytes] = ()
        self._written = 0
        self._there, self._over = list[str](), list[str]()
        self._ends_lost = dict[str, None]()

    def write(self, keys: Iterable[TypedKey]) -> KeysWritten:
        strings, others = _Batch(self._write_strings), _Batch(self._write_others)
        pieces = iter(keys)
        ahead = next(pieces, None)
        while ahead is not None:
            key, ahead = ahead, next(pieces, None)
            is_large = ahead is not None and ahead.continues
            if is_large or key.key in strings.keys or key.key in others.keys:
                strings.end()
                others.end()
            if is_large:
                ahead = self._write_large(key, ahead, pieces)
            elif key.type == "string":
                self._add_string(strings, key)
            elif made := self._made(key):
                others.add(made.name, made, made.size)
        strings.end()
        others.end()
        self._settle()
        return KeysWritten(
            self._written, tuple(self._there), tuple(self._over), tuple(self._ends_lost)
        )

    def _add_string(self, strings: _Batch[bytes], key: TypedKey) -> None:
        """Have a string written by one command; of one that is over only the name is noted."""
        name, value, ends = key.key, bytes_of(key.value), end_of(key, self._now)
        if ends is None:
            command = _SET % (len(name), name, len(value), value)
        elif ends > self._now:
            until = b"%d" % ends
            command = _SET_UNTIL % (len(name), name, len(value), value, len(until), until)
        else:
            self._over.append(text_of(name))
            return
        strings.add(name, command, len(command))

    def _made(self, key: TypedKey) -> Made | None:
        """Return what a key takes; of one that is over only the name is noted."""
        made = made_of(key, self._now)
        if made is None:
            if not key.continues:
                self._over.append(text_of(key.key))
        elif made.field_ends and not self._knows_field_ends(made.name):
            self._ends_lost[text_of(key.key)] = None
            return made._replace(field_ends=())
        return made

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

    def _note_batch(self, batch: Collection[bytes], taken: Collection[bytes]) -> None:
        """Note what was written, and what was there already."""
        self._written += len(batch) - len(taken)
        self._there += [text_of(name) for name in batch if name in taken] if taken else ()

    def _write_large(
        self, key: TypedKey, ahead: TypedKey | None, pieces: Iterator[TypedKey]
    ) -> TypedKey | None:
        """Write a key of several pieces, and return what comes after the last of them."""
        self._settle()
        made = self._made(key)
        aside = Aside(self._link, made) if made else None
        while ahead is not None and ahead.continues:
            if aside and (more := self._made(ahead)):
                aside.add(more)
            ahead = next(pieces, None)
        if aside:
            self._note(key.key, aside.end())
        return ahead

    def _write_others(self, keys: dict[bytes, Made]) -> None:
        """Write keys of which none is a string, in one transaction, or one a slot in a cluster."""
        for name in [name for name, made in keys.items() if made.is_empty]:
            self._note(name, None)
            del keys[name]
        if not keys:
            return
        self._settle()
        for names in self._link.at_once(list(keys), len(keys)):
            self._write_at_once({name: keys[name] for name in names})

    def _write_at_once(self, keys: Mapping[bytes, Made]) -> None:
        for _ in range(_TRIES):
            taken = watched(self._link, list(keys))
            free = (made for name, made in keys.items() if name not in taken)
            if _done(self._link, [each for made in free for each in made.commands(made.name)]):
                self._note_batch(keys.keys(), taken)
                return
        raise StoreUnavailable(STORE, _OPERATION, "the same keys are written all the time")

    def _write_strings(self, keys: dict[bytes, bytes]) -> None:
        """Write strings, for each of which one command looks, writes and says when it ends.

        While the server does that, the next are made ready.
        """
        self._settle()
        self._link.send(b"".join(keys.values()))
        self._sent = keys.keys()

    def _settle(self) -> None:
        """Read what came of the strings that were sent last; nothing else may be asked before.

        How long it took to read more of the archive is no time that the server took.
        """
        self._link.prolong()
        sent, self._sent = self._sent, ()
        replies = sound(self._link, len(sent))
        if None in replies:
            told = zip(sent, replies, strict=True)
            self._note_batch(sent, {name for name, reply in told if reply is None})
        else:
            self._note_batch(sent, ())


_SET = form("SET", None, None, "NX")
_SET_UNTIL = form("SET", None, None, "NX", "PXAT", None)


def _done(link: Link, commands: Sequence[bytes]) -> bool:
    """Do commands in one transaction; False when a key that is watched was written meanwhile."""
    if not commands:
        link.ask("UNWATCH")
        return True
    return link.transaction(commands) is not None
