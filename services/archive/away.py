"""Tenants whose data is in no store here: what is kept of each, and who sees what of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from services.access.viewer import PERMISSIONS, Action, Viewer
from services.jobs.confined import UNTOLD_REASON
from services.tenancy.kb_ids import TenantKey


@dataclass(frozen=True, slots=True)
class Away:
    """A tenant that is in an archive, and in no store of this deployment.

    `archive` is the archive's id and `name` its file's, `bytes` the file's size; `purge` is the
    job that erased the rest, and `outcome` what that came to. `job` did it all, for `reason`.
    Ids, names and texts that may not be told are empty.
    """

    tenant: TenantKey
    since: datetime
    by: str
    reason: str
    archive: str
    name: str
    bytes: int
    purge: str
    outcome: str
    job: str


AwayT = TypeVar("AwayT", bound=Away)


def confined_away(away: AwayT, viewer: Viewer) -> AwayT:
    """Return what may be seen of one in scope: that, since when, and how much that is.

    Archive, purge and reason are for whoever may see archives; who it was for who sees all.
    """
    if not viewer.role.includes(PERMISSIONS[Action.SEE_ARCHIVES].role):
        away = replace(away, archive="", name="", purge="", reason="")
    if viewer.sees_all:
        return away
    reason = away.reason if away.by == viewer.id or not away.reason else UNTOLD_REASON
    return replace(away, by="", reason=reason)
