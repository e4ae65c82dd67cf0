"""Moves between two whole deployments: everything arrives, and nothing else changes."""

from __future__ import annotations

from contextlib import ExitStack, closing
from itertools import count
from pathlib import Path

import pytest

from services import bootstrap
from services.archive.errors import ArchiveError
from services.archive.run import DOES as ARCHIVES, ArchiveWork, StepName as TakeStep
from services.bootstrap import Services
from services.cards.models import State as Status
from services.errors import PurgeRefused
from services.instances.models import Instance, State
from services.jobs.models import JobRefused, JobState, Result
from services.move.models import MoveRefused, Outcome, Phase, StepName, phase_of
from services.move.run import DOES
from services.purge.came_back import came_back
from services.purge.models import Request, Target
from services.settings.destinations import settings_of
from services.tenancy.kb_ids import held_names
from tests.features.move.conftest import OTHER, Prints, prints_of
from tests.features.move.doing import (
    LATE,
    SESSIONS,
    begun,
    copied,
    cut_over,
    gone,
    sessions,
    then,
)
from tests.features.restore.test_restore import ACME, WHY
from tests.servers.deployment import STORES, Deployment
from tests.servers.proxy import FaultyProxy


def test_a_tenant_moves_and_everybody_else_stays_as_they_were(
    services: Services, here: Prints, there: Prints
) -> None:
    own = Instance(
        "own", ACME, State.PLANNED, "", "kato", "kato", services.now(), "ann", elsewhere=OTHER
    )  # fmt: skip
    assert services.instance_book.add(own)
    mine = gone(services)
    theirs = mine | SESSIONS
    before, other = here(), there()
    assert other.residue(mine) == 0
    job = copied(services)
    assert here() == before
    copy = there()
    assert copy.without(theirs) == other.without(theirs)
    assert copy.residue(mine) == before.residue(mine)
    done = cut_over(services, job)
    assert (done.state, done.outcome) == (JobState.ENDED, Outcome.MOVED), done.problem
    assert there() == copy
    away = here()
    assert away.residue(mine) == 0
    assert away.without(theirs) == before.without(theirs)
    assert sessions(before) - sessions(away) == sessions(copy) - sessions(other) != set()
    served = services.serving.service.of(ACME)
    assert served is not None  # the register goes with the cut-over
    assert (served.name, served.by, bool(served.url)) == ("own", done.asked_by, True)


def test_who_is_on_hold_does_not_move_and_a_hold_that_comes_later_stops_it(
    services: Services, here: Prints, there: Prints
) -> None:
    """Before its sessions end; and it can be given up all the same, since that takes nothing."""
    before, other = here(), there()
    job = copied(services)
    services.cards.hold([ACME], reason="a court's order", by="ann")
    assert any("legal hold" in each for each in services.move.plan(ACME, OTHER).in_the_way)
    halted = cut_over(services, job)
    assert halted.state is JobState.FAILED
    assert "legal hold" in halted.problem
    assert here() == before
    services.move.give_up(job.id, by="ann")
    ended = services.move.run_here(job.id)
    assert (ended.outcome, ended.receipt) == (Outcome.GIVEN_UP, {"to": OTHER, "removed": True})
    assert (here(), there()) == (before, other)
    assert services.work.holder(held_names([ACME], gone(services))) is None


def test_who_is_written_for_after_its_sessions_ended_is_not_erased(
    services: Services, kato: Deployment, here: Prints, there: Prints,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """It halts, names where, and goes on with what came once that has stopped.

    The sessions that the first of its archives ended are there too in the end.
    """
    other, mine = sessions(there()), sessions(here())
    job = copied(services)
    client, taken, number = kato.targets.redis, TakeStep.TAKE, count()
    real = ARCHIVES[taken]

    def late(work: ArchiveWork) -> Result:
        found = real(work)
        client.set(LATE, next(number))
        return found

    with monkeypatch.context() as patched:
        patched.setitem(ARCHIVES, taken, late)
        halted = cut_over(services, job)
    assert halted.state is JobState.FAILED
    assert "still writes for tenant/acme here (redis/keys)" in halted.problem
    assert not services.purge.jobs()
    with pytest.raises(MoveRefused):
        services.move.cut_over(job.id, by="ann")
    kb_ids, before = gone(services), here()
    services.move.resume(job.id)
    assert services.move.run_here(job.id).outcome == Outcome.MOVED
    assert there().residue(kb_ids) == before.residue(kb_ids)
    assert sessions(there()) - other == mine - sessions(here()) != set()


def test_what_is_written_last_on_either_side_is_found_before_anything_goes(
    services: Services, kato: Deployment, other: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are compared once more when all is copied."""
    job, real = copied(services), DOES[StepName.CATCH_UP]
    before = prints_of(kato)
    services.move.cut_over(job.id, by="ann")
    for running in (other, kato):
        late = then(real, lambda client=running.targets.redis: client.set(LATE, "1"))
        with monkeypatch.context() as patched:
            patched.setitem(DOES, StepName.CATCH_UP, late)
            halted = services.move.run_here(job.id)
        assert halted.state is JobState.FAILED
        assert "writes" in halted.problem
        assert "redis/keys" in halted.problem
        if running is other:
            assert prints_of(kato).without(SESSIONS) == before.without(SESSIONS)
            other.targets.redis.delete(LATE)
        services.move.resume(job.id)
    assert services.move.run_here(job.id).outcome == Outcome.MOVED
    assert other.targets.redis.exists(LATE)


def test_what_somebody_else_wrote_there_is_never_removed(
    services: Services, other: Deployment, here: Prints, there: Prints
) -> None:
    """Neither when the rest is copied nor when it is given up, unless the copy is left there."""
    before = here()
    job = copied(services)
    other.targets.redis.set(LATE, "theirs")
    mixed = there()
    halted = cut_over(services, job)
    assert "did not write (redis/keys)" in halted.problem
    assert not services.purge.jobs()
    services.move.give_up(job.id, by="ann")
    assert "did not write (redis/keys)" in services.move.run_here(job.id).problem
    assert there() == mixed
    services.move.give_up(job.id, by="ann", leave=True)
    ended = services.move.run_here(job.id)
    assert (ended.outcome, ended.receipt) == (Outcome.GIVEN_UP, {"to": OTHER, "removed": False})
    assert there() == mixed
    assert here().without(SESSIONS) == before.without(SESSIONS)  # they had ended
    assert any("has data of it" in each for each in services.move.plan(ACME, OTHER).in_the_way)


def test_where_anything_is_there_by_its_names_nothing_is_written(
    services: Services, other: Deployment, there: Prints
) -> None:
    """Whoever that is said to be: it may have come after the plan was made."""
    job = begun(services)
    other.targets.redis.set(LATE, "theirs")
    mixed = there()
    assert any("has data of it" in each for each in services.move.plan(ACME, OTHER).in_the_way)
    assert "has data of it already (redis/keys)" in services.move.run_here(job.id).problem
    assert there() == mixed
    services.move.give_up(job.id, by="ann")
    services.move.run_here(job.id)
    assert there() == mixed


def test_where_the_other_one_is_down_it_halts_and_goes_on_later(
    services: Services, other: Deployment, here: Prints, there: Prints,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Whichever store and step it is: nothing is erased here, and no session ends in vain."""
    mine, before = gone(services), here()
    job = begun(services)
    for store in ("clickhouse", "redis", "qdrant"):
        other.fail(store, "down")
        assert services.move.plan(ACME, OTHER).in_the_way
        assert services.move.run_here(job.id).state is JobState.FAILED
        other.heal()
        services.move.resume(job.id)
    assert phase_of(services.move.run_here(job.id)) is Phase.WAITING
    other.fail("qdrant", "down")
    assert cut_over(services, job).state is JobState.FAILED
    assert here() == before
    for store, step in (("redis", StepName.REST), ("clickhouse", StepName.CATCH_UP)):
        other.heal()
        services.move.resume(job.id)
        with monkeypatch.context() as patched:
            patched.setitem(DOES, step, then(DOES[step], lambda s=store: other.fail(s, "down")))
            assert services.move.run_here(job.id).state is JobState.FAILED
        assert here().without(SESSIONS) == before.without(SESSIONS)
    assert not services.purge.jobs()
    other.heal()
    services.move.resume(job.id)
    assert services.move.run_here(job.id).outcome == Outcome.MOVED
    assert there().residue(mine) == before.residue(mine)


def test_meanwhile_nothing_else_is_done_with_it_and_then_it_is_known_where_it_is(
    services: Services,
) -> None:
    scheme = next(s for s in services.settings.naming.schemes if s.kind == "tenant")
    values = {name: "acme" if name == "tenant" else "bob" for name in scheme.fields}
    job = copied(services)
    assert services.cards.doings()[ACME][0].state is Status.MOVING
    assert services.sessions.landing(scheme, values).refusal
    plan = services.archive.plan(Request(Target(ACME)))
    with pytest.raises(ArchiveError):
        services.archive.begin(plan, by="eve", reason=WHY, quiesce=True)
    with pytest.raises(JobRefused):
        services.parking.park(services.parking.plan(ACME), by="eve", reason=WHY)
    with pytest.raises(PurgeRefused):
        services.purge.begin(
            services.purge.plan(Request(Target(ACME))).digest, confirm="tenant/acme", reason=WHY,
            asked_by="eve",
        )  # fmt: skip
    services.move.resume(job.id)
    assert phase_of(services.move.run_here(job.id)) is Phase.WAITING  # until somebody says so
    assert cut_over(services, job).outcome == Outcome.MOVED
    assert services.cards.doings()[ACME][0].state is Status.MOVED
    assert f"moved to {OTHER} on" in services.sessions.landing(scheme, values).refusal
    with pytest.raises(MoveRefused, match=f"it moved to {OTHER}"):
        services.move.plan(ACME, OTHER)
    services.move.forget(ACME)
    assert services.move.moved(ACME) is None


def test_the_same_servers_at_other_addresses_are_refused(
    services: Services, kato: Deployment, here: Prints, tmp_path: Path
) -> None:
    """By what they say of themselves: there, everything would be erased that was copied.

    Also where a file says so after the copy, and before any session ends.
    """
    job, before = copied(services), here()
    with ExitStack() as stack:
        ports = {
            store: stack.enter_context(FaultyProxy("127.0.0.1", getattr(kato, store).port)).port
            for store in STORES
        }  # fmt: skip
        faces = {
            **kato.environment, "CLICKHOUSE_PORT": str(ports["clickhouse"]),
            "REDIS_URL": f"redis://127.0.0.1:{ports['redis']}/0",
            "QDRANT_URL": f"http://127.0.0.1:{ports['qdrant']}",
            "KATO_API_URL": f"http://127.0.0.1:{ports['kato']}",
        }  # fmt: skip
        file = tmp_path / "other.env"
        file.write_text("\n".join(f"{name}={value}" for name, value in faces.items()), "utf-8")
        why = services.move.plan(ACME, OTHER).in_the_way
        told = [each for each in why if "has the same" in each]
        assert "has the same clickhouse" in cut_over(services, job).problem
    assert here() == before
    assert [each.split()[4] for each in told] == ["clickhouse", "redis", "qdrant"]


def test_a_destination_that_names_tenants_otherwise_is_refused(
    services: Services, tmp_path: Path
) -> None:
    file = tmp_path / "other.env"
    file.write_text(f"{file.read_text('utf-8')}\nSERVICE_NAME=cato\n", "utf-8")
    assert any("SERVICE_NAME" in each for each in services.move.plan(ACME, OTHER).in_the_way)
    file.write_text("CLICKHOUSE_PORT=none", "utf-8")
    (told,) = (each for each in services.move.plan(ACME, OTHER).in_the_way if OTHER in each)
    assert "in the file of eu-2, CLICKHOUSE_PORT" in told
    with pytest.raises(MoveRefused, match="no deployment"):
        services.move.plan(ACME, "nowhere")


def test_moved_there_and_back_everything_is_as_it_was(
    services: Services, kato: Deployment, here: Prints, there: Prints, tmp_path: Path
) -> None:
    """By the other one's dashboard, whose file of this one names its records: these know."""
    before, other = here(), there()
    kb_ids = gone(services)
    assert cut_over(services, copied(services)).outcome == Outcome.MOVED
    file = tmp_path / "back.env"
    records = f"sqlite:///{services.settings.data / 'state.sqlite'}"
    given = {**kato.environment, "KATO_TENANTS_STATE_URL": records}
    file.write_text("\n".join(f"{name}={value}" for name, value in given.items()), "utf-8")
    settings = settings_of(services.settings, OTHER).model_copy(
        update={"move_to": f"back = {file}", "data": tmp_path / "theirs"}
    )
    with closing(bootstrap.build(settings)) as theirs:
        theirs.usage.collect()
        plan = theirs.move.plan(ACME, "back")
        assert not plan.in_the_way, plan.in_the_way
        job = theirs.move.run_here(theirs.move.begin(plan, by="bea", reason=WHY).id)
        assert cut_over(theirs, job).outcome == Outcome.MOVED
    assert here() == before
    assert there().without(kb_ids) == other.without(kb_ids)
    assert there().residue(kb_ids) == 0
    assert services.move.moved(ACME) is None
    assert not came_back(services.usage.collect(), services.jobs.tombstones(kb_ids))


def test_of_one_that_never_was_the_same_is_said_as_of_one_out_of_scope(services: Services) -> None:
    with pytest.raises(MoveRefused, match="there is no such move"):
        services.move.job("none")
