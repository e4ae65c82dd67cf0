"""The patterns of one tenant: filters, pages, and one pattern with all that is kept of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import streamlit as st

from dashboard.app import runtime, state_keys
from dashboard.draw import pattern_tables, unknown
from dashboard.draw.chosen import name_box, rows_table
from dashboard.draw.downloads import concerned, download
from dashboard.draw.formatting import escaped, markdown, plural, unseen, visible
from dashboard.draw.paging import Trail, trail_of
from dashboard.tenant import read, tables
from dashboard.tenant.vectors import draw_points
from services.browse.holdings import kb_holdings
from services.browse.models import (
    Holding,
    KeyValue,
    PatternCursor,
    PatternDetail,
    PatternPage,
    PatternQuery,
    PatternRow,
    PatternSort,
    Scope,
)

PER_PAGE = (50, 100, 500, 1000)
_BIND: Final = "query-params"


def draw(scope: Scope) -> None:
    """Draw the section. Raises StoreError and NotThisTenants."""
    holdings = kb_holdings(scope)
    if not holdings:
        unknown.nothing("No knowledge base, so no patterns.", read.snapshot(),
                        what="which knowledge bases it has")  # fmt: skip
        return
    query = _query(holdings)
    if query is None:
        return
    trail: Trail[PatternCursor] = trail_of(state_keys.PATTERN_TRAIL, query)
    page = read.patterns(scope, replace(query, after=trail.at))
    if not page.rows:
        st.info("No pattern matches.", icon=":material/search_off:")
        st.caption(tables.cost_text(page.cost))
        return
    chosen = _table(scope, page)
    trail.turn("patterns", page.next, tables.cost_text(page.cost))
    if chosen is not None:
        _detail(scope, chosen)


def _query(holdings: tuple[Holding, ...]) -> PatternQuery | None:
    """Draw the filters; None while too many knowledge bases are chosen."""
    by_name = {holding.name: holding for holding in holdings}
    chosen = st.multiselect(
        "Knowledge bases", list(by_name), key=state_keys.KB, bind=_BIND,
        placeholder="All of them", filter_mode="contains",
        format_func=lambda name: visible(name) or "(empty)",
    )  # fmt: skip
    for name in chosen:
        if others := tables.shared_words(by_name[name]):
            st.caption(f":material/group_work: {markdown(name)} is shared with {escaped(others)}.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        prefix = st.text_input("Name begins with", key="patterns_prefix", bind=_BIND, width=190)
        token = st.text_input("Has the symbol", key="patterns_token", bind=_BIND, width=190)
        least = st.number_input(
            "Events, from", 0, None, None, key="patterns_least", bind=_BIND, width=130
        )
        most = st.number_input(
            "Events, to", 0, None, None, key="patterns_most", bind=_BIND, width=130
        )
        since, until = _dates()
        sort = st.selectbox(
            "Sort by",
            list(PatternSort),
            key="patterns_sort",
            bind=_BIND,
            width=160,
            filter_mode="contains",
        )
        limit = st.selectbox(
            "Rows", PER_PAGE, key="patterns_limit", bind=_BIND, width=100, filter_mode="contains"
        )
    names = tuple(chosen or by_name)
    if len(names) > pattern_tables.MOST_KB_IDS:
        st.info(
            f"{plural(len(names), 'knowledge base')}: choose at most {pattern_tables.MOST_KB_IDS}."
        )
        return None
    return PatternQuery(
        names,
        unseen(prefix),
        unseen(token),
        least,
        most,
        since,
        until,
        sort or PatternSort.NEWEST,
        limit or PER_PAGE[0],
    )


def _dates() -> tuple[datetime | None, datetime | None]:
    """Draw the range of days, in UTC, the last one included."""
    since = st.date_input("Created from", None, key="patterns_since", bind=_BIND, width=140)
    until = st.date_input("Created until", None, key="patterns_until", bind=_BIND, width=140)
    return _midnight(since), _midnight(until + timedelta(days=1)) if until else None


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), UTC)


def _table(scope: Scope, page: PatternPage) -> PatternRow | None:
    """Draw the page; return the row that is selected."""
    missing = pattern_tables.without_frequency(page)
    frame = pattern_tables.patterns_frame(page.rows)
    names = [visible(f"{row.name} · {row.kb_id}") for row in page.rows]
    named = name_box("Show what is in the pattern …", page.rows, names, key="pattern_named")
    chosen = rows_table(
        frame, page.rows, [f"{row.kb_id}:{row.name}" for row in page.rows], key="patterns",
        select="single-row", alt="Patterns of this tenant", placeholder=missing,
        column_config=pattern_tables.COLUMNS,
    )  # fmt: skip
    download(frame, "patterns", tenants=concerned(scope))
    return next(iter(chosen), named)


def _detail(scope: Scope, row: PatternRow) -> None:
    st.subheader(markdown(row.name))
    detail = runtime.desk().inspection.pattern(scope, row.kb_id, row.name)
    if detail is None:
        st.info("It is gone since this page was read.", icon=":material/search_off:")
        return
    for problem in detail.problems:
        st.warning(f"{markdown(str(problem))}.", icon=":material/cloud_off:")
    _events(scope, detail)
    with st.container(horizontal=True):
        for kind, value in detail.facts.items():
            _fact(kind, value)
    names = detail.content.vector_names
    if names:
        st.caption(f"Vectors: {plural(len(names), 'symbol')} of it name one.")
        draw_points(detail.points, "pattern_vectors", alt="Vectors of this pattern",
                    tenants=concerned(scope))  # fmt: skip


def _events(scope: Scope, detail: PatternDetail) -> None:
    content = detail.content
    frame = tables.events_frame(content.events)
    st.dataframe(frame, key="events", alt="Events of this pattern", hide_index=True)
    download(frame, "events", tenants=concerned(scope))
    if content.cut:
        shown = plural(len(content.events), "event")
        st.caption(f"Cut: {shown} of {content.event_count:,}, the beginning of each.")


def _fact(kind: str, value: KeyValue | None) -> None:
    with st.container(width=260, border=True):
        st.caption(kind.capitalize())
        if value is None:
            st.markdown("none")
            return
        text, language = tables.value_text(value.members[0][0] if value.members else b"")
        st.code(text or visible(""), language=language if language == "json" else None)
        if value.note:
            st.caption(markdown(value.note))
