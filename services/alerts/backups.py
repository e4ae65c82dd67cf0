"""The conditions of backups: one that failed, and one that nobody began. Pure."""

from __future__ import annotations

from datetime import datetime

from services.alerts.look import Look
from services.alerts.models import Sighting, Verdict
from services.backups import judge
from services.backups.models import Standing
from services.errors import Problem
from services.isolation.severity import Severity


def failed(look: Look) -> Verdict:
    """See whose newest run came to no proven archive."""
    if isinstance(look.backups, Problem):
        return Verdict(unknown=look.backups)
    found = judge.failed(look.backups)
    return Verdict(tuple(_sighting(each, each.last.due) for each in found if each.last))


def missed(look: Look) -> Verdict:
    """See whose backup has been due for an hour."""
    if isinstance(look.backups, Problem):
        return Verdict(unknown=look.backups)
    found = judge.missed(look.backups)
    return Verdict(tuple(_sighting(each, each.next_at) for each in found if each.next_at))


def _sighting(standing: Standing, due: datetime) -> Sighting:
    whose = (standing.tenant,)
    return Sighting(
        str(standing.tenant), Severity.HIGH, whose, whose, {"due": f"{due:%Y-%m-%d %H:%M} UTC"}
    )
