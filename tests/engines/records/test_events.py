"""What happened, in SQLite and PostgreSQL: noted once, and told of whom it is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from services.access.viewer import TenantPattern
from services.history.events import Event, EventKind
from services.history.models import second
from services.limits.models import Rule, Thresholds
from services.limits.preview import Changes
from services.limits.service import LimitsService
from services.stores.records.events import KEPT, EventRecords
from services.stores.records.limits import LimitBook
from tests.servers.records import Records
from tests.unit.history.snapshots import snapshot

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
HOUR, EVER = (
    timedelta(hours=1),
    (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)),
)
EVERY = TenantPattern("*", "*")
STARTED = Event(NOON, EventKind.KATO_STARTED)
STRANGE = "tenant/\x00\udcff'; *"


def test_they_are_kept_whole_and_once(records: Records) -> None:
    """A tenant's with what is of all; the newest where there are too many."""
    book = EventRecords(records.engine())
    strange = Event(NOON + HOUR, EventKind.LIMIT_OVER, STRANGE, "keys:other", 10**18)
    others = Event(NOON + 2 * HOUR, EventKind.LIMIT_LEFT, "tenant/acme", "keys", 5)
    assert book.last(EventKind.KATO_STARTED) is None
    for _ in range(2):
        book.add([STARTED, others, strange])
    assert book.between(*EVER, tenant="", most=9) == (STARTED, strange, others)
    assert book.between(*EVER, tenant=STRANGE, most=9) == (STARTED, strange)
    assert book.between(*EVER, tenant="", most=2) == (strange, others)
    assert book.between(NOON + HOUR, others.at, tenant="", most=9) == (strange,)
    assert book.last(EventKind.KATO_STARTED) == NOON
    late = replace(STARTED, at=NOON + KEPT + HOUR)
    book.add([late])
    assert book.between(*EVER, tenant="tenant/x", most=9) == (late,)


def test_a_limit_is_crossed_once_whoever_sees_it(records: Records) -> None:
    """Near, over and back again; a limit that was changed is none by itself."""
    book = EventRecords(records.engine())
    both = [
        LimitsService(LimitBook(records.engine()), thresholds=Thresholds(), now=lambda: NOON)
        for _ in range(2)
    ]
    both[0].change(Changes((Rule(EVERY, "patterns", 100),)), by="ann", why="")
    for hour, patterns in enumerate((10, 85, 86, 120, 110, 10)):
        if hour == 2:  # to another limit it is near all the same
            both[0].change(Changes((Rule(EVERY, "patterns", 105),)), by="ann", why="")
        for each in both:
            each.follow(snapshot(second(NOON + hour * HOUR), {"acme": patterns, "small": 1}))
    found = book.between(*EVER, tenant="", most=99)
    assert [(event.at, event.kind) for event in found] == [
        (NOON + HOUR, EventKind.LIMIT_NEAR), (NOON + 3 * HOUR, EventKind.LIMIT_OVER),
        (NOON + 5 * HOUR, EventKind.LIMIT_LEFT),
    ]  # fmt: skip
    assert [event.most for event in found] == [100, 105, 105]
    assert {(event.tenant, event.quantity) for event in found} == {("tenant/acme", "patterns")}
