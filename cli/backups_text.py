"""Rules of backups, and how tenants stand, as lines for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from cli.printed import aligned
from services.backups.models import Kept, Standing, in_order
from services.backups.written import NEVER, keep_words
from services.usage.formats import stamp
from services.visible import visible

_HOUR, _DAY = 3_600, 86_400


def rules_text(kept: Iterable[Kept]) -> str:
    """Return one line a rule, or that there is none."""
    rows = [
        (visible(str(each.rule.scope)), str(each.rule.schedule or NEVER),
         keep_words(each.rule.keep), f"{round(each.rule.jitter.total_seconds() / 60)} min",
         "yes" if each.rule.quiesce else "no", visible(each.rule.to), visible(each.by),
         visible(each.why))
        for each in in_order(kept)
    ]  # fmt: skip
    if not rows:
        return "no rule is set: nobody is backed up"
    head = ("FOR", "SCHEDULE", "KEEP", "JITTER", "ENDS SESSIONS", "TO", "BY", "WHY")
    return aligned([head, *rows])


def standings_text(standings: Sequence[Standing], *, now: datetime) -> str:
    """Return one line a tenant: its newest proven archive, its age, and what went wrong."""
    rows = [
        (visible(str(each.tenant)), stamp(each.newest.at if each.newest else None) or "none",
         _age(each, now), "never" if each.rule is None else visible(str(each.rule.rule.scope)),
         stamp(each.next_at) or "never", visible(_problem(each)))
        for each in standings
    ]  # fmt: skip
    if not rows:
        return "there is no tenant"
    return aligned([("TENANT", "NEWEST PROVEN", "AGE", "RULE", "NEXT", "PROBLEM"), *rows])


def _age(each: Standing, now: datetime) -> str:
    if each.newest is None:
        return ""
    seconds = int((now - each.newest.at).total_seconds())
    return f"{seconds // _HOUR:,}h" if seconds < 2 * _DAY else f"{seconds // _DAY:,}d"


def _problem(each: Standing) -> str:
    if each.problem:
        return each.problem
    return "" if each.late is None else "due, and not begun"
