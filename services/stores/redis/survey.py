"""One pass over Redis for everything that a plan asks of it, and what it holds for the deed.

What is held are exact names. Nothing of a key is asked for but its name; of sessions, the record.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from services.purge.models import KeySurvey, Reckoning, Surface
from services.purge.ports import MayBe, WantsNode
from services.stores.redis.erase_sessions import (
    CHUNK,
    chunks,
    has_index,
    node_of,
    session_id,
    values_of,
)
from services.stores.redis.heads import SPECIAL_HEADS, FarHeads
from services.stores.redis.link import Link, packed
from services.stores.redis.scan import members_of
from services.tenancy.layout import (
    INDEX_KEY,
    KB_KINDS,
    SESSION_PREFIX,
    OwnerKind,
    bytes_of,
    read_key,
    text_of as text,
)

_KINDS = frozenset(map(bytes_of, KB_KINDS))
_ASIDE = SPECIAL_HEADS - {b"tenant"}
_REPLY = 1_000
_MOST_HELD = 500_000
"""So many names of keys are held, some 50 MB; with more, whoever asks next takes a pass again."""

_MOST_STRANGERS = 200_000
"""Heads of no kb_id that are remembered; with more, what was not held is not known any more."""


@dataclass(slots=True)
class HeldKeys:
    """The keys of who may be a target, and all that only the whole pass can tell about.

    `by_head` has those by head, `by_tenant` the guide's by the tenant's raw id, `records` the
    session records with their node_id (None for one that cannot be read), `stale` the ids in
    KATO's index that had no record. `was_passed_over` says of a head whether its keys were. Where
    there were too many, no key is held of anybody.
    """

    was_passed_over: Callable[[bytes], bool]
    by_head: defaultdict[bytes, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    by_tenant: defaultdict[bytes, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    records: dict[bytes, str | None] = field(default_factory=dict)
    stale: set[bytes] = field(default_factory=set)
    left: int = field(default_factory=lambda: _MOST_HELD)

    def hold(self, among: defaultdict[bytes, list[bytes]], owner: bytes, key: bytes) -> None:
        """Hold one more, or none at all once there are too many."""
        if self.left:
            self.left -= 1
            among[owner].append(key)
        else:
            self.by_head.clear()
            self.by_tenant.clear()

    def covers(self, surface: Surface) -> bool:
        """Whether every key that there was of the surface's is held."""
        return self.left > 0 and not any(map(self.was_passed_over, _heads_of(surface)))

    def replies(self, surface: Surface) -> Iterator[list[bytes]]:
        """Yield the keys that may be the surface's, as a pass would; no session records."""
        heads = _ASIDE | (_heads_of(surface) - {b"tenant"})
        found = [key for head in sorted(heads) for key in self.by_head.get(head, ())]
        for tenant in sorted(_tenants_of(surface)):
            found += self.by_tenant.get(tenant, ())
        return (found[at : at + _REPLY] for at in range(0, len(found), _REPLY))

    def records_of(self, wants: WantsNode) -> list[bytes]:
        """Return the session records of wanted node_ids, and those that could not be read."""
        return [key for key, node in self.records.items() if node is None or wants(node)]


def _heads_of(surface: Surface) -> set[bytes]:
    return {bytes_of(kb_id).partition(b":")[0] for kb_id in surface.kb_ids}


def _tenants_of(surface: Surface) -> set[bytes]:
    """The raw ids of tenants of which keys may be the surface's."""
    parts = [bytes_of(kb_id).split(b":") for kb_id in surface.kb_ids]
    named = {part[1] for part in parts if part[0] == b"tenant" and part[1:]}
    return named | set(map(bytes_of, surface.tenant_ids))


class Surveying:
    """Takes one whole pass, reply by reply. `service` is KATO's SERVICE_NAME."""

    def __init__(self, may_be: MayBe, *, service: str) -> None:
        self._service = service
        self._may_be = may_be
        self._far = FarHeads(service, self._is_wanted)
        self._strangers: dict[bytes, bool] = {}
        self._forgot = False
        self._counts: Counter[bytes] = Counter()
        self._unsure: Counter[bytes] = Counter()
        self._pointed: set[str] = set()
        self.held = HeldKeys(self._was_passed_over)

    def take(self, keys: list[bytes]) -> None:
        """Count the keys of a reply, and hold those that may be a target's."""
        for key in self._far.near(keys):
            head, colon, _ = key.partition(b":")
            if not colon:
                continue  # it is nobody's
            if head in SPECIAL_HEADS:
                self._take_special(head, key)
            else:
                self._take_near(head, key)

    def finish(self, link: Link, everything: Reckoning, *, count: int) -> KeySurvey:
        """Read the session records and KATO's index, and return what was found."""
        held = self.held
        for key, value in values_of(link, list(held.records)):
            held.records[key] = node_of(value)
        for ids in index_of(link, count=count):
            held.stale.update(one for one in ids if SESSION_PREFIX + one not in held.records)
        named = {node for node in held.records.values() if node is not None}
        counts = {**self._passed_over(link), **self._counts, **self._unsure}
        return KeySurvey(
            kb_ids={text(head): number for head, number in counts.items()},
            nodes=frozenset(named | self._pointed),
            everything=everything,
            held=held,
            unsure=frozenset(map(text, self._unsure)),
        )

    def _passed_over(self, link: Link) -> dict[bytes, int]:
        """Return the keys of each kb_id that was passed over, but one that is the kb_id itself."""
        counts = self._far.counts()
        for chunk in chunks(list(counts), CHUNK):
            link.send(b"".join(packed("EXISTS", head) for head in chunk))
            for head, number in zip(chunk, link.replies(len(chunk)), strict=True):
                counts[head] -= number == 1
        return {head: number for head, number in counts.items() if number}

    def _take_special(self, head: bytes, key: bytes) -> None:
        if head == b"tenant":
            self.held.hold(self.held.by_tenant, key.split(b":", 2)[1], key)
            return
        name = read_key(key, self._service)
        if name.kind == "session":
            self.held.records[key] = None
            return
        if name.owner.kind is OwnerKind.NODE:
            self._pointed.add(name.owner.name)
        self.held.hold(self.held.by_head, head, key)

    def _take_near(self, head: bytes, key: bytes) -> None:
        if self._far.is_kb(head):
            self._counts[head] += 1
            self.held.hold(self.held.by_head, head, key)
            return
        if key.split(b":", 2)[1] in _KINDS:
            self._unsure[head] += 1
        if self._is_kept(head):
            self.held.hold(self.held.by_head, head, key)

    def _is_wanted(self, head: bytes) -> bool:
        return self._may_be(text(head))

    def _is_kept(self, head: bytes) -> bool:
        """Ask once whether a head that is no kb_id for sure may be the target's all the same."""
        known = self._strangers.get(head)
        if known is None:
            if len(self._strangers) >= _MOST_STRANGERS:
                self._strangers.clear()
                self._forgot = True
            known = self._strangers[head] = self._is_wanted(head)
        return known

    def _was_passed_over(self, head: bytes) -> bool:
        """Whether keys of a head are not held; of one that was never seen there are none."""
        if head in SPECIAL_HEADS:
            return False
        if self._far.is_kb(head):
            return head in self._far
        return self._forgot or self._strangers.get(head) is False


def index_of(link: Link, *, count: int) -> Iterator[list[bytes]]:
    """Yield the ids in KATO's index, a few at a time; the next are under way already."""
    if has_index(link):
        yield from members_of(link, "SSCAN", INDEX_KEY, count=count)


def newcomers(link: Link, known: Callable[[bytes], bool], *, count: int) -> dict[bytes, str]:
    """Return the records of sessions in KATO's index that are not known, with their node_ids."""
    new = [one for ids in index_of(link, count=count) for one in ids if not known(one)]
    values = values_of(link, [SESSION_PREFIX + one for one in new])
    nodes = ((key, node_of(value)) for key, value in values)
    return {key: node for key, node in nodes if node is not None}


def is_known_to(held: HeldKeys) -> Callable[[bytes], bool]:
    """Return what says whether the survey has seen a session's id."""
    known = {session_id(key) for key in held.records} | held.stale
    return known.__contains__
