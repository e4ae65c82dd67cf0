"""What one last pass over Redis erases of a purge's surface, and what it sees with other eyes.

The plan goes by what a key's name begins with. Here every key is suspect that names a kb_id, a
node_id or a session of the surface anywhere, unless it is surely somebody else's: a key of
another kb_id, of another tenant in the guide layout, or of a node_id that is not wanted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from services.errors import StoreDenied, StoreMisconfigured, StoreRejected
from services.figures import Measure
from services.jobs.ports import Said
from services.purge.models import Look, Surface
from services.purge.ports import WantsNode
from services.stores.redis.erase_sessions import (
    CHUNK,
    Ending,
    chunks,
    erase_records,
    ids_of,
    keys_of,
    read_ending,
    sound,
    take_out_of_index,
)
from services.stores.redis.heads import SPECIAL_HEADS, LooseKeys
from services.stores.redis.link import Link, packed
from services.stores.redis.look import KeyFindings, Telling, blockers_of, streams_of, unread_of
from services.stores.redis.mentions import WholeNames
from services.stores.redis.replicas import behind
from services.stores.redis.server import unread_databases
from services.stores.redis.sources import WholeKeyspace
from services.stores.redis.targets import KeySorter, Lots, Which
from services.tenancy.layout import bytes_of, read_key, text_of

_ASIDE = SPECIAL_HEADS - {b"tenant"}
_WORDS = {
    "unknown": "keys of unknown kind",
    "cache": "caches of another name",
    "metrics": "metrics of another name",
    "namespaced": "keys of a tenant in the guide layout",
    "session": "session records in the guide layout",
}

Batch = tuple[Which, Sequence[bytes]]
"""Some keys of one owner and kind, as many as are erased at once."""


@dataclass(slots=True)
class _Suspects:
    count: int = 0
    sample: tuple[bytes, bytes] | None = None

    def add(self, key: bytes, name: bytes) -> None:
        self.count += 1
        self.sample = min(self.sample or (key, name), (key, name))


@dataclass(slots=True)
class Sweeping:
    """Tells the keys of a pass apart. `sorter` has aside what only the whole pass can tell."""

    surface: Surface
    wants: WantsNode
    service: str
    sorter: KeySorter = field(init=False)
    _loose: LooseKeys = field(init=False)
    _names: WholeNames = field(init=False)
    _heads: frozenset[bytes] = field(init=False)
    _tenants: frozenset[bytes] = field(init=False)
    _suspects: defaultdict[str, _Suspects] = field(
        default_factory=lambda: defaultdict(_Suspects), init=False
    )

    def __post_init__(self) -> None:
        self.sorter = KeySorter(self.surface, self.wants, service=self.service)
        kb_ids = frozenset(map(bytes_of, self.surface.kb_ids))
        nodes = frozenset(map(bytes_of, self.surface.nodes))
        self._names = WholeNames(kb_ids, nodes)
        self._heads = frozenset(kb_id.partition(b":")[0] for kb_id in kb_ids)
        self._loose = LooseKeys(
            self.service, self._heads, lambda head: self._names.in_key(head) is not None
        )
        self._tenants = frozenset(map(bytes_of, self.surface.tenant_ids)) | _tenants_in(
            kb_ids | nodes
        )

    def take(self, keys: list[bytes]) -> Lots:
        """Return the keys of a reply that are to be erased, and note who else names the target."""
        loose = self._loose.among(keys)
        own = self.sorter.sort(loose)
        mine = set(keys_of(own))
        self._suspect([key for key in loose if key not in mine and self._is_nobodys(key)])
        return own

    def blockers(self, ids: Iterable[bytes], told: Container[bytes]) -> tuple[str, ...]:
        """Say what names the target; `ids` are those of its sessions.

        `told` are keys that were erased, or are told of elsewhere.
        """
        self._names = WholeNames(
            map(bytes_of, self.surface.kb_ids), [*map(bytes_of, self.surface.nodes), *ids]
        )
        aside = self.sorter.aside
        self._suspect([key for key in (*aside.unknown, *aside.caches) if key not in told])
        return tuple(_told(kind, found) for kind, found in sorted(self._suspects.items()))

    def _is_nobodys(self, key: bytes) -> bool:
        """Whether a key that is not the surface's own is not surely somebody else's either."""
        head, colon, rest = key.partition(b":")
        if key in self._heads or (colon and head in _ASIDE) or self.sorter.clashes(key):
            return False  # these are told of elsewhere
        return head != b"tenant" or rest.partition(b":")[0] in self._tenants

    def _suspect(self, keys: Sequence[bytes]) -> None:
        for key, name in self._names.among(keys):
            self._suspects[read_key(key, self.service).kind].add(key, name)


def _tenants_in(names: Iterable[bytes]) -> frozenset[bytes]:
    """Read the raw ids of tenants out of names that are written as the guide writes them."""
    parts = (name.split(b":") for name in names)
    return frozenset(part[1] for part in parts if part[0] == b"tenant" and part[1:])


def _told(kind: str, found: _Suspects) -> str:
    key, name = found.sample or (b"", b"")
    words = _WORDS.get(kind, f"keys of kind {kind} of another name")
    return (
        f"{words} that name {text_of(name)} or another of the target's names, and are not known "
        f"to be anybody else's: {found.count:,}, such as {text_of(key)}"
    )


def batches(lots: Lots) -> list[Batch]:
    """Cut keys into what is erased at once."""
    return [(which, part) for which, keys in lots.items() for part in chunks(keys, CHUNK)]


def send_unlinks(link: Link, due: Sequence[Batch]) -> None:
    """Have keys erased; `count_unlinked` is to read the answers, in the same order."""
    if due:
        link.send(b"".join(packed("UNLINK", *keys) for _, keys in due))


def count_unlinked(
    link: Link, due: Sequence[Batch], tally: KeyFindings, *, store: Measure = Measure.KEYS
) -> int:
    """Count how many of these keys were there and are gone now."""
    numbers = sound(link, len(due))
    for ((owner, kind), keys), number in zip(due, numbers, strict=True):
        tally.count(store, owner, kind, number, sample=keys[0])
    return sum(numbers)


def swept(
    link: Link, whole: WholeKeyspace, surface: Surface, wants: WantsNode, *, said: Said,
    service: str,
) -> Look:  # fmt: skip
    """Make one pass that erases the surface's keys and sessions; what was erased has no bytes."""
    sweeping, tally = Sweeping(surface, wants, service), KeyFindings()
    erased = _sweep_keys(link, whole, sweeping, tally, said)
    ending = read_ending(link, sweeping.sorter.aside, surface, wants)
    ids = ids_of(ending, surface)
    erased += _sweep_sessions(link, sweeping, ending, wants, tally)
    told = {*keys_of(ending.caches), *ending.naming}
    disclosed = [*late_replicas(link), *unread_databases(link)]
    streams = streams_of(link, sweeping.sorter.aside.streams)
    return Look(
        tally.items(),
        (*blockers_of(sweeping.sorter, ending), *sweeping.blockers(ids, told)),
        (*streams.values(), *unread_of(ending), *disclosed),
        everything=whole.everything(erased=erased),
    )


def late_replicas(link: Link) -> Iterator[str]:
    """Disclose that replicas have not yet taken in what was erased, where that is known."""
    with suppress(StoreDenied, StoreMisconfigured, StoreRejected):
        late, whole = behind(link)
        if late:
            yield (
                f"{late:,} of {whole:,} replicas had not yet taken in what was erased: one that "
                "becomes the primary before it does brings it back"
            )


def _sweep_keys(
    link: Link, whole: WholeKeyspace, sweeping: Sweeping, tally: KeyFindings, said: Said
) -> int:
    """Erase the keys of each reply while the next is under way; return how many went."""
    telling, erased = Telling(said, "keys looked through", whole.before), 0
    due: list[Batch] = []
    for keys in whole.replies():
        erased += count_unlinked(link, due, tally)
        due = batches(sweeping.take(keys))
        send_unlinks(link, due)
        telling.add(len(keys))
    telling.end()
    return erased + count_unlinked(link, due, tally)


def _sweep_sessions(
    link: Link, sweeping: Sweeping, ending: Ending, wants: WantsNode, tally: KeyFindings
) -> int:
    """Erase the records and what speaks of them; return how many keys went."""
    ended = erase_records(link, list(ending.records), wants)
    _count_all(tally, Measure.SESSIONS, "session", ended)
    _count_all(tally, Measure.KEYS, "session_index", take_out_of_index(link, ending.members))
    guide, caches = batches(sweeping.sorter.aside.tenant_records), batches(ending.caches)
    send_unlinks(link, [*guide, *caches])
    gone = count_unlinked(link, guide, tally, store=Measure.SESSIONS)
    return ended.total() + gone + count_unlinked(link, caches, tally)


def _count_all(tally: KeyFindings, store: Measure, kind: str, numbers: Mapping[str, int]) -> None:
    for owner, number in numbers.items():
        tally.count(store, owner, kind, number)
