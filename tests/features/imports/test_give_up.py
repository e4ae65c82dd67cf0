"""An import that nobody can go on with is given up: its tenant is free, and what stays is said."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from services.bootstrap import Services
from services.errors import LeaseLost, StoreUnavailable
from services.imports.formats import elsewhere_json, run_json
from services.imports.give_up import KIND, given_up, job_plan
from services.imports.models import Existing, GivenUp, ImportRefused, Kind, State
from services.jobs.models import Job, JobRefused, JobState, Progress, Step, StepState
from services.tenancy.kb_ids import held_names
from tests.features.imports.test_imports import (
    KB,
    TENANT,
    _staging,
    check,
    done,
    order,
    rows_of,
    seen,
    services,
)
from tests.servers.deployment import Deployment
from tests.servers.import_process import go_on

__all__ = ["services"]  # a fixture

WHY = "its machine is gone"


def killed(services: Services, kato: Deployment, kind: Kind) -> str:
    """An import whose process was killed when it had written some, over what was there."""
    done(services, order(kind), *rows_of(kind, 3))
    run = check(services, order(kind, existing=Existing.REPLACE), *rows_of(kind, 6, "new")).run
    services.imports.begin(run, by="ann")
    environment = {**kato.environment, "KATO_TENANTS_DATA": os.environ["KATO_TENANTS_DATA"]}
    assert go_on(environment, run, dies=kind) == -signal.SIGKILL
    return run


@contextmanager
def without_its_folder(services: Services) -> Iterator[None]:
    """As on any other machine that has the same records."""
    folder = services.imports._folder.path
    away = folder.rename(folder.with_name("away"))
    yield
    away.rename(folder)


def free_lease(services: Services) -> None:
    with services.database.begin() as later:
        later.exec_driver_sql("UPDATE job SET leased_until = NULL, owner = ''")


def job_of(services: Services) -> Job:
    return services.work.all("import")[0]


def test_what_its_lost_machine_wrote_stays_and_is_taken_back_when_that_is_there_again(
    services: Services, kato: Deployment
) -> None:
    """Of keys only the rows' machine knows what was there before; others' data is not touched."""
    before, run = seen(kato), killed(services, kato, Kind.KEYS)
    written = seen(kato)
    with without_its_folder(services):
        with pytest.raises(ImportRefused):
            services.imports.one(run)
        (away,) = services.imports.elsewhere()
        assert (away.id, away.tenant, away.kind, away.attended) == (run, TENANT, Kind.KEYS, True)
        assert away.machine
        with pytest.raises(JobRefused):  # for all that anybody knows, that process has it still
            services.imports.give_up(run, by="bob", reason=WHY)
        free_lease(services)
        assert not services.imports.elsewhere()[0].attended
        zombie = services.job_book.lease(
            job_of(services).id, "late", at=services.now(), until=services.now()
        )
        assert zombie is not None
        with pytest.raises(JobRefused):
            services.imports.give_up(run, by="bob", reason=" ")
        told = services.imports.give_up(run, by="bob", reason=WHY)
        assert told == GivenUp("bob", WHY, begun=True, at_least=0, rows=6)
        assert seen(kato) == written
        assert services.work.holder(held_names([TENANT], [KB])) is None
        with pytest.raises(LeaseLost):
            services.job_book.say(job_of(services).id, Progress("rows", 4, 6), lease=zombie)
        (away,) = services.imports.elsewhere()
        assert elsewhere_json(away)["given_up"] == {
            "by": "bob", "reason": WHY, "begun": True, "at_least": 0, "rows": 6,
            "taken_back": False, "left": 0, "tables": False,
        }  # fmt: skip
        with pytest.raises(ImportRefused):
            services.imports.give_up(run, by="bob", reason=WHY)
    assert not services.imports.elsewhere()
    back = services.imports.one(run)
    assert (back.state, back.problem, back.given_up) == (State.GIVEN_UP, WHY, told)
    counted = run_json(back)
    assert (counted["new"], counted["replaced"]) == (None, None)  # nobody knows
    services.imports.take_back(run)
    assert services.imports.run_here(run).state is State.UNDONE
    assert seen(kato).without(frozenset({KB})) == before.without(frozenset({KB}))
    assert kato.targets.redis is not None
    assert b'"m": "new"' not in (kato.targets.redis.get(f"{KB}:metadata:p1") or b"")


def test_patterns_are_taken_back_from_any_machine(services: Services, kato: Deployment) -> None:
    """ClickHouse has itself what was there before: also what was replaced is there again."""
    done(services, order(Kind.PATTERNS), *rows_of(Kind.PATTERNS, 3))
    before = seen(kato)
    run = check(
        services, order(Kind.PATTERNS, existing=Existing.REPLACE), *rows_of(Kind.PATTERNS, 6, "new")
    ).run
    services.imports.begin(run, by="ann")
    environment = {**kato.environment, "KATO_TENANTS_DATA": os.environ["KATO_TENANTS_DATA"]}
    assert go_on(environment, run, dies=Kind.PATTERNS) == -signal.SIGKILL
    assert seen(kato) != before
    free_lease(services)
    with without_its_folder(services):
        told = services.imports.give_up(run, by="bob", reason=WHY)
        assert (told.taken_back, told.left, told.tables) == (True, 0, False)
        assert seen(kato) == before
        assert not _staging(kato)


def test_with_its_store_down_what_stays_is_unknown_and_named(
    services: Services, kato: Deployment
) -> None:
    """One that goes on by itself is not given up; one that wrote nothing says so."""
    run = check(services, order(Kind.PATTERNS), *rows_of(Kind.PATTERNS)).run
    services.imports.begin(run, by="ann")
    with pytest.raises(JobRefused):
        services.imports.give_up(run, by="bob", reason=WHY)
    kato.fail("clickhouse", "down")
    assert services.imports.run_here(run).state is State.HALF
    told = services.imports.give_up(run, by="bob", reason="the store is gone")
    assert (told.begun, told.taken_back, told.tables, told.at_least) == (True, False, True, None)
    assert services.imports.one(run).state is State.GIVEN_UP
    assert services.work.holder(held_names([TENANT], [KB])) is None


def test_one_of_which_nothing_was_begun_wrote_nothing(services: Services) -> None:
    run = check(services, order(Kind.KEYS), *rows_of(Kind.KEYS)).run
    services.imports.begin(run, by="ann")
    with without_its_folder(services):
        told = services.imports.give_up(run, by="bob", reason=WHY)
        assert told == GivenUp("bob", WHY, at_least=0)


def test_of_names_that_were_skipped_nobody_says_that_they_were_written() -> None:
    """How far it was counts them too, and how many rows it wrote is not known."""
    steps = (Step("write", StepState.STARTED), Step("take back"))
    for existing, known in ((Existing.SKIP, None), (Existing.REPLACE, 500)):
        job = Job(
            "j", KIND, job_plan("a", order(Kind.KEYS, existing=existing)), "ann", "x",
            datetime(2026, 1, 1, tzinfo=UTC), JobState.FAILED, steps=steps,
            progress=Progress("rows", 500, 900),
        )  # fmt: skip
        told = given_up(cast("Any", None), job, by="bob", reason=WHY)
        assert told == GivenUp("bob", WHY, begun=True, at_least=known, rows=900)


def test_an_import_whose_job_is_there_though_the_answer_was_lost_is_not_begun_twice(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what its worker came to meanwhile is not written over by who began it."""
    run, real = check(services, order(Kind.KEYS), *rows_of(Kind.KEYS)).run, services.work.begin

    def lost(*given: object, **named: object) -> Job:
        services.work.run_here(real(*given, **named).id)  # type: ignore[arg-type]
        raise StoreUnavailable("records", "beginning a job", "the answer was lost")

    monkeypatch.setattr(services.work, "begin", lost)
    with pytest.raises(StoreUnavailable):
        services.imports.begin(run, by="ann")
    assert services.imports.one(run).state is State.DONE
    with pytest.raises(ImportRefused):
        services.imports.begin(run, by="ann")
