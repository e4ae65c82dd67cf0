"""The patterns of what was found, of all its tenants as one list: read only when it is opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from dashboard.app import permits, runtime, state_keys, unreadable
from dashboard.app.cache import cached
from dashboard.draw import pattern_tables, unknown
from dashboard.draw.downloads import download
from dashboard.draw.formatting import plural
from dashboard.draw.paging import Trail, trail_of
from dashboard.find import tables
from services.access.viewer import Action
from services.browse.models import PatternCursor, PatternPage, PatternQuery, Scope
from services.figures import Measure
from services.find.models import TenantHit
from services.usage.snapshot import Snapshot

PER_PAGE = 500


def section(snapshot: Snapshot, hits: Sequence[TenantHit]) -> None:
    """Draw the section, closed until somebody opens it; none where no kb_id was found."""
    holders = tables.holders_of(hits)
    if not holders:
        return
    off = permits.why_not(Action.LOOK, [hit.tenant for hit in hits])
    if off:
        st.caption(f":material/lock: Its patterns are not shown. {off}")
        return
    st.fragment(_section)(snapshot, hits, holders)


@unreadable.calmly()
def _section(snapshot: Snapshot, hits: Sequence[TenantHit], holders: dict[str, str]) -> None:
    title = f"Patterns in {plural(len(hits), 'tenant')}, as one list"
    opened = st.expander(
        title,
        icon=":material/pattern:",
        key=state_keys.FOUND_PATTERNS,
        on_change="rerun",
        bind="query-params",
    )
    if opened.open:
        with opened:
            _draw(snapshot, hits, holders)


def _scopes(snapshot: Snapshot, hits: Sequence[TenantHit]) -> tuple[Scope, ...]:
    """Return what of each tenant may be looked into; one without data has nothing."""
    usages = (snapshot.tenant(hit.tenant) for hit in hits)
    inspection = runtime.desk().inspection
    return tuple(inspection.scope(snapshot, usage) for usage in usages if usage is not None)


def _page(scopes: tuple[Scope, ...], query: PatternQuery) -> PatternPage:
    for scope in scopes:
        runtime.desk().inspection.allow(scope)
    return _read(scopes, query)


@cached(Action.LOOK, seconds=30, entries=128, each_viewer=True, spinner="Reading patterns…")
def _read(scopes: tuple[Scope, ...], query: PatternQuery) -> PatternPage:
    return runtime.desk().inspection.patterns_across(scopes, query)


def _draw(snapshot: Snapshot, hits: Sequence[TenantHit], holders: dict[str, str]) -> None:
    scopes = _scopes(snapshot, hits)
    held = {each.name for scope in scopes for each in scope.holdings}
    names = tuple(name for name in holders if name in held)
    query = PatternQuery(names[: pattern_tables.MOST_KB_IDS], limit=PER_PAGE)
    trail: Trail[PatternCursor] = trail_of(state_keys.PATTERN_TRAIL, query)
    page = _page(scopes, replace(query, after=trail.at)) if names else None
    if page is None or not page.rows:
        unknown.nothing("No patterns.", snapshot, measures=[] if names else Measure,
                        icon=":material/search_off:")  # fmt: skip
        return
    missing = pattern_tables.without_frequency(page)
    frame = tables.patterns_frame(page.rows, holders)
    st.dataframe(
        frame, key="patterns_across", hide_index=True, column_config=pattern_tables.COLUMNS,
        placeholder=missing,
        alt="Patterns of what was found, grouped by tenant, the newest of each first",
    )  # fmt: skip
    download(frame, "patterns_across", tenants=[hit.tenant for hit in hits])
    trail.turn("across", page.next, _words(len(names), whole=page.next is None))


def _words(kb_ids: int, *, whole: bool) -> str:
    order = "Grouped by tenant, the newest of each first."
    if not whole:
        order = "The newest first; each page is grouped by tenant."
    if kb_ids <= pattern_tables.MOST_KB_IDS:
        return order
    return (
        f"{order} Of the first {pattern_tables.MOST_KB_IDS} of {plural(kb_ids, 'knowledge base')}."
    )
