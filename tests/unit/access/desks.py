"""A desk over stand-ins for every use case, with a real log, and what each of its methods takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property, lru_cache
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol
from unittest.mock import Mock, NonCallableMock, create_autospec

from services.access.viewer import Action, Role, TenantPattern, Viewer
from services.alerts.access import AlertTools
from services.alerts.conditions import conditions
from services.alerts.deliver import Deliverer
from services.alerts.models import (
    Alert,
    AlertError,
    AlertState,
    Kind,
    Letter,
    Message,
    Route,
    Silence,
    Told,
)
from services.alerts.ports import AlertStore
from services.apart.models import ApartRefused, Words
from services.apart.service import ApartService
from services.approvals.models import Request as Asked
from services.approvals.service import ApprovalService
from services.archive.errors import ArchiveError
from services.archive.models import Archive, Head, Manifest, State as Whole, Stored
from services.archive.removal import Removal
from services.archive.service import ArchiveService
from services.archive.verify import Proof
from services.backups.service import BackupService
from services.bill.background import Reckoned
from services.bill.models import Bill, Monthly
from services.bill.month import Month
from services.bill.past import Before, MonthSum
from services.bill.prices import read_terms
from services.bill.reckon import Period, bill_of
from services.bill.service import BillService
from services.browse.holdings import scope_of
from services.browse.models import PatternPage, PatternQuery, ReadCost, Space, SpaceFacts
from services.browse.service import InspectionService
from services.canary.models import CanaryReport, CanaryState
from services.canary.service import CanaryService
from services.cards.models import Card, Doing, Edit, Hold, State
from services.cards.service import CardService
from services.desk import Desk
from services.errors import (
    AccessDenied,
    FindingError,
    KatoTenantsError,
    NoSuchJob,
    NoSuchPlan,
    Problem,
    StoreUnavailable,
)
from services.figures import Amount, Measure, StoreState, Usage
from services.find.models import Answer, Certainty, Match, Place, Question, TenantHit
from services.find.search import FindService
from services.health.check import HealthService, WorkerSource
from services.health.models import Check, Dashboards, Health, Worker, Workers
from services.history.events import Event, EventBook, EventKind
from services.history.forecast import Forecast
from services.history.models import (
    FLEET as FLEET_HOLDER,
    Cell,
    Figure,
    Grain,
    Holder,
    OwnerKind as HolderKind,
)
from services.history.read import HistoryService, Then
from services.history.rollup import Rollup
from services.history.totals import Total, Totals
from services.imports.models import (
    Elsewhere,
    Form,
    ImportRefused,
    Kind as ImportKind,
    Order as ImportOrder,
    Preview as ImportPreview,
    Progress as ImportProgress,
    Run,
    State as ImportState,
)
from services.imports.service import ImportService
from services.imports.target import target_of
from services.instances.models import InstanceRefused, Wish
from services.instances.run import Running
from services.instances.service import InstanceService
from services.isolation.audit import AuditState, IsolationService
from services.isolation.models import Finding, Record, Report, RuleState, RuleSummary
from services.isolation.severity import Severity
from services.jobs.looks import Look, LookBook, LookState
from services.jobs.models import Job as Work, JobState, Progress as JobProgress
from services.limits.models import Kept, Rule, Thresholds
from services.limits.ports import Held
from services.limits.preview import Changes, Preview
from services.limits.service import LimitsService
from services.metrics.formats import PLAIN
from services.metrics.models import Exposition
from services.metrics.service import MetricsService
from services.move.models import MoveRefused, Plan as Moving
from services.move.service import MoveService
from services.names.ports import NameRecords
from services.parking.models import ParkingRefused, Plan as Parking
from services.parking.service import ParkingService
from services.purge.job import Job, LaterLook, Tombstone
from services.purge.models import LeftOut, Plan, Request, Surface, Target
from services.purge.ports import Jobs as PurgeJobs
from services.purge.service import PurgeService
from services.restore.formats import plan_json, receipt_json
from services.restore.models import Outcome as Came, Plan as Restoring, Receipt, RestoreRefused
from services.restore.service import RestoreService
from services.retention.service import RetentionService
from services.sessions.care import SessionCare
from services.sessions.create import SessionService
from services.sessions.landing import land
from services.sessions.models import (
    Deed,
    IndexCleaning,
    KeyRotationReport,
    Outcome,
    Result,
    SessionDetail,
)
from services.sessions.options import Answered
from services.sessions.rotate import KeyRotation
from services.settings.environment import Settings
from services.setup.advice import Place as VectorPlace
from services.setup.models import Order, Step, StepName, Vectors
from services.setup.ports import VectorPlaces
from services.tenancy.kb_ids import TenantKey, kb_id_of
from services.tenancy.layout import Layout, Owner, OwnerKind
from services.tenancy.names import Confirmation, Origin, Source
from services.tenancy.ownership import ClaimState, Ownership
from services.usage.ports import UsageRecords
from services.usage.readings import SessionRecord
from services.usage.refresh import Collector, CollectorState
from tests.servers.logbooks import SqliteLog, sqlite_log
from tests.unit.access.backing import BACKED_BY, STANDINGS, TO_SET
from tests.unit.access.keeping import KEEPING, POLICIES, RUN, TO_KEEP
from tests.unit.access.moved import MOVE, MOVED, OTHERS_MOVE
from tests.unit.access.parked import OTHERS_PARK, PARK, PARKED
from tests.unit.access.served import NAME, OTHERS, PLANNED, RAN, SERVED, VITALS
from tests.unit.access.taken_apart import (
    APART,
    JOB as APARTING,
    OTHERS_JOB as OTHERS_APARTING,
    PLAN as TO_TAKE_APART,
)
from tests.unit.isolation.fleets_seen import NOW, fleet

ACME, ZED = TenantKey("tenant", "acme"), TenantKey("tenant", "zed")
ACME_NODE, ZED_NODE = "tenant:acme:user:bob", "tenant:zed:user:x"
ACME_KB, ZED_KB = kb_id_of(ACME_NODE), kb_id_of(ZED_NODE)
ALL, OWN, OTHER = "*", "tenant/acme", "tenant/zed"
"""The scopes: everything, the tenant that every call is about, and another one."""

COUNTED = "439"
"""What only others have, so many of it that it is seen in any sum."""

SEEN = fleet(
    ACME_NODE, ZED_NODE, patterns={ACME_KB: 3, ZED_KB: 439},
    collections={f"vectors_{ACME_KB}": 2, f"vectors_{ZED_KB}": 439},
    sessions=[ACME_NODE, ZED_NODE],
)  # fmt: skip
SNAPSHOT = SEEN.snapshot
INFERRED_KB, CONFIRMED_KB = "tenant_acme_user_new_kato", "tenant_acme_user_old_kato"
OWNERSHIP = Ownership(
    {node: Origin(NOW, Source.SESSION) for node in SEEN.ownership.nodes},
    schemes=SEEN.ownership.schemes,
    confirmed={
        CONFIRMED_KB: Confirmation(CONFIRMED_KB, ACME, "ann", NOW, "known"),
        "tenant_zed_kato": Confirmation("tenant_zed_kato", ZED, "zed", NOW, f"zed {COUNTED}"),
    },
)  # fmt: skip
OF_SNAPSHOT = next(each for each in SNAPSHOT.tenants if each.tenant == ACME)
SCOPE = scope_of(SNAPSHOT, OF_SNAPSHOT)
SPACE = Space(f"vectors_{ACME_KB}")
RECORD = SessionRecord("kato:session:0", "s-acme", Owner(OwnerKind.NODE, ACME_NODE))
DETAIL = SessionDetail(RECORD)
SCHEME = next(s for s in OWNERSHIP.schemes.schemes if s.template == "tenant:{tenant}:user:{user}")
VALUES = {"tenant": "acme", "user": "bob"}
DIGEST = "d" * 64
TOLD = (Told.FIRING, NOW)


def plan(tenant: TenantKey = ACME, kb_id: str = ACME_KB) -> Plan:
    """A plan for one tenant, which says of the stores what is everyone's."""
    return Plan(
        Request(Target(tenant)), Surface(frozenset({kb_id})), (), (), (f"{COUNTED} of zed",), (),
        {}, (), NOW, DIGEST,
    )  # fmt: skip


TO_MOVE = Moving(ACME, "eu-2", plan())
ARCHIVE = Archive(
    "a", Target(ACME), ("tenant/acme",), f"s3://zed{COUNTED}", "acme.kato.tar", Whole.PROVEN, "ann",
    NOW, job="w", problem=f"zed {COUNTED}",
)  # fmt: skip
OTHERS_ARCHIVE = replace(
    ARCHIVE, id="zed", target=Target(ZED), tenants=("tenant/zed",), name="zed.kato.tar"
)
MANIFEST = Manifest(
    "a", NOW, NOW, Target(ACME), left_out=(LeftOut(ZED_KB, "zed has it", (ZED,)),),
    disclosed=(f"{COUNTED} of zed",), versions={"redis": f"zed {COUNTED}"},
)  # fmt: skip
RESTORING = Restoring(
    f"s3://zed{COUNTED}/acme.kato.tar", "a", DIGEST, NOW, Target(ACME), None, (ACME,), (ACME_KB,),
    (ACME_NODE,), (), left_out=int(COUNTED),
)  # fmt: skip
BROUGHT = Receipt(
    Came.PARTIAL, "a", RESTORING.url, Target(ACME), None, (ACME,), NOW, ()
)  # fmt: skip
RESTORE = Work(
    "r", "restore", plan_json(RESTORING), "ann", "x", NOW, JobState.FAILED,
    problem=f"zed {COUNTED}", receipt=receipt_json(BROUGHT),
)  # fmt: skip
OTHERS_RESTORE = replace(
    RESTORE, id="rz", receipt=None,
    plan=plan_json(replace(
        RESTORING, target=Target(ZED), tenants=(ZED,), kb_ids=(ZED_KB,), nodes=(ZED_NODE,)
    )),
)  # fmt: skip
WORK = Work(
    "w", "archive", {"zed": COUNTED}, "ann", "x", NOW, JobState.FAILED, problem=f"zed {COUNTED}"
)
LOOK = Look("l", LookState.DONE, "zed", NOW, NOW, False, JobProgress(""), f"zed {COUNTED}", {})
JOB = Job("job-1", plan(), "ann", "ticket", NOW, JobState.FAILED, problem=f"zed {COUNTED}")
OTHERS_JOB = replace(JOB, id="job-zed", plan=plan(ZED, ZED_KB))
FINDING = Finding(
    "orphan.rows", ACME_KB, Severity.LOW, f"{ACME_KB} is odd", (ACME,), (ACME_KB,)
)  # fmt: skip
OTHERS_FINDING = replace(
    FINDING, subject=ZED_KB, what=f"{ZED_KB} is odd", tenants=(ZED,), kb_ids=(ZED_KB,)
)
REPORT = Report(
    NOW, 1.0, int(COUNTED), (RuleSummary("orphan.rows", RuleState.FOUND, 2),),
    (Record(FINDING, NOW, NOW), Record(OTHERS_FINDING, NOW, NOW)),
)  # fmt: skip
REQUEST = Asked(
    "r-acme", Action.RUN_PURGE, DIGEST, "tenant/acme", (ACME,), "eve", NOW,
    NOW + timedelta(days=9_000),
)  # fmt: skip


ALERTS = tuple(
    Alert(
        each.id,
        "growth",
        str(each),
        Severity.HIGH,
        AlertState.FIRING,
        NOW,
        NOW,
        NOW,
        tenants=(each,),
        concerns=(each,),
        told={"zed" if each is ZED else "acme": TOLD},
    )
    for each in (ACME, ZED)
)
ROUTES = tuple(
    Route(each.id, Kind.WEBHOOK, "http://x", scope=frozenset({TenantPattern(each.kind, each.id)}))
    for each in (ACME, ZED)
)
SILENCES = tuple(
    Silence(f"s-{each.id}", "ann", f"{each.id} knows", NOW, NOW + timedelta(days=9_000),
            "growth", tenant=each)
    for each in (ACME, ZED)
)  # fmt: skip
RULES = tuple(
    Kept(Rule(TenantPattern.parse(scope), "patterns", most), f"zed {COUNTED}", NOW, "of zed")
    for scope, most in (("*", 2), ("tenant/acme", 3), ("tenant/zed", int(COUNTED)))
)
CHANGE = Changes((Rule(TenantPattern.parse("tenant/acme"), "keys", 5),))


CARDS = {
    ACME: Card(ACME, "Acme", labels={"plan": "gold"}, by=f"zed {COUNTED}", at=NOW),
    ZED: Card(ZED, f"zed {COUNTED}", hold=Hold("zed is sued", "eve", NOW)),
}
HELD = {**CARDS, ACME: replace(CARDS[ACME], hold=Hold("a court's order", f"zed {COUNTED}", NOW))}
DOINGS = {
    tenant: (Doing(State.PURGING, NOW, f"zed {COUNTED}", f"job {COUNTED}"),)
    for tenant in (ACME, ZED)
}
EDITS, LABELS = (Edit(ACME, name="Acme Inc"),), (Edit(ACME, labels={"plan": "free"}),)


def _with(desk: Desk, cards: dict[TenantKey, Card]) -> Desk:
    """Return the desk once these cards are there."""
    inner: Any = desk._services.cards
    inner.cards.return_value = cards
    return desk


IMPORT = ImportOrder(ACME, ImportKind.KEYS, Layout.KATO, Form.JSONL, node_id=ACME_NODE)
ZEDS_IMPORT = replace(IMPORT, tenant=ZED, node_id=ZED_NODE)
IMPORT_PREVIEW = ImportPreview("r1", IMPORT, target_of(IMPORT, OWNERSHIP), 1, 1, 0, 0, (), DIGEST)
STEP = Step(StepName.COLLECTION, f"vectors_{ACME_KB}")
ORDER = Order(SCHEME, VALUES, vectors=Vectors(VectorPlace.OWN, 8))


def _limit_records() -> Any:
    held: Held = {}
    return SimpleNamespace(version=lambda: 1, rules=lambda: RULES, held=lambda: held)


def _bill() -> Bill:
    """What both pay, and what is unowned; the file has prices of the other alone."""
    hours = {ACME: 1, ZED: int(COUNTED)}
    figures = {
        Holder(HolderKind.TENANT, str(each)): {"sessions": Total(count * 3600)}
        for each, count in hours.items()
    }
    figures[Holder(HolderKind.NOBODY)] = {"sessions": Total(int(COUNTED) * 3600)}
    used = Totals(NOW, NOW + timedelta(hours=1), figures, {"sessions": 3600}, {})
    terms = read_terms(
        'currency = "EUR"\ndecimals = 0\nrounding = "half_up"\nshared = "nobody"\n'
        f'[prices."*"]\nsession_hour = 1\n[prices."{ZED}"]\nbase = {COUNTED}\n'
    )
    return bill_of(Period(Month(2026, 10), "UTC", 3600), used, terms)


def _answer() -> Answer:
    def hit(tenant: TenantKey, node: str) -> TenantHit:
        place = Place(kb_id_of(node))
        match = Match("node_id", node, Certainty.CONTAINS, tenant, place, ClaimState.KNOWN, "seen")
        none = Usage(None, None, None, None)
        return TenantHit(tenant, ClaimState.KNOWN, (match,), (place,), (), none)

    hits = (hit(ACME, ACME_NODE), hit(ZED, ZED_NODE))
    return Answer(Question("user", ("user",), True), hits, illegible=int(COUNTED))


class _Records(UsageRecords, NameRecords, Protocol):
    """What is known of names, and totals."""


class World:
    """Stand-ins for the use cases, a real log, and a desk for anybody."""

    def __init__(self, data: Path) -> None:  # noqa: PLR0915  one stand-in after the other
        self.log: SqliteLog = sqlite_log(data)
        self.usage = SimpleNamespace(
            ownership=lambda: OWNERSHIP, collect=Mock(name="collect", return_value=SNAPSHOT)
        )
        self.collector = _mock(Collector)
        self.collector.state = CollectorState(SNAPSHOT, None, Problem(f"zed has {COUNTED}"))
        self.collector.shown = self.collector.state
        self.audit_soon = Mock()
        self.dashboards = Mock(return_value=Dashboards((), "", None, NOW, ""))
        self.health = _mock(HealthService)
        detail = f"collections: {COUNTED}"
        self.health.check.return_value = (
            Check("qdrant", StoreState.OK, Health("qdrant", "1.15", 0.1, detail)),
            Check(
                "kato", StoreState.UNKNOWN, None, StoreUnavailable("kato", "zed", COUNTED).problem,
                "set",
            ),
        )  # fmt: skip
        counted = Worker(counted=int(COUNTED))
        workers = _mock(WorkerSource)
        workers.figures.return_value = Workers((counted,), None)
        places = _mock(VectorPlaces)
        places.facts.return_value = None
        self.places = places
        self.stores = SimpleNamespace(
            kato_workers=workers, writers=SimpleNamespace(vector_setup=places)
        )
        self.state = _mock(_Records)
        self.state.history.return_value = ((NOW, Amount(int(COUNTED), 1)),)
        self.history = _mock(HistoryService)
        holders = (*(Holder(HolderKind.TENANT, str(each)) for each in (ACME, ZED)), FLEET_HOLDER)
        had = (Figure(1), Figure(int(COUNTED)), Figure(int(COUNTED)))
        then = {holder: {"keys": figure} for holder, figure in zip(holders, had, strict=True)}
        self.history.at.return_value = Then(NOW, then, {"keys": ""})
        self.history.kept.return_value = NOW
        self.history.known_within.return_value = (NOW, NOW)
        self.history.made_up_until.return_value = NOW
        self.history.forecast.return_value = Forecast(NOW, 1, 1, NOW)
        self.history.series.return_value = (
            Cell(NOW, NOW + timedelta(hours=1), Rollup.constant(1, 60)),
        )
        self.events = _mock(EventBook)
        self.events.between.return_value = tuple(
            Event(NOW, EventKind.LIMIT_OVER, str(each), "keys", 1) for each in (ACME, ZED)
        )
        self.limits = _mock(LimitsService)
        self.limits.thresholds = Thresholds()
        self.limits.version.return_value = int(COUNTED)
        self.limits.rules.return_value = RULES
        self.limits.standings.side_effect = LimitsService(
            _limit_records(), thresholds=Thresholds(), now=lambda: NOW
        ).standings
        self.limits.preview.return_value = Preview(CHANGE, (), 1)
        self.cards = _mock(CardService)
        self.cards.version.return_value = int(COUNTED)
        self.cards.cards.return_value = CARDS
        self.cards.card.side_effect = HELD.get
        self.cards.doings.return_value = DOINGS
        self.card_book = SimpleNamespace(holds=tuple)
        self.metrics = _mock(MetricsService)
        self.metrics.expose.return_value = Exposition("text/plain", f"zed {COUNTED}".encode())
        self.bill = _mock(BillService)
        self.bill.months.return_value = (Month(2026, 10),)
        self.bill.month.return_value = _bill()
        self.bill.before.return_value = Before((MonthSum(Month(2026, 9), 1),))
        self.bill.reckoned.return_value = Reckoned(_bill())
        self.bill.monthly.side_effect = lambda had: dict.fromkeys(had, Monthly(Decimal(9), "EUR"))
        self.sessions = _mock(SessionService)
        self.sessions.can_seal = self.sessions.refuse_over = True
        self.sessions.fingerprint.return_value = ""
        self.sessions.landing.return_value = land(ACME_NODE, OWNERSHIP)
        self.care = _mock(SessionCare)
        self.care.inspect.return_value = DETAIL
        self.care.reveal.return_value = {"iban": "DE1"}
        self.care.act.return_value = (Outcome(RECORD, Result.DONE),)
        self.care.configure.return_value = (Answered("persistence", 9, 9),)
        self.care.clean_index.return_value = IndexCleaning(1, 1)
        self.inspection = _mock(InspectionService)
        self.inspection.scope.side_effect = scope_of
        self.inspection.patterns.return_value = PatternPage(
            (), None, ReadCost(1, 1, int(COUNTED), 2)
        )
        self.inspection.patterns_across.return_value = self.inspection.patterns.return_value
        self.inspection.space.return_value = SpaceFacts(
            Space("shared", "acme"), 1, 2, "Cosine", "green", int(COUNTED)
        )
        self.finding = _mock(FindService)
        self.finding.find.return_value = _answer()
        self.isolation = _mock(IsolationService)
        self.isolation.rules = {}
        self.isolation.state = AuditState(REPORT, None, Problem(f"zed has {COUNTED}"))
        self.isolation.report.return_value = REPORT
        self.isolation.audit.return_value = REPORT
        self.isolation.scores.return_value = ((NOW, int(COUNTED)),)
        self.canary = _mock(CanaryService)
        self.canary.state = CanaryState()
        self.canary.run.return_value = CanaryReport(NOW, 1.0, "ann", "KATO", (), (), ())
        self.purge = _mock(PurgeService)
        for name in ("job", "run_here", "resume", "abandon", "begin"):
            getattr(self.purge, name).return_value = JOB
        self.purge.plan.return_value = self.purge.planned.return_value = plan()
        self.purge.jobs.return_value = (JOB, OTHERS_JOB)
        looked = LaterLook(NOW, 1)
        self.purge.configure_mock(
            **{"look_again.return_value": looked, "later_looks.return_value": (looked,)}
        )
        self.purge.receipt_text.return_value = f"zed {COUNTED}"
        self.purge.versions.return_value = {"redis": f"zed {COUNTED}"}
        self.purge.being_purged.return_value = JOB.id
        self.purge.tombstones.return_value = (
            Tombstone(ACME_KB, "tenant/acme", JOB.id, NOW),
            Tombstone(ZED_KB, "tenant/zed", OTHERS_JOB.id, NOW),
        )
        self.restoring, self.proofs, self.moving = (_mock(LookBook) for _ in range(3))
        self.to_park, self.to_part, self.keeping = (_mock(LookBook) for _ in range(3))
        self.keeping.newest.return_value = LOOK, KEEPING
        self.to_purge = _mock(LookBook)
        self.to_purge.newest.return_value = LOOK, plan()
        self.looking = SimpleNamespace(
            restore=self.restoring, proofs=self.proofs, move=self.moving, parking=self.to_park,
            apart=self.to_part, retention=self.keeping, purge=self.to_purge,
        )  # fmt: skip
        self.to_part.newest.return_value = LOOK, (TO_TAKE_APART, Words())
        self.to_park.newest.return_value = LOOK, Parking(ACME, plan())
        self.restoring.every.return_value = (RESTORING,)
        self.restoring.newest.return_value = LOOK, RESTORING
        self.proofs.newest.return_value = replace(LOOK, state=LookState.FAILED), None
        self.moving.newest.return_value = LOOK, TO_MOVE
        self.restore = _mock(RestoreService)
        self.restore.plan.return_value = RESTORING
        self.restore.held_now.side_effect = lambda plan: plan
        self.restore.jobs.return_value = (RESTORE, OTHERS_RESTORE)
        for name in ("begin", "run_here", "job", "give_up"):
            getattr(self.restore, name).return_value = RESTORE
        self.archive = _mock(ArchiveService)
        self.archive.plan.return_value = plan()
        self.archive.archives.return_value = (ARCHIVE, OTHERS_ARCHIVE)
        for name in ("archive", "begin", "run_here"):
            getattr(self.archive, name).return_value = ARCHIVE
        self.archive.newest_proven.side_effect = lambda names: {
            name: each for each in (ARCHIVE, OTHERS_ARCHIVE) for name in each.tenants
            if name in names
        }  # fmt: skip
        self.archive.removal.return_value = Removal(ARCHIVE, (ACME,))
        self.archive.remove_by_hand.return_value = replace(
            ARCHIVE, removed_by="bob", removed_for=f"zed {COUNTED}"
        )
        self.archive.job.return_value = WORK
        self.archive.verify.return_value = Proof("acme.kato.tar", 1, "a", MANIFEST)
        self.archive.verify_file.return_value = Proof("acme.kato.tar", 1, "a", MANIFEST)
        head = Head("a", NOW, "1", encrypted=False)
        self.archive.show.return_value = self.archive.show_file.return_value = head, MANIFEST
        self.archive.files.return_value = (Stored(f"zed{COUNTED}", 1),)
        self.parking = _mock(ParkingService)
        self.parking.plan.return_value = Parking(ACME, plan())
        self.parking.parked.return_value = PARKED[0]
        self.parking.every.return_value = PARKED
        self.parking.jobs.return_value = (PARK, OTHERS_PARK)
        for name in ("park", "unpark", "run_here", "job", "resume", "abandon"):
            getattr(self.parking, name).return_value = PARK
        self.move = _mock(MoveService)
        self.move.destinations.return_value = ("eu-2",)
        self.move.plan.return_value = TO_MOVE
        self.move.moved.return_value = MOVED[0]
        self.move.every.return_value = MOVED
        self.move.jobs.return_value = (MOVE, OTHERS_MOVE)
        for name in ("begin", "run_here", "job", "resume", "cut_over", "give_up"):
            getattr(self.move, name).return_value = MOVE
        self.serving = SimpleNamespace(service=self._instances(), running=self._running())
        self.instances, self.running = self.serving.service, self.serving.running
        self.apart = _mock(ApartService)
        self.apart.plan.return_value = TO_TAKE_APART
        self.apart.known.return_value = APART[0]
        self.apart.every.return_value = APART
        self.apart.jobs.return_value = (APARTING, OTHERS_APARTING)
        for name in ("begin", "run_here", "job"):
            getattr(self.apart, name).return_value = APARTING
        self.retention = _mock(RetentionService)
        self.retention.policies.return_value = POLICIES
        self.retention.plan.return_value = KEEPING
        self.retention.jobs.return_value = (RUN,)
        for name in ("job", "run_here", "resume", "abandon", "begin"):
            getattr(self.retention, name).return_value = RUN
        self.retention.simulate.side_effect = lambda tenants: tuple(map(str, tenants))
        self.retaining = SimpleNamespace(service=self.retention)
        self.backups = _mock(BackupService)
        self.backups.rules.return_value = BACKED_BY
        self.backups.standings.side_effect = lambda tenants: tuple(
            each for each in STANDINGS if each.tenant in tenants
        )
        self.backups.ends_sessions.return_value = False
        self.backups.begin_now.return_value = STANDINGS[0].last
        self.backing = SimpleNamespace(service=self.backups)
        self.jobs = _mock(PurgeJobs)
        self.jobs.unlogged.return_value = (JOB, OTHERS_JOB)
        self.alerts = _mock(AlertStore)
        self.alerts.alerts.return_value = self.alerts.firing.return_value = ALERTS
        self.alerts.silences.return_value = SILENCES
        self.alerts.looked_at.return_value = NOW
        self.alerts.letter.return_value = Letter(Message("m", "acme", NOW, ()), 1)
        self.alerts.sendings.return_value = ()
        self.deliverer = _mock(Deliverer)
        self.alerting = SimpleNamespace(
            tools=AlertTools(
                self.alerts,
                conditions(),
                ROUTES,
                lambda: self.deliverer,
                lambda: datetime.now(UTC),
            )
        )
        self.approvals = _mock(ApprovalService)
        others = replace(REQUEST, id="r-zed", target="tenant/zed", tenants=(ZED,))
        self.approvals.all.return_value = self.approvals.live.return_value = (REQUEST, others)
        self.approvals.find.return_value = REQUEST
        self.approvals.request.return_value = self.approvals.approve.return_value = REQUEST
        self.imports = _mock(ImportService)
        self.imports.target.return_value = target_of(IMPORT, OWNERSHIP)
        self.imports.check.return_value = self.imports.preview.return_value = IMPORT_PREVIEW
        self.imports.one.return_value = Run("r1", IMPORT, ImportState.HALF)
        self.imports.elsewhere.return_value = tuple(
            Elsewhere(name, tenant, None, "m", "ann", NOW, False, "", ImportProgress(0, 0))
            for name, tenant in (("r2", ACME), ("r3", ZED))
        )  # fmt: skip
        self.imports.runs.return_value = (
            Run("r1", IMPORT, ImportState.HALF),
            Run("r2", ZEDS_IMPORT, ImportState.DONE, problem=f"zed {COUNTED}"),
        )
        self.imports.run_here.return_value = Run("r1", IMPORT, ImportState.DONE)
        self.rotation = _mock(KeyRotation)
        self.rotation.run.return_value = KeyRotationReport(1, 1, {})

    def desk(self, viewer: Callable[[], Viewer], **settings: object) -> Desk:
        """Return somebody's desk, over these stand-ins."""
        services: Any = SimpleNamespace(
            **vars(self),
            settings=_settings(*settings.items()),
            logbook=self.log.logbook,
            now=lambda: datetime.now(UTC),
        )
        return Desk(services, viewer)

    def forget(self) -> None:
        """Forget every call so far."""
        for mock in self.mocks():
            mock.reset_mock()

    def asked(self) -> set[str]:
        """Return what was called of the stand-ins."""
        return {
            f"{name}.{call[0]}" if call[0] else name
            for name, mock in self._named() for call in mock.mock_calls
        }  # fmt: skip

    @staticmethod
    def _instances() -> Any:
        found = _mock(InstanceService)
        known = {each.name: each for each in SERVED}
        found.every.return_value = SERVED
        found.instance.side_effect = known.__getitem__
        found.plan.return_value = PLANNED
        found.vitals.side_effect = lambda asked: {each.name: VITALS[each.name] for each in asked}
        found.files.return_value = {"compose.yaml": "name: kato-one\n"}
        for name in ("of", "record", "register", "adopt", "end"):
            getattr(found, name).return_value = SERVED[0]
        return found

    @staticmethod
    def _running() -> Any:
        found = _mock(Running)
        found.up.return_value = found.status.return_value = SERVED[0], RAN, VITALS[OTHERS]
        found.down.return_value = SERVED[0], RAN
        found.needed.return_value = []
        return found

    def mocks(self) -> Iterator[NonCallableMock]:
        """Every stand-in."""
        return (mock for _, mock in self._named())

    def _named(self) -> Iterator[tuple[str, NonCallableMock]]:
        yield "collect", self.usage.collect
        yield from (
            (name, each) for name, each in vars(self).items() if isinstance(each, NonCallableMock)
        )

    def close(self) -> None:
        """Close the log."""
        self.log.engine.dispose()


TO_DECIDE = {
    "sessions.landing", "isolation.report", "purge.job", "purge.planned", "purge.check",
    "approvals.request", "archive.archive", "archive.plan",
    "archive.removal", "alerts.alerts", "alerts.silences",
    "alerts.looked_at", "alerts.letter", "care.inspect", "sessions.fingerprint", "limits.rules",
    "retention.policies", "backups.rules", "backups.ends_sessions", "cards.cards", "restore.job",
    "restore.plan", "restore.jobs", "parking.plan", "parking.job", "parking.parked",
    "move.plan", "move.job", "move.moved", "move.destinations", "instances.instance",
    "instances.plan", "running.needed",
    "apart.job", "apart.known", "apart.plan",
    "imports.target", "imports.one", "imports.preview", "imports.elsewhere", "places.facts",
    "restoring.every", "restore.held_now", "moving.newest",
    "to_park.newest", "to_part.newest", "to_purge.newest",
}  # fmt: skip
"""What a desk asks before it can decide, since only that says whose it is. It changes nothing.

Not before the role is found to be enough.
"""


@lru_cache
def _settings(*given: tuple[str, object]) -> Settings:
    return Settings.model_validate(dict(given))


def _mock(kind: type) -> Any:
    return create_autospec(kind, instance=True)


def viewer_of(role: Role, scope: str = ALL) -> Viewer:
    """Somebody of a role, with one pattern in scope."""
    return Viewer("ann", role, frozenset({TenantPattern.parse(scope)}))


@dataclass(frozen=True)
class Case:
    """One method or property: what it takes, and what is written of it.

    `scopes` are those that it is allowed to, be it that it gives them nothing of others; `refused`
    is what it raises for the others. `action` is what it is logged as when it is done, None where
    it is not; `tenants` and `target` are those of the entry. `writes` is whether it is refused in
    read-only mode. `inner` is what it asks of the use case.
    """

    call: Callable[[Desk], object]
    role: Role
    scopes: tuple[str, ...] = (ALL, OWN)
    action: Action | None = None
    tenants: tuple[TenantKey, ...] = ()
    target: str = ""
    writes: bool = False
    inner: str = ""
    refused: type[KatoTenantsError] = AccessDenied


def _done(
    call: Callable[[Desk], object], role: Role, action: Action, inner: str, **more: Any
) -> Case:
    return Case(call, role, action=action, inner=inner, **more)


VIEWER, SUPPORT, OPERATOR, ADMIN = Role
ANY, FLEET = (ALL, OWN, OTHER), (ALL,)
OF_ACME: dict[str, Any] = {"tenants": (ACME,)}


def _look(call: Callable[[Desk], object], name: str, target: str) -> Case:
    return _done(call, SUPPORT, Action.LOOK, f"inspection.{name}", target=target, **OF_ACME)


def _steer(name: str, deed: str, action: Action = Action.STEER_PURGE) -> Case:
    return _done(
        lambda d: getattr(d.purge, name)(JOB.id), ADMIN, action, f"purge.{name}",
        target=f"{deed} {JOB.id}", writes=True, refused=NoSuchJob, **OF_ACME,
    )  # fmt: skip


def _restore(name: str, role: Role, **more: Any) -> Case:
    """A method of a restore by its id; one that is not in scope is as one that is not there."""
    return Case(
        lambda d: getattr(d.restore, name)("r"), role, inner=f"restore.{name}",
        refused=RestoreRefused, **more,
    )  # fmt: skip


def _parking(name: str, **more: Any) -> Case:
    """A method of a job of parking by its id; one out of scope is as one that is not there."""
    return Case(
        lambda d: getattr(d.parking, name)("j"), **{"role": ADMIN, **more},
        inner=f"parking.{name}", refused=ParkingRefused,
    )  # fmt: skip


def _steer_parking(name: str, deed: str, action: Action = Action.PARK) -> Case:
    return _parking(
        name, action=action, target=f"{deed} tenant/acme", writes=True, **OF_ACME
    )  # fmt: skip


def _move(name: str, deed: str = "", action: Action = Action.MOVE, **more: Any) -> Case:
    """A method of a move by its id; one out of scope is as one that is not there."""
    if deed:
        more = {"action": action, "target": f"{deed} tenant/acme", **OF_ACME}
    return Case(
        lambda d: getattr(d.move, name)("j"), **{"role": ADMIN, "writes": True, **more},
        inner=f"move.{name}", refused=MoveRefused,
    )  # fmt: skip


def _instance(
    name: str, target: str, role: Role = ADMIN, action: Action = Action.SET_INSTANCE,
    inner: str = "instances", **more: Any,
) -> Case:  # fmt: skip
    """A method of an instance by its name; one out of scope is as one that is not there."""
    return Case(
        lambda d: getattr(d.instances, name)(NAME), role, action=action, target=target,
        inner=f"{inner}.{name}", refused=InstanceRefused, **OF_ACME, **{"writes": True, **more},
    )  # fmt: skip


def _apart(name: str, **more: Any) -> Case:
    """A method of a job that takes apart, by its id; one out of scope is as one not there."""
    return Case(
        lambda d: getattr(d.apart, name)("j"), **{"role": ADMIN, **more},
        inner=f"apart.{name}", refused=ApartRefused,
    )  # fmt: skip


def _steer_apart(name: str, deed: str, action: Action = Action.APART) -> Case:
    return _apart(
        name, action=action, target=f"{deed} {ACME_KB}", writes=True, **OF_ACME
    )  # fmt: skip


def _archive(name: str, action: Action | None = None, **more: Any) -> Case:
    """A method of an archive by its id; one that is not in scope is as one that is not there."""
    return Case(
        lambda d: getattr(d.archives, name)("a"), OPERATOR, action=action,
        inner=f"archive.{name}", refused=ArchiveError, **(OF_ACME if action else {}), **more,
    )  # fmt: skip


def _whole(desk: Desk) -> object:
    with desk.inspection.whole(SCOPE, KEY) as pieces:
        return pieces


def _exporting(desk: Desk) -> object:
    with desk.log.exporting() as entries:
        return list(entries)


def _names(desk: Desk) -> object:
    with desk.names.exporting() as names:
        return names


NEW_NODE = b"tenant:acme:user:new"

OWNER = SCOPE.holdings[0].owner
KEY = f"{ACME_KB}:frequency:x"

CASES: dict[str, Case] = {
    "fleet.figures": Case(lambda d: d.fleet.figures(), VIEWER, ANY),
    "fleet.read": Case(lambda d: d.fleet.read(), VIEWER, ANY, inner="collect"),
    "fleet.refresh": Case(lambda d: d.fleet.refresh(), VIEWER, ANY, inner="collector.refresh"),
    "fleet.checks": Case(lambda d: d.fleet.checks(), VIEWER, ANY, inner="health.check"),
    "fleet.dashboards": Case(lambda d: d.fleet.dashboards(), VIEWER, ANY),
    "fleet.history": Case(lambda d: d.fleet.history(Measure.KEYS, NOW), VIEWER, ANY),
    "metrics.expose": Case(
        lambda d: d.metrics.expose(""), VIEWER, FLEET, inner="metrics.expose"
    ),
    "metrics.parts": Case(
        lambda d: d.metrics.parts(PLAIN), VIEWER, FLEET, inner="metrics.parts"
    ),
    "history.series": Case(
        lambda d: d.history.series(
            Holder(HolderKind.TENANT, str(ACME)), "keys", NOW, NOW, Grain.HOUR.seconds
        ),
        VIEWER, ANY,
    ),
    "history.forecast": Case(
        lambda d: d.history.forecast(Holder(HolderKind.TENANT, str(ACME)), "keys"), VIEWER, ANY
    ),
    "history.made_up_until": Case(
        lambda d: d.history.made_up_until(), VIEWER, ANY, inner="history.made_up_until"
    ),
    "history.happened": Case(
        lambda d: d.history.happened(NOW, NOW, tenant="", most=9), VIEWER, ANY,
        inner="events.between",
    ),
    "history.at": Case(lambda d: d.history.at(NOW), VIEWER, ANY, inner="history.at"),
    "history.kept_at": Case(lambda d: d.history.kept_at(NOW), VIEWER, ANY, inner="history.at"),
    "history.movers": Case(
        lambda d: d.history.movers(NOW, NOW, "keys"), VIEWER, ANY, inner="history.at"
    ),
    "limits.thresholds": Case(lambda d: d.limits.thresholds, VIEWER, ANY),
    "limits.version": Case(lambda d: d.limits.version(), VIEWER, ANY),
    "limits.rules": Case(lambda d: d.limits.rules(), VIEWER, ANY, inner="limits.rules"),
    "limits.standings": Case(
        lambda d: d.limits.standings(SNAPSHOT), VIEWER, ANY, inner="limits.standings"
    ),
    "limits.preview": Case(
        lambda d: d.limits.preview(SNAPSHOT, CHANGE), ADMIN, FLEET, inner="limits.preview",
        writes=True,
    ),
    "limits.instead": Case(lambda d: d.limits.instead(()), ADMIN, FLEET, writes=True),
    "limits.change": _done(
        lambda d: d.limits.change(CHANGE, why="known"), ADMIN, Action.SET_LIMITS, "limits.change",
        target="tenant/acme keys 5", scopes=FLEET, writes=True, **OF_ACME,
    ),
    "cards.version": Case(lambda d: d.cards.version(), VIEWER, ANY),
    "cards.cards": Case(lambda d: d.cards.cards(), VIEWER, ANY, inner="cards.cards"),
    "cards.card": Case(lambda d: d.cards.card(ACME), VIEWER, inner="cards.card"),
    "cards.doings": Case(lambda d: d.cards.doings(), VIEWER, ANY, inner="cards.doings"),
    "cards.preview": Case(
        lambda d: d.cards.preview(EDITS), ADMIN, inner="cards.cards", writes=True
    ),
    "cards.change": _done(
        lambda d: _with(d, CARDS).cards.change(EDITS), ADMIN, Action.EDIT_CARD, "cards.change",
        target="tenant/acme: name", writes=True, **OF_ACME,
    ),
    "cards.hold": _done(
        lambda d: _with(d, CARDS).cards.hold([ACME], reason="a court's order"), ADMIN, Action.HOLD,
        "cards.hold", target="tenant/acme", writes=True, **OF_ACME,
    ),
    "cards.lift": _done(
        lambda d: _with(d, HELD).cards.lift([ACME], why="it is over"), ADMIN, Action.LIFT_HOLD,
        "cards.lift", target="tenant/acme", writes=True, **OF_ACME,
    ),
    "bill.months": Case(lambda d: d.bill.months(), VIEWER, ANY, inner="bill.months"),
    "bill.reckoned": Case(
        lambda d: d.bill.reckoned(Month(2026, 10)), VIEWER, ANY, inner="bill.reckoned"
    ),
    "bill.monthly": Case(
        lambda d: d.bill.monthly({ACME: {}, ZED: {}}), VIEWER, ANY, inner="bill.monthly"
    ),
    "bill.before": Case(
        lambda d: d.bill.before(Month(2026, 10), ACME), VIEWER, ANY,
    ),
    "bill.month": Case(
        lambda d: d.bill.month(Month(2026, 10)), VIEWER, ANY, inner="bill.month"
    ),
    "retention.policies": Case(
        lambda d: d.retention.policies(), VIEWER, ANY, inner="retention.policies"
    ),
    "retention.plan": _done(
        lambda d: d.retention.plan(), OPERATOR, Action.PLAN_RETENTION, "retention.plan",
        scopes=ANY,
    ),
    "retention.ask": _done(
        lambda d: d.retention.ask(), OPERATOR, Action.PLAN_RETENTION, "keeping.ask", scopes=ANY
    ),
    "retention.planned": Case(
        lambda d: d.retention.planned(), OPERATOR, ANY, inner="keeping.newest"
    ),
    "retention.stop_planning": Case(
        lambda d: d.retention.stop_planning(), OPERATOR, ANY, inner="keeping.stop"
    ),
    "retention.simulate": Case(
        lambda d: d.retention.simulate([ACME]), VIEWER, ANY, inner="retention.simulate"
    ),
    "retention.change": _done(
        lambda d: d.retention.change(TO_KEEP, why="known"), ADMIN, Action.SET_RETENTION,
        "retention.change", target="tenant/acme predictions:count 5", scopes=FLEET, writes=True,
        **OF_ACME,
    ),
    "retention.begin": _done(
        lambda d: d.retention.begin(None, digest="d" * 64, reason="t"), ADMIN, Action.RUN_RETENTION,
        "retention.begin", target="retention", scopes=FLEET, writes=True,
    ),
    "retention.run_here": Case(
        lambda d: d.retention.run_here(RUN.id), ADMIN, FLEET, inner="retention.run_here",
        writes=True,
    ),
    "retention.run_soon": Case(
        lambda d: d.retention.run_soon(), ADMIN, FLEET, inner="retention.run_soon", writes=True
    ),
    "retention.jobs": Case(
        lambda d: d.retention.jobs(), VIEWER, ANY, inner="retention.jobs"
    ),
    "retention.job": Case(lambda d: d.retention.job(RUN.id), VIEWER, ANY, inner="retention.job"),
    "retention.receipt": _done(
        lambda d: d.retention.receipt(RUN.id), VIEWER, Action.EXPORT, "retention.job",
        target=f"the receipt of {RUN.id}", scopes=ANY,
    ),
    **{
        f"retention.{name}": _done(
            lambda d, name=name: getattr(d.retention, name)(RUN.id), ADMIN,
            Action.STOP_JOB if name == "stop" else Action.RUN_RETENTION,
            f"retention.{name}", target=f"{deed} {RUN.id}", scopes=FLEET, writes=True,
        )
        for name, deed in (("stop", "stop"), ("resume", "resume"), ("abandon", "end"))
    },
    "backups.rules": Case(lambda d: d.backups.rules(), VIEWER, ANY, inner="backups.rules"),
    "backups.standings": Case(
        lambda d: d.backups.standings([ACME, ZED]), VIEWER, ANY, inner="backups.standings"
    ),
    "backups.change": _done(
        lambda d: d.backups.change(TO_SET, why="known"), ADMIN, Action.SET_BACKUPS,
        "backups.change", target="tenant/acme never", scopes=FLEET, writes=True, **OF_ACME,
    ),
    "backups.begin_now": _done(
        lambda d: d.backups.begin_now(ACME), OPERATOR, Action.BACK_UP, "backups.begin_now",
        target="tenant/acme", writes=True, **OF_ACME,
    ),
    "fleet.workers": Case(lambda d: d.fleet.workers(), VIEWER, ANY),
    "setup.preview": Case(
        lambda d: d.setup.preview(ORDER, d.fleet.figures().snapshot), ADMIN,
        inner="sessions.landing", writes=True,
    ),
    "setup.do": _done(
        lambda d: d.setup.do(ORDER, STEP), ADMIN, Action.SET_UP, "places.create",
        target=f"collection: vectors_{ACME_KB} (tenant/acme)", writes=True, **OF_ACME,
    ),
    "imports.check": Case(
        lambda d: d.imports.check(IMPORT, BytesIO()), ADMIN, inner="imports.check", writes=True
    ),
    "imports.preview": Case(
        lambda d: d.imports.preview("r1"), ADMIN, inner="imports.preview", writes=True,
        refused=ImportRefused,
    ),
    "imports.one": Case(
        lambda d: d.imports.one("r1"), ADMIN, inner="imports.one", writes=True,
        refused=ImportRefused,
    ),
    "imports.runs": Case(
        lambda d: d.imports.runs(), ADMIN, ANY, inner="imports.runs", writes=True
    ),
    "imports.write": _done(
        lambda d: d.imports.write("r1", here=True), ADMIN, Action.IMPORT_DATA, "imports.begin",
        target="1 keys (kato's layout)", writes=True, refused=ImportRefused, **OF_ACME,
    ),
    "imports.give_up": _done(
        lambda d: d.imports.give_up("r1", reason="x"), ADMIN, Action.IMPORT_DATA,
        "imports.give_up", target="give up r1", writes=True, refused=ImportRefused, **OF_ACME,
    ),
    "imports.elsewhere": Case(
        lambda d: d.imports.elsewhere(), ADMIN, ANY, inner="imports.elsewhere", writes=True
    ),
    "imports.take_back": _done(
        lambda d: d.imports.take_back("r1"), ADMIN, Action.IMPORT_DATA, "imports.take_back",
        target="take back r1", writes=True, refused=ImportRefused, **OF_ACME,
    ),
    "fleet.settings": Case(lambda d: d.fleet.settings(), ADMIN, FLEET),
    "sessions.can_seal": Case(lambda d: d.sessions.can_seal, OPERATOR, ANY, writes=True),
    "sessions.refuses_over": Case(lambda d: d.sessions.refuses_over, OPERATOR, ANY, writes=True),
    "sessions.landing": Case(lambda d: d.sessions.landing(SCHEME, VALUES), OPERATOR, writes=True),
    "sessions.create": _done(
        lambda d: d.sessions.create(SCHEME, VALUES, ttl_seconds=60, metadata={}), OPERATOR,
        Action.CREATE_SESSION, "sessions.create", target=ACME_NODE, writes=True, **OF_ACME,
    ),
    "care.inspect": Case(
        lambda d: d.care.inspect(RECORD.key), SUPPORT, ANY, Action.INSPECT_SESSION, (ACME,),
        "s-acme",
    ),
    "care.reveal": _done(
        lambda d: d.care.reveal(DETAIL), SUPPORT, Action.DECRYPT, "care.reveal", target="s-acme",
        **OF_ACME,
    ),
    "care.act": _done(
        lambda d: d.care.act(Deed.DELETE, [RECORD]), SUPPORT, Action.CHANGE_SESSIONS, "care.act",
        target="delete: s-acme", writes=True, **OF_ACME,
    ),
    "care.configure": _done(
        lambda d: d.care.configure(RECORD, {"persistence": 9}), SUPPORT, Action.CHANGE_SESSIONS,
        "care.configure", target="configure: s-acme", writes=True, **OF_ACME,
    ),
    "care.clean_index": _done(
        lambda d: d.care.clean_index(), OPERATOR, Action.CLEAN_INDEX, "care.clean_index",
        scopes=FLEET, target="kato:session:_active_index", writes=True,
    ),
    "inspection.scope": Case(
        lambda d: d.inspection.scope(SNAPSHOT, OF_SNAPSHOT), SUPPORT, inner="inspection.scope"
    ),
    "inspection.allow": Case(lambda d: d.inspection.allow(SCOPE), SUPPORT),
    "inspection.concerned": Case(lambda d: d.inspection.concerned(SCOPE), SUPPORT),
    "inspection.patterns": _look(
        lambda d: d.inspection.patterns(SCOPE, PatternQuery((ACME_KB,))), "patterns", "patterns"
    ),
    "inspection.patterns_across": _look(
        lambda d: d.inspection.patterns_across([SCOPE], PatternQuery((ACME_KB,))),
        "patterns_across", "patterns",
    ),
    "inspection.pattern": _look(
        lambda d: d.inspection.pattern(SCOPE, ACME_KB, "p"), "pattern", f"pattern p of {ACME_KB}"
    ),
    "inspection.inventory": _look(
        lambda d: d.inspection.inventory(SCOPE, OWNER), "inventory", f"keys of {ACME_KB}"
    ),
    "inspection.value": _look(
        lambda d: d.inspection.value(SCOPE, KEY), "value",
        f"frequency key of {ACME_KB}, SHA-256 {sha256(KEY.encode()).hexdigest()[:16]}",
    ),
    "inspection.whole": _done(
        _whole, SUPPORT, Action.EXPORT, "inspection.whole",
        target=f"the whole frequency key of {ACME_KB}, SHA-256 "
        f"{sha256(KEY.encode()).hexdigest()[:16]}", **OF_ACME,
    ),
    "inspection.space": _look(
        lambda d: d.inspection.space(SCOPE, SPACE), "space", SPACE.collection
    ),
    "inspection.points": _look(
        lambda d: d.inspection.points(SCOPE, SPACE), "points", SPACE.collection
    ),
    "inspection.nearest_to_point": _look(
        lambda d: d.inspection.nearest_to_point(SCOPE, SPACE, 1), "nearest_to_point",
        SPACE.collection,
    ),
    "inspection.nearest_to_vector": _look(
        lambda d: d.inspection.nearest_to_vector(SCOPE, SPACE, [1.0]), "nearest_to_vector",
        SPACE.collection,
    ),
    "finding.allow": Case(lambda d: d.finding.allow(), SUPPORT, ANY),
    "finding.find": _done(
        lambda d: d.finding.find("user"), SUPPORT, Action.FIND, "finding.find", scopes=ANY,
        target="user",
    ),
    "isolation.rules": Case(lambda d: d.isolation.rules, VIEWER, ANY),
    "isolation.state": Case(lambda d: d.isolation.state, VIEWER, ANY),
    "isolation.report": Case(lambda d: d.isolation.report(), VIEWER, ANY),
    "isolation.report_or_none": Case(lambda d: d.isolation.report_or_none(), VIEWER, ANY),
    "isolation.audit": Case(
        lambda d: d.isolation.audit(SNAPSHOT), VIEWER, FLEET, inner="isolation.audit"
    ),
    "isolation.scores": Case(lambda d: d.isolation.scores(), VIEWER, ANY),
    "isolation.want": Case(lambda d: d.isolation.want(), SUPPORT, ANY, inner="audit_soon"),
    "isolation.accept": _done(
        lambda d: d.isolation.accept(FINDING.id, why="known"), ADMIN, Action.ACCEPT_FINDING,
        "isolation.accept", target=FINDING.id, writes=True, refused=FindingError, **OF_ACME,
    ),
    "isolation.withdraw": _done(
        lambda d: d.isolation.withdraw(FINDING.id), ADMIN, Action.ACCEPT_FINDING,
        "isolation.withdraw", target=f"not {FINDING.id}", writes=True, refused=FindingError,
        **OF_ACME,
    ),
    "canary.state": Case(lambda d: d.canary.state, VIEWER, FLEET),
    "canary.start": _done(
        lambda d: d.canary.start(), ADMIN, Action.RUN_CANARY, "canary.start", scopes=FLEET,
        writes=True,
    ),
    "canary.run": _done(
        lambda d: d.canary.run(), ADMIN, Action.RUN_CANARY, "canary.run", scopes=FLEET, writes=True
    ),
    "purge.plan": _done(
        lambda d: d.purge.plan(Request(Target(ACME))), OPERATOR, Action.PLAN_PURGE, "purge.plan",
        target="tenant/acme", **OF_ACME,
    ),
    "archives.plan": _done(
        lambda d: d.archives.plan(Request(Target(ACME))), OPERATOR, Action.PLAN_ARCHIVE,
        "archive.plan", target="tenant/acme", **OF_ACME,
    ),
    "archives.begin": _done(
        lambda d: d.archives.begin(Request(Target(ACME)), reason="x"), OPERATOR, Action.ARCHIVE,
        "archive.begin", target="tenant/acme", writes=True, **OF_ACME,
    ),
    "archives.run_here": _archive("run_here", writes=True),
    "restore.plan": _done(
        lambda d: d.restore.plan("a"), OPERATOR, Action.PLAN_RESTORE, "restore.plan",
        target="acme.kato.tar", refused=ArchiveError, **OF_ACME,
    ),
    "restore.ask": _done(
        lambda d: d.restore.ask("a"), OPERATOR, Action.PLAN_RESTORE, "restoring.ask",
        target="acme.kato.tar", refused=ArchiveError, **OF_ACME,
    ),
    "restore.planned": Case(
        lambda d: d.restore.planned("a"), OPERATOR, inner="restoring.newest", refused=ArchiveError
    ),
    "restore.stop_planning": Case(
        lambda d: d.restore.stop_planning("a"), OPERATOR, inner="restoring.stop",
        refused=ArchiveError,
    ),
    "restore.near": Case(lambda d: d.restore.near(ACME, None), OPERATOR),
    "restore.begin": _done(
        lambda d: d.restore.begin("a", reason="x", seen=RESTORING.digest),
        ADMIN, Action.RESTORE, "restore.begin", target="tenant/acme", writes=True,
        refused=ArchiveError, **OF_ACME,
    ),
    "restore.run_here": _restore("run_here", ADMIN, writes=True),
    "restore.jobs": Case(lambda d: d.restore.jobs(), OPERATOR, ANY, inner="restore.jobs"),
    "restore.job": _restore("job", OPERATOR),
    "restore.give_up": Case(
        lambda d: d.restore.give_up("r", reason="x"), ADMIN, inner="restore.give_up",
        refused=RestoreRefused, action=Action.RESTORE, target="give up tenant/acme", writes=True,
        **OF_ACME,
    ),
    "restore.stop": _restore(
        "stop", ADMIN, action=Action.STOP_JOB, target="stop tenant/acme", writes=True, **OF_ACME
    ),
    "restore.resume": _restore(
        "resume", ADMIN, action=Action.RESTORE, target="resume tenant/acme", writes=True, **OF_ACME
    ),
    "parking.plan": _done(
        lambda d: d.parking.plan(ACME), OPERATOR, Action.PLAN_PURGE, "parking.plan",
        target="park tenant/acme", **OF_ACME,
    ),
    "parking.ask": _done(
        lambda d: d.parking.ask(ACME), OPERATOR, Action.PLAN_PURGE, "to_park.ask",
        target="park tenant/acme", **OF_ACME,
    ),
    "parking.planned": Case(
        lambda d: d.parking.planned(ACME), OPERATOR, inner="to_park.newest"
    ),
    "parking.stop_planning": Case(
        lambda d: d.parking.stop_planning(ACME), OPERATOR, inner="to_park.stop"
    ),
    "parking.park": _done(
        lambda d: d.parking.park(ACME, reason="x"), ADMIN, Action.PARK, "parking.park",
        target="tenant/acme", writes=True, **OF_ACME,
    ),
    "parking.unpark": _done(
        lambda d: d.parking.unpark(ACME, reason="x"), ADMIN, Action.UNPARK, "parking.unpark",
        target="tenant/acme", writes=True, **OF_ACME,
    ),
    "parking.parked": Case(lambda d: d.parking.parked(ACME), VIEWER, inner="parking.parked"),
    "parking.every": Case(lambda d: d.parking.every(), VIEWER, ANY, inner="parking.every"),
    "parking.jobs": Case(lambda d: d.parking.jobs(), OPERATOR, ANY, inner="parking.jobs"),
    "parking.job": _parking("job", role=OPERATOR),
    "parking.run_here": _parking("run_here", writes=True),
    "parking.stop": _steer_parking("stop", "stop", Action.STOP_JOB),
    "parking.resume": _steer_parking("resume", "resume"),
    "parking.abandon": _steer_parking("abandon", "give up"),
    "move.destinations": Case(
        lambda d: d.move.destinations(), OPERATOR, ANY, inner="move.destinations"
    ),
    "move.plan": _done(
        lambda d: d.move.plan(ACME, "eu-2"), OPERATOR, Action.PLAN_PURGE, "move.plan",
        target="move tenant/acme to eu-2", **OF_ACME,
    ),
    "move.ask": _done(
        lambda d: d.move.ask(ACME, "eu-2"), OPERATOR, Action.PLAN_PURGE, "moving.ask",
        target="move tenant/acme to eu-2", **OF_ACME,
    ),
    "move.planned": Case(
        lambda d: d.move.planned(ACME, "eu-2"), OPERATOR, inner="moving.newest"
    ),
    "move.stop_planning": Case(
        lambda d: d.move.stop_planning(ACME, "eu-2"), OPERATOR, inner="moving.stop"
    ),
    "move.begin": _done(
        lambda d: d.move.begin(ACME, "eu-2", reason="x"), ADMIN, Action.MOVE, "move.begin",
        target="tenant/acme to eu-2", writes=True, **OF_ACME,
    ),
    "move.forget": _done(
        lambda d: d.move.forget(ACME), ADMIN, Action.MOVE, "move.forget",
        target="forget tenant/acme", writes=True, **OF_ACME,
    ),
    "move.moved": Case(lambda d: d.move.moved(ACME), VIEWER, inner="move.moved"),
    "move.every": Case(lambda d: d.move.every(), VIEWER, ANY, inner="move.every"),
    "move.jobs": Case(lambda d: d.move.jobs(), OPERATOR, ANY, inner="move.jobs"),
    "move.job": _move("job", role=OPERATOR, writes=False),
    "move.run_here": _move("run_here"),
    "move.stop": _move("stop", "stop", Action.STOP_JOB),
    "move.resume": _move("resume", "resume"),
    "move.cut_over": _move("cut_over", "cut over"),
    "move.give_up": _move("give_up", "give up"),
    "instances.every": Case(lambda d: d.instances.every(), VIEWER, ANY, inner="instances.every"),
    "instances.of": Case(lambda d: d.instances.of(ACME), VIEWER, inner="instances.of"),
    "instances.vitals": Case(
        lambda d: d.instances.vitals([NAME, OTHERS]), VIEWER, ANY, inner="instances.every"
    ),
    "instances.plan": _done(
        lambda d: d.instances.plan(Wish(ACME)), OPERATOR, Action.PLAN_INSTANCE, "instances.plan",
        target="tenant/acme", **OF_ACME,
    ),
    "instances.record": _done(
        lambda d: d.instances.record(Wish(ACME)), ADMIN, Action.SET_INSTANCE, "instances.record",
        target="plan: compose shared tenant/acme", writes=True, **OF_ACME,
    ),
    "instances.adopt": _done(
        lambda d: d.instances.adopt(ACME, "http://x:1"), ADMIN, Action.SET_INSTANCE,
        "instances.adopt", target="register: http://x:1 tenant/acme", writes=True, **OF_ACME,
    ),
    "instances.register": _instance(
        "register", f"register: {NAME} http://{NAME}:8000 tenant/acme"
    ),
    "instances.end": _instance("end", f"end: {NAME} tenant/acme"),
    "instances.forget": _instance("forget", f"forget: {NAME} tenant/acme"),
    "instances.files": _instance(
        "files", f"files of {NAME}", OPERATOR, Action.PLAN_INSTANCE, writes=False
    ),
    "instances.status": _instance(
        "status", f"status of {NAME}", OPERATOR, Action.PLAN_INSTANCE, "running", writes=False
    ),
    "instances.up": _instance(
        "up", f"start {NAME} of tenant/acme", action=Action.RUN_INSTANCE, inner="running"
    ),
    "instances.down": _instance(
        "down", f"stop {NAME} of tenant/acme", action=Action.RUN_INSTANCE, inner="running"
    ),
    "apart.plan": _done(
        lambda d: d.apart.plan(ACME_KB, Words()), OPERATOR, Action.PLAN_APART, "apart.plan",
        target=ACME_KB, **OF_ACME,
    ),
    "apart.ask": _done(
        lambda d: d.apart.ask(ACME_KB, Words()), OPERATOR, Action.PLAN_APART, "to_part.ask",
        target=ACME_KB, **OF_ACME,
    ),
    "apart.planned": Case(lambda d: d.apart.planned(ACME_KB), OPERATOR, inner="to_part.newest"),
    "apart.stop_planning": Case(
        lambda d: d.apart.stop_planning(ACME_KB), OPERATOR, inner="to_part.stop"
    ),
    "apart.begin": _done(
        lambda d: d.apart.begin(ACME_KB, Words(), reason="x", seen=TO_TAKE_APART.digest), ADMIN,
        Action.APART, "apart.begin", target=ACME_KB, writes=True, **OF_ACME,
    ),
    "apart.known": Case(lambda d: d.apart.known(ACME_KB), VIEWER, ANY, inner="apart.known"),
    "apart.every": Case(lambda d: d.apart.every(), VIEWER, ANY, inner="apart.every"),
    "apart.jobs": Case(lambda d: d.apart.jobs(), OPERATOR, ANY, inner="apart.jobs"),
    "apart.job": _apart("job", role=OPERATOR),
    "apart.run_here": _apart("run_here", writes=True),
    "apart.stop": _steer_apart("stop", "stop", Action.STOP_JOB),
    "apart.resume": _steer_apart("resume", "resume"),
    "apart.abandon": _steer_apart("abandon", "give up"),
    "archives.archives": Case(
        lambda d: d.archives.archives(), OPERATOR, ANY, inner="archive.archives"
    ),
    "archives.archive": _archive("archive"),
    "archives.newest_proven": Case(
        lambda d: d.archives.newest_proven([ACME, ZED]), VIEWER, ANY, inner="archive.newest_proven"
    ),
    "archives.job": _archive("job"),
    "archives.stop": _archive(
        "stop", Action.STOP_ARCHIVE, target="stop acme.kato.tar", writes=True
    ),
    "archives.resume": _archive(
        "resume", Action.ARCHIVE, target="resume acme.kato.tar", writes=True
    ),
    "archives.ask_proof": Case(
        lambda d: d.archives.ask_proof("a"), OPERATOR, inner="proofs.ask", refused=ArchiveError,
        action=Action.VERIFY_ARCHIVE, target="acme.kato.tar", **OF_ACME,
    ),
    "archives.proof": Case(
        lambda d: d.archives.proof("a"), OPERATOR, inner="proofs.newest", refused=ArchiveError
    ),
    "archives.stop_proof": Case(
        lambda d: d.archives.stop_proof("a"), OPERATOR, inner="proofs.stop", refused=ArchiveError
    ),
    "archives.verify": _archive("verify", Action.VERIFY_ARCHIVE, target="acme.kato.tar"),
    "archives.show": _archive("show", Action.VERIFY_ARCHIVE, target="acme.kato.tar"),
    "archives.removal": Case(
        lambda d: d.archives.removal("a"), ADMIN, inner="archive.removal", writes=True,
        refused=ArchiveError,
    ),
    "archives.remove": _done(
        lambda d: d.archives.remove("a", reason="x"), ADMIN, Action.REMOVE_ARCHIVE,
        "archive.remove_by_hand", target="acme.kato.tar", writes=True, refused=ArchiveError,
        **OF_ACME,
    ),
    "archives.files": Case(lambda d: d.archives.files(), OPERATOR, FLEET, inner="archive.files"),
    "archives.export": _done(
        lambda d: d.archives.export("a", Path("x")), OPERATOR, Action.EXPORT, "archive.export",
        scopes=FLEET, target="acme.kato.tar as Parquet", **OF_ACME,
    ),
    "archives.verify_file": _done(
        lambda d: d.archives.verify_file("s3://x/y"), OPERATOR, Action.VERIFY_ARCHIVE,
        "archive.verify_file", scopes=FLEET, target="a file by its address",
    ),
    "archives.show_file": _done(
        lambda d: d.archives.show_file("s3://x/y"), OPERATOR, Action.VERIFY_ARCHIVE,
        "archive.show_file", scopes=FLEET, target="a file by its address",
    ),
    "purge.ask": _done(
        lambda d: d.purge.ask(Request(Target(ACME))), OPERATOR, Action.PLAN_PURGE, "to_purge.ask",
        target="tenant/acme", **OF_ACME,
    ),
    "purge.newest": Case(lambda d: d.purge.newest(Request(Target(ACME))), OPERATOR, ANY),
    "purge.stop_planning": Case(
        lambda d: d.purge.stop_planning(Request(Target(ACME))), OPERATOR, inner="to_purge.stop"
    ),
    "purge.planned": Case(
        lambda d: d.purge.planned(DIGEST), OPERATOR, refused=NoSuchPlan,
    ),
    "purge.concerned": Case(lambda d: d.purge.concerned(plan()), OPERATOR),
    "purge.begin": _done(
        lambda d: d.purge.begin(DIGEST, confirm="tenant/acme", reason="x"), ADMIN,
        Action.RUN_PURGE, "purge.begin", target="tenant/acme", writes=True, refused=NoSuchPlan,
        **OF_ACME,
    ),
    "purge.run_here": Case(
        lambda d: d.purge.run_here(JOB.id), ADMIN, writes=True, inner="purge.run_here",
        refused=NoSuchJob,
    ),
    "purge.run_soon": Case(
        lambda d: d.purge.run_soon(), ADMIN, ANY, writes=True, inner="purge.run_soon"
    ),
    "purge.job": Case(lambda d: d.purge.job(JOB.id), OPERATOR, refused=NoSuchJob),
    "purge.jobs": Case(lambda d: d.purge.jobs(), OPERATOR, ANY),
    "purge.stop": _steer("stop", "stop", Action.STOP_PURGE),
    "purge.resume": _steer("resume", "resume"),
    "purge.abandon": _steer("abandon", "end"),
    "purge.receipt": Case(lambda d: d.purge.receipt(JOB.id), OPERATOR, refused=NoSuchJob),
    "purge.receipt_text": Case(
        lambda d: d.purge.receipt_text(JOB.id), OPERATOR, action=Action.EXPORT, tenants=(ACME,),
        target=f"the receipt of {JOB.id}", refused=NoSuchJob,
    ),
    "purge.receipt_to_print": Case(
        lambda d: d.purge.receipt_to_print(JOB.id), OPERATOR, action=Action.EXPORT,
        tenants=(ACME,), target=f"the receipt of {JOB.id}", refused=NoSuchJob,
    ),
    "purge.being_purged": Case(lambda d: d.purge.being_purged([str(ACME)]), VIEWER, ANY),
    "purge.tombstones": Case(lambda d: d.purge.tombstones([ACME_KB, ZED_KB]), VIEWER, ANY),
    "purge.erased_as": Case(lambda d: d.purge.erased_as("bob"), SUPPORT, ANY),
    "purge.look_again": _done(
        lambda d: d.purge.look_again(JOB.id), OPERATOR, Action.PLAN_PURGE, "purge.look_again",
        target=f"look again at {JOB.id}", refused=NoSuchJob, **OF_ACME,
    ),
    "purge.drop_emptied": _steer("drop_emptied", "drop the collections emptied by"),
    "purge.later_looks": Case(lambda d: d.purge.later_looks(JOB.id), OPERATOR, refused=NoSuchJob),
    "names.preview": Case(lambda d: d.names.preview(NEW_NODE), ADMIN, ANY, writes=True),
    "names.take": _done(
        lambda d: d.names.take(NEW_NODE), ADMIN, Action.IMPORT_NAMES, "state.import_nodes",
        target="1 node_ids", writes=True, **OF_ACME,
    ),
    "names.exporting": Case(_names, VIEWER, ANY, Action.EXPORT, target="node_ids"),
    "names.candidates": Case(lambda d: d.names.candidates(SNAPSHOT, ACME), ADMIN, writes=True),
    "names.confirm": _done(
        lambda d: d.names.confirm(ACME, [INFERRED_KB], why="known"), ADMIN,
        Action.CONFIRM_OWNER, "state.confirm", target=f"{INFERRED_KB} for tenant/acme: known",
        writes=True, **OF_ACME,
    ),
    "names.revoke": _done(
        lambda d: d.names.revoke(ACME, [CONFIRMED_KB], why="known"), ADMIN, Action.REVOKE_OWNER,
        "state.revoke", target=f"{CONFIRMED_KB} for tenant/acme: known", writes=True, **OF_ACME,
    ),
    "alerts.all": Case(lambda d: d.alerts.all(), VIEWER, ANY, inner="alerts.alerts"),
    "alerts.firing": Case(lambda d: d.alerts.firing(), VIEWER, ANY, inner="alerts.firing"),
    "alerts.deliveries": Case(
        lambda d: d.alerts.deliveries(), VIEWER, ANY, inner="alerts.sendings"
    ),
    "alerts.letter": Case(
        lambda d: d.alerts.letter("m"), VIEWER, inner="alerts.letter", refused=AlertError
    ),
    "alerts.silence": _done(
        lambda d: d.alerts.silence(alert="acme", why="known", until=timedelta(hours=1)), OPERATOR,
        Action.SILENCE, "alerts.silence", target="growth tenant/acme", writes=True,
        refused=AlertError, **OF_ACME,
    ),
    "alerts.unsilence": _done(
        lambda d: d.alerts.unsilence("s-acme"), OPERATOR, Action.SILENCE, "alerts.lift",
        target="end: growth tenant/acme", writes=True, refused=AlertError, **OF_ACME,
    ),
    "alerts.test": _done(
        lambda d: d.alerts.test("acme"), OPERATOR, Action.TEST_ROUTE, "alerts.post", target="acme",
        writes=True, refused=AlertError,
    ),
    "alerts.test_here": _done(
        lambda d: d.alerts.test_here("acme"), OPERATOR, Action.TEST_ROUTE, "deliverer.send",
        target="acme", writes=True, refused=AlertError,
    ),
    "approvals.all": Case(lambda d: d.approvals.all(), SUPPORT, ANY),
    "approvals.mine": Case(lambda d: d.approvals.mine(Action.RUN_PURGE), SUPPORT, ANY),
    "approvals.one": Case(lambda d: d.approvals.one(REQUEST.id), SUPPORT, ANY),
    "approvals.approve": _done(
        lambda d: d.approvals.approve(REQUEST.id), ADMIN, Action.APPROVE, "approvals.approve",
        target="run a purge: tenant/acme", writes=True, **OF_ACME,
    ),
    "log.page": Case(lambda d: d.log.page(), SUPPORT, ANY),
    "log.ends": Case(lambda d: d.log.ends(()), SUPPORT, ANY),
    "log.missing_ends": Case(lambda d: d.log.missing_ends(), SUPPORT, ANY),
    "log.people": Case(lambda d: d.log.people(), SUPPORT, ANY),
    "log.exported": Case(
        lambda d: d.log.exported(limit=5), SUPPORT, ANY, Action.EXPORT, target="the audit log"
    ),
    "log.exporting": Case(_exporting, SUPPORT, ANY, Action.EXPORT, target="the audit log"),
    "log.verify": Case(lambda d: d.log.verify(), SUPPORT, FLEET),
    "log.start_verifying": Case(lambda d: d.log.start_verifying(), SUPPORT, FLEET),
    "log.verifying": Case(lambda d: d.log.verifying, SUPPORT, ANY),
    "log.anchored": Case(lambda d: d.log.anchored, SUPPORT, ANY),
    "rotation.run": _done(
        lambda d: d.rotation.run(), ADMIN, Action.ROTATE_KEYS, "rotation.run", scopes=FLEET,
        writes=True,
    ),
}  # fmt: skip
"""Everything that a desk can be asked for."""


def members(desk: Desk) -> set[str]:
    """Return every public method and property of every part of a desk, by inspection."""
    parts = [
        name for kind in Desk.__mro__ for name, part in vars(kind).items()
        if isinstance(part, cached_property)
    ]  # fmt: skip
    return {
        f"{part}.{name}"
        for part in parts for name in dir(type(getattr(desk, part))) if not name.startswith("_")
    }  # fmt: skip
