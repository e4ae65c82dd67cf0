"""Looks at what there is, and says what of it policies would have go."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.errors import Problem, StoreError
from services.jobs.looks import Tells, quiet
from services.retention.judge import Holding, Judge
from services.retention.models import (
    Bounds,
    Left,
    LeftOut,
    Line,
    Matter,
    PartCost,
    Plan,
    Policy,
    before,
    matter_of,
)
from services.retention.ports import KeysFound, PatternsFound, Predictions, Shared
from services.retention.tools import Tools
from services.retention.written import words_of
from services.tenancy.kb_ids import TenantKey
from services.tenancy.layout import OwnerKind
from services.usage.readings import SessionRecord

_KEYS = frozenset({Matter.PREDICTIONS, Matter.SESSIONS, Matter.STREAMS, Matter.CACHES})
REDIS, CLICKHOUSE = "redis", "clickhouse"

Watched = frozenset[tuple[Matter, str]]
"""What was planned, by matter and owner: it is counted, whatever is decided of it by now."""


@dataclass
class Looked:
    """What a look came to."""

    lines: list[Line] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    parts: tuple[PartCost, ...] = ()
    cloned: int = 0
    unread: dict[str, Problem] = field(default_factory=dict)
    lacking: tuple[str, ...] = ()
    watched: Watched = frozenset()

    def put(self, judged: LeftOut | None, matter: Matter, owner: str, there: int | None) -> None:
        """Note what is left as it is; of what no policy is about, only what is watched."""
        if judged is not None:
            self.left_out.append(replace(judged, there=there))
        elif (matter, owner) in self.watched:
            self.left_out.append(LeftOut(matter, owner, Left.POLICY, (), there))


def planned(
    tools: Tools, only: tuple[Policy, ...], every: tuple[Policy, ...], *, at: datetime,
    tells: Tells = quiet,
) -> Plan:  # fmt: skip
    """Return what policies would do now. Raises StoreError where nobody's names are known."""
    looked = look(tools, tools.judge(only, every=every), only, at=at, tells=tells)
    if REDIS not in looked.unread and any(matter_of(each.quantity) in _KEYS for each in only):
        _try(looked, REDIS, lambda: _rights(tools, looked))
    return Plan(
        at, digest_of(only, every), only, tuple(looked.lines), tuple(looked.left_out),
        looked.parts, looked.cloned, looked.unread, looked.lacking,
    )  # fmt: skip


def digest_of(only: Iterable[Policy], every: Iterable[Policy]) -> str:
    """Return SHA-256, in hex, over the policies that are to run and those that outrank them."""
    words = [sorted(map(words_of, only)), sorted(map(words_of, every))]
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()


def _rights(tools: Tools, looked: Looked) -> None:
    looked.lacking = tools.keys.rights()


def look(
    tools: Tools, judge: Judge, only: Iterable[Policy], *, at: datetime,
    watched: Watched = frozenset(), tells: Tells = quiet,
) -> Looked:  # fmt: skip
    """Look at each store that a policy is about; one that does not answer is not read."""
    matters = {matter_of(each.quantity) for each in only if each.most is not None}
    matters |= {matter for matter, _ in watched}
    looked = Looked(watched=watched)
    if matters & _KEYS:
        tells("looking at every key")
        _try(looked, REDIS, lambda: _keys(tools, judge, matters, looked, at=at))
    if Matter.PATTERNS in matters:
        tells("looking at the patterns")
        _try(looked, CLICKHOUSE, lambda: _patterns(tools, judge, looked, at=at))
    return looked


def _try(looked: Looked, store: str, do: Callable[[], None]) -> None:
    try:
        do()
    except StoreError as exc:
        looked.unread[store] = exc.problem


def _keys(
    tools: Tools, judge: Judge, matters: set[Matter], looked: Looked, *, at: datetime
) -> None:
    streams, caches = (_everybodys(judge, each, matters, looked)
                       for each in (Matter.STREAMS, Matter.CACHES))  # fmt: skip
    found = tools.keys.look(
        predictions_of(judge, counting=True, watched=looked.watched), at=at,
        streams=streams.bounds if streams else None, caches=caches.bounds if caches else None,
        sessions=Matter.SESSIONS in matters,
    )  # fmt: skip
    _add_predictions(judge, found, looked)
    looked.lines += _shared_lines(Matter.STREAMS, streams, found.streams)
    looked.lines += _shared_lines(Matter.CACHES, caches, (found.caches,) if found.caches else ())
    _add_sessions(judge, found.sessions, looked, at=at)


def _everybodys(
    judge: Judge, matter: Matter, matters: set[Matter], looked: Looked
) -> Holding | None:
    if matter not in matters:
        return None
    judged = judge.everybodys(matter)
    if isinstance(judged, Holding):
        return judged
    if judged is None and any(each is matter for each, _ in looked.watched):
        judged = LeftOut(matter, matter.value, Left.POLICY)
    if judged is not None:
        looked.left_out.append(judged)
    return None


def predictions_of(
    judge: Judge, *, counting: bool = False, watched: Watched = frozenset()
) -> Callable[[str], Bounds | None]:
    """Return what says how a kb_id's predictions are bounded; what is left out is counted."""

    def bounds_of(kb_id: str) -> Bounds | None:
        judged = judge.kb(kb_id, Matter.PREDICTIONS)
        if isinstance(judged, Holding):
            return judged.bounds
        is_counted = judged is not None or (Matter.PREDICTIONS, kb_id) in watched
        return Bounds() if counting and is_counted else None

    return bounds_of


def cutoffs_of(judge: Judge, at: datetime) -> Callable[[str], datetime | None]:
    """Return what says before when a kb_id's patterns are old."""

    def cutoff_of(kb_id: str) -> datetime | None:
        judged = judge.kb(kb_id, Matter.PATTERNS)
        age = judged.bounds.age if isinstance(judged, Holding) else None
        return None if age is None else before(at, age)

    return cutoff_of


def _add_predictions(judge: Judge, found: KeysFound, looked: Looked) -> None:
    for kb_id, there in sorted(found.predictions.items()):
        judged = judge.kb(kb_id, Matter.PREDICTIONS)
        if isinstance(judged, Holding):
            looked.lines.append(_of_predictions(judged, kb_id, there))
        else:
            looked.put(judged, Matter.PREDICTIONS, kb_id, there.there)


def _of_predictions(holding: Holding, kb_id: str, there: Predictions) -> Line:
    return Line(
        Matter.PREDICTIONS, holding.tenant, kb_id, holding.sources, there.there, there.due,
        there.due_bytes, there.expiring, problem=there.problem,
    )  # fmt: skip


def _shared_lines(
    matter: Matter, holding: Holding | None, found: Iterable[Shared]
) -> Iterator[Line]:
    if holding is None:
        return
    for each in found:
        expires = matter is Matter.CACHES
        yield Line(
            matter, None, each.name, holding.sources, each.there, 0 if expires else each.due,
            expiring=each.due if expires else 0, at_least=each.at_least,
        )  # fmt: skip


def _add_sessions(
    judge: Judge, records: Iterable[SessionRecord], looked: Looked, *, at: datetime
) -> None:
    there, due, timeless = Counter[str](), Counter[str](), Counter[str]()
    sizes = defaultdict[str, int](int)
    for each in records:
        if each.owner.kind is OwnerKind.NODE:
            node = each.owner.name
            there[node] += 1
            timeless[node] += each.last_accessed is None
            if is_idle(judge, each, at=at):
                due[node] += 1
                sizes[node] += each.bytes or 0
    for node in sorted(there):
        judged = judge.node(node)
        if not isinstance(judged, Holding):
            looked.put(judged, Matter.SESSIONS, node, there[node])
            continue
        looked.lines.append(Line(
            Matter.SESSIONS, judged.tenant, node, judged.sources, there[node], due[node],
            sizes[node],
        ))  # fmt: skip
        if timeless[node]:
            left = LeftOut(Matter.SESSIONS, node, Left.TIMELESS, _whose(judged), timeless[node])
            looked.left_out.append(left)


def is_idle(judge: Judge, record: SessionRecord, *, at: datetime) -> bool:
    """Whether a session was not used for longer than it may, and may go."""
    judged = judge.node(record.owner.name)
    if not isinstance(judged, Holding) or record.last_accessed is None:
        return False
    idle = judged.bounds.idle
    return idle is not None and record.last_accessed < before(at, idle)


def _whose(holding: Holding) -> tuple[TenantKey, ...]:
    return () if holding.tenant is None else (holding.tenant,)


def _patterns(tools: Tools, judge: Judge, looked: Looked, *, at: datetime) -> None:
    def is_counted(kb_id: str) -> bool:
        watched = (Matter.PATTERNS, kb_id) in looked.watched
        return watched or judge.kb(kb_id, Matter.PATTERNS) is not None

    found: PatternsFound = tools.patterns.look(cutoffs_of(judge, at), is_counted)
    looked.parts, looked.cloned = found.parts, found.cloned
    for kb_id, there in sorted(found.by_kb.items()):
        judged = judge.kb(kb_id, Matter.PATTERNS)
        if isinstance(judged, Holding):
            looked.lines.append(Line(
                Matter.PATTERNS, judged.tenant, kb_id, judged.sources, there.there, there.due
            ))  # fmt: skip
        else:
            looked.put(judged, Matter.PATTERNS, kb_id, there.there)
