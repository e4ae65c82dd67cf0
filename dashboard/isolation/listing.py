"""The list of findings with its filters, and the rules that were looked at."""

from __future__ import annotations

import math
from datetime import datetime

import pandas as pd
import streamlit as st

from dashboard.app import runtime, state_keys
from dashboard.draw import figures, severities
from dashboard.draw.chosen import open_box, rows_table
from dashboard.draw.downloads import download
from dashboard.draw.formatting import plural
from dashboard.draw.paging import numbered
from dashboard.draw.usage_tables import NONE
from dashboard.isolation import read, tables, words as isolation_words
from services.isolation.models import Report, Status
from services.isolation.severity import Severity

PER_PAGE = 25
LINES = 80
"""Pixels of a row in which a sentence has three lines: Streamlit breaks none in less than 56."""

FIRST = ("Finding", "Status", "Tenant", "First seen")


def rows_of(report: Report, now: datetime) -> pd.DataFrame:
    """Return every finding with its status now."""
    return tables.with_status(read.listing(report).frame, now)


def draw(rows: pd.DataFrame, report: Report) -> None:
    """Draw the filters, and the findings that pass them."""
    st.header("Findings")
    found = _filtered(rows) if len(rows) else rows
    if len(rows):
        st.caption(f"{len(found):,} of {plural(len(rows), 'finding')}")
    if found.empty:
        _nothing(rows, report)
        return
    pages = math.ceil(len(found) / PER_PAGE)
    table = st.container()
    page = numbered(pages, state_keys.ISOLATION_PAGE)
    with table:
        _table(found.iloc[(page - 1) * PER_PAGE : page * PER_PAGE])
    records = read.listing(report).records
    whose = {tenant for id_ in found["Id"] for tenant in records[id_].finding.tenants}
    download(found[list(tables.EXPORTED)], "findings", tenants=sorted(whose))


def _filtered(rows: pd.DataFrame) -> pd.DataFrame:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            "Search", type="search", placeholder="Part of a finding, tenant or kb_id", live=True,
            key=state_keys.ISOLATION_SEARCH, bind="query-params", width=270,
        )  # fmt: skip
        asked = st.query_params.get(state_keys.ISOLATION_TENANT)  # nothing may be found about it
        tenants = tables.tenants_of(rows) | ({asked} if asked else set())
        tenant = st.selectbox(
            "Tenant", sorted(tenants), index=None, placeholder="Any", width=230,
            key=state_keys.ISOLATION_TENANT, bind="query-params", filter_mode="contains",
        )  # fmt: skip
        with st.popover("Filter", icon=":material/tune:"):  # data comes first on a phone
            grave = _pills("Severity", list(Severity), state_keys.ISOLATION_SEVERITY)
            areas = _pills("Area", sorted(rows["area"].unique()), state_keys.ISOLATION_AREA)
            standing = [status.word for status in tables.STANDING]
            statuses = _pills("Status", [status.word for status in Status],
                              state_keys.ISOLATION_STATUS, default=standing)  # fmt: skip
    return tables.matching(
        rows, text=text, tenant=tenant, severities=grave, areas=areas, statuses=statuses
    )


def _pills(label: str, options: list[str], key: str, default: list[str] | None = None) -> list[str]:
    words = [str(option) for option in options]
    return st.pills(label, words, selection_mode="multi", key=key, bind="query-params",
                    default=default, wrap=True)  # fmt: skip


def _nothing(rows: pd.DataFrame, report: Report) -> None:
    standing = any(tables.counts(rows).values())
    if standing or not len(rows):
        text = "No finding matches." if standing else "Nothing was found."
    else:
        text = "Nothing stands: every finding is accepted or resolved, or none matches."
    if report.unknown and not standing:
        rules = f"{plural(len(report.unknown), 'rule')} could not be checked"
        st.warning(f"Unknown whether there are findings: {rules}.", icon=":material/cloud_off:")
        return
    st.info(text, icon=":material/search_off:")


def _table(found: pd.DataFrame) -> None:
    ids = found["Id"].tolist()
    shown = severities.with_chips(found[list(tables.SHOWN)])
    names = [f"{what} · {id_}" for what, id_ in zip(found["Finding"], ids, strict=True)]
    open_box("finding", ids, names, key="findings", opened=open_finding)
    rows_table(
        shown, ids, ids, key="findings", opened=open_finding, height="content",
        alt="Findings, the gravest first: severity, what, status, tenant, rule and times",
        column_config={
            "Severity": severities.COLUMN,
            "Finding": st.column_config.TextColumn(width=390),
            "Status": st.column_config.TextColumn(width=92),
            "Tenant": st.column_config.TextColumn(width=166),
            "First seen": figures.TIME,
            "Last seen": figures.TIME,
        },
        row_height=LINES, column_order=["Severity", "Open", *FIRST],
    )  # fmt: skip


def open_finding(id_: str) -> None:
    """Go to one finding."""
    st.query_params[state_keys.FINDING] = id_  # beside the filters, which hold when one comes back
    st.rerun()


def _rule_columns(report: Report) -> list[str]:
    """Return the columns that are shown, others being in the menu: why some are unknown, if so."""
    why = ["Reason"] if report.unknown else ["Why it matters"]
    return ["State", "Rule", "Severity", "Findings", *why]


def rules(report: Report) -> None:
    """Draw every rule and what came of it."""
    st.header("Checks")
    counts = isolation_words.rule_counts(report)
    st.caption(", ".join(f"{count:,} {word}" for word, count in counts.items() if count))
    frame = isolation_words.rules_frame(report, runtime.desk().isolation.rules)
    st.dataframe(
        frame, hide_index=True, key="rules", placeholder=NONE,
        alt="Every rule: what came of it, why not where it is unknown, why it matters, what to do",
        column_config={
            "State": st.column_config.TextColumn(width=104),
            "Rule": st.column_config.TextColumn(width=180),
            "Severity": st.column_config.TextColumn(width=74),
            "Findings": st.column_config.NumberColumn(format="localized", width=74),
            "Reason": st.column_config.TextColumn(width=200),
            "Why it matters": st.column_config.TextColumn(width=508),
            "What to do": st.column_config.TextColumn(width="large"),
        },
        row_height=LINES, column_order=_rule_columns(report),
    )  # fmt: skip
    download(frame, "rules")
