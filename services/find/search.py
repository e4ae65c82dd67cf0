"""Find whose something is: a user, node_id, session, pattern, kb_id, key or collection.

Most is answered by the last snapshot and the node_ids seen. Only what these cannot know is asked
of a store, once for the whole fleet: ClickHouse for a pattern name, Redis for a key.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from services.ask_stores import Emit, Pass, ask_all
from services.cards.service import Cards
from services.errors import Fault, Problem, StoreError
from services.figures import Measure, StoreState
from services.find.cards import card_matches
from services.find.index import FleetIndex
from services.find.match import claimed, matches_of, place_of
from services.find.models import (
    KEY,
    PATTERN,
    SESSION,
    Answer,
    Certainty,
    KeySight,
    Looked,
    Match,
    Place,
    Question,
    TenantHit,
    question_of,
)
from services.find.together import fitting_all
from services.tenancy.kb_ids import TenantKey
from services.tenancy.layout import NOBODY, SESSION_PREFIX, Owner, bytes_of, read_key, text_of
from services.tenancy.ownership import Claim, ClaimState, Ownership
from services.tenancy.schemes import NamingSchemes
from services.usage.snapshot import PASSING, Snapshot

_ORDER = list(Certainty)
_ROWS, _KEYS = "rows", "keys"
_UNTOLD = Claim(ClaimState.UNATTRIBUTED, (), "")


class PatternHolders(Protocol):
    """What finding asks of ClickHouse."""

    def holders(self, names: Sequence[str]) -> dict[str | None, int]:
        """Return how many rows of these pattern names each kb_id has, and under None the rest."""


class KeySights(Protocol):
    """What finding asks of Redis."""

    def peek(self, keys: Sequence[bytes]) -> tuple[KeySight, ...]:
        """Return those of the keys that are there."""


class FindService:
    """Answers who has what was looked for. Reads only; `timeout` in seconds bounds a store."""

    def __init__(
        self,
        *,
        patterns: PatternHolders,
        keys: KeySights,
        ownership: Callable[[], Ownership],
        schemes: NamingSchemes,
        service: str = "kato",
        shared_collections: frozenset[str] = frozenset(),
        timeout: float = 10.0,
        cards: Callable[[], Cards] = dict,
    ) -> None:
        self._patterns, self._keys = patterns, keys
        self._ownership = ownership
        self._schemes, self._service = schemes, service
        self._shared = shared_collections
        self._timeout, self._cards = timeout, cards
        self._held: tuple[Snapshot, FleetIndex] | None = None

    def find(self, typed: str, snapshot: Snapshot, *, contains: bool = False) -> Answer:
        """Return every tenant that has what was typed, and what could not be looked at.

        Of several words, what fits them as one text is found, and what fits every one of them.

        Total: any text has an answer, and a store that fails is a part of it. At most one call
        goes to Redis, and one to ClickHouse for each pattern name; none where the snapshot knows.
        """
        question = question_of(typed, contains=contains)
        if not question.texts:
            return Answer(question)
        index, registry = self._index(snapshot)
        cards, unread = self._cards_now()
        known = {
            each: (*matches_of(index, each), *card_matches(index, cards, each))
            for each in (question, *question.words)
        }
        asked = ask_all(self._asks(question, index, known[question]), deadline=self._timeout)
        found = {each: (*known[each], *_live(index, each, asked)) for each in known}
        together = fitting_all([found[each] for each in question.words])
        looked = (registry, *unread, *_looked_at(snapshot), *_looked_live(asked))
        return _answer(index, question, _each_once(*found[question], *together), looked)

    def _cards_now(self) -> tuple[Cards, tuple[Looked, ...]]:
        """Return what stands on tenants' cards, or that it could not be looked at."""
        try:
            return self._cards(), ()
        except StoreError as exc:
            return {}, (Looked("Own records", "display names and labels", exc.problem),)

    def _index(self, snapshot: Snapshot) -> tuple[FleetIndex, Looked]:
        """Return the names of a snapshot, by the node_ids seen when it was first asked about."""
        held = self._held
        if held is None or held[0] is not snapshot:
            try:
                held = snapshot, self._index_by(snapshot, self._ownership())
            except StoreError as exc:  # then the node_ids that the snapshot brought must do
                return self._index_by(snapshot, self._owned(snapshot)), _registry(None, exc.problem)
            self._held = held
        return held[1], _registry(held[1])

    def _index_by(self, snapshot: Snapshot, ownership: Ownership) -> FleetIndex:
        return FleetIndex(snapshot, ownership, shared=self._shared)

    def _owned(self, snapshot: Snapshot) -> Ownership:
        nodes = {node for part in snapshot.parts for node in part.nodes}
        words = {
            part.name: word
            for part in snapshot.parts
            if (word := part.claim.confirmation) is not None
        }
        return Ownership(nodes, schemes=self._schemes, service=self._service, confirmed=words)

    def _asks(
        self, question: Question, index: FleetIndex, found: Sequence[Match]
    ) -> dict[str, Callable[[Emit], object]]:
        asks: dict[str, Callable[[Emit], object]] = {}
        names = [each.pattern_names for each in (question, *question.words) if each.pattern_names]
        if names:
            asks[_ROWS] = lambda _: {each: self._patterns.holders(each) for each in names}
        keys = [
            *_keys_of(question, index, anything=not found),
            *(key for word in question.words for key in _keys_of(word, index, anything=False)),
        ]
        if keys:
            asks[_KEYS] = lambda _: self._keys.peek(keys)
        return asks


def _keys_of(question: Question, index: FleetIndex, *, anything: bool) -> tuple[bytes, ...]:
    """Return the keys that a question can mean; with `anything`, also by names like no key's."""
    keys: dict[bytes, None] = {}
    for text in question.texts:
        raw = bytes_of(text)
        like_a_key = read_key(raw, index.ownership.service).kind != "unknown"
        if anything or (like_a_key and text not in index.ownership.nodes):
            keys[raw] = None
        if anything and b":" not in raw:
            keys[SESSION_PREFIX + raw] = None
    return tuple(keys)


def _live(
    index: FleetIndex, question: Question, asked: Mapping[str, Pass[object]]
) -> Iterator[Match]:
    """Yield what the stores answered about one text or word."""
    yield from _pattern_matches(index, question, asked.get(_ROWS))
    yield from _key_matches(index, question, asked.get(_KEYS))


def _pattern_matches(
    index: FleetIndex, question: Question, asked: Pass[object] | None
) -> Iterator[Match]:
    answers = asked.reading if asked is not None else None
    rows = answers.get(question.pattern_names) if isinstance(answers, dict) else None
    if rows is not None:
        name = " or ".join(question.pattern_names)
        for kb_id in sorted(rows.keys() - {None}):
            yield from claimed(index.ownership.kb(kb_id), PATTERN, name, Place(kb_id))
        if None in rows:
            yield from claimed(_UNTOLD, PATTERN, name, None, how="its row has no kb_id")


def _key_matches(
    index: FleetIndex, question: Question, asked: Pass[object] | None
) -> Iterator[Match]:
    sights = asked.reading if asked is not None else None
    keys = set(_keys_of(question, index, anything=True))
    for sight in sights if isinstance(sights, tuple) else ():
        if sight.key in keys:
            yield from _key_match(index, sight)


def _key_match(index: FleetIndex, sight: KeySight) -> Iterator[Match]:
    name, text = read_key(sight.key, index.ownership.service), text_of(sight.key)
    ends = "never expires" if sight.expires_in is None else f"expires in {sight.expires_in:,.0f} s"
    how = f"{name.kind.replace('_', ' ')}, a {sight.type} in Redis, {ends}"
    if name.kind == "session" and name.owner == NOBODY and text not in index.sessions:
        found = text_of(sight.key.removeprefix(SESSION_PREFIX))
        how = "it came after the last figures; the next will tell whose it is"
        yield from claimed(_UNTOLD, SESSION, found, None, how=how)
        return
    owner = _key_owner(index, sight.key)
    yield from claimed(index.ownership.owner(owner), KEY, text, place_of(index, owner), how=how)


def _key_owner(index: FleetIndex, key: bytes) -> Owner:
    """Return a key's owner: a session's record tells it, a name that only looks so does not."""
    name, ownership = read_key(key, index.ownership.service), index.ownership
    for record in index.sessions.get(text_of(key), ()):
        return record.owner
    sure = name.sure or index.has_kb(name.owner.name) or ownership.is_kb(name.owner.name)
    return name.owner if sure else NOBODY


# --- what was looked at -----------------------------------------------------------------------


def _registry(index: FleetIndex | None, reason: Problem | None = None) -> Looked:
    seen = None if index is None else len(index.nodes)
    return Looked("Own records", "node_ids ever seen", reason, count=seen)


_IN_SNAPSHOT = {
    Measure.PATTERNS: ("ClickHouse", "kb_ids with patterns"),
    Measure.KEYS: ("Redis", "kb_ids with keys, and sessions"),
    Measure.VECTORS: ("Qdrant", "kb_ids with vectors, and collections"),
}


def _looked_at(snapshot: Snapshot) -> Iterator[Looked]:
    """Say what of the last pass over each store there was to look at."""
    for measure, (store, what) in _IN_SNAPSHOT.items():
        figures = snapshot.stores[measure]
        absent = figures.state is StoreState.NOT_CONFIGURED
        reason = figures.reason if figures.total is None else None
        if figures.precision in PASSING:
            reason = reason or Problem("the first pass over it has not ended")
        yield Looked(store, what, reason, figures.collected_at, absent)
    problem = snapshot.kato_problem
    if problem is not None:
        absent = problem.fault is Fault.NOT_CONFIGURED
        yield Looked("KATO", "node_ids in its memory", problem, absent=absent)


_LIVE = {_ROWS: ("ClickHouse", "every pattern's name"), _KEYS: ("Redis", "a key of this name")}


def _looked_live(asked: dict[str, Pass[object]]) -> Iterator[Looked]:
    for name, result in asked.items():
        store, what = _LIVE[name]
        absent = result.state is StoreState.NOT_CONFIGURED
        yield Looked(store, what, result.reason, result.at, absent)


# --- the answer -------------------------------------------------------------------------------


def _each_once(*matches: Match) -> Iterable[Match]:
    """Return matches without those that say of the same name and place what was said before."""
    kept: dict[tuple[str, str, TenantKey | None, Place | None], Match] = {}
    for match in matches:
        kept.setdefault((match.what, match.found, match.tenant, match.place), match)
    return kept.values()


def _answer(
    index: FleetIndex, question: Question, matches: Iterable[Match], looked: tuple[Looked, ...]
) -> Answer:
    by_tenant: dict[TenantKey | None, list[Match]] = defaultdict(list)
    for match in sorted(matches, key=lambda match: _ORDER.index(match.certainty)):
        by_tenant[match.tenant].append(match)
    nobodys = tuple(by_tenant.pop(None, ()))
    hits = [index.hit(tenant, tuple(found)) for tenant, found in by_tenant.items() if tenant]
    return Answer(question, tuple(sorted(hits, key=_rank)), nobodys, looked, index.illegible)


def _rank(hit: TenantHit) -> tuple[int, str]:
    return _ORDER.index(hit.matches[0].certainty), str(hit.tenant)
