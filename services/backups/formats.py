"""Rules of backups and where tenants stand as JSON: in the records, and what the command prints."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from services.backups.models import Backup, Keep, Kept, Rule, Standing, in_order
from services.cards.scope import scope_written
from services.jobs.schedule import Schedule

_KEEP, _SCHEDULE = TypeAdapter(Keep), TypeAdapter(Schedule | None)


def rule_text(rule: Rule) -> str:
    """Write a rule as the records keep it."""
    return json.dumps(rule_json(rule), sort_keys=True)


def rule_of(text: str) -> Rule:
    """Read what `rule_text` wrote."""
    kept = json.loads(text)
    return Rule(
        scope_written(kept["for"]), _SCHEDULE.validate_python(kept["schedule"]),
        _KEEP.validate_python(kept["keep"]), timedelta(seconds=kept["jitter_seconds"]),
        kept["quiesce"], kept["to"],
    )  # fmt: skip


def rule_json(rule: Rule) -> dict[str, Any]:
    """Return a rule as JSON."""
    return {
        "for": str(rule.scope),
        "schedule": None if rule.schedule is None else asdict(rule.schedule),
        "keep": asdict(rule.keep),
        "jitter_seconds": round(rule.jitter.total_seconds()),
        "quiesce": rule.quiesce,
        "to": rule.to,
    }


def rules_json(kept: Iterable[Kept]) -> dict[str, Any]:
    """Return the rules as `backups list --json` prints them."""
    return {
        "rules": [
            {**rule_json(each.rule), "by": each.by, "at": _time(each.at), "why": each.why}
            for each in in_order(kept)
        ]
    }


def standings_json(standings: Iterable[Standing], *, now: datetime) -> dict[str, Any]:
    """Return how tenants are backed up as `backups status --json` prints it."""
    return {"at": _time(now), "tenants": [_standing(each, now) for each in standings]}


def _standing(each: Standing, now: datetime) -> dict[str, Any]:
    return {
        "tenant": str(each.tenant),
        "rule": None if each.rule is None else str(each.rule.rule.scope),
        "next_at": _time(each.next_at),
        "late_seconds": None if each.late is None else round(each.late.total_seconds()),
        "newest": _backup(each.newest, now),
        "last_run": None
        if each.last is None
        else {
            "due": _time(each.last.due),
            "begun": _time(each.last.begun),
            "archive": each.last.archive or None,
            "state": None if each.took is None else each.took.state.value,
            "problem": each.problem or None,
        },
    }


def _backup(backup: Backup | None, now: datetime) -> Mapping[str, Any] | None:
    """Return the newest proven archive; its age in seconds."""
    if backup is None:
        return None
    age = round((now - backup.at).total_seconds())
    return {
        "archive": backup.archive, "at": _time(backup.at), "age_seconds": age,
        "bytes": backup.bytes,
    }  # fmt: skip


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
