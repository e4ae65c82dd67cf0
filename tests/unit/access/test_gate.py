"""The gate: decided, approved, logged before and after, and what it says where it cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest

from services.access.gate import Approvals, Gate
from services.access.viewer import PERMISSIONS, Action, Outcome, Role, TenantPattern, Viewer
from services.errors import (
    AccessDenied,
    ApprovalNeeded,
    EndNotLogged,
    NotSignedIn,
    PurgeRefused,
    StoreUnavailable,
)
from services.tenancy.kb_ids import TenantKey
from tests.servers.logbooks import NobodyApproves, SqliteLog, sqlite_log

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
ACME, OTHER = TenantKey("tenant", "acme"), TenantKey("tenant", "other")
ANN = Viewer("ann", Role.ADMIN)
WRITES = Action.RUN_PURGE


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    found = sqlite_log(tmp_path)
    yield found
    found.engine.dispose()


def gate_of(
    log: SqliteLog, viewer: Viewer = ANN, *, approvals: Approvals | None = None,
    read_only: bool = False, two_persons: frozenset[Action] = frozenset(),
) -> Gate:  # fmt: skip
    return Gate(
        viewer=lambda: viewer, log=log.logbook, approvals=lambda: approvals or NobodyApproves(),
        now=lambda: NOW, read_only=read_only, two_persons=two_persons,
    )  # fmt: skip


def may(gate: Gate, action: Action, *, tenants: list[TenantKey] | None = None) -> bool:
    return gate.why_not(action, tenants=tenants) == ""


def outcomes(log: SqliteLog) -> list[tuple[str, str]]:
    return [(e.event.outcome.value, e.event.reason) for e in log.entries()]


def test_what_is_done_is_logged_before_and_after(log: SqliteLog) -> None:
    """With what came of it."""
    with gate_of(log).doing(WRITES, tenants=[ACME], target="t", digest="d") as doing:
        assert [e.event.outcome for e in log.entries()] == [Outcome.BEGUN]
        doing.digest = "e"
    begun, done = (entry.event for entry in log.entries())
    assert (begun.who, begun.role, begun.action) == ("ann", "admin", WRITES.value)
    assert (begun.tenants, begun.target, begun.digest) == (("tenant/acme",), "t", "d")
    assert (done.outcome, done.digest, done.request_id) == (Outcome.DONE, "e", begun.request_id)


def test_the_log_names_whose_data_it_is_and_for_which_ticket(log: SqliteLog) -> None:
    """Where nobody's decides it too, in both entries, and never with an empty name."""
    gate, unseen = gate_of(log), TenantKey("tenant", "")
    with gate.doing(WRITES, tenants=(), whose=[ACME, OTHER], reason="GDPR-4711") as doing:
        doing.failure = "1 was not done"
    with gate.doing(WRITES, tenants=[ACME, unseen], reason="GDPR-4712"):
        pass
    assert [(e.event.tenants, e.event.reason) for e in log.entries()] == [
        (("tenant/acme", "tenant/other"), "GDPR-4711"),
        (("tenant/acme", "tenant/other"), "GDPR-4711: 1 was not done"),
        (("tenant/*", "tenant/acme"), "GDPR-4712"),
        (("tenant/*", "tenant/acme"), "GDPR-4712"),
    ]


def test_what_failed_in_part_is_logged_as_failed(log: SqliteLog) -> None:
    with gate_of(log).doing(WRITES, tenants=[ACME]) as doing:
        doing.failure = "1 of 2 were not done"
    assert outcomes(log)[1] == ("failed", "1 of 2 were not done")


@pytest.mark.parametrize(
    ("error", "reason"),
    [(PurgeRefused("why"), "why"), (RuntimeError("hunter2"), "RuntimeError"),
     (KeyboardInterrupt(), "KeyboardInterrupt")],
)  # fmt: skip
def test_what_fails_is_logged_in_words_that_are_ours(
    log: SqliteLog, error: BaseException, reason: str
) -> None:
    with pytest.raises(type(error)) as caught, gate_of(log).doing(WRITES, tenants=[ACME]):
        raise error
    assert caught.value is error
    assert outcomes(log)[1] == ("failed", reason)


def test_what_cannot_be_logged_is_not_done(log: SqliteLog) -> None:
    """Nor is an approval used up for it."""
    approvals, done = Mock(spec=NobodyApproves), Mock()
    gate = gate_of(log, approvals=approvals, two_persons=frozenset({WRITES}))
    log.break_for_good()
    with pytest.raises(StoreUnavailable), gate.doing(WRITES, tenants=[ACME]):
        done()
    done.assert_not_called()
    approvals.use.assert_not_called()


@pytest.mark.parametrize("failure", ["", "1 of 2 were not done"])
def test_what_was_done_and_cannot_be_logged_is_said_to_be_done(
    log: SqliteLog, failure: str
) -> None:
    """Whoever reads this must not take it for undone, and do it again."""

    def do() -> None:
        with gate_of(log).doing(WRITES, tenants=[ACME]) as doing:
            doing.failure = failure
            log.break_for_good()

    with pytest.raises(EndNotLogged, match=r"this was done.*its end: do not repeat it") as caught:
        do()
    assert failure in str(caught.value)
    assert WRITES.value in str(caught.value)
    assert isinstance(caught.value.__cause__, StoreUnavailable)


def test_the_first_error_is_not_masked(log: SqliteLog) -> None:
    """Where the log fails after the action did, it is the action's that is told."""
    error = PurgeRefused("why")

    def do() -> None:
        with gate_of(log).doing(WRITES, tenants=[ACME]):
            log.break_for_good()
            raise error

    with pytest.raises(PurgeRefused) as caught:
        do()
    assert caught.value is error
    assert any("could not be logged" in note for note in error.__notes__)


def test_an_end_that_could_not_be_logged_can_be_later(log: SqliteLog) -> None:
    """What began and has no end stays visible as such until then."""
    away = log.broken()
    with pytest.raises(EndNotLogged), gate_of(log).doing(WRITES, tenants=[ACME]):
        away.__enter__()
    away.__exit__(None, None, None)
    (begun,) = log.entries()
    log.logbook.end(begun.event.request_id)
    assert [e.event.outcome for e in log.entries()] == [Outcome.BEGUN, Outcome.DONE]


def test_a_refusal_is_logged_and_holds_where_it_cannot_be(log: SqliteLog) -> None:
    gate = gate_of(log, Viewer("bob", Role.VIEWER))
    with pytest.raises(AccessDenied, match="it takes the role admin"):
        gate.allow(WRITES, tenants=[ACME], target="t")
    (entry,) = log.entries()
    assert entry.event.outcome is Outcome.REFUSED
    assert (entry.event.who, entry.event.target) == ("bob", "t")
    assert "role admin" in entry.event.reason
    log.break_for_good()
    with pytest.raises(AccessDenied, match="it takes the role admin"):
        gate.allow(WRITES, tenants=[ACME])


def test_reading_figures_writes_nothing(log: SqliteLog) -> None:
    gate = gate_of(log)
    gate.allow(Action.SEE_FLEET)
    with gate.doing(Action.SEE_FLEET):
        pass
    assert may(gate, WRITES, tenants=[ACME])
    assert not may(gate_of(log, Viewer("bob", Role.VIEWER)), WRITES)
    assert not log.entries()


def test_who_asks_for_a_second_person_is_in_the_log(log: SqliteLog) -> None:
    """And what waits for one is not done."""
    approvals, done = Mock(spec=NobodyApproves), Mock()
    approvals.use.side_effect = ApprovalNeeded("r1")
    gate = gate_of(log, approvals=approvals, two_persons=frozenset({WRITES}))
    with pytest.raises(ApprovalNeeded), gate.doing(
        WRITES, tenants=[ACME], digest="d", details={"Reason": "secret"}
    ):  # fmt: skip
        done()
    done.assert_not_called()
    approvals.use.assert_called_once_with(
        ANN, WRITES, tenants=(ACME,), target="", digest="d", details={"Reason": "secret"}
    )
    assert "secret" not in str(log.entries())
    assert [e.event.outcome for e in log.entries()] == [Outcome.BEGUN, Outcome.REFUSED]
    assert "r1" in log.entries()[1].event.reason
    with gate.doing(Action.STEER_PURGE, tenants=[ACME]):
        done()
    done.assert_called_once_with()


@pytest.mark.parametrize("fails", [True, False])
def test_an_approval_is_good_again_where_what_it_was_for_failed(
    log: SqliteLog, fails: bool
) -> None:
    """And used up where it was done."""
    approvals = Mock(spec=["use", "give_back"])
    approvals.use.return_value = "r1"
    gate = gate_of(log, approvals=approvals, two_persons=frozenset({WRITES}))
    with suppress(PurgeRefused), gate.doing(WRITES, tenants=[ACME], digest="d"):
        if fails:
            raise PurgeRefused("another purge holds it")
    assert approvals.give_back.call_args_list == ([(("r1",),)] if fails else [])


def test_where_nobody_approves_it_is_refused(log: SqliteLog) -> None:
    gate = gate_of(log, two_persons=frozenset({WRITES}))
    with pytest.raises(AccessDenied, match="no second person"), gate.doing(WRITES, tenants=[ACME]):
        raise AssertionError


def test_who_is_there_is_asked_for_every_action(log: SqliteLog) -> None:
    """A sign-in that is over, a role that was taken away and a revoked token count at once."""
    now = [Viewer("ann", Role.ADMIN, expires_at=NOW + timedelta(seconds=1))]

    def viewer() -> Viewer:
        if not now:
            raise NotSignedIn("over")
        return now[0]

    gate = Gate(viewer=viewer, log=log.logbook, approvals=NobodyApproves, now=lambda: NOW)
    gate.allow(WRITES)
    for changed in (Viewer("ann", Role.OPERATOR), Viewer("ann", Role.ADMIN, expires_at=NOW)):
        now[0] = changed
        with pytest.raises(AccessDenied):
            gate.allow(WRITES)
    now.clear()
    with pytest.raises(NotSignedIn):
        gate.allow(WRITES)
    assert not may(gate, WRITES)


def test_a_token_makes_nobody_another_and_is_never_shown() -> None:
    """It is new at each sign-in, and a secret."""
    assert Viewer("ann", Role.ADMIN, token="hunter2") == ANN
    assert "hunter2" not in repr(Viewer("ann", Role.ADMIN, token="hunter2"))


def test_every_action_has_a_permission_and_what_writes_is_logged() -> None:
    """So whatever can wait for a second person goes through the log."""
    assert set(PERMISSIONS) == set(Action)
    assert all(takes.logged for takes in PERMISSIONS.values() if takes.writes)


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("read_only", [False, True])
def test_read_only_stops_what_writes_and_nothing_else(
    log: SqliteLog, action: Action, read_only: bool
) -> None:
    allowed = may(gate_of(log, read_only=read_only), action)
    assert allowed is not (read_only and PERMISSIONS[action].writes)


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("role", Role)
def test_scope_and_role_are_both_needed(log: SqliteLog, action: Action, role: Role) -> None:
    """For every action: all of the tenants that it concerns, and nobody's only for who sees all."""
    enough, fleet = role.includes(PERMISSIONS[action].role), PERMISSIONS[action].fleet
    acme = gate_of(log, Viewer("x", role, frozenset({TenantPattern("tenant", "acme")})))
    everything = gate_of(log, Viewer("x", role))
    assert may(acme, action, tenants=[ACME]) is (enough and not fleet)
    assert not may(acme, action, tenants=[ACME, OTHER])
    assert not may(acme, action, tenants=[OTHER])
    assert not may(acme, action, tenants=[])
    assert may(everything, action, tenants=[ACME, OTHER]) is enough
    assert may(everything, action, tenants=[]) is enough
