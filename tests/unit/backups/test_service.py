"""What is begun and what goes, over archives and records that are kept in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from services.archive.errors import ArchiveError
from services.backups.models import Backup, Changes, Kept, Rule, Run, State
from services.backups.service import AT_ONCE, BackupService, Tools
from services.backups.written import BackupError, rule_written
from services.cards.models import Held, Hold, OnHold, unlabelled
from services.cards.scope import Scope
from services.tenancy.kb_ids import TenantKey

NOW = datetime(2026, 11, 29, 12, 30, tzinfo=UTC)
TENANTS = tuple(TenantKey("tenant", f"t{number}") for number in range(6))
ACME = TENANTS[0]


@dataclass
class Records:
    kept: dict[Scope, Kept] = field(default_factory=dict)
    last: dict[TenantKey, Run] = field(default_factory=dict)
    every: dict[str, Run] = field(default_factory=dict)

    def rules(self) -> tuple[Kept, ...]:
        return tuple(self.kept.values())

    def change(self, put: Collection[Kept], removed: Collection[Scope]) -> None:
        self.kept |= {each.rule.scope: each for each in put}
        for scope in removed:
            self.kept.pop(scope, None)

    def newest(self) -> Mapping[TenantKey, Run]:
        return dict(self.last)

    def runs(self, tenant: TenantKey) -> tuple[Run, ...]:
        return tuple(each for each in self.every.values() if each.tenant == tenant)

    def begin(self, run: Run, before: Run | None) -> bool:
        free = self.last.get(run.tenant) == before
        if free:
            self.last[run.tenant] = run
        return free

    def came(self, run: Run) -> None:
        before = self.last.get(run.tenant, run)
        self.last[run.tenant] = run
        if run.archive:
            self.every[run.archive] = run
        elif before.begun == run.begun:
            self.every.pop(before.archive, None)

    def forget(self, tenant: TenantKey, archives: Collection[str]) -> None:
        for each in archives:
            del self.every[each]


@dataclass
class Archives:
    there: dict[str, Backup] = field(default_factory=dict)
    given_up: list[str] = field(default_factory=list)
    held: str = ""
    stuck: str = ""

    at_once: Callable[[str], object] | None = None

    def begin(
        self, tenant: TenantKey, rule: Rule, *, by: str, noted: Callable[[str], None]
    ) -> None:
        if rule.to == "nowhere":
            raise ArchiveError("there is no such place")
        name = f"a{len(self.there)}"
        noted(name)
        if rule.to == "refused":
            raise ArchiveError("the tenant is held by another job")
        self.there[name] = Backup(name, tenant, NOW, State.TAKING)
        if self.at_once is not None:
            self.at_once(name)

    def known(self, archives: Collection[str]) -> Mapping[str, Backup]:
        return {each: self.there[each] for each in archives if each in self.there}

    def under_way(self) -> frozenset[TenantKey]:
        return frozenset(each.tenant for each in self.there.values() if not each.settled)

    def newest_proven(self, tenants: Collection[TenantKey]) -> Mapping[TenantKey, Backup]:
        return {each.tenant: each for each in self.there.values()
                if each.proven and each.tenant in tenants}  # fmt: skip

    def give_up(self, archive: str) -> None:
        self.given_up.append(archive)

    def remove(self, archive: str) -> None:
        if archive == self.held:
            raise OnHold("tenant/other", "x")
        if archive == self.stuck:
            raise ArchiveError("the archive is being taken")
        del self.there[archive]


class World:
    """A service, and all that it stands on."""

    def __init__(self) -> None:
        self.records, self.archives = Records(), Archives()
        self.holds: tuple[Held, ...] = ()
        self.now = NOW - timedelta(hours=1)
        self.service = BackupService(Tools(
            self.records, self.archives, lambda: TENANTS, lambda: unlabelled, lambda: self.holds,
            lambda: self.now,
        ))  # fmt: skip

    def keep(self, scope: str = "*", *, keep: str = "last=1", to: str = "") -> None:
        rule = rule_written(scope, "0 * * * *", keep=keep, to=to)
        self.service.change(Changes((rule,)), by="ann", why="")

    def came(self, archive: str, state: State = State.PROVEN) -> None:
        self.archives.there[archive] = replace(self.archives.there[archive], state=state)

    def took(self, *states: State) -> None:
        """Let acme have backups, the oldest first."""
        for number, state in enumerate(states):
            at = NOW - timedelta(days=len(states) - number)
            self.archives.there[f"a{number}"] = Backup(f"a{number}", ACME, at, state)
            self.records.came(Run(ACME, at, at, f"a{number}"))


@pytest.fixture
def world() -> World:
    return World()


def test_so_many_at_once_and_nobody_twice(world: World) -> None:
    """More begin once some of these have ended."""
    world.keep()
    world.now = NOW
    first = world.service.begin_due()
    assert len(first) == AT_ONCE
    assert world.service.begin_due() == ()
    world.came(first[0].archive)
    world.came(first[1].archive, State.FAILED)
    rest = world.service.begin_due()
    assert {run.tenant for run in (*first, *rest)} == set(TENANTS)
    world.now = NOW + timedelta(hours=3)
    still = {each.tenant for each in world.archives.there.values() if not each.settled}
    assert not still & {run.tenant for run in world.service.begin_due()}


def test_one_that_cannot_begin_says_why_and_is_due_again_by_its_schedule(world: World) -> None:
    world.keep(str(ACME), to="nowhere")
    world.now = NOW
    (run,) = world.service.begin_due()
    assert run.problem == "there is no such place"
    assert world.service.begin_due() == ()
    (found,) = world.service.standings([ACME])
    assert found.problem == run.problem
    world.now = NOW + timedelta(hours=1)
    assert len(world.service.begin_due()) == 1


def test_one_whose_job_is_over_before_it_was_begun_is_followed(world: World) -> None:
    """Its job runs in another thread, as soon as it is there."""
    world.keep(str(ACME))
    world.now = NOW
    followed = list[Backup | None]()

    def over(archive: str) -> None:
        world.came(archive)
        followed.append(world.service.follow(archive))

    world.archives.at_once = over
    (run,) = world.service.begin_due()
    assert followed == [world.archives.there[run.archive]]


def test_one_that_was_noted_and_did_not_begin_took_nothing(world: World) -> None:
    world.keep(str(ACME), to="refused")
    world.now = NOW
    (run,) = world.service.begin_due()
    assert (run.archive, run.problem) == ("", "the tenant is held by another job")
    assert world.records.last[ACME] == run
    assert not world.records.every


def test_who_no_rule_is_for_is_not_among_those_that_are_backed_up(world: World) -> None:
    """Nor who by a rule is not."""
    others = TENANTS[1]
    assert world.service.ruled(TENANTS) == ()
    world.keep()
    never = replace(rule_written(str(others), "0 * * * *"), schedule=None)
    world.service.change(Changes((never,)), by="ann", why="")
    assert {each.tenant for each in world.service.ruled(TENANTS)} == set(TENANTS) - {others}


@pytest.mark.parametrize("noted", ["", "a9"])
def test_one_whose_dashboard_died_while_it_began_failed(world: World, noted: str) -> None:
    """Also where it had noted already what it was to take."""
    world.keep()
    world.records.last[ACME] = Run(ACME, NOW, NOW, noted)
    for hours, failed in ((0, False), (1, True)):
        world.now = NOW + timedelta(hours=hours)
        (found,) = world.service.standings([ACME])
        assert bool(found.problem) is failed


def test_what_no_rule_names_goes(world: World) -> None:
    world.keep(keep="last=2")
    world.took(State.PROVEN, State.FAILED, State.PROVEN, State.TAKING, State.PROVEN)
    assert set(world.service.prune(ACME)) == {"a0", "a1"}
    assert set(world.archives.there) == {"a2", "a3", "a4"}
    assert set(world.records.every) == {"a2", "a3", "a4"}
    assert world.service.prune(ACME) == ()


def test_nothing_goes_of_who_is_on_hold_or_has_no_rule(world: World) -> None:
    """Nor what has another's data who is on hold, while the rest goes."""
    world.took(State.PROVEN, State.PROVEN, State.PROVEN)
    assert world.service.prune(ACME) == ()
    world.keep()
    world.holds = (Held(ACME, Hold("x", "ann", NOW)),)
    assert world.service.prune(ACME) == ()
    world.holds = ()
    world.archives.held = "a0"
    assert world.service.prune(ACME) == ("a1",)


def test_one_that_cannot_be_removed_holds_up_no_other(world: World) -> None:
    """And what went is told, so that it is logged."""
    world.keep()
    world.took(State.PROVEN, State.FAILED, State.PROVEN, State.PROVEN)
    world.archives.stuck = "a1"
    assert set(world.service.prune(ACME)) == {"a0", "a2"}
    assert set(world.records.every) == {"a1", "a3"}


def test_what_failed_is_given_up_and_what_is_no_backup_is_left(world: World) -> None:
    world.took(State.PROVEN, State.FAILED, State.TAKING)
    world.archives.there["mine"] = Backup("mine", ACME, NOW, State.FAILED)
    found = [world.service.follow(each) for each in ("a0", "a1", "a2", "mine", "gone")]
    assert [each and each.archive for each in found] == ["a0", "a1", None, None, None]
    assert world.archives.given_up == ["a1"]


def test_one_at_once_takes_a_rule_and_that_none_is_under_way(world: World) -> None:
    with pytest.raises(BackupError):
        world.service.begin_now(ACME, by="ann")
    world.keep()
    run = world.service.begin_now(ACME, by="ann")
    with pytest.raises(BackupError):
        world.service.begin_now(ACME, by="bob")
    world.came(run.archive)
    assert world.service.begin_now(ACME, by="bob").archive != run.archive
