"""What a move did not write there stays, and nothing is said to be gone or there that is not."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from qdrant_client.models import CreateAlias, CreateAliasOperation, Distance, VectorParams

from services.archive.models import Part
from services.bootstrap import Services
from services.errors import StoreUnavailable
from services.jobs.models import JobState, Result
from services.move.models import Outcome, StepName
from services.move.run import MoveWork
from services.move.there import There
from services.purge.run import DOES as PURGES, StepName as PurgeStep
from services.stores.clickhouse.staging import RowWriting
from tests.features.move.conftest import OTHER, Prints
from tests.features.move.doing import LATE, SESSIONS, begun, copied, cut_over, gone
from tests.features.restore.test_restore import ACME
from tests.servers.deployment import Deployment

EARLY_SESSION = "kato:session:session-early"
EARLY = "tenant_acme_user_early_kato:frequency:x"


def test_who_comes_there_too_early_is_neither_overlooked_nor_erased(
    services: Services, kato: Deployment, other: Deployment, here: Prints, there: Prints,
) -> None:  # fmt: skip
    """A user who is in no archive, and whom the records there know as the tenant's."""
    other.targets.redis.set(EARLY_SESSION, json.dumps({"node_id": "tenant:acme:user:early"}))
    services._move_tools.there(OTHER).found(ACME)
    other.targets.redis.delete(EARLY_SESSION)
    job, before = copied(services), here()
    other.targets.redis.set(EARLY, "theirs")
    kato.targets.redis.set(LATE, "1")  # else nothing would have to go from there
    halted = cut_over(services, job)
    assert f"did not write (redis/keys {EARLY.partition(':')[0]})" in halted.problem
    assert other.targets.redis.get(EARLY) == b"theirs"
    kato.targets.redis.delete(LATE)
    services.move.resume(job.id)
    assert "did not write" in services.move.run_here(job.id).problem
    assert here().without(SESSIONS) == before.without(SESSIONS)
    services.move.give_up(job.id, by="ann")
    assert "did not write" in services.move.run_here(job.id).problem
    mixed = there()
    other.targets.redis.delete(EARLY)
    assert there() != mixed
    services.move.resume(job.id)
    assert services.move.run_here(job.id).outcome == Outcome.GIVEN_UP
    assert there().residue(gone(services)) == 0


def test_what_cannot_be_compared_or_is_elsewhere_is_not_said_to_be_removed(
    services: Services, there: Prints, tmp_path: Path
) -> None:
    """Another server by the same name, and an archive that somebody removed meanwhile."""
    other, job = there(), copied(services)
    file, copy = tmp_path / "other.env", there()
    named = file.read_text("utf-8")
    assert named.count("/0") == 1
    file.write_text(named.replace("/0", "/1"), "utf-8")  # another database, with nothing in it
    assert "has another redis than when this began" in cut_over(services, job).problem
    services.move.give_up(job.id, by="ann")
    assert "has another redis" in services.move.run_here(job.id).problem
    file.write_text(named, "utf-8")
    (archive,) = services.archive.archives()
    services.archive.remove(archive.id)
    services.move.resume(job.id)
    halted = services.move.run_here(job.id)
    assert "an archive by which it was copied is not there" in halted.problem
    assert there() == copy != other
    services.move.give_up(job.id, by="ann", leave=True)
    ended = services.move.run_here(job.id)
    assert (ended.outcome, ended.receipt) == (Outcome.GIVEN_UP, {"to": OTHER, "removed": False})


def test_a_table_that_was_attached_by_halves_is_given_up_and_removed(
    services: Services, here: Prints, there: Prints, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rows are not those of the archive then, and are the move's all the same."""
    before, other = here(), there()
    job, real, number = begun(services), RowWriting._attaching, count()

    def attaching(self: RowWriting, part: Part, staging: str) -> str:
        if next(number):
            raise StoreUnavailable("clickhouse", "writing rows", "gone")
        return real(self, part, staging)

    with monkeypatch.context() as patched:
        patched.setattr(RowWriting, "_attaching", attaching)
        assert services.move.run_here(job.id).state is JobState.FAILED
    assert there().rows != other.rows
    services.move.give_up(job.id, by="ann")
    ended = services.move.run_here(job.id)
    assert (ended.outcome, ended.receipt) == (Outcome.GIVEN_UP, {"to": OTHER, "removed": True})
    assert (here(), there()) == (before, other)


def test_what_was_decided_since_a_run_was_made_ready_counts(services: Services) -> None:
    """Else one process would cut over what another has given up."""
    job = copied(services)
    services.move.cut_over(job.id, by="ann")
    work = MoveWork(services._move_tools, services.move.job(job.id))
    services.move.stop(job.id)
    services.move.run_here(job.id)
    services.move.give_up(job.id, by="ann")
    work.begin(lambda _: None, lambda: False)
    assert work.left() == [StepName.REMOVE]


def test_where_the_clocks_differ_nothing_goes(
    services: Services, here: Prints, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sessions would seem to have ended, and nobody would miss them."""
    job, before = copied(services), here()
    real = services._move_tools.there

    def there(name: str) -> There:
        return replace(real(name), ahead=lambda: 3600.0)

    tools = replace(services._move_tools, there=there)
    monkeypatch.setitem(vars(services), "_move_tools", tools)
    assert "3,600 s ahead of the one here" in cut_over(services, job).problem
    assert here().without(SESSIONS) == before.without(SESSIONS)


def test_a_purge_that_was_begun_does_not_go_on_while_nobody_answers_there(
    services: Services, other: Deployment, here: Prints, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have halted for days, and the copy may be gone since."""
    job = copied(services)
    with monkeypatch.context() as patched:
        patched.setitem(PURGES, PurgeStep.KEYS, unavailable)
        halted = cut_over(services, job)
    assert halted.state is JobState.FAILED
    assert len(services.purge.jobs()) == 1
    left = here()
    other.fail("qdrant", "down")
    services.move.resume(job.id)
    assert services.move.run_here(job.id).state is JobState.FAILED
    assert here() == left
    assert left.residue(gone(services))
    other.heal()
    services.move.resume(job.id)
    assert services.move.run_here(job.id).outcome == Outcome.MOVED


def unavailable(_: object) -> Result:
    """A step that fails."""
    raise StoreUnavailable("redis", "erasing", "gone")


def test_a_collection_there_behind_an_alias_is_somebody_elses(
    services: Services, other: Deployment, there: Prints
) -> None:
    """What is written by that name would be among what is in it."""
    qdrant, before = other.targets.qdrant, there()
    name = f"vectors_{min(gone(services))}"
    qdrant.create_collection("theirs", VectorParams(size=4, distance=Distance.COSINE))
    alias = CreateAlias(collection_name="theirs", alias_name=name)
    qdrant.update_collection_aliases([CreateAliasOperation(create_alias=alias)])
    (told,) = services.move.plan(ACME, OTHER).in_the_way
    assert told == f"in eu-2 {name} leads to another collection: nothing is mixed"
    qdrant.delete_collection("theirs")
    assert there() == before
    assert not services.move.plan(ACME, OTHER).in_the_way
