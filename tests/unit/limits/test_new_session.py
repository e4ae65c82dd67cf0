"""What stands against a new session: what a tenant is over now, and sessions that are all used."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from services.access.viewer import Role, TenantPattern, Viewer
from services.errors import SessionRefused
from services.figures import Amount, Measure
from services.limits.judge import Rules
from services.limits.models import Rule, Standings, Thresholds
from services.limits.new_session import exceeded
from services.limits.standing import standings
from services.sessions.access import confined_landing
from services.sessions.create import SessionService
from services.sessions.landing import Exceeded, land
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import Ownership
from services.tenancy.schemes import NamingSchemes
from services.usage.snapshot import Snapshot
from tests.unit.history.snapshots import snapshot

EVERY = TenantPattern("*", "*")
ACME, NODE = TenantKey("tenant", "acme"), "tenant:acme:user:bob"
OWNERSHIP = Ownership((), schemes=NamingSchemes.of())


def found(snapshot: Snapshot | None, *limits: tuple[str, int]) -> dict[str, int | None]:
    """What stands against acme, by quantity, with how much of it is used."""
    rules = Rules(Rule(EVERY, quantity, most) for quantity, most in limits)

    class Limits:
        def standings(self, snapshot: Snapshot) -> Standings:
            return Standings(tuple(standings(snapshot, rules, Thresholds(), {})))

    service: Any = Limits()
    return {each.quantity: each.used for each in exceeded(ACME, snapshot, service)}


def test_what_is_over_and_what_is_full() -> None:
    """One session more than there may be is too many; of other things all may be used."""
    has = snapshot(0, {"acme": {Measure.SESSIONS: Amount(3), Measure.KEYS: Amount(5)}, "b": 9})
    assert found(has, ("sessions", 3), ("keys", 5)) == {"sessions": 3}
    assert found(has, ("sessions", 4), ("keys", 4), ("patterns", 1)) == {"keys": 5}


def test_of_what_is_not_known_nothing_stands_against_it() -> None:
    """Neither before the first figures, nor for somebody new, nor while a store is down."""
    down = snapshot(0, {"acme": 9}, down=frozenset({Measure.SESSIONS, Measure.PATTERNS}))
    assert found(down, ("sessions", 0), ("patterns", 1)) == {}
    assert found(None, ("sessions", 0)) == found(snapshot(0, {"b": 9}), ("patterns", 1)) == {}


def test_it_is_refused_only_where_that_is_set_and_no_word_is_given() -> None:
    """Nothing is asked of KATO then."""
    over = (Exceeded("patterns", 9, 8, EVERY),)
    asked = list[str]()

    class Api:
        def create_session(self, node_id: str, **_: object) -> Any:
            asked.append(node_id)

    state: Any = type("State", (), {"record_nodes": lambda *_: None})()

    def create(*, refuse: bool, why: str) -> bool:
        service = SessionService(
            Api(), state=state, ownership=lambda: OWNERSHIP, exceeded=lambda _: over,
            refuse_over=refuse,
        )  # fmt: skip
        before = len(asked)
        try:
            service.create(NODE, ttl_seconds=60, metadata={}, over=why)
        except SessionRefused:
            assert len(asked) == before
            return False
        return len(asked) > before

    assert create(refuse=False, why="")
    assert create(refuse=True, why="signed")
    assert not create(refuse=True, why=" ")


def test_how_much_is_used_is_not_told_to_who_sees_a_part() -> None:
    """Some of it may lie where others may hold it too."""
    landing = replace(land(NODE, OWNERSHIP), exceeded=(Exceeded("patterns", 9, 8, EVERY),))
    confined = Viewer("ann", Role.OPERATOR, frozenset({TenantPattern.parse("tenant/acme")}))
    everybody = Viewer("bob", Role.OPERATOR)
    assert [e.used for e in confined_landing(landing, confined).exceeded] == [None]
    assert [e.used for e in confined_landing(landing, everybody).exceeded] == [9]
    both = replace(landing, others=(TenantKey("tenant", "zed"),))
    assert confined_landing(both, confined).exceeded == ()
