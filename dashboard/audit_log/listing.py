"""The list of entries of the audit log with filters, pages, downloads; and that of one tenant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from functools import partial

import pandas as pd
import streamlit as st

from dashboard.app import permits, runtime, state_keys, unreadable
from dashboard.audit_log import tables
from dashboard.draw import downloads, figures
from dashboard.draw.downloads import decided_button
from dashboard.draw.formatting import escaped, moment, visible
from dashboard.draw.paging import Trail, trail_of
from services.access.viewer import Action, Outcome
from services.audit_log.formats import json_lines
from services.audit_log.models import Entry, LogFilter
from services.errors import KatoTenantsError

PER_PAGE = 50
EXPORTED = 50_000
"""Most entries in a file; the command line exports all of them."""

_FIRST_DAY, _LAST_DAY = date(2020, 1, 1), date(2099, 12, 31)

COLOR_OF = {"started": "gray", "done": "green", "refused": "orange", "failed": "red",
            tables.NO_END: "violet"}  # fmt: skip
COLUMNS = {
    "When": figures.TIME,
    "Outcome": st.column_config.MultiselectColumn(
        options=list(tables.OUTCOMES), color=[COLOR_OF[o] for o in tables.OUTCOMES],
        width=84, help="“no end”: it began, and it is under way, or its process died"),
    "Who": st.column_config.TextColumn(width=160),
    "Role": st.column_config.TextColumn(width=76),
    "Action": st.column_config.TextColumn(width=165),
    "Tenant": st.column_config.TextColumn(width=150),
    "Target": st.column_config.TextColumn(width=150),
    "Reason": st.column_config.TextColumn(
        width=180, help="The reason or ticket that was given, and why it was refused or failed"),
    "No.": st.column_config.NumberColumn(format="localized", width=70),
    "Request": st.column_config.TextColumn(width=150),
}  # fmt: skip


def missing_ends() -> None:
    """Say which purges ended and have no entry that says so. Raises KatoTenantsError."""
    for end in runtime.desk().log.missing_ends():
        st.warning(
            f"The purge of {escaped(visible(end.target))} (job {escaped(end.job_id)}, by "
            f"{escaped(visible(end.who))}) ended {moment(end.at)}, and no entry says so: its "
            "process died first. It is added within a minute.",
            icon=":material/link_off:",
        )


def draw() -> None:
    """Draw the filters and one page of what passes them. Raises KatoTenantsError."""
    wanted = _filters()
    trail: Trail[int] = trail_of(state_keys.LOG_TRAIL, wanted)
    page = runtime.desk().log.page(wanted, before=trail.at, limit=PER_PAGE)
    if not page.entries:
        _nothing(wanted)
        return
    table(page.entries, key="log_entries")
    _pages(trail, older=page.older)
    _downloads(wanted)


def table(entries: Sequence[Entry], *, key: str, without: Sequence[str] = ()) -> None:
    """Draw entries, the newest first."""
    desk = runtime.desk()
    frame = tables.frame_of(entries, desk.log.ends(entries))
    if not desk.gate.viewer().sees_all:
        without = (*without, "No.")  # where in the log it is tells how much was done to others
    st.dataframe(
        frame[[name for name in tables.SHOWN if name not in without]],
        hide_index=True, key=key, height="content", column_config=COLUMNS,
        alt="Entries of the audit log, the newest first: when, who, what, how it ended, tenant",
    )  # fmt: skip


def _filters() -> LogFilter:
    people = _people()  # first: where the log cannot be read there is nothing to filter
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            "Search", type="search", placeholder="Part of any name", live=True, width=190,
            key=state_keys.LOG_SEARCH, bind="query-params",
        )  # fmt: skip
        tenant = st.text_input(
            "Tenant", placeholder="kind/id, exactly", key=state_keys.LOG_TENANT, width=150,
            bind="query-params", help="As it is written on its page: tenant/acme",
        )  # fmt: skip
        with st.popover("Filter", icon=":material/tune:"):  # data comes first on a phone
            who = _choices("Who", people, state_keys.LOG_WHO)
            actions = _choices("Action", [action.value for action in Action], state_keys.LOG_ACTION)
            since, until = _day("From", state_keys.LOG_SINCE), _day("To", state_keys.LOG_UNTIL)
            outcomes = st.pills(
                "Outcome", [outcome.word for outcome in Outcome], selection_mode="multi",
                key=state_keys.LOG_OUTCOME, bind="query-params",
            )  # fmt: skip
            unended = st.checkbox(
                "Unfinished only", key=state_keys.LOG_UNENDED, bind="query-params"
            )
            every = st.checkbox(
                "Every entry", key=state_keys.LOG_EVERY, bind="query-params",
                help="An action that changes something has two: when it began, and how it ended. "
                "Without this, it is one row.",
            )  # fmt: skip
    return tables.filter_of(
        text=text, who=who, actions=actions, outcomes=outcomes, tenant=tenant,
        since=since, until=until, unended=unended, acts=not every,
    )  # fmt: skip


def _day(label: str, key: str) -> date | None:
    return st.date_input(
        label, None, min_value=_FIRST_DAY, max_value=_LAST_DAY, key=key, bind="query-params",
        width=126, help="A day in UTC",
    )  # fmt: skip


def _choices(label: str, options: Sequence[str], key: str) -> list[str]:
    asked = set(st.query_params.get_all(key)) - set(options)  # it may be in no entry
    return st.multiselect(
        label, [*options, *sorted(asked)], key=key, bind="query-params", placeholder="Any",
        width=172, filter_mode="contains",
    )  # fmt: skip


def _people() -> list[str]:
    return sorted(map(visible, runtime.desk().log.people()))


def _pages(trail: Trail[int], *, older: int | None) -> None:
    if len(trail.places) == 1 and older is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        trail.button("Newest", ":material/first_page:", "log_newest", None,
                     off=len(trail.places) == 1)  # fmt: skip
        trail.back_button("Newer", "log_newer")
        trail.next_button("Older", "log_older", older)


def _nothing(wanted: LogFilter) -> None:
    if replace(wanted, acts=False) == LogFilter():
        st.info("Nothing was logged yet. Whoever looks into a tenant, exports, or changes "
                "something is written down here.", icon=":material/history_edu:")  # fmt: skip
    else:
        st.info("No entry matches.", icon=":material/search_off:")


def _downloads(wanted: LogFilter) -> None:
    off = permits.why_not(Action.EXPORT) or permits.why_not(Action.SEE_LOG)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        for label, (write, mime) in _FORMATS.items():
            decided_button(
                label, partial(_file, write, wanted), reason=off, mime=mime,
                file_name=f"audit_log.{label.lower()}", key=f"log_{label.lower()}",
                type="tertiary", icon=":material/download:",
            )  # fmt: skip
        st.caption(f"The newest {EXPORTED:,} that match at most; `kato-tenants log export` "
                   "has all.")  # fmt: skip


def _file(write: Callable[[Sequence[Entry]], bytes], wanted: LogFilter) -> bytes:
    """Make a file of what the viewer may export when it is clicked, the newest first."""
    every = replace(wanted, acts=False)  # a file has all of them, to be verified
    return write(runtime.desk().log.exported(every, limit=EXPORTED))


def _whole(entries: Sequence[Entry]) -> pd.DataFrame:
    ends = runtime.desk().log.ends(entries)
    return tables.frame_of(entries, ends, all_tenants=True)


def as_csv(entries: Sequence[Entry]) -> bytes:
    """Return entries as CSV."""
    return downloads.as_csv(_whole(entries))


def as_parquet(entries: Sequence[Entry]) -> bytes:
    """Return entries as Parquet."""
    return downloads.as_parquet(_whole(entries))


def as_jsonl(entries: Sequence[Entry]) -> bytes:
    """Return entries as lines of JSON, with their hashes."""
    return "".join(json_lines(entries)).encode()


_FORMATS = {
    "CSV": (as_csv, "text/csv"),
    "Parquet": (as_parquet, "application/vnd.apache.parquet"),
    "JSONL": (as_jsonl, "application/jsonl"),
}


LAST = 10


def history(name: str) -> None:
    """Draw the same where nothing else stands: that there is none, or why it is not shown."""
    off = permits.why_not(Action.SEE_LOG)
    if off:
        st.caption(f":material/lock: {off}")
    elif not tenant_log(name):
        st.caption("The audit log has no entry of it that you may see.")


def tenant_log(name: str) -> bool:
    """Draw the last entries about a tenant, who may be no more; return whether anything was drawn.

    `name` is the tenant as `visible` writes it.
    """
    if permits.why_not(Action.SEE_LOG):
        return False
    wanted = tables.filter_of(tenant=name)
    try:
        entries = runtime.desk().log.page(wanted, limit=LAST).entries
        if not entries:
            return False
        st.subheader("What was done to it")
        table(entries, key="tenant_log", without=("Role", "No.", "Request"))
    except KatoTenantsError as exc:
        unreadable.draw("What was done to it", exc)
        return True
    permits.link("audit_log", "All of it in the audit log", {state_keys.LOG_TENANT: name})
    return True
