"""Rules of backups as people write them, and in words. Pure."""

from __future__ import annotations

import re
from datetime import timedelta

from services.backups.models import Keep, Rule
from services.cards.models import CardError
from services.cards.scope import Scope, scope_of as read_scope
from services.errors import KatoTenantsError, NamingError
from services.jobs.schedule import ScheduleError, schedule_of

NEVER = "never"
"""The schedule of those who are not backed up, whatever wider rules say."""

_MOST = 10_000
_LONGEST_JITTER = timedelta(hours=24)
_KEPT = re.compile(r"(last|daily|weekly|monthly|days)=([0-9]{1,5})")


class BackupError(KatoTenantsError):
    """A rule of backups that cannot be, or a backup that cannot be begun."""


def rule_written(
    scope: str, cron: str, *, zone: str = "UTC", keep: str = "", jitter_minutes: int = 0,
    quiesce: bool = False, to: str = "",
) -> Rule:  # fmt: skip
    """Read a rule; `cron` may be `never`. Raises BackupError."""
    whom = scope_of(scope)
    try:
        schedule = None if cron.strip().lower() == NEVER else schedule_of(cron, zone)
    except ScheduleError as exc:
        raise BackupError(str(exc)) from None
    jitter = timedelta(minutes=jitter_minutes)
    if not timedelta() <= jitter <= _LONGEST_JITTER:
        raise BackupError("the jitter is from 0 to 1,440 minutes")
    return Rule(whom, schedule, keep_of(keep), jitter, quiesce, to.strip())


def scope_of(text: str) -> Scope:
    """Read whom a rule is for. Raises BackupError."""
    try:
        return read_scope(text)
    except NamingError as exc:
        raise BackupError(f"{exc}; or * for every tenant, org/* for every one of a kind, "
                          "label:plan=gold for every one with a label") from None  # fmt: skip
    except CardError as exc:
        raise BackupError(str(exc)) from None


def keep_of(text: str) -> Keep:
    """Read what stays: `last=7 daily=7 weekly=4 monthly=12 days=400`; empty for the default.

    What is not named is 0, and `days` any age. Raises BackupError.
    """
    if not text.strip():
        return Keep()
    found: dict[str, int] = {}
    for word in text.replace(",", " ").split():
        part = _KEPT.fullmatch(word)
        if part is None or part[1] in found or int(part[2]) > _MOST:
            raise BackupError("what stays is written last=7 daily=7 weekly=4 monthly=12 days=400")
        found[part[1]] = int(part[2])
    if found.get("days") == 0:
        raise BackupError("days is at least 1")
    return Keep(
        last=found.get("last", 0), daily=found.get("daily", 0), weekly=found.get("weekly", 0),
        monthly=found.get("monthly", 0), days=found.get("days"),
    )  # fmt: skip


def keep_words(keep: Keep) -> str:
    """Say what stays, as `keep_of` reads it."""
    counts = {"last": keep.last, "daily": keep.daily, "weekly": keep.weekly,
              "monthly": keep.monthly, "days": keep.days or 0}  # fmt: skip
    return " ".join(f"{name}={many}" for name, many in counts.items() if many) or "last=0"


def words_of(rule: Rule) -> str:
    """Say a rule in one line; the name in it is as it is, not made visible."""
    if rule.schedule is None:
        return f"{rule.scope} {NEVER}"
    minutes = round(rule.jitter.total_seconds() / 60)
    parts = [f"{rule.scope} at {rule.schedule} keeping {keep_words(rule.keep)}"]
    parts += [f"up to {minutes} min later"] if minutes else []
    parts += ["sessions ended first"] if rule.quiesce else []
    parts += [f"to {rule.to}"] if rule.to else []
    return ", ".join(parts)
