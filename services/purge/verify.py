"""The steps of a purge that prove it: what is left is looked for twice, with other eyes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from services.errors import Problem, StoreError, StoreNotConfigured, StoreUnavailable
from services.figures import Measure
from services.jobs.models import Progress, Result
from services.jobs.run import Stopped
from services.purge import failover
from services.purge.context import Context, presence_of
from services.purge.emptied import has_forgotten
from services.purge.erase import erase_patterns, erase_vectors, flush
from services.purge.journal import counts_rows, found_of
from services.purge.look import REDIS
from services.purge.models import Item, Look
from services.purge.plan import Looks
from services.purge.ports import KatoState, Presence
from services.purge.steps import StepName
from services.purge.tools import SETTLE_AFTER_FAILOVER, SETTLE_AFTER_SESSIONS, SETTLE_SECONDS

_POLL_SECONDS = 0.2
_WAITS_FOR_KATO = 30.0  # seconds, once the settling time is over
_ASKS_AGAIN_SECONDS = 2.0

T = TypeVar("T")


def verify(context: Context) -> Result:
    """Look again with other eyes; what came meanwhile is erased, and looked for once more."""
    return _outliving(context, _verify)


def _outliving(context: Context, look: Callable[[Context], T]) -> T:
    """Look, and have patience with a Redis that does not answer: it may be failing over."""
    ends = time.monotonic() + failover.patience(context)
    while True:
        try:
            return look(context)
        except StoreUnavailable as exc:
            if exc.store != failover.STORE or time.monotonic() > ends:
                raise
        _wait(context, _ASKS_AGAIN_SECONDS)


def _verify(context: Context) -> Result:
    with suppress(StoreError):  # the look will tell
        flush(context)
    context.judge.may_go()
    over = failover.happened(context)
    swept, problems = _sweep(context)
    if over:
        swept = replace(swept, disclosed=(*swept.disclosed, failover.told(swept.items)))
    looks = _elsewhere(context, swept, problems)
    late = [*swept.items, *looks.items]
    if looks.found and not looks.problems:
        _erase_late(context, looks)
        looks = _elsewhere(context, swept, problems)
    return {**found_of(looks.as_proof), **_late(late), "on_disk": list(_disk(context))}


def _late(items: Sequence[Item]) -> dict[str, object]:
    """Return what came after the step that erased, and was erased by a proof."""
    return {"late": sum(item.count for item in items), "late_items": counts_rows(items)}


def _sweep(context: Context) -> tuple[Look, dict[Measure, Problem]]:
    """Go through Redis once more: what is there of the target is erased on the way."""
    chosen = context.request.stores.intersection(REDIS)
    if not chosen:
        return Look(), {}
    try:
        if Measure.KEYS not in chosen:
            return _sweep_sessions(context), {}
        keys = context.tools.erasers.keys
        return keys.sweep(context.surface, context.judge.wants, context.said), {}
    except StoreNotConfigured:
        return Look(), {}
    except StoreError as exc:
        return Look(), dict.fromkeys(sorted(chosen), exc.problem)


def _sweep_sessions(context: Context) -> Look:
    """Erase the sessions that are there, and no other key: these were not chosen."""
    keys = context.tools.erasers.keys
    look = keys.look(context.surface, context.judge.wants, weigh=False)
    items = tuple(item for item in look.items if item.store is Measure.SESSIONS)
    if items:
        keys.erase_sessions(context.surface, context.judge.wants)
    return replace(look, items=items)


def _elsewhere(context: Context, swept: Look, problems: Mapping[Measure, Problem]) -> Looks:
    """Look at what is not Redis, and put it together with what was found there."""
    looks = context.look(frozenset(Measure).difference(REDIS))
    return replace(
        looks,
        blockers=(*looks.blockers, *swept.blockers),
        disclosed=(*looks.disclosed, *swept.disclosed),
        problems={**looks.problems, **problems},
    )


def _erase_late(context: Context, looks: Looks) -> None:
    context.said(Progress("erasing what came meanwhile", 0, looks.found))
    stores = {item.store for item in looks.items}
    if Measure.PATTERNS in stores:
        erase_patterns(context)
    if Measure.VECTORS in stores:
        erase_vectors(context)


def _disk(context: Context) -> tuple[str, ...]:
    """Wait for the parts on disk that still hold what was erased, and say which still do."""
    if Measure.PATTERNS not in context.request.stores:
        return ()
    try:
        return context.tools.erasers.patterns.await_disk(context.surface, context.said)
    except StoreNotConfigured:
        return ()
    except StoreError as exc:
        return (f"whether parts on disk still hold what was erased is not known: {exc}",)


def settle(context: Context) -> Result:
    """Wait as long as a KATO may still write, and look at everything once more.

    And again where Redis failed over since the last look.
    """
    _wait(context, _settling(context))
    presence = _await_kato(context)
    _drop_emptied(context, presence)
    before = context.failovers
    looks, late = _outliving(context, _proved)
    for _ in range(failover.TIMES):
        if not failover.happened(context):
            break
        _wait(context, failover.seconds(context))
        again = verify(context)
        looks, more = _outliving(context, _proved)
        late += [*_items_of(again), *more]
    else:
        unproven = failover.unproven(context.request.stores)
        looks = replace(looks, problems={**looks.problems, **unproven})
    if context.failovers > before:
        looks = replace(looks, disclosed=(*looks.disclosed, failover.told(late)))
    state = None if presence is None else presence.state.value
    return {**found_of(looks.as_proof), **_late(late), "kato": state}


def _proved(context: Context) -> tuple[Looks, list[Item]]:
    """Look at everything; what came meanwhile is erased and told, and looked for once more."""
    looks, late = _look_at_the_primary(context), list[Item]()
    if looks.found and not looks.problems:
        late = list(looks.items)
        again = verify(context)
        late += _beyond(again, looks)
        looks = _look_at_the_primary(context)
    return looks, late


def _look_at_the_primary(context: Context) -> Looks:
    """Look at everything, over new connections; what is a replica by now proves nothing."""
    looks = context.look()
    try:
        lacking = context.tools.erasers.keys.rights()
    except StoreNotConfigured:
        return looks
    except StoreError as exc:
        why = exc.problem
    else:
        if not lacking:
            return looks
        why = Problem(lacking[0])
    about = dict.fromkeys(sorted(context.request.stores.intersection(REDIS)), why)
    return replace(looks, problems={**looks.problems, **about})


def _beyond(again: Result, looks: Looks) -> list[Item]:
    """Return what a late proof erased, and the look before it had not found."""
    known = {item.key: item.count for item in looks.items}
    more = ((item, item.count - known.get(item.key, 0)) for item in _items_of(again))
    return [replace(item, count=number) for item, number in more if number > 0]


def _items_of(again: Result) -> list[Item]:
    """Return what a proof erased."""
    return [Item(Measure(store), *rest) for store, *rest in again["late_items"]]


def _settling(context: Context) -> float:
    """Return for how many seconds to wait before the last look."""
    if context.tools.settle_seconds is not None:
        return context.tools.settle_seconds
    ended = context.results.get(StepName.SESSIONS, {})
    live = ended.get("live") and ended.get("kato") != KatoState.STOPPED.value
    return max(SETTLE_AFTER_SESSIONS if live else SETTLE_SECONDS, _failover(context))


def _failover(context: Context) -> float:
    with suppress(StoreError):
        return SETTLE_AFTER_FAILOVER if context.tools.erasers.keys.replicas() else 0.0
    return SETTLE_AFTER_FAILOVER


def _wait(context: Context, seconds: float) -> None:
    ends = time.monotonic() + seconds
    while (left := ends - time.monotonic()) > 0:
        if context.stops():
            raise Stopped
        context.said(Progress("waiting to look again", int(seconds - left), int(seconds)))
        time.sleep(min(left, _POLL_SECONDS))


def _await_kato(context: Context) -> Presence | None:
    """Give a KATO that did not answer steadily the time to: what it holds may still be written."""
    ended = context.results.get(StepName.SESSIONS, {}).get("kato")
    presence = presence_of(context.tools)
    ends = time.monotonic() + (_WAITS_FOR_KATO if ended == KatoState.UNSTEADY.value else 0)
    while presence is not None and presence.state is KatoState.UNSTEADY:
        if time.monotonic() > ends:
            break
        _wait(context, _ASKS_AGAIN_SECONDS)
        presence = presence_of(context.tools)
    return presence


def _drop_emptied(context: Context, presence: Presence | None) -> None:
    """Drop the collections that were emptied, where KATO has been restarted since, or is gone."""
    kept = context.keep and Measure.VECTORS in context.request.stores
    if not kept or presence is None:
        return
    if has_forgotten(presence, context.results.get(StepName.SESSIONS, {})):
        with suppress(StoreNotConfigured):
            context.tools.erasers.vectors.drop_emptied(context.surface)
