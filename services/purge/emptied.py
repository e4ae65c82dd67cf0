"""Collections that a purge emptied and kept: dropped later, when no KATO is there that used them.

A worker that has used a collection never makes it again once it is dropped, and would lose every
later vector of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from services.errors import PurgeRefused
from services.jobs.models import Result
from services.purge.context import presence_of
from services.purge.job import Job
from services.purge.journal import result_of
from services.purge.ports import KatoState, Presence
from services.purge.steps import StepName
from services.purge.target import goes
from services.purge.tools import Tools
from services.usage.readings import CachedProcessor


def has_forgotten(presence: Presence, ended: Result) -> bool:
    """Whether no KATO is there that ran when a job ended its sessions, by the journal of that."""
    if presence.state is KatoState.STOPPED:
        return True
    at, started = ended.get("at"), presence.started_at
    if presence.state is KatoState.UNSTEADY or at is None or started is None:
        return False
    return started > datetime.fromisoformat(at)


def drop_emptied(tools: Tools, job: Job) -> tuple[str, ...]:
    """Drop what an ended job emptied and kept, and return the names of the collections.

    Raises PurgeRefused where a KATO may have used them that is there, as far as its uptime, its
    sessions, the processors in its memory and the node_ids seen since then tell.
    """
    presence = presence_of(tools)
    if presence is None:
        raise PurgeRefused("no KATO is configured: whether it has forgotten them is not known")
    if not has_forgotten(presence, result_of(job, StepName.SESSIONS)):
        raise PurgeRefused(
            "KATO does not say that all of it was started after this purge ended its sessions: it "
            "would lose every later vector of a collection that is dropped"
        )
    cached = _cached(tools, presence)
    if any(_uses(tools, job, node) for node in _nodes(tools, job, cached)):
        raise PurgeRefused("KATO uses names of this purge again, or did since it ended")
    return tools.erasers.vectors.drop_emptied(job.plan.surface)


def _cached(tools: Tools, presence: Presence) -> tuple[CachedProcessor, ...]:
    """Return what KATO has in memory. Raises PurgeRefused where a worker does not say."""
    if presence.state is not KatoState.RUNNING:
        return ()
    found = tools.kato.cached_processors()
    if found.unanswered:
        raise PurgeRefused("a worker of KATO does not say what it has in memory: try again later")
    return found.processors


def _nodes(tools: Tools, job: Job, cached: Iterable[CachedProcessor]) -> Iterator[str]:
    """Yield the node_ids that there are, and those that were seen since a job was planned."""
    yield from tools.erasers.keys.nodes(()).values()
    yield from (each.node_id for each in cached)
    yield from tools.ownership().nodes - job.plan.surface.nodes


def _uses(tools: Tools, job: Job, node: str) -> bool:
    ownership = tools.ownership()
    used = not job.plan.surface.kb_ids.isdisjoint(ownership.kb_ids_of(node))
    return used or goes(job.plan.request, node, ownership)
