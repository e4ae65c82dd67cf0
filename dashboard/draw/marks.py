"""What happened meanwhile: marks of a chart over time, confined as the viewer is.

Out of the audit log what changes figures or whose they are, grave findings when they were first
seen, limits that were come near to or crossed, starts of KATO, bursts of sessions, and why a figure
was not known for a while.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import pandas as pd
import streamlit as st

from dashboard.app import permits, runtime
from dashboard.draw import figures, limits
from dashboard.draw.formatting import clipped, plural, span, visible
from services.access.viewer import Action
from services.audit_log.models import Entry, LogFilter
from services.history.bursts import bursts
from services.history.events import Event, EventKind
from services.history.models import Cell
from services.isolation.models import Record
from services.isolation.severity import Severity

LOGGED = (
    Action.RUN_PURGE, Action.RESTORE, Action.PARK, Action.UNPARK, Action.MOVE, Action.APART,
    Action.IMPORT_DATA, Action.RUN_RETENTION, Action.LOAD, Action.END_AND_ARCHIVE,
    Action.IMPORT_NAMES, Action.CONFIRM_OWNER, Action.REVOKE_OWNER, Action.CLEAN_INDEX,
)  # fmt: skip
"""What changes how much there is, or whose it is."""

MOST = 100
"""Entries of the log that are looked at: the newest."""

_LENGTH = 160


@dataclass(frozen=True, slots=True)
class Mark:
    """What happened at a moment; the words can be shown."""

    at: datetime
    words: str


def happened(tenant: str, since: datetime, until: datetime) -> tuple[Mark, ...]:
    """Return what happened to a tenant, or without one to anybody, of what the viewer may see.

    The oldest first. Raises StoreError.
    """
    some = (*_logged(tenant, since, until), *_found(tenant, since, until),
            *_seen(tenant, since, until))  # fmt: skip
    return tuple(sorted(some, key=_when))


def _logged(tenant: str, since: datetime, until: datetime) -> Iterator[Mark]:
    if permits.why_not(Action.SEE_LOG):
        return
    wanted = LogFilter(
        actions=tuple(each.value for each in LOGGED), tenant=tenant, since=since, until=until,
        acts=True,
    )  # fmt: skip
    for entry in runtime.desk().log.page(wanted, limit=MOST).entries:
        if entry.intact:
            yield Mark(entry.event.at, _of_entry(entry))


def _of_entry(entry: Entry) -> str:
    event = entry.event
    about = f": {visible(event.target)}" if event.target else ""
    return clipped(f"{event.action[:1].upper()}{event.action[1:]} ({event.outcome.word}){about}",
                   _LENGTH)  # fmt: skip


def _found(tenant: str, since: datetime, until: datetime) -> Iterator[Mark]:
    report = runtime.desk().isolation.report_or_none()
    for record in report.records if report else ():
        whose = {str(each) for each in record.finding.tenants}
        about = not tenant or tenant in whose
        if about and _is_grave(record) and since <= record.first_seen < until:
            said = f"Finding ({record.finding.severity}): {visible(record.finding.what)}"
            yield Mark(record.first_seen, clipped(said, _LENGTH))


def _is_grave(record: Record) -> bool:
    return record.finding.severity.at_least(Severity.HIGH)


_LIMIT_WORDS = {
    EventKind.LIMIT_NEAR: "Near a limit",
    EventKind.LIMIT_OVER: "Over a limit",
    EventKind.LIMIT_LEFT: "No longer near or over a limit",
}


def _seen(tenant: str, since: datetime, until: datetime) -> Iterator[Mark]:
    for event in runtime.desk().history.happened(since, until, tenant=tenant, most=MOST):
        yield Mark(event.at, of_event(event))


def of_event(event: Event) -> str:
    """Say what happened. Pure."""
    if event.kind is EventKind.KATO_STARTED:
        return "KATO was started"
    limit = limits.label(event.quantity)
    if event.most is not None:
        limit += f", {limits.amount(event.quantity, event.most)}"
    return clipped(f"{_LIMIT_WORDS[event.kind]} ({limit}): {visible(event.tenant)}", _LENGTH)


def of_bursts(cells: Sequence[Cell]) -> tuple[Mark, ...]:
    """Return when there were many more sessions than is usual for this time. Pure."""
    return tuple(
        Mark(burst.began, f"Session burst: up to {burst.most:,}, usual are {burst.usual:,}")
        for burst in bursts(cells)
    )


def gaps(cells: Sequence[Cell]) -> tuple[Mark, ...]:
    """Return why a figure that had been known was not for a while. Pure."""
    marks, known = [], False
    for why, some in groupby(cells, key=_why):
        spans = list(some)
        known = known or any(cell.rollup for cell in spans)
        if why and known:
            words = f"Unknown for {span(sum(map(_unknown, spans)))}: {visible(why)}"
            marks.append(Mark(spans[0].began, clipped(words, _LENGTH)))
    return tuple(marks)


def _why(cell: Cell) -> str:
    """Return why a figure was not known all the time; empty where nobody was kept from it."""
    return cell.reason or ("" if cell.rollup else "nobody looked")


def _unknown(cell: Cell) -> float:
    return (1 - cell.share) * (cell.ended - cell.began).total_seconds()


def _when(mark: Mark) -> datetime:
    return mark.at


def table(marks: Sequence[Mark]) -> None:
    """Draw them as a folded table, for who sees no chart; nothing where there are none."""
    if not marks:
        return
    with st.expander(f"{plural(len(marks), 'event')} in this time"):
        frame = pd.DataFrame({
            "When": pd.to_datetime([mark.at for mark in marks], utc=True),
            "What": [mark.words for mark in marks],
        })  # fmt: skip
        st.dataframe(
            frame, hide_index=True, key="marks", alt="What happened in this time, and when",
            column_config={"When": figures.TIME},
        )  # fmt: skip
