"""The audit's findings over time, in this product's own records."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, func, insert, select, update

from services.errors import FindingError
from services.isolation.formats import audit_json, finding_json, finding_of, report_of
from services.isolation.models import Acceptance, Audit, Record, Report, RuleState
from services.stores.records.database import batches, insert_into, reading, writing
from services.stores.records.schema import ACCEPTANCES, AUDITS, FINDINGS
from services.tenancy.layout import bytes_of

RESOLVED_KEPT = timedelta(days=90)
AUDITS_KEPT = timedelta(days=7)

_TOLD = (RuleState.PASSED, RuleState.FOUND)


class FindingBook:
    """Keeps audits. Raises StoreUnavailable when its database does not answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def keep(self, audit: Audit) -> None:
        """Note what an audit found, and what of before it did not find any more.

        A finding whose rule could not be run stays as it is. One that comes back after it was
        resolved begins anew, without its acceptance. An audit older than one that is kept
        changes nothing.
        """
        with writing(self._engine, "keeping an audit") as connection:
            newest = connection.scalar(select(func.max(AUDITS.c.at)))
            if newest is not None and newest >= audit.at:
                return
            connection.execute(insert(AUDITS).values(at=audit.at, text=audit_json(audit)))
            self._put(connection, audit)
            self._resolve(connection, audit)
            _forget(connection, audit.at)

    def report(self) -> Report | None:
        """Return the newest audit with every finding, or None before the first."""
        with reading(self._engine, "reading findings") as connection:
            last = connection.execute(select(AUDITS).order_by(AUDITS.c.at.desc()).limit(1)).first()
            if last is None:
                return None
            accepted = {row.finding: _acceptance_of(row) for row in connection.execute(
                select(ACCEPTANCES))}  # fmt: skip
            records = [
                _record_of(row, accepted.get(row.id))
                for row in connection.execute(select(FINDINGS))
            ]
        report = report_of(last.at, last.text, ())
        unlooked = {rule.code for rule in report.rules if rule.state not in _TOLD}
        looked = (replace(r, looked=r.finding.code not in unlooked) for r in records)
        return replace(report, records=tuple(sorted(looked, key=_gravest_first)))

    def scores(self, limit: int = 60) -> tuple[tuple[datetime, int | None], ...]:
        """Return the scores of the newest audits, oldest first."""
        newest = select(AUDITS).order_by(AUDITS.c.at.desc()).limit(limit)
        with reading(self._engine, "reading audits") as connection:
            rows = connection.execute(newest).all()
        return tuple((row.at, report_of(row.at, row.text, ()).score) for row in reversed(rows))

    def accept(self, finding_id: str, acceptance: Acceptance) -> None:
        """Keep that someone leaves a finding as it is. Raises FindingError when it is not there."""
        values = {
            "accepted_by": acceptance.by, "why": acceptance.why, "accepted_at": acceptance.at,
            "until": acceptance.until,
        }  # fmt: skip
        there = select(FINDINGS.c.id).where(
            FINDINGS.c.id == finding_id, FINDINGS.c.resolved_at.is_(None)
        )
        with writing(self._engine, "accepting a finding") as connection:
            if connection.scalar(there) is None:
                raise FindingError("there is no such finding, or it has been resolved")
            statement = insert_into(connection, ACCEPTANCES).values(finding=finding_id, **values)
            connection.execute(
                statement.on_conflict_do_update(index_elements=[ACCEPTANCES.c.finding], set_=values)
            )

    def withdraw(self, finding_id: str) -> None:
        """Forget an acceptance; one that is not there is no fault."""
        with writing(self._engine, "withdrawing an acceptance") as connection:
            connection.execute(delete(ACCEPTANCES).where(ACCEPTANCES.c.finding == finding_id))

    def _put(self, connection: Connection, audit: Audit) -> None:
        rows = {
            finding.id: {
                "id": finding.id, "code": finding.code, "text": finding_json(finding),
                "first_seen": audit.at, "last_seen": audit.at, "resolved_at": None,
            }
            for finding in audit.findings
        }  # fmt: skip
        _renew(connection, tuple(rows), audit.at)
        if not rows:
            return
        statement = insert_into(connection, FINDINGS)
        new = statement.excluded
        statement = statement.on_conflict_do_update(
            index_elements=[FINDINGS.c.id],
            set_={"text": new.text, "last_seen": new.last_seen},
            where=FINDINGS.c.last_seen <= new.last_seen,
        )
        connection.execute(statement, [rows[id_] for id_ in sorted(rows)])

    def _resolve(self, connection: Connection, audit: Audit) -> None:
        """Resolve what was there before and was not found, but where its rule was not run."""
        untold = [result.rule.code for result in audit.results if result.state not in _TOLD]
        gone = update(FINDINGS).where(
            FINDINGS.c.resolved_at.is_(None),
            FINDINGS.c.last_seen < audit.at,
            FINDINGS.c.code.not_in(untold),
        )
        connection.execute(gone.values(resolved_at=audit.at))
        resolved = select(FINDINGS.c.id).where(FINDINGS.c.resolved_at.is_not(None))
        connection.execute(delete(ACCEPTANCES).where(ACCEPTANCES.c.finding.in_(resolved)))


def _gravest_first(record: Record) -> tuple[int, str, bytes]:
    finding = record.finding
    return finding.severity.rank, finding.code, bytes_of(finding.subject)


def _renew(connection: Connection, ids: tuple[str, ...], at: datetime) -> None:
    """Forget findings that were resolved before and are there again: they begin anew."""
    for some in batches(ids):
        again = (FINDINGS.c.id.in_(some), FINDINGS.c.resolved_at < at)
        connection.execute(delete(FINDINGS).where(*again))


def _forget(connection: Connection, now: datetime) -> None:
    connection.execute(delete(FINDINGS).where(FINDINGS.c.resolved_at < now - RESOLVED_KEPT))
    connection.execute(delete(AUDITS).where(AUDITS.c.at < now - AUDITS_KEPT))


def _acceptance_of(row: Row[Any]) -> Acceptance:
    return Acceptance(row.accepted_by, row.why, row.accepted_at, row.until)


def _record_of(row: Row[Any], acceptance: Acceptance | None) -> Record:
    return Record(
        finding_of(row.text), row.first_seen, row.last_seen, row.resolved_at, acceptance
    )  # fmt: skip


_OURS = ("code", "severity", "about")  # what names nobody, whatever words a target is named by
_LONG = 8  # characters: a shorter name may be a part of any word


def forget_in_findings(connection: Connection, words: Mapping[str, str]) -> None:
    """Put words for names in findings, those that were resolved too.

    One whose subject is such a name is removed: the next audit finds it again where it is there.
    """
    longest = sorted(words.items(), key=lambda each: -len(each[0]))  # none within another one
    for row in connection.execute(select(FINDINGS.c.id, FINDINGS.c.text)).all():
        finding = json.loads(row.text)
        worded = {
            part: value if part in _OURS else _worded(value, longest)
            for part, value in finding.items()
        }
        if worded["subject"] != finding["subject"]:
            connection.execute(delete(ACCEPTANCES).where(ACCEPTANCES.c.finding == row.id))
            connection.execute(delete(FINDINGS).where(FINDINGS.c.id == row.id))
        elif worded != finding:
            text = json.dumps(worded, sort_keys=True)
            connection.execute(update(FINDINGS).where(FINDINGS.c.id == row.id).values(text=text))


def _worded(value: Any, words: Sequence[tuple[str, str]]) -> Any:
    """Replace names: long ones wherever they stand, short ones where they stand alone."""
    if isinstance(value, list):
        return [_worded(each, words) for each in value]
    if isinstance(value, dict):
        return {said: _worded(each, words) for said, each in value.items()}  # our own words
    if not isinstance(value, str):
        return value
    for name, word in words:
        if value == name:
            return word
        if len(name) >= _LONG:
            value = value.replace(name, word)
    return value
