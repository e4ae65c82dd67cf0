"""The only caching: the services of this process, and what pages read from them."""

from __future__ import annotations

import atexit
import threading
from datetime import UTC, datetime, timedelta

import pandas as pd
import streamlit as st

from dashboard import isolation_tables, session_tables, tables
from dashboard.isolation_tables import Listing
from services import bootstrap
from services.attribution import Ownership
from services.bootstrap import Services
from services.collector import CollectorState
from services.errors import StoreError
from services.figures import Amount, Measure
from services.findings.models import Report
from services.inspected import KeyInventory, PatternPage, PatternQuery, Scope
from services.matches import Answer
from services.names import Owner
from services.purging.models import Tombstone
from services.readings import Check
from services.settings import load_settings
from services.snapshot import Snapshot

HISTORY = timedelta(days=7)


class _Holder:
    """Builds the services once, for the whole process, however many ask at the same time.

    Not st.cache_resource, because the server starts them before there is a visitor. A failed
    start is tried again when next asked.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._built: Services | None = None

    def get(self) -> Services:
        with self._turn:
            if self._built is None:
                self._built = bootstrap.build(load_settings())
                self._built.start()
                atexit.register(self._built.close)
            return self._built

    def forget(self) -> None:
        with self._turn:
            self._built = None


_holder = _Holder()


def services() -> Services:
    """Return this process's services, started once. Raises KatoTenantsError."""
    return _holder.get()


def load_state() -> CollectorState:
    """Return what the collector has now; never waits."""
    return services().collector.state


@st.cache_resource(max_entries=4, show_spinner=False)
def load_tenants_frame(_snapshot: Snapshot, stamp: datetime) -> pd.DataFrame:
    """Return one row a tenant, made once a snapshot. Callers must not change it."""
    del stamp  # what the cache goes by
    return tables.tenants_frame(_snapshot.tenants)


@st.cache_resource(max_entries=4, show_spinner=False)
def load_sessions_frame(_snapshot: Snapshot, stamp: datetime) -> pd.DataFrame:
    """Return one row a session, made once a snapshot. Callers must not change it."""
    del stamp  # what the cache goes by
    return session_tables.list_frame(_snapshot.sessions or (), load_ownership())


def load_listing(report: Report) -> Listing:
    """Return the findings of a report as rows, made once. Callers must not change it."""
    accepted = [r.acceptance.at for r in report.records if r.acceptance is not None]
    newest = max(accepted, default=None)
    return _listing(report, (report.at, len(report.records), len(accepted), newest))


@st.cache_resource(max_entries=4, show_spinner=False)
def _listing(_report: Report, stamp: tuple[datetime | int | None, ...]) -> Listing:
    del stamp  # what the cache goes by: what is accepted changes between two audits
    return isolation_tables.listing(_report, services().isolation.rules)


@st.cache_data(ttl=10, show_spinner=False)
def load_scores() -> tuple[tuple[datetime, int | None], ...]:
    """Return the scores of the newest audits, oldest first; empty when they cannot be read."""
    try:
        return services().isolation.scores()
    except StoreError:
        return ()


@st.cache_data(ttl=30, show_spinner=False)
def load_history(measure: Measure) -> tuple[Amount, ...]:
    """Return the totals of the last week, oldest first; empty when they cannot be read."""
    try:
        points = services().state.history(measure, datetime.now(UTC) - HISTORY)
    except StoreError:
        return ()
    return tuple(amount for _, amount in points)


@st.cache_data(ttl=5, show_spinner=False)
def load_checks() -> tuple[Check, ...]:
    """Return how every store is, asked at most every 5 s for all viewers together."""
    return services().health.check()


@st.cache_resource(ttl=10, max_entries=64, show_spinner=False)
def load_answer(_snapshot: Snapshot, stamp: datetime, typed: str, contains: bool) -> Answer:
    """Return who has what was typed, asked at most every 10 s for all viewers together."""
    del stamp  # what the cache goes by
    return services().finding.find(typed, _snapshot, contains=contains)


def load_patterns(scope: Scope, query: PatternQuery) -> PatternPage:
    """Return one page of a tenant's patterns. Raises StoreError and NotThisTenants."""
    return _patterns(scope, query, repr((scope, query)))


@st.cache_resource(ttl=30, max_entries=128, show_spinner="Reading patterns…")
def _patterns(_scope: Scope, _query: PatternQuery, key: str) -> PatternPage:
    del key  # what the cache goes by: names that are not UTF-8 it could not take as they are
    return services().inspection.patterns(_scope, _query)


def load_inventory(scope: Scope, owner: Owner) -> KeyInventory:
    """Return all keys of a tenant's owner, counted. Raises StoreError and NotThisTenants."""
    return _inventory(scope, owner, repr((scope, owner)))


@st.cache_resource(ttl=30, max_entries=128, show_spinner="Counting keys…")
def _inventory(_scope: Scope, _owner: Owner, key: str) -> KeyInventory:
    del key  # as above
    return services().inspection.inventory(_scope, _owner)


@st.cache_resource(ttl=5, show_spinner=False)
def load_tombstones() -> tuple[Tombstone, ...]:
    """Return every kb_id that was purged, read at most every 5 s; empty when it cannot be read."""
    try:
        return services().purge.tombstones()
    except StoreError:
        return ()


def load_ownership() -> Ownership:
    """Return who owns what, by every node_id seen. Raises StoreError."""
    return services().usage.ownership()


def clear() -> None:
    """Forget everything cached; for tests."""
    _holder.forget()
    for cached in (load_tenants_frame, load_sessions_frame, load_history, load_checks, load_answer):
        cached.clear()
    load_tombstones.clear()
    load_scores.clear()
    _listing.clear()
    _patterns.clear()
    _inventory.clear()
