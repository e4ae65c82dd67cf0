"""Whether Redis failed over while a purge runs, by which what was erased may come back.

A replica that takes over has not surely all that was acknowledged, and a server that was started
again has what it had saved. So the servers that hold the keys are noted before anything is erased,
and after each look it is asked whether they still do: if not, everything is looked at once more.
"""

from __future__ import annotations

from collections.abc import Iterable

from services.errors import Problem, StoreError, StoreNotConfigured
from services.figures import Measure
from services.purge.context import Context
from services.purge.look import REDIS
from services.purge.models import Item
from services.purge.tools import SETTLE_AFTER_FAILOVER

STORE = "redis"
TIMES = 3
"""So often a purge looks again for that."""

AGAIN_AND_AGAIN = Problem("Redis fails over, or is started, again and again")


def note(context: Context) -> None:
    """Take note of the servers, before anything is erased. Raises StoreError."""
    try:
        context.servers = context.tools.erasers.keys.servers()
    except StoreNotConfigured:
        context.servers = frozenset()


def happened(context: Context) -> bool:
    """Whether one of them is not what it was when they were last noted; they are noted anew.

    Also where none answers: that may be why. Where servers do not say who they are, it is not seen.
    """
    if context.request.stores.isdisjoint(REDIS):
        return False
    before = context.servers
    try:
        note(context)
    except StoreError:
        return True
    is_over = bool(context.servers) and not before <= context.servers
    context.failovers += is_over
    return is_over


def seconds(context: Context) -> float:
    """Return how long to wait for what a failover may bring back, in seconds."""
    configured = context.tools.settle_seconds
    return SETTLE_AFTER_FAILOVER if configured is None else configured


def patience(context: Context) -> float:
    """Return for how long one that does not answer is asked again, in seconds.

    A cluster takes its node timeout of 15 s, and what an election takes, until a replica took over.
    """
    return TIMES * seconds(context)


def told(late: Iterable[Item]) -> str:
    """Say what was there again, and was erased for it."""
    number = sum(item.count for item in late if item.store in REDIS)
    there = (
        f"{number:,} keys and sessions of the target were there after it, and were erased"
        if number
        else "nothing of the target was there after it"
    )
    return (
        "Redis failed over, or was started again, while this ran, and may have lost what it had "
        f"acknowledged, of everyone: {there}"
    )


def unproven(chosen: frozenset[Measure]) -> dict[Measure, Problem]:
    """Return that nothing is proven of Redis, where it fails over all the time."""
    return dict.fromkeys(sorted(chosen.intersection(REDIS)), AGAIN_AND_AGAIN)
