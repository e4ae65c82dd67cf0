"""A scrape: fresh where it has to be, written once where it can be, and waiting for nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from services.access.viewer import TenantPattern
from services.alerts.tally import AlertTally
from services.backups.models import Standing
from services.errors import StoreUnavailable
from services.isolation.models import Report
from services.limits.judge import Rules
from services.limits.models import Rule, Standings, Thresholds
from services.limits.standing import standings
from services.metrics import service as module
from services.metrics.books import BACKUPS_EVERY, FORGOTTEN, Bookkeeper, Sources
from services.metrics.models import Books, JobTally, Tally
from services.metrics.service import MetricsService
from services.tenancy.kb_ids import TenantKey
from services.usage.refresh import CollectorState
from services.usage.snapshot import Snapshot
from tests.unit.metrics.made import NOW, backed, series, snapshot, usage, value

ACME = TenantKey("tenant", "acme")


class Records:
    """Purge jobs, audits and limits that answer, fail or keep silent."""

    def __init__(self) -> None:
        self.tallied: Tally | Exception = Tally()
        self.rules: tuple[Rule, ...] = ()
        self.judged = 0
        self.answering = threading.Event()
        self.answering.set()
        self.audited: Exception | None = None
        self.backed: list[Standing] = []
        self.backups_read = 0

    def sources(self, alerts: AlertTally = AlertTally()) -> Sources:  # noqa: B008  frozen
        """Everything that a scrape asks of them."""
        return Sources(self, self, self, lambda: alerts, self.jobs, self.backups)

    def jobs(self) -> JobTally:
        return JobTally()

    def backups(self) -> list[Standing]:
        self.backups_read += 1
        return self.backed

    def tally(self, since: datetime) -> Tally:
        self.answering.wait(60)
        if isinstance(self.tallied, Exception):
            raise self.tallied
        return self.tallied

    def report_or_none(self) -> Report | None:
        if self.audited is not None:
            raise self.audited
        return None

    def version(self) -> int:
        return hash(self.rules)

    def standings(self, snapshot: Snapshot) -> Standings:
        self.judged += 1
        return Standings(tuple(standings(snapshot, Rules(self.rules), Thresholds(), {})))


class World:
    def __init__(self) -> None:
        self.records, self.now, self.clock = Records(), NOW, 0.0
        fleet = snapshot({"acme": usage(3, 30), "zed": usage(1, 10)})
        self.collector = SimpleNamespace(
            state=CollectorState(fleet, seconds=5.0),
            rounds=1,
            failures=0,
            collects=True,
            dashboards=1,
        )
        self.books = Bookkeeper(self.records.sources(), patience=60, clock=lambda: self.clock)
        collector: Any = self.collector
        self.service = MetricsService(
            collector, self.books, most=10, version="9", deployment='prod "eu"',
            now=lambda: self.now,
        )  # fmt: skip

    def scrape(self) -> dict[Any, float]:
        return series(self.service.expose("").body)

    def collected(self, fleet: Snapshot | None) -> None:
        self.collector.state = replace(self.collector.state, snapshot=fleet)


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.records.answering.set()
    made.books.close()


def test_both_formats_say_the_same(world: World) -> None:
    plain, opened = (
        world.service.expose(accept) for accept in ("", "application/openmetrics-text")
    )
    assert plain.content_type.startswith("text/plain; version=0.0.4")
    assert opened.content_type.startswith("application/openmetrics-text; version=1.0.0")
    told = {
        (sample.name, frozenset(sample.labels.items()))
        for family in text_string_to_metric_families(opened.body.decode())
        for sample in family.samples
    }
    assert told == set(series(plain.body))
    assert value(series(plain.body), "info", version="9", deployment='prod "eu"') == 1


def test_age_and_process_are_fresh_and_holders_written_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Right after the snapshot, where somebody scrapes; not at all where nobody does."""
    written: list[Snapshot] = []
    real = module.holders_text
    monkeypatch.setattr(
        module,
        "holders_text",
        lambda fleet, choice: (written.append(fleet), real(fleet, choice))[1],
    )
    first = world.collector.state.snapshot
    world.service.follow(first)
    assert written == []
    assert value(world.scrape(), "snapshot_age_seconds") == 0
    world.now = NOW + timedelta(seconds=90)
    again = world.scrape()
    assert value(again, "snapshot_age_seconds") == 90
    assert again["process_resident_memory_bytes", frozenset()] > 0
    assert len(written) == 1
    world.collected(snapshot({"acme": usage(4, 40)}))
    world.service.follow(world.collector.state.snapshot)
    assert len(written) == 2
    assert value(world.scrape(), "keys", holder="tenant", tenant="tenant/acme") == 4
    assert len(written) == 2
    world.service.follow(snapshot())  # of one that is not there any more
    assert len(written) == 2


def test_before_the_first_snapshot_there_is_the_process(world: World) -> None:
    world.collected(None)
    found = world.scrape()
    assert value(found, "refreshes_total") == 1
    assert value(found, "snapshot_age_seconds") is None
    assert not any(name.startswith("kato_tenants_keys") for name, _ in found)


def test_a_purged_tenant_has_no_series_any_more(world: World) -> None:
    """At once, and not with the next snapshot; with one that began later it may be there again."""
    world.scrape()
    world.records.tallied = Tally(purged={ACME: NOW - timedelta(seconds=4)})
    found = world.scrape()
    assert value(found, "keys", holder="tenant", tenant="tenant/acme") is None
    assert value(found, "keys", holder="tenant", tenant="tenant/zed") == 1
    assert value(found, "tenants", named="true") == 1
    world.records.tallied = Tally(purged={ACME: NOW - timedelta(seconds=6)})
    assert value(world.scrape(), "keys", holder="tenant", tenant="tenant/acme") == 3


def test_no_scrape_waits_for_records_that_keep_silent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has what they said last, for a while; then that is not known."""
    world.scrape()
    world.records.answering.clear()
    monkeypatch.setattr(world.books, "_patience", 0.0)
    assert value(world.scrape(), "purge_jobs", state="failed") == 0
    world.clock = FORGOTTEN
    found = world.scrape()
    assert value(found, "purge_jobs", state="failed") is None
    assert value(found, "store_up", store="records") is None
    assert value(found, "keys", holder="tenant", tenant="tenant/acme") == 3


@pytest.mark.parametrize(
    ("error", "up"), [(StoreUnavailable("state store", "counting", "slow"), 0), (OSError(), None)]
)
def test_records_that_fail_are_said_to(world: World, error: Exception, up: int | None) -> None:
    """And a fault of ours is no fault of theirs."""
    world.records.tallied = error
    found = world.scrape()
    assert value(found, "store_up", store="records") == up
    assert value(found, "purge_jobs", state="failed") is None


def test_an_audit_that_cannot_be_read_takes_no_scrape_away(world: World) -> None:
    """Nor the thread that collects, which writes the series of a new snapshot."""
    world.records.audited = ValueError("of another version")
    found = world.scrape()
    assert value(found, "keys", holder="tenant", tenant="tenant/acme") == 3
    assert value(found, "store_up", store="records") is None


def test_before_anything_was_said_nothing_is_known(world: World) -> None:
    world.records.answering.clear()
    books = Bookkeeper(world.records.sources(), patience=0)
    assert books.now(NOW, None) == Books()
    world.records.answering.set()
    books.close()


def test_a_limit_that_is_set_is_told_with_the_next_scrape(world: World) -> None:
    """Without a new snapshot, and judged once for it; gone with a purged tenant, and if unknown."""
    acme = {"tenant": "tenant/acme", "measure": "keys"}
    assert value(world.scrape(), "limit_tenants", state="over") == 0
    world.records.rules = (Rule(TenantPattern("*", "*"), "keys", 2),)
    found = world.scrape()
    assert value(found, "limit", **acme) == 2
    assert value(found, "limit_state", **acme, state="over") == 1
    assert value(found, "limit_tenants", state="over") == 1
    judged = world.records.judged
    assert world.scrape().keys() == found.keys()
    assert world.records.judged == judged
    world.records.tallied = Tally(purged={ACME: NOW})
    purged = world.scrape()
    assert not any(("tenant", "tenant/acme") in labels for _, labels in purged)
    assert value(purged, "limit_tenants", state="over") == 0
    assert value(purged, "limit_tenants", state="under") == 1
    world.records.tallied = StoreUnavailable("state store", "counting", "slow")
    assert not any(name.startswith("kato_tenants_limit") for name, _ in world.scrape())


def test_backups_are_read_once_a_minute_and_told_of_who_has_series(world: World) -> None:
    """A tenant that is among the others, or was purged, has none."""
    world.records.backed = [backed("acme", proven=NOW), backed("gone", proven=NOW)]
    found = world.scrape()
    name = "backup_newest_timestamp_seconds"
    assert value(found, name, tenant="tenant/acme") == NOW.timestamp()
    assert value(found, name, tenant="tenant/gone") is None
    assert value(found, "backup_tenants", state="proven") == 2
    world.clock += BACKUPS_EVERY - 1
    world.scrape()
    assert world.records.backups_read == 1
    world.clock += 1
    world.scrape()
    assert world.records.backups_read == 2
