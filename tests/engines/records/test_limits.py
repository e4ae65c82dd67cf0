"""Limits in SQLite and PostgreSQL, and who was near or over at the last look."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from services.access.viewer import TenantPattern
from services.cards.models import Label
from services.cards.scope import LabelScope
from services.errors import StoreUnavailable
from services.figures import Measure
from services.limits.models import MOST, Kept, Rule, State, Thresholds
from services.limits.preview import Changes
from services.limits.service import LimitsService
from services.stores.records.limits import LimitBook
from services.tenancy.kb_ids import TenantKey
from services.usage.snapshot import Snapshot
from tests.servers.records import Records
from tests.unit.history.snapshots import snapshot

AT = 1_700_000_000
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
ACME = TenantKey("tenant", "acme")
STRANGE = TenantPattern("tenant", "\x00/\udcff'; *")

LIKE_GOLD = TenantPattern("label:plan=gold", "x")
GOLD = LabelScope(Label("plan", "gold"))


def rule(most: int | None, scope: str = "*", quantity: str = "patterns") -> Rule:
    return Rule(TenantPattern.parse(scope), quantity, most)


@pytest.fixture
def service(records: Records) -> LimitsService:
    return dashboard(records)


def dashboard(records: Records) -> LimitsService:
    """Another process that has the same records."""
    book = LimitBook(records.engine())
    return LimitsService(book, thresholds=Thresholds(), now=lambda: NOW)


def test_rules_are_kept_whole(service: LimitsService, records: Records) -> None:
    """Whatever a tenant is called; the newest of a key counts, and others see it at once."""
    rules = (rule(MOST), rule(None, "org/*"), Rule(STRANGE, "keys:prediction", 0),
             Rule(GOLD, "keys", 7), Rule(LIKE_GOLD, "keys", 8))  # fmt: skip
    other, before = dashboard(records), service.version()
    assert other.rules() == ()
    service.change(Changes(rules), by="a\udcffnn", why="ticket\x00")
    assert service.version() != before
    assert set(other.rules()) == {Kept(each, "a\udcffnn", NOW, "ticket\x00") for each in rules}
    other.change(Changes((rule(5),), tuple(each.key for each in rules[1:])), by="bob", why="")
    assert service.rules() == (Kept(rule(5), "bob", NOW),)


def test_a_change_is_made_whole_or_not_at_all(service: LimitsService) -> None:
    """A number that no database keeps does not leave the others behind."""
    changes = Changes((rule(5), rule(2**70, "tenant/x")))
    with pytest.raises((StoreUnavailable, OverflowError)):
        service.change(changes, by="ann", why="")
    assert service.rules() == ()


def seen(after: int, patterns: int, *, down: bool = False) -> Snapshot:
    """A later look at acme and another tenant."""
    stores = frozenset({Measure.PATTERNS}) if down else frozenset()
    return snapshot(AT + after, {"acme": patterns, "calm": 1}, down=stores)


def state(service: LimitsService, found: Snapshot) -> tuple[State, int | None]:
    """Acme's state, and since how many seconds after the first look."""
    (standing,) = service.standings(found).of(ACME)
    since = standing.since
    return standing.state, None if since is None else int(since.timestamp()) - AT


def test_a_state_outlives_the_process_and_an_outage(
    service: LimitsService, records: Records
) -> None:
    """What is known of before holds it, for every dashboard alike, until it has come back."""
    service.change(Changes((rule(100),)), by="ann", why="")
    service.follow(seen(0, 101))
    assert state(service, seen(60, 101)) == (State.OVER, 0)
    service.follow(seen(60, 98))
    service.follow(seen(120, 0, down=True))
    assert state(service, seen(120, 0, down=True)) == (State.UNKNOWN, None)
    other = dashboard(records)
    assert state(other, seen(180, 98)) == (State.OVER, 0)
    assert state(other, seen(180, 95)) == (State.NEAR, None)
    assert other.standings(seen(180, 98), alone=True).of(ACME)[0].state is State.NEAR
    other.follow(seen(180, 95))
    assert state(service, seen(240, 95)) == (State.NEAR, 180)
    before = service.version()
    service.follow(seen(240, 94))
    assert service.version() == before  # nothing changed, so nothing was written
    service.follow(seen(300, 10))
    assert state(service, seen(360, 76)) == (State.UNDER, None)


def test_who_is_gone_is_forgotten_and_who_cannot_be_seen_is_not(service: LimitsService) -> None:
    """Neither is somebody held whose limit is there no more."""
    service.change(Changes((rule(100),)), by="ann", why="")
    service.follow(seen(0, 200))
    gone = snapshot(AT + 60, {}, down=frozenset({Measure.PATTERNS}))
    service.follow(gone)
    assert state(service, seen(60, 98))[0] is State.OVER
    service.follow(snapshot(AT + 120, {}))
    assert state(service, seen(180, 98))[0] is State.NEAR
    service.follow(seen(180, 200))
    service.change(Changes((), (rule(100).key,)), by="ann", why="")
    service.follow(gone)
    service.change(Changes((rule(100),)), by="ann", why="")
    assert state(service, seen(240, 98))[0] is State.NEAR


def test_many_are_noted_at_once(service: LimitsService) -> None:
    """The first look after a limit was set: in batches, and each is there."""
    service.change(Changes((rule(1),)), by="ann", why="")
    many = snapshot(AT, {f"t{n}": 2 for n in range(600)})
    service.follow(many)
    found = service.standings(snapshot(AT + 60, {f"t{n}": 1 for n in range(600)}))
    assert {each.since for each in found.every} == {datetime.fromtimestamp(AT, UTC)}
    assert sum(each.state is State.OVER for each in found.every) == 600
