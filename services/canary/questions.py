"""The questions: in one throwaway tenant's name, through every use case that reads a tenant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from services.browse.models import PatternQuery, Space
from services.canary.ask import (
    PASSED,
    Asker,
    Judgement,
    Question,
    nothing,
    only_own,
    put,
    refused,
    unknown,
)
from services.canary.belongings import belongings
from services.canary.models import Outcome, Probe
from services.errors import KatoTenantsError, Problem, StoreNotConfigured, StoreUnavailable
from services.figures import Measure, StoreState
from services.find.models import Answer
from services.sessions.models import KATO_PREFIX
from services.tenancy.layout import Owner, OwnerKind


def probes(asker: Asker) -> Iterator[Probe]:
    """Ask everything."""
    for group in (_patterns, _keys, _vectors, _sessions, _figures, _found):
        yield from put(group(asker), asker)


def _patterns(asker: Asker) -> Iterator[Question]:
    look, me, other = asker.cases.inspection, asker.me, asker.other
    own, theirs = only_own, asker.marks
    mine = PatternQuery((me.kb_id,))
    yield Question("list the patterns", lambda: look.patterns(asker.scope, mine),
                   own(me.patterns, theirs))  # fmt: skip
    by_token = PatternQuery((me.kb_id,), token=me.symbol)
    yield Question("search patterns by its own symbol",
                   lambda: look.patterns(asker.scope, by_token),
                   own(me.patterns, theirs))  # fmt: skip
    by_theirs = PatternQuery((me.kb_id,), token=other.symbol)
    yield Question("search patterns by the other's symbol",
                   lambda: look.patterns(asker.scope, by_theirs).rows, nothing(theirs))  # fmt: skip
    points = me.points[:1] if asker.has(Measure.VECTORS) else ()
    yield Question("open a pattern of its own",
                   lambda: look.pattern(asker.scope, me.kb_id, me.patterns[0]),
                   own((me.symbol, *points), theirs))  # fmt: skip
    yield Question("open the other's pattern in its own knowledge base",
                   lambda: look.pattern(asker.scope, me.kb_id, other.patterns[0]),
                   nothing(theirs))  # fmt: skip
    yield _refusal(asker, "list the other's patterns by its kb_id",
                   lambda: look.patterns(asker.scope, PatternQuery((other.kb_id,))))  # fmt: skip
    both = PatternQuery((me.kb_id, other.kb_id))
    yield _refusal(asker, "list both's patterns at once",
                   lambda: look.patterns(asker.scope, both))  # fmt: skip
    yield _refusal(asker, "open the other's pattern by its kb_id",
                   lambda: look.pattern(asker.scope, other.kb_id, other.patterns[0]))  # fmt: skip


def _keys(asker: Asker) -> Iterator[Question]:
    look, me, other = asker.cases.inspection, asker.me, asker.other
    mine, theirs = (Owner(OwnerKind.KB, each.kb_id) for each in (me, other))
    yield Question("count and list the keys", lambda: look.inventory(asker.scope, mine),
                   only_own((f"{me.kb_id}:metadata:{me.patterns[0]}",), asker.marks))  # fmt: skip
    yield Question("read a key of its own",
                   lambda: look.value(asker.scope, f"{me.kb_id}:metadata:{me.patterns[0]}"),
                   only_own((me.symbol,), asker.marks))  # fmt: skip
    yield _refusal(asker, "list the other's keys by its kb_id",
                   lambda: look.inventory(asker.scope, theirs))  # fmt: skip
    yield _refusal(
        asker, "read the other's key by its name",
        lambda: look.value(asker.scope, f"{other.kb_id}:metadata:{other.patterns[0]}"),
    )  # fmt: skip
    if asker.other_session:
        key = KATO_PREFIX + asker.other_session
        yield _refusal(asker, "read the other's session record as a key",
                       lambda: look.value(asker.scope, key))  # fmt: skip


def _vectors(asker: Asker) -> Iterator[Question]:
    look, me, other = asker.cases.inspection, asker.me, asker.other
    mine, theirs = Space(me.collection), Space(other.collection)
    own = only_own(me.points, asker.marks)
    near = partial(look.nearest_to_vector, vector=other.vectors[0])
    yield Question("browse the vectors", partial(_in_scope, asker, look.points, mine), own)
    yield Question("look for what is nearest to the other's vector",
                   partial(_in_scope, asker, near, mine), own)  # fmt: skip
    yield _refusal(asker, "look for what is nearest to the other's point",
                   lambda: look.nearest_to_point(asker.scope, mine, other.points[0]))  # fmt: skip
    for asked, ask in (
        ("look at the other's collection", look.space),
        ("browse the other's collection", look.points),
        ("search the other's collection", near),
    ):
        yield _refusal(asker, asked, partial(_in_scope, asker, ask, theirs))


def _in_scope(asker: Asker, ask: Callable[..., object], space: Space) -> object:
    if not asker.has(Measure.VECTORS):
        figures = asker.snapshot.stores[Measure.VECTORS]
        raise _no_figures(Measure.VECTORS, figures.state, figures.reason)
    return ask(asker.scope, space)


def _sessions(asker: Asker) -> Iterator[Question]:
    key = KATO_PREFIX + asker.session
    own = only_own((asker.session,), asker.marks)
    yield Question("list the sessions", lambda: _listed(asker), own)
    yield Question("open its session", lambda: _detail(asker, key),
                   only_own((asker.session, asker.me.symbol), asker.marks))  # fmt: skip


def _listed(asker: Asker) -> object:
    _expect_session(asker)
    sessions, figures = asker.snapshot.sessions, asker.snapshot.stores[Measure.SESSIONS]
    if sessions is None:
        raise _no_figures(Measure.SESSIONS, figures.state, figures.reason)
    tenants = asker.ownership.owner
    return tuple(each for each in sessions if asker.me.tenant in tenants(each.owner).tenants)


def _detail(asker: Asker, key: str) -> object:
    _expect_session(asker)
    return asker.cases.care.inspect(key)


def _expect_session(asker: Asker) -> None:
    if not asker.session:
        raise StoreNotConfigured("kato", "creating a session", "set KATO_API_URL")


def _figures(asker: Asker) -> Iterator[Question]:
    yield Question("read its figures of usage", lambda: asker.usage,
                   only_own((asker.me.kb_id,), asker.marks))  # fmt: skip
    owned = belongings(asker.me)
    for measure, written in (
        (Measure.PATTERNS, len(owned.rows)), (Measure.KEYS, owned.keys),
        (Measure.VECTORS, len(owned.points)), (Measure.SESSIONS, 1 if asker.session else 0),
    ):  # fmt: skip
        yield Question(f"compare its number of {measure.value} with what was written",
                       partial(_count, asker, measure), partial(_as_written, written))  # fmt: skip


def _count(asker: Asker, measure: Measure) -> int:
    figures, amount = asker.snapshot.stores[measure], asker.usage.usage.of(measure)
    if amount is None:
        raise _no_figures(measure, figures.state, figures.reason)
    return amount.count


def _as_written(written: int, count: object) -> Judgement:
    if not isinstance(count, int) or count < written:
        return unknown(f"{count} were counted, and {written} were written")
    if count > written:
        return Outcome.FAILED, (f"{count} were counted, and {written} were written",), ""
    return PASSED


def _no_figures(measure: Measure, state: StoreState, reason: Problem | None) -> KatoTenantsError:
    kind = StoreNotConfigured if state is StoreState.NOT_CONFIGURED else StoreUnavailable
    return kind(measure.value, "reading figures", str(reason or "they are not known"))


def _found(asker: Asker) -> Iterator[Question]:
    other = asker.other
    names = {
        "node_id": other.node_id, "kb_id": other.kb_id, "pattern": other.patterns[0],
        "key": f"{other.kb_id}:metadata:{other.patterns[0]}", "collection": other.collection,
        **({"session": asker.other_session} if asker.other_session else {}),
    }  # fmt: skip
    for what, name in names.items():
        find = partial(asker.cases.finding.find, name, asker.snapshot)
        judge = partial(_elsewhere, asker)
        yield Question(f"find the other's {what}", find, judge)


def _elsewhere(asker: Asker, answer: object) -> Judgement:
    """Pass where the other is found, and I am not."""
    if not isinstance(answer, Answer):
        return unknown("no answer")
    hits = {hit.tenant for hit in answer.hits}
    if asker.me.tenant in hits:
        return Outcome.FAILED, (f"it is said to be {asker.me.tenant}'s",), ""
    absent = [look for look in answer.unknown if look.absent]
    if asker.other.tenant not in hits:
        if absent:
            return Outcome.NOT_CONFIGURED, (), str(absent[0].reason or "")
        return unknown("it was not found with the one that has it")
    ill = [look for look in answer.unknown if not look.absent]
    return unknown(str(ill[0].reason or "")) if ill else PASSED


def _refusal(asker: Asker, asked: str, ask: Callable[[], object]) -> Question:
    return Question(f"{asked} (to be refused)", ask, refused(asker.marks), refusal=True)
