"""Findings and audits as JSON: how they are kept, and what scripts read. Pure.

The text is ASCII whatever the names hold.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from services.errors import Problem
from services.isolation.about import About, Evidence, Fact, plain
from services.isolation.models import (
    Audit,
    Deed,
    DeedKind,
    Finding,
    Record,
    Report,
    Rule,
    RuleState,
    RuleSummary,
)
from services.isolation.severity import Severity
from services.tenancy.kb_ids import TenantKey
from services.usage.snapshot import StoreFigures


def finding_json(finding: Finding) -> str:
    """Write a finding, so that `finding_of` reads it back the same."""
    evidence = finding.evidence.items()
    about = {word: said.about.value for word, said in evidence if isinstance(said, Fact)}
    return _text({
        "code": finding.code,
        "subject": finding.subject,
        "severity": finding.severity.value,
        "what": finding.what,
        "tenants": list(map(str, finding.tenants)),
        "kb_ids": list(finding.kb_ids),
        "evidence": plain(finding.evidence),
        **({"about": about} if about else {}),
        "remedy": finding.remedy,
        "deeds": [[deed.kind.value, deed.about] for deed in finding.deeds],
    })  # fmt: skip


def finding_of(text: str) -> Finding:
    """Read what `finding_json` wrote, in this version or an earlier one, which said less."""
    read = json.loads(text)
    return Finding(
        code=read["code"],
        subject=read["subject"],
        severity=Severity(read["severity"]),
        what=read["what"],
        tenants=tuple(map(TenantKey.written, read["tenants"])),
        kb_ids=tuple(read["kb_ids"]),
        evidence=_evidence_of(read["evidence"], read.get("about", {})),
        remedy=read["remedy"],
        deeds=tuple(Deed(DeedKind(kind), about) for kind, about in read["deeds"]),
    )


def _evidence_of(values: Mapping[str, Any], about: Mapping[str, str]) -> Evidence:
    found = {
        word: tuple(value) if isinstance(value, list) else value for word, value in values.items()
    }
    return found | {word: Fact(found[word], About(whom)) for word, whom in about.items()}


def audit_json(audit: Audit) -> str:
    """Write what an audit came to, without its findings, so that `report_of` reads it back."""
    return _text({
        "seconds": audit.seconds,
        "score": audit.score,
        "rules": [
            [result.rule.code, result.state.value, len(result.findings), _kept(result.reason)]
            for result in audit.results
        ],
    })  # fmt: skip


def _kept(reason: Problem | None) -> str | list[str]:
    return "" if reason is None else reason.kept


def report_of(at: datetime, text: str, records: tuple[Record, ...]) -> Report:
    """Read what `audit_json` wrote, and put the findings to it."""
    read = json.loads(text)
    rules = (
        RuleSummary(code, RuleState(state), count, Problem.of_kept(reason) if reason else None)
        for code, state, count, reason in read["rules"]
    )
    return Report(at, read["seconds"], read["score"], tuple(rules), records)


def report_json(
    report: Report, stores: Mapping[str, StoreFigures], rules: Mapping[str, Rule]
) -> str:
    """Write what a script reads: findings that are there now, rules and stores.

    `stores` is by measure; one that was not read has a null count and a reason.
    """
    now = datetime.now(UTC)
    return json.dumps(
        {
            "at": _time(report.at),
            "score": report.score,
            "findings": [
                _finding(record, now, rules) for record in report.records
                if record.resolved_at is None
            ],
            "rules": {
                rule.code: {
                    "state": rule.state.value, "findings": rule.count,
                    "reason": str(rule.reason or ""),
                }
                for rule in report.rules
            },
            "stores": {name: _store(figures) for name, figures in stores.items()},
        },
        indent=2,
    )  # fmt: skip


def _finding(record: Record, now: datetime, rules: Mapping[str, Rule]) -> dict[str, Any]:
    finding, rule = record.finding, rules.get(record.finding.code)
    return {
        "id": finding.id,
        "code": finding.code,
        "severity": finding.severity.value,
        "status": record.status(now).value,
        "what": finding.what,
        "tenants": list(map(str, finding.tenants)),
        "kb_ids": list(finding.kb_ids),
        "evidence": plain(finding.evidence),
        "remedy": finding.remedy or (rule.remedy if rule else ""),
        "first_seen": _time(record.first_seen),
        "last_seen": _time(record.last_seen),
    }


def _store(figures: StoreFigures) -> dict[str, Any]:
    gap = None if figures.total is None else figures.difference
    return {
        "state": figures.state.value,
        "count": None if figures.total is None else figures.total.count,
        "difference": None if gap is None else gap.count,
        "reason": figures.reason and str(figures.reason),
    }


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True)
