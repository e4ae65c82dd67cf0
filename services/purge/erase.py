"""The steps of a purge that change something: each may be done twice, and is judged anew before."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from services.errors import SessionGone, StoreError, StoreNotConfigured, StoreRejected
from services.figures import Measure
from services.jobs.models import Progress, Result
from services.purge.check import sessions_there
from services.purge.context import Context, presence_of
from services.purge.journal import counts_rows
from services.purge.judge import Halted
from services.purge.models import Look
from services.purge.ports import KatoState, Presence
from services.purge.steps import StepName


def archive(context: Context) -> Result:
    """Take an archive of the target and prove it: until that is done, nothing is erased."""
    context.judge.may_go()
    archiver, job = context.tools.archiver, context.job
    if archiver is None:
        raise Halted("no archive can be taken here")
    return dict(archiver.take(job.plan, job_id=job.id, by=job.asked_by))


def end_sessions(context: Context) -> Result:
    """End sessions through KATO, and in Redis: there alone where no KATO is."""
    context.judge.may_go()
    found = {**context.judge.sessions, **sessions_there(context)}
    context.judge.sessions |= found
    presence = presence_of(context.tools)
    ended, silent = _delete(context, list(found), presence)
    with suppress(StoreNotConfigured):
        keys = context.tools.erasers.keys
        keys.erase_sessions(context.surface, context.judge.wants, context.survey)
    state = None if presence is None else presence.state.value
    if silent:
        state = KatoState.UNSTEADY.value
    return {"ended": ended, "live": len(found), "kato": state, "at": datetime.now(UTC).isoformat()}


def _delete(
    context: Context, session_ids: list[str], presence: Presence | None
) -> tuple[int, bool]:
    """Have KATO end sessions; how many it did, and whether it stopped answering."""
    if presence is None or presence.state is KatoState.STOPPED:
        return 0, False
    ended = 0
    for number, session_id in enumerate(session_ids, start=1):
        try:
            context.tools.kato.delete(session_id)
            ended += 1
        except (SessionGone, StoreRejected):
            pass  # gone, or with an id that no call can name: its record goes below
        except StoreError:
            return ended, True  # the records go all the same; the last look waits for KATO
        context.said(Progress("sessions ended", number, len(session_ids)))
    return ended, False


def flush(context: Context) -> Result:
    """Have ClickHouse write the inserts that it holds back."""
    with suppress(StoreNotConfigured):
        context.tools.erasers.patterns.flush()
    return {}


def erase_keys(context: Context) -> Result:
    """Erase the keys that the check found; what came since, the proof erases."""
    context.judge.may_go()
    keys, before = context.tools.erasers.keys, _last_found(context, Measure.KEYS)
    result: dict[str, Any] = {"before": before}
    with suppress(StoreNotConfigured):
        keys.erase(context.surface, context.judge.wants, context.said, context.survey)
        context.survey = None
        if context.request.trim_streams:
            result["trimmed"] = keys.trim_streams()
    return result


def _last_found(context: Context, store: Measure) -> list[Any]:
    """Return what the last check found of a store, as rows of the journal."""
    rows = context.results.get(StepName.CHECK, {}).get("items", ())
    return [row for row in rows if row[0] == store.value]


def erase_patterns(context: Context) -> Result:
    """Erase rows in ClickHouse."""
    patterns = context.tools.erasers.patterns
    return _look_and_erase(
        context, Measure.PATTERNS, lambda: patterns.look(context.surface),
        lambda: patterns.erase(context.surface, context.said),
    )  # fmt: skip


def erase_vectors(context: Context) -> Result:
    """Erase points in Qdrant, or drop collections."""
    vectors, keep = context.tools.erasers.vectors, context.keep
    return _look_and_erase(
        context, Measure.VECTORS, lambda: vectors.look(context.surface, keep=keep),
        lambda: vectors.erase(context.surface, context.said, keep=keep),
    )  # fmt: skip


def _look_and_erase(
    context: Context, store: Measure, look: Callable[[], Look], erase: Callable[[], None]
) -> Result:
    """Judge and look right before the deed: what came since the check is told, and counts."""
    try:
        found = look()
    except StoreNotConfigured:
        return {}
    new = [text for text in found.blockers if text not in context.job.plan.blockers]
    if new:
        raise Halted(f"{new[0]}; nothing of it was touched since: plan again")
    context.judge.may_go()
    erase()
    items = [item for item in found.items if item.store is store]
    return {"before": counts_rows(items)}


def invalidate(context: Context) -> Result:
    """Have KATO forget what it caches of the sessions that ended."""
    asked = 0
    if context.results.get(StepName.SESSIONS, {}).get("kato") != KatoState.RUNNING.value:
        return {"asked": 0}
    for session_id in context.judge.sessions:
        try:
            if not context.tools.kato.invalidate_caches(session_id):
                break
        except StoreError:
            break  # its caches in Redis are erased; what it has in memory, the last look tells
        asked += 1
    return {"asked": asked}
