"""What the isolation audit looks at and finds. Frozen, pure. Times are aware datetimes in UTC."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import wraps
from typing import TypeVar, cast

from services.errors import Problem
from services.instances.models import Instance
from services.isolation.about import Evidence, ShownTo
from services.isolation.facts import KatoFacts, KeyFacts, PatternFacts, VectorFacts
from services.isolation.severity import Severity
from services.purge.job import Tombstone
from services.tenancy.kb_ids import TenantKey
from services.tenancy.layout import bytes_of
from services.tenancy.ownership import Ownership
from services.usage.snapshot import Snapshot

SAMPLES = 10
"""Most names that the evidence of one finding carries; a count beside them says how many."""

NEW_FOR = timedelta(hours=24)
"""A finding is new for so long."""


class Need(StrEnum):
    """What a rule looks at: a measure of the snapshot, or what was asked of a store besides."""

    PATTERNS = "patterns"
    KEYS = "keys"
    VECTORS = "vectors"
    SESSIONS = "sessions"
    CLICKHOUSE = "clickhouse"
    REDIS = "redis"
    QDRANT = "qdrant"
    KATO = "kato"
    INSTANCES = "instances"


class DeedKind(StrEnum):
    """What this product can do about a finding."""

    TENANT = "tenant"  # look into it
    PURGE_TENANT = "purge tenant"  # plan it
    SESSIONS = "sessions"  # clean the index up, or end some
    FIND = "find"  # who else has this name
    SYSTEM = "system"  # see the store's facts


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing to do, and with what: a tenant (`kind/id`), or the text to look for."""

    kind: DeedKind
    about: str = ""


Until = datetime | timedelta | None
"""How long something is accepted: to a time, for a length from when it is, or None for good."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the audit found.

    `subject` is what it is about, as it is written in the store, and with `code` makes its `id`:
    two findings of one code never have one subject. `what` is one sentence that says what and
    whose. `remedy` is empty where the rule's own says it all.
    """

    code: str
    subject: str
    severity: Severity
    what: str
    tenants: tuple[TenantKey, ...] = ()
    kb_ids: tuple[str, ...] = ()
    evidence: Evidence = field(default_factory=dict)
    remedy: str = ""
    deeds: tuple[Deed, ...] = ()

    @property
    def id(self) -> str:
        """The same for the same thing in every audit: 16 hex digits."""
        about = bytes_of(self.code) + b"\0" + bytes_of(self.subject)
        return hashlib.sha256(about).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that the rules look at. A fact is None where its store could not be asked.

    `tombstones` are of kb_ids that are there, `erased` all, nameless. `served` has the instances
    that serve each tenant which has one, the newest first. `known` is for `once`.
    """

    snapshot: Snapshot
    ownership: Ownership
    tombstones: tuple[Tombstone, ...] = ()
    patterns: PatternFacts | None = None
    keys: KeyFacts | None = None
    vectors: VectorFacts | None = None
    kato: KatoFacts | None = None
    erased: tuple[Tombstone, ...] = ()
    served: Mapping[TenantKey, tuple[Instance, ...]] = field(default_factory=dict)
    known: dict[object, object] = field(default_factory=dict, init=False, repr=False, compare=False)


T = TypeVar("T")


def once(work: Callable[[Seen], T]) -> Callable[[Seen], T]:
    """Work out once what several rules look at; they may not change it."""

    @wraps(work)
    def known(seen: Seen) -> T:
        if work not in seen.known:
            seen.known[work] = work(seen)
        return cast("T", seen.known[work])

    return known


class CannotTell(Exception):
    """A store answered, but not what a rule needs; the message says in our own words why."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what it is called, why that matters, what to do, and how it is found.

    `find` is pure, yields findings in a stable order, and raises CannotTell where what it needs
    is not there. `severity` is that of its gravest findings. `needs` are what it looks at: where
    one could not be read, the rule is not run and is *unknown*. `shown_to` is as `About` has it.
    """

    code: str
    severity: Severity
    title: str
    why: str
    remedy: str
    needs: frozenset[Need]
    find: Callable[[Seen], Iterable[Finding]]
    shown_to: ShownTo = ShownTo.FLEET

    @property
    def area(self) -> str:
        """The part of the code before the dot."""
        return self.code.partition(".")[0]


class RuleState(StrEnum):
    """What came of one rule in one audit."""

    PASSED = "passed"
    FOUND = "found"
    UNKNOWN = "unknown"
    NOT_CONFIGURED = "not_configured"


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule's outcome; `reason` says why it is unknown or does not apply."""

    rule: Rule
    state: RuleState
    findings: tuple[Finding, ...] = ()
    reason: Problem | None = None


@dataclass(frozen=True, slots=True)
class Audit:
    """One audit of the whole fleet. `seconds` is what asking and judging took, snapshot apart."""

    at: datetime
    snapshot: Snapshot
    results: tuple[RuleResult, ...]
    problems: Mapping[Need, Problem] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every finding, the gravest first."""
        found = (finding for result in self.results for finding in result.findings)
        return tuple(sorted(found, key=lambda f: (f.severity.rank, f.code)))

    @property
    def score(self) -> int | None:
        """The weight of the rules that pass, in percent of those that could be looked at.

        None where no rule could be.
        """
        told = [r for r in self.results if r.state in (RuleState.PASSED, RuleState.FOUND)]
        whole = sum(r.rule.severity.weight for r in told)
        passed = sum(r.rule.severity.weight for r in told if r.state is RuleState.PASSED)
        return round(100 * passed / whole) if whole else None


class Status(StrEnum):
    """Where a finding is in time."""

    NEW = "new"
    OPEN = "open"
    ACCEPTED = "accepted"
    RESOLVED = "resolved"
    UNSEEN = "not looked at"

    @property
    def word(self) -> str:
        """What people are told; JSON has the value."""
        return "not checked" if self is Status.UNSEEN else self.value


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Someone knows of a finding and leaves it so, until a time; None is for good."""

    by: str
    why: str
    at: datetime
    until: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Whether it still counts."""
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True)
class Record:
    """A finding over time, as this product's own records have it.

    `first_seen` is when it appeared (again, if it had been resolved), `last_seen` when an audit
    found it last. `looked` is False where its rule could not be run in the last audit.
    """

    finding: Finding
    first_seen: datetime
    last_seen: datetime
    resolved_at: datetime | None = None
    acceptance: Acceptance | None = None
    looked: bool = True

    def status(self, now: datetime) -> Status:
        """Say where it is at a time."""
        if self.resolved_at is not None:
            return Status.RESOLVED
        if self.acceptance is not None and self.acceptance.holds(now):
            return Status.ACCEPTED
        if not self.looked:
            return Status.UNSEEN
        return Status.NEW if now - self.first_seen < NEW_FOR else Status.OPEN


@dataclass(frozen=True, slots=True)
class RuleSummary:
    """What came of one rule in a kept audit: its state, how many findings, and why not known."""

    code: str
    state: RuleState
    count: int = 0
    reason: Problem | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """The last audit as this product's own records have it, with every finding's history.

    `seconds` is what the audit took, snapshot apart; `score` as `Audit.score`.
    """

    at: datetime
    seconds: float
    score: int | None
    rules: tuple[RuleSummary, ...]
    records: tuple[Record, ...]

    @property
    def unknown(self) -> tuple[RuleSummary, ...]:
        """The rules that could not be looked at."""
        return tuple(rule for rule in self.rules if rule.state is RuleState.UNKNOWN)

    def standing(self, now: datetime) -> tuple[Record, ...]:
        """Return the findings that ask for something: there, and not accepted."""
        settled = (Status.RESOLVED, Status.ACCEPTED)
        return tuple(record for record in self.records if record.status(now) not in settled)
