"""A legal hold stops a purge: what plans it, what begins it, and what runs already."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis

from services.bootstrap import Services
from services.errors import PurgeRefused, StoreUnavailable
from services.jobs.models import JobState, StepState
from services.purge.context import Context, Result
from services.purge.formats import plan_of, plan_record
from services.purge.job import Outcome
from services.purge.models import Request, Target
from services.purge.run import DOES
from services.purge.steps import StepName
from services.stores.records import cards
from services.tenancy.kb_ids import TenantKey
from tests.features.purge.fingerprint import Fingerprint
from tests.features.purge.test_purge import ACME, ACME_KBS, WHY, prints, services

__all__ = ["prints", "services"]  # fixtures

CORP, OTHER = TenantKey("tenant", "acme-corp"), TenantKey("tenant", "acme_corp")


def test_nothing_of_who_is_held_is_planned_to_go(
    services: Services, prints: Callable[[], Fingerprint]
) -> None:
    """Not alone, not with others, not by a user, not through what they share, nor the streams."""
    before = prints()
    free = services.purge.plan(Request(Target(CORP)))
    services.cards.hold([OTHER], reason="a court's order", by="ann")
    assert services.purge.plan(Request(Target(CORP))).digest == free.digest  # it leaves that out
    (left,) = free.left_out
    for request in (
        Request(Target(OTHER)),
        Request(Target(many=(ACME, OTHER))),
        Request(Target(user="bob")),
        Request(Target(CORP), included=frozenset({left.kb_id})),
        Request(Target(CORP), trim_streams=True),
    ):
        plan = services.purge.plan(request)
        (held,) = plan.held
        assert (held.tenant, held.hold.by) == (OTHER, "ann")
        assert "tenant/acme_corp is on legal hold" in plan.obstacles[0]
        assert plan.digest != free.digest
        assert plan_of(plan_record(plan)) == plan
        with pytest.raises(PurgeRefused, match="a court's order"):
            services.purge.begin(plan.digest, confirm=plan.confirmation, reason=WHY, asked_by="ada")
    assert prints() == before


def test_a_plan_of_before_a_hold_does_not_begin(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does any while holds cannot be read: that is no word that there is none."""
    plan = services.purge.plan(Request(Target(ACME)))
    said = {"confirm": plan.confirmation, "reason": WHY, "asked_by": "ada"}
    services.cards.hold([ACME], reason="a court's order", by="ann")
    with pytest.raises(PurgeRefused, match="on legal hold since"):
        services.purge.begin(plan.digest, **said)
    services.cards.lift([ACME], by="ann")

    def silent(*_: object) -> None:
        raise StoreUnavailable("state store", "reading legal holds", "it gave no answer")

    monkeypatch.setattr(cards, "reading", silent)
    with pytest.raises(StoreUnavailable):
        services.purge.begin(plan.digest, **said)


def test_a_hold_stops_what_runs_at_its_next_step(
    services: Services, valkey: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What went is gone, and nothing more; once it is lifted, the purge goes on to its end."""
    flush = DOES[StepName.FLUSH]

    def held_then(context: Context) -> Result:
        services.cards.hold([ACME], reason="a court's order", by="ann")
        return flush(context)

    plan = services.purge.plan(Request(Target(ACME)))
    job = services.purge.begin(plan.digest, confirm=plan.confirmation, reason=WHY, asked_by="ada")
    assert services.cards.doings()[ACME][0].job == job.id
    with monkeypatch.context() as patch:
        patch.setitem(DOES, StepName.FLUSH, held_then)
        stopped = services.purge.run_here(job.id)
    assert stopped.state is JobState.FAILED
    assert "tenant/acme is on legal hold" in stopped.problem
    done = {step.name for step in stopped.steps if step.state is StepState.DONE}
    assert done == {StepName.CHECK, StepName.SESSIONS, StepName.FLUSH}
    there = {key for kb_id in ACME_KBS for key in valkey.scan_iter(f"{kb_id}:*", count=1000)}
    assert there
    with pytest.raises(PurgeRefused, match="on legal hold since"):
        services.purge.resume(job.id)
    services.cards.lift([ACME], by="ann")
    services.purge.resume(job.id)
    ended = services.purge.run_here(job.id)
    assert (ended.state, ended.outcome) == (JobState.ENDED, Outcome.ERASED)
    assert not valkey.exists(*there)
    assert ACME not in services.cards.doings()
