"""Rules of backups, and how tenants stand, as table rows and words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import pandas as pd

from dashboard.draw.formatting import age, plural, visible
from services.backups.judge import failed, missed
from services.backups.models import Changes, Kept, Rule, Standing
from services.backups.written import NEVER, keep_words
from services.tenancy.kb_ids import TenantKey

_TIMES = ("Newest proven", "Last run", "Next")


def standings_frame(
    standings: Sequence[Standing], now: datetime, names: Mapping[TenantKey, str]
) -> pd.DataFrame:
    """Return one row a tenant; the newest proven archive is empty where none is known.

    Problems, and what people call them (`names`), are columns only where there are any.
    """
    rows = [
        {
            "Tenant": visible(str(each.tenant)),
            "Name": visible(names.get(each.tenant, "")),
            "Age": age(each.newest.at, now) if each.newest else "none",
            "Problem": problem(each),
            "Rule": visible(str(each.rule.rule.scope)) if each.rule else "none",
            "Next": each.next_at,
            "Last run": each.last.begun if each.last else None,
            "Newest proven": each.newest.at if each.newest else None,
            "Size": each.newest.bytes if each.newest else None,
        }
        for each in standings
    ]
    frame = pd.DataFrame(rows)
    for column in _TIMES:
        frame[column] = pd.to_datetime(frame[column], utc=True)
    return frame.drop(columns=[name for name in ("Name", "Problem") if not frame[name].any()])


def problem(each: Standing) -> str:
    """Say what is wrong with a tenant's backups, or that one is being taken; else nothing."""
    if each.problem:
        return visible(each.problem)
    if each.late is not None:
        return "due, and not begun"
    return "being taken" if each.took is not None and not each.took.settled else ""


def worst_first(standings: Sequence[Standing]) -> tuple[Standing, ...]:
    """Return them with what failed first, then what is late, then the oldest archive."""
    return tuple(sorted(standings, key=_gravity))


def _gravity(each: Standing) -> tuple[bool, bool, bool, str, str]:
    newest = "" if each.newest is None else each.newest.at.isoformat()
    return not each.problem, each.late is None, each.rule is None, newest, str(each.tenant)


def summary(standings: Sequence[Standing]) -> str:
    """Say how many are backed up, and how many not as they should be."""
    kept = sum(each.next_at is not None for each in standings)
    proven = sum(each.newest is not None for each in standings)
    parts = [
        f"{kept:,} of {plural(len(standings), 'tenant')} backed up by a rule",
        f"{proven:,} with a proven archive",
    ]
    late, bad = len(missed(standings)), len(failed(standings))
    parts += [f"{bad:,} failed"] if bad else []
    parts += [f"{late:,} missed"] if late else []
    return ", ".join(parts)


def rules_frame(kept: Sequence[Kept]) -> pd.DataFrame:
    """Return one row a rule."""
    rows = [
        {
            "For": visible(str(each.rule.scope)),
            "Runs": str(each.rule.schedule or NEVER),
            "Keep": keep_words(each.rule.keep),
            "Begins": _late_by(each.rule),
            "Ends sessions": "yes" if each.rule.quiesce else "no",
            "Kept in": visible(each.rule.to),
            "Set by": visible(each.by),
            "Why": visible(each.why),
        }
        for each in kept
    ]
    return pd.DataFrame(rows)


def _late_by(rule: Rule) -> str:
    minutes = round(rule.jitter.total_seconds() / 60)
    return f"up to {minutes:,} min later" if minutes else "at that time"


def done_words(done: Changes) -> str:
    """Say what was changed."""
    parts = [f"{plural(len(done.put), 'rule')} set"] if done.put else []
    parts += [f"{plural(len(done.removed), 'rule')} removed"] if done.removed else []
    return ", ".join(parts) or "Nothing was a change"
