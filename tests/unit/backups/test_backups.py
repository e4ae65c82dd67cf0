"""Which backups stay, which rule holds, when a tenant is due, and how rules are written."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from services.access.viewer import TenantPattern
from services.backups.formats import rule_of, rule_text, standings_json
from services.backups.judge import next_at, rules_of, standing
from services.backups.keep import kept as staying
from services.backups.models import Backup, Changes, Keep, Kept, Rule, Run, State, in_order
from services.backups.written import BackupError, keep_of, keep_words, rule_written, words_of
from services.cards.models import Label
from services.cards.scope import LabelScope
from services.jobs.schedule import ScheduleError, jitter, next_after, schedule_of
from services.tenancy.kb_ids import TenantKey

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
ACME = TenantKey("tenant", "acme")
EVERYBODY = TenantPattern("*", "*")
NIGHTLY = schedule_of("30 3 * * *", "Europe/Berlin")

KEEPS = st.builds(
    Keep, st.integers(0, 5), st.integers(0, 5), st.integers(0, 5), st.integers(0, 5),
    st.none() | st.integers(1, 60),
)  # fmt: skip
TIMES = st.integers(0, 60 * 24 * 90).map(lambda minutes: NOW - timedelta(minutes=minutes))
BACKUPS = st.lists(
    st.tuples(TIMES, st.sampled_from(State)), max_size=30
).map(lambda found: [Backup(f"a{n}", ACME, *each) for n, each in enumerate(found)])  # fmt: skip


def rule(scope: TenantPattern | LabelScope = EVERYBODY, **given: object) -> Kept:
    return Kept(replace(Rule(scope, NIGHTLY), **given), "ann", NOW - timedelta(days=30))  # type: ignore[arg-type]


@given(BACKUPS, KEEPS)
def test_the_newest_proven_stays_and_what_does_not_is_named_by_no_rule(
    backups: list[Backup], keep: Keep
) -> None:
    stay = staying(backups, keep, now=NOW, zone="Europe/Berlin")
    proven = sorted((b for b in backups if b.proven), key=lambda b: (b.at, b.archive))
    assert stay <= {each.archive for each in backups}
    assert not proven or proven[-1].archive in stay
    most = 1 + keep.last + keep.daily + keep.weekly + keep.monthly
    assert sum(each.archive in stay for each in proven) <= most
    if keep.days is not None:
        old = NOW - timedelta(days=keep.days)
        assert not {b.archive for b in proven[:-1] if b.at < old} & stay


@given(BACKUPS, KEEPS)
def test_one_that_is_not_proven_never_takes_the_place_of_one_that_is(
    backups: list[Backup], keep: Keep
) -> None:
    proven = [each for each in backups if each.proven]
    alone = staying(proven, keep, now=NOW, zone="UTC")
    beside = staying(backups, keep, now=NOW, zone="UTC")
    assert {each.archive for each in proven} & beside == alone
    newest = max((each.at for each in proven), default=None)
    for each in backups:
        if not each.proven:
            assert (each.archive in beside) is (newest is None or each.at > newest)


@given(BACKUPS, KEEPS)
def test_pruning_twice_is_pruning_once(backups: list[Backup], keep: Keep) -> None:
    stay = staying(backups, keep, now=NOW, zone="UTC")
    left = [each for each in backups if each.archive in stay]
    assert staying(left, keep, now=NOW, zone="UTC") == stay


def test_days_weeks_and_months_are_those_of_the_schedules_zone() -> None:
    """23:30 UTC is the next day in Berlin."""
    late = Backup("late", ACME, datetime(2026, 11, 27, 23, 30, tzinfo=UTC), State.PROVEN)
    noon = Backup("noon", ACME, datetime(2026, 11, 28, 12, tzinfo=UTC), State.PROVEN)
    daily = Keep(last=0, daily=2, weekly=0, monthly=0)
    assert staying([late, noon], daily, now=NOW, zone="UTC") == {"late", "noon"}
    assert staying([late, noon], daily, now=NOW, zone="Europe/Berlin") == {"noon"}


def test_the_most_specific_rule_holds() -> None:
    """A tenant's own, a label's, a kind's, everyone's; of two labels the first by name."""
    gold, plan = LabelScope(Label("plan", "gold")), LabelScope(Label("tier", "a"))
    every, kind = rule(), rule(TenantPattern("tenant", "*"))
    label, other, own = rule(gold), rule(plan), rule(TenantPattern("tenant", "acme"))
    labels = {"plan": "gold", "tier": "a"}
    kept = [every]
    assert rules_of(kept, lambda _: labels).of(ACME) is every
    for more in (kind, other, label, own):
        kept.append(more)
        assert rules_of(kept, lambda _: labels).of(ACME) is more
    assert rules_of(kept, lambda _: {}).of(TenantKey("org", "x")) is every
    assert rules_of([own]).of(TenantKey("org", "x")) is None
    assert [each.rule.scope for each in in_order(kept)] == [
        EVERYBODY, kind.rule.scope, gold, plan, own.rule.scope,
    ]  # fmt: skip


def test_however_many_runs_were_missed_one_catches_up() -> None:
    """Then the next one is after now."""
    kept = rule()
    missed = Run(ACME, NOW, NOW - timedelta(days=10))
    due = next_at(ACME, kept, missed)
    assert due == next_after(NIGHTLY, missed.begun)
    assert due is not None
    assert due < NOW
    again = next_at(ACME, kept, Run(ACME, due, NOW))
    assert again == next_after(NIGHTLY, NOW)
    found = standing(ACME, kept, missed, {}, None, now=NOW)
    assert found.late == NOW - due
    assert standing(ACME, kept, Run(ACME, due, NOW), {}, None, now=NOW).late is None


def test_who_is_never_backed_up_is_never_late() -> None:
    assert next_at(ACME, rule(schedule=None), None) is None
    assert next_at(ACME, None, None) is None


def test_a_rule_counts_from_when_it_was_set() -> None:
    """Not from the run of an older one: a new rule does not begin at once."""
    kept = replace(rule(), at=NOW)
    old = Run(ACME, NOW - timedelta(days=9), NOW - timedelta(days=9))
    assert next_at(ACME, kept, old) == next_after(NIGHTLY, NOW)


@given(st.text(), st.integers(0, 1440))
def test_the_jitter_of_a_tenant_is_always_the_same_and_below_its_most(
    name: str, minutes: int
) -> None:
    most = timedelta(minutes=minutes)
    assert jitter(name, most) == jitter(name, most)
    assert timedelta() <= jitter(name, most) < max(most, timedelta(microseconds=1))


def test_jitter_spreads_many_over_the_whole_span() -> None:
    hour = timedelta(hours=1)
    quarters = [0, 0, 0, 0]
    for number in range(400):
        quarters[int(jitter(f"tenant/{number}", hour) / hour * 4)] += 1
    assert min(quarters) > 60


@pytest.mark.parametrize(
    ("at", "comes"),
    [
        # 02:30 is left out on 29 March and comes twice on 25 October
        ("2026-03-28T12:00:00", "2026-03-29T01:00:00Z"),
        ("2026-10-24T12:00:00", "2026-10-25T00:30:00Z"),
        ("2026-10-25T02:45:00", "2026-10-26T01:30:00Z"),
    ],
)
def test_where_clocks_change_a_run_comes_once(at: str, comes: str) -> None:
    berlin = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo("Europe/Berlin"))
    found = next_after(schedule_of("30 2 * * *", "Europe/Berlin"), berlin)
    assert found == datetime.fromisoformat(comes)


@pytest.mark.parametrize(
    ("cron", "zone"),
    [("", "UTC"), ("* * * *", "UTC"), ("61 * * * *", "UTC"), ("0 0 30 2 *", "UTC"),
     ("0 0 * * *", "Mars/Base"), ("0 0 * * *", "../etc"), ("a b c d e", "UTC")],
)  # fmt: skip
def test_a_schedule_that_cannot_be_is_refused(cron: str, zone: str) -> None:
    with pytest.raises(ScheduleError):
        schedule_of(cron, zone)


SCOPES = st.sampled_from(["*", "org/*", "tenant/acme", "label:plan=gold"])


@given(SCOPES, st.integers(0, 1440), KEEPS, st.booleans(), st.sampled_from(["", "s3://b/x"]))
def test_a_rule_is_kept_as_it_was_written(
    scope: str, minutes: int, keep: Keep, quiesce: bool, to: str
) -> None:
    written = rule_written(
        scope, " 5  4 * * 1-5 ", zone="Europe/Berlin", keep=keep_words(keep),
        jitter_minutes=minutes, quiesce=quiesce, to=to,
    )  # fmt: skip
    assert rule_of(rule_text(written)) == written
    assert words_of(written).startswith(f"{scope} at 5 4 * * 1-5 Europe/Berlin")
    assert rule_of(rule_text(replace(written, schedule=None))).schedule is None


@given(KEEPS)
def test_what_stays_is_read_as_it_is_said(keep: Keep) -> None:
    assert keep_of(keep_words(keep)) == keep


@pytest.mark.parametrize(
    "text", ["last", "last=x", "last=1 last=2", "yearly=1", "days=0", "last=-1"]
)
def test_what_stays_cannot_be_anything(text: str) -> None:
    with pytest.raises(BackupError):
        keep_of(text)
    with pytest.raises(BackupError):
        rule_written("*", "0 0 * * *", keep=text)


def test_a_rule_for_nobody_or_with_a_long_jitter_is_refused() -> None:
    for scope, minutes in (("acme", 0), ("label:x", 0), ("*", -1), ("*", 1441)):
        with pytest.raises(BackupError):
            rule_written(scope, "0 0 * * *", jitter_minutes=minutes)
    assert rule_written("*", " Never ").schedule is None


def test_changes_are_what_is_not_so_already() -> None:
    one, two = rule().rule, rule(TenantPattern("org", "*")).rule
    changes = Changes((one, two), (two.scope, TenantPattern("x", "*"))).but([one])
    assert changes == Changes((two,), ())
    assert Changes((), (one.scope,)).but([one])
    assert not Changes((one,)).but([one])


def test_what_is_not_known_is_null() -> None:
    """No archive is none, and not one of 0 bytes."""
    told = standings_json([standing(ACME, None, None, {}, None, now=NOW)], now=NOW)
    assert told["tenants"] == [
        {"tenant": "tenant/acme", "rule": None, "next_at": None, "late_seconds": None,
         "newest": None, "last_run": None}
    ]  # fmt: skip
