"""The isolation audit: look at the whole fleet, judge it by the rules, and keep what was found."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

from services.ask_stores import Emit, Pass, ask_all
from services.errors import FindingError, KatoTenantsError, Problem, TurnLost
from services.figures import StoreState
from services.isolation.facts import KatoFacts, KeyFacts, PatternFacts, VectorFacts
from services.isolation.models import (
    Acceptance,
    Audit,
    CannotTell,
    Need,
    Report,
    Rule,
    RuleResult,
    RuleState,
    Seen,
    Until,
)
from services.isolation.ports import Book, FactSources, Served, Tombstones
from services.tenancy.ownership import Ownership
from services.usage.snapshot import Snapshot

_WHY_LIMIT = 2_000  # characters

T = TypeVar("T")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AuditState:
    """What the service has and does.

    `report` is None before the first audit ever. `problem` says why the last one as a whole
    failed, None when it did not.
    """

    report: Report | None = None
    auditing_since: datetime | None = None
    problem: Problem | None = None


class IsolationService:
    """Audits the fleet. `interval` is how old an audit gets before a snapshot brings another.

    Nothing is written but this product's own records. `embedded` says that the stores run inside
    this dashboard, so that nobody else can reach them. Audits take turns.
    """

    def __init__(
        self, *, rules: Sequence[Rule], sources: FactSources, book: Book,
        collect: Callable[[], Snapshot], ownership: Callable[[], Ownership],
        tombstones: Tombstones, served: Callable[[], Served] = dict,
        deadline: float, interval: timedelta, embedded: bool,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:  # fmt: skip
        self.rules = {rule.code: rule for rule in rules}
        self._sources, self._book = sources, book
        self._collect, self._ownership, self._tombstones = collect, ownership, tombstones
        self._served = served
        self._deadline, self._interval = deadline, interval
        self._embedded, self._now = embedded, now
        self._turn = threading.Lock()
        self._wanted = False
        self.state = AuditState()

    def look(self, snapshot: Snapshot) -> Audit:
        """Ask every store for its facts, all at once, and judge. Reads only.

        A store that fails makes the rules that need it *unknown*. Raises StoreError when this
        product's own records fail.
        """
        began = time.monotonic()
        ownership = self._ownership()
        tombstones, erased = self._tombstones(snapshot.kb_ids), self._tombstones()
        asked = self._ask()
        seen = Seen(
            snapshot,
            ownership,
            tombstones,
            patterns=_reading(asked[Need.CLICKHOUSE], PatternFacts),
            keys=_reading(asked[Need.REDIS], KeyFacts),
            vectors=_reading(asked[Need.QDRANT], VectorFacts),
            kato=_reading(asked[Need.KATO], KatoFacts),
            erased=erased,
            served=self._served(),
        )
        unread, absent = _unread(snapshot, asked)
        if not (seen.served or ownership.services):
            absent |= {Need.INSTANCES}
        results = judge(
            self.rules.values(), seen, unread=unread, absent=absent, embedded=self._embedded
        )
        seconds = time.monotonic() - began
        return Audit(self._now(), snapshot, tuple(results), unread, seconds)

    def audit(self, snapshot: Snapshot | None = None) -> Report:
        """Audit this snapshot, or a new one, keep what was found, and return it with its past.

        Raises StoreError when this product's own records fail.
        """
        with self._turn:
            before = self.state
            self.state = replace(before, auditing_since=self._now())
            try:
                self._book.keep(self.look(snapshot or self._collect()))
                report = self._book.report()
            except BaseException:
                self.state = before
                raise
            self.state = AuditState(report)
        if report is None:
            raise FindingError("the audit was kept, and is not there")
        return report

    def follow(self, snapshot: Snapshot) -> None:
        """Audit a new snapshot when an audit is due or wanted.

        Raises TurnLost alone: of all else `state` tells.
        """
        if not snapshot.settled or not self._due():
            return
        self._wanted = False
        try:
            self.audit(snapshot)
        except TurnLost:
            raise  # another dashboard audits what it reads: nothing went wrong here
        except KatoTenantsError as exc:
            self.state = replace(self.state, problem=exc.problem)
        except Exception as exc:  # the thread that follows has to outlive a fault of ours
            logger.exception("an audit failed")
            problem = Problem(f"a fault in this product: {type(exc).__name__}")
            self.state = replace(self.state, problem=problem)

    def want(self) -> None:
        """Have the next snapshot audited, however young the last audit is."""
        self._wanted = True

    def report(self) -> Report | None:
        """Return the last audit, read from the records where this process has made none."""
        if self.state.report is None:
            kept = self._book.report()
            if self.state.report is None:
                self.state = replace(self.state, report=kept)
        return self.state.report

    def scores(self) -> tuple[tuple[datetime, int | None], ...]:
        """Return the scores of the newest audits, oldest first."""
        return self._book.scores()

    def accept(self, finding_id: str, *, by: str, why: str, until: Until = None) -> None:
        """Leave a finding as it is. Raises FindingError."""
        now = self._now()
        end = now + until if isinstance(until, timedelta) else until
        if not by.strip() or not why.strip():
            raise FindingError("say who accepts it, and why")
        if len(why) > _WHY_LIMIT:
            raise FindingError(f"the reason is longer than {_WHY_LIMIT:,} characters")
        if end is not None and end <= now:
            raise FindingError("that time has passed")
        self._book.accept(finding_id, Acceptance(by.strip(), why.strip(), now, end))
        self.read_again()

    def withdraw(self, finding_id: str) -> None:
        """Take an acceptance back."""
        self._book.withdraw(finding_id)
        self.read_again()

    def read_again(self) -> None:
        """Read the last audit from the records: another dashboard may have made it."""
        self.state = replace(self.state, report=self._book.report())

    def _due(self) -> bool:
        report = self.report_or_none()
        return self._wanted or report is None or self._now() - report.at >= self._interval

    def report_or_none(self) -> Report | None:
        """Return the last audit; None also where the records do not answer."""
        try:
            return self.report()
        except KatoTenantsError:
            return None

    def _ask(self) -> dict[Need, Pass[object]]:
        asks = {need.value: partial(_facts, ask) for need, ask in self._sources.asks().items()}
        results = ask_all(asks, deadline=self._deadline)
        return {Need(name): result for name, result in results.items()}


def _facts(ask: Callable[[], object], _: Emit) -> object:
    return ask()


def _reading(result: Pass[object], kind: type[T]) -> T | None:
    return result.reading if isinstance(result.reading, kind) else None


_NEEDS = frozenset(need.value for need in Need)


def _unread(
    snapshot: Snapshot, asked: Mapping[Need, Pass[object]]
) -> tuple[dict[Need, Problem], frozenset[Need]]:
    """Return what could not be read, with why, and what is not configured."""
    measured = {Need(m): figures for m, figures in snapshot.stores.items() if m in _NEEDS}
    states = {need: each.state for need, each in measured.items()}
    states |= {need: each.state for need, each in asked.items()}
    absent = (need for need, state in states.items() if state is StoreState.NOT_CONFIGURED)
    reasons = {need: figures.unread for need, figures in measured.items()}
    reasons |= {n: each.reason for n, each in asked.items() if each.state is StoreState.UNKNOWN}
    return {need: why for need, why in reasons.items() if why is not None}, frozenset(absent)


_EXPOSURE = "exposure"
_ONE_KATO = "no tenant has a KATO of its own in the register"
_OURS = "the engines run inside this dashboard, and nobody else reaches them"


def judge(
    rules: Iterable[Rule], seen: Seen, *, unread: Mapping[Need, Problem], absent: Collection[Need],
    embedded: bool,
) -> Iterator[RuleResult]:  # fmt: skip
    """Yield what comes of each rule.

    `unread` are the needs that could not be read, with why, `absent` those of stores that are
    not configured; a rule that needs one of either is not run.
    """
    for rule in rules:
        missing = [need for need in Need if need in rule.needs]
        absence = next((need for need in missing if need in absent), None)
        problem = next((unread[need] for need in missing if need in unread), None)
        if embedded and rule.area == _EXPOSURE:
            yield RuleResult(rule, RuleState.NOT_CONFIGURED, reason=Problem(_OURS))
        elif absence is not None:
            of_store = f"{absence.value} are of a store that is not configured"
            reason = _ONE_KATO if absence is Need.INSTANCES else of_store
            yield RuleResult(rule, RuleState.NOT_CONFIGURED, reason=Problem(reason))
        elif problem is not None:
            yield RuleResult(rule, RuleState.UNKNOWN, reason=problem)
        else:
            yield _run(rule, seen)


def _run(rule: Rule, seen: Seen) -> RuleResult:
    try:
        found = tuple(rule.find(seen))
    except CannotTell as exc:
        return RuleResult(rule, RuleState.UNKNOWN, reason=Problem(str(exc)))
    return RuleResult(rule, RuleState.FOUND if found else RuleState.PASSED, found)
