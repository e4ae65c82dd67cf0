"""What is written of the metrics, for people and for other programs, is what is there."""

from __future__ import annotations

import json
import re
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from services.access.viewer import TenantPattern
from services.alerts.models import Delivery, Kind
from services.alerts.tally import AlertTally
from services.backups.models import Standing
from services.figures import Amount, Measure, StoreState
from services.isolation.models import Finding, Record, Report, RuleState, RuleSummary
from services.isolation.severity import Severity
from services.jobs.models import JobState
from services.limits.models import Rule
from services.metrics import catalogue
from services.metrics.books import Bookkeeper
from services.metrics.models import JobTally, Running, Tally
from services.metrics.service import MetricsService
from services.metrics.several import Together
from services.purge.job import Outcome
from services.usage.refresh import CollectorState
from services.usage.snapshot import StoreFigures
from tests.servers import ROOT
from tests.unit.metrics.made import NOW, backed, snapshot, usage
from tests.unit.metrics.test_service import Records, World

PROCESS = re.compile(r"process_[a-z_]+")
EVERY = TenantPattern("*", "*")
OURS = re.compile(r"kato_tenants_[a-z_]+")


class Everything(Records):
    """Records of which everything can be told."""

    def tally(self, since: object) -> Tally:
        running = (Running(NOW, None),)
        return Tally({JobState.RUNNING: 1}, {Outcome.ERASED: 1}, running)

    def jobs(self) -> JobTally:
        return JobTally({"archive": {JobState.RUNNING: 1}}, {"archive": [Running(NOW, None)]})

    def backups(self) -> list[Standing]:
        return [backed("a", proven=NOW)]

    def report_or_none(self) -> Report:
        finding = Record(Finding("a.b", "x", Severity.HIGH, "what"), NOW, NOW)
        return Report(NOW, 1.0, 50, (RuleSummary("a.b", RuleState.FOUND, 1),), (finding,))


def exported() -> dict[str, set[str]]:
    """Return the labels of every metric that a scrape has where everything is known."""
    world, records = World(), Everything()
    records.rules = tuple(Rule(EVERY, quantity, 5) for quantity in ("keys", "keys_bytes"))
    figures = {
        m.value: StoreFigures(m, StoreState.OK, Amount(3, 30), collected_at=NOW, seconds=1.0)
        for m in Measure
    }
    world.collector.state = CollectorState(snapshot({"a": usage(3, 30)}, **figures), seconds=5.0)
    collector: Any = world.collector
    routes = (Delivery("ops", Kind.WEBHOOK, NOW),)
    alerts = AlertTally({(Severity.HIGH, False): 1}, NOW, routes)
    books = Bookkeeper(records.sources(alerts), patience=60)
    service = MetricsService(collector, books, most=1, version="1", deployment="", now=lambda: NOW)
    text = service.expose("").body.decode()
    books.close()
    world.books.close()
    found: dict[str, set[str]] = {}
    several = Together().expose({"a": None}, "", is_read=True).body.decode()
    for family in (*text_string_to_metric_families(text), *text_string_to_metric_families(several)):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def documented() -> dict[str, set[str]]:
    """Return the metrics of docs/metrics.md with their labels."""
    found: dict[str, set[str]] = {}
    for line in (ROOT / "docs" / "metrics.md").read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("| `kato_tenants_"):
            labels = {"holder", "tenant"} if len(cells) == 2 else _labels(cells[1])
            names = re.findall(r"`([^`]+)`", cells[0])
            found |= dict.fromkeys(names, labels)
    found["kato_tenants_keys_by_kind"] = {"holder", "tenant", "kind"}
    return found


def _labels(cell: str) -> set[str]:
    return {label.strip() for label in cell.split(",")} - {""}


def test_every_metric_is_documented_and_every_documented_one_exported() -> None:
    """With its labels."""
    found = exported()
    ours = {name: labels for name, labels in found.items() if name.startswith("kato_tenants_")}
    assert documented() == ours
    assert set(ours) == catalogue.names()
    words = (ROOT / "docs" / "metrics.md").read_text("utf-8")
    assert set(PROCESS.findall(words)) == set(found) - set(ours)


def test_names_are_as_prometheus_has_them() -> None:
    """Base units at the end, and `_total` for what only grows."""
    for name in catalogue.names():
        assert name.endswith("_total") == (name.removesuffix("_total")[len(catalogue.PREFIX):]
                                           in catalogue.COUNTERS)  # fmt: skip
        assert not re.search(r"(milli|kilo|mega|percent|minutes|hours|_count|_sum|_bucket)", name)


def test_alerts_and_the_dashboard_ask_for_what_is_there() -> None:
    rules = (ROOT / "deploy" / "prometheus" / "kato-tenants.rules.yml").read_text("utf-8")
    asked = {*OURS.findall(rules), *(name for query in queries() for name in OURS.findall(query))}
    assert asked <= catalogue.names()
    assert asked
    told = (ROOT / "deploy" / "README.md").read_text("utf-8")
    alerts = re.findall(r"alert: (\w+)", rules)
    assert set(re.findall(r"`(KatoTenants\w+)`", told)) == set(alerts)
    assert len(alerts) == len(set(alerts))


def queries() -> list[str]:
    """Return every query of the dashboard."""
    dashboard = json.loads((ROOT / "deploy" / "grafana" / "kato-tenants.json").read_text("utf-8"))
    panels = [
        target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())
    ]
    return [*panels, *(v["query"]["query"] for v in dashboard["templating"]["list"][1:])]
