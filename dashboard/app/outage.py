"""What is down, since when, and what still works: one card, and the reason why a button is off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.draw.formatting import age, escaped, span
from dashboard.draw.measures import WORDS
from services.access.viewer import Action
from services.errors import Fault, Problem
from services.figures import Measure, StoreState

if TYPE_CHECKING:
    from services.usage.snapshot import Snapshot, StoreFigures

CLICKHOUSE, REDIS, QDRANT = (
    WORDS[each].store for each in (Measure.PATTERNS, Measure.KEYS, Measure.VECTORS)
)
KATO = "KATO"
EVERY_STORE = frozenset({CLICKHOUSE, REDIS, QDRANT})

_WORK: tuple[tuple[str, frozenset[str]], ...] = (
    ("Find by user, tenant or kb_id", frozenset()),
    ("patterns", frozenset({CLICKHOUSE})),
    ("keys and memory", frozenset({REDIS})),
    ("looking into sessions", frozenset({REDIS})),
    ("vectors", frozenset({QDRANT})),
    ("new sessions", frozenset({REDIS, KATO})),
    ("extending and ending sessions", frozenset({REDIS, KATO})),
    ("a purge of all stores", EVERY_STORE),
    ("archives, parking and moves", EVERY_STORE),
)
"""What people do here, and the stores that it takes."""

NEEDS: Mapping[Action, frozenset[str]] = {
    Action.CREATE_SESSION: frozenset({REDIS, KATO}),
    Action.CHANGE_SESSIONS: frozenset({REDIS, KATO}),
    Action.CLEAN_INDEX: frozenset({REDIS}),
    Action.PLAN_PURGE: frozenset({REDIS}),  # sessions always end; what else it takes is chosen
    Action.RUN_PURGE: frozenset({REDIS}),
}
"""Actions that cannot work without these stores."""

_FAULTS = {
    Fault.DENIED: "refuses access",
    Fault.MISCONFIGURED: "is not set up for KATO",
    Fault.REJECTED: "rejects what is asked",
    Fault.FAILED: "fails",
}


@dataclass(frozen=True, slots=True)
class Outage:
    """A store that was asked and did not answer as it should.

    `since` is when the first look in a row failed, `last` when its figures were last read; None
    where that is not known.
    """

    store: str
    state: str
    since: datetime | None
    last: datetime | None

    def headline(self, now: datetime) -> str:
        """Say what is down, and since when."""
        if self.since is None:
            return f"{self.store} {self.state}"
        at = self.since.astimezone(UTC)
        form = "%H:%M UTC" if at.date() == now.date() else "%Y-%m-%d %H:%M UTC"
        return f"{self.store} {self.state} since {at.strftime(form)} ({span_since(at, now)})"


def span_since(at: datetime, now: datetime) -> str:
    """Write how long something has been so."""
    return span(max((now - at).total_seconds(), 1))


def outages(snapshot: Snapshot) -> tuple[Outage, ...]:
    """Return the stores that do not answer, each once, in the order of the figures. Pure."""
    found: dict[str, Outage] = {}
    for out in _failing(snapshot):
        found.setdefault(out.store, out)
    return tuple(found.values())


def _failing(snapshot: Snapshot) -> Iterator[Outage]:
    for measure, figures in snapshot.stores.items():
        if figures.failed:
            yield _outage(WORDS[measure].store, figures)
    if snapshot.kato_failing_since is not None:
        yield Outage(KATO, what(snapshot.kato_problem), snapshot.kato_failing_since, None)


def _outage(store: str, figures: StoreFigures) -> Outage:
    return Outage(store, what(figures.reason), figures.failing_since, figures.collected_at)


def what(problem: Problem | None) -> str:
    """Say what a store does instead of answering: `is down`. Pure."""
    return _FAULTS.get(problem.fault, "is down") if problem and problem.fault else "is down"


def works(down: frozenset[str]) -> tuple[list[str], list[str]]:
    """Return what works without these stores, and what does not. Pure."""
    going = [words for words, needs in _WORK if not needs & down]
    return going, [words for words, needs in _WORK if needs & down]


def card(snapshot: Snapshot | None) -> None:
    """Draw what is down, if anything is."""
    found = outages(snapshot) if snapshot else ()
    if not found:
        return
    now = datetime.now(UTC)
    going, stopped = works(frozenset(out.store for out in found))
    heads = ". ".join(out.headline(now) for out in found)
    st.error(
        f"**{escaped(heads)}.** {escaped(_ages(found, now))}\n\n"
        f"Works: {escaped(', '.join(going))}.\n\n"
        f"Does not work: {escaped(', '.join(stopped))}.",
        icon=":material/cloud_off:",
    )


def _ages(found: tuple[Outage, ...], now: datetime) -> str:
    """Say how old the last figures of these stores are."""
    read = [out for out in found if out.store != KATO]
    ages = [f"{out.store} last read {age(out.last, now)}" for out in read if out.last]
    ages += [f"{out.store} was never read so far" for out in read if not out.last]
    return f"{'; '.join(ages)}." if ages else ""


def why_off(snapshot: Snapshot | None, action: Action, more: frozenset[str] = frozenset()) -> str:
    """Say in a sentence why an action cannot work now; empty where it may. Pure.

    `more` are stores that it takes besides those that it always does.
    """
    needs = NEEDS.get(action, frozenset()) | more
    if snapshot is None or not needs:
        return ""
    down = [out for out in outages(snapshot) if out.store in needs]
    if down:
        return f"{down[0].headline(datetime.now(UTC))}, and this takes it."
    always = NEEDS.get(action, frozenset())  # of what is not there, nothing has to be erased
    absent = next((store for store in sorted(always) if store in _absent(snapshot)), "")
    return f"{absent} is not configured, and this takes it." if absent else ""


def _absent(snapshot: Snapshot) -> set[str]:
    found = {
        WORDS[measure].store
        for measure, figures in snapshot.stores.items()
        if figures.state is StoreState.NOT_CONFIGURED
    }
    kato = snapshot.kato_problem
    return found | ({KATO} if kato and kato.fault is Fault.NOT_CONFIGURED else set())
