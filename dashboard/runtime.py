"""The only caching: the services of this process, and what pages read from them."""

from __future__ import annotations

import atexit
from datetime import UTC, datetime, timedelta

import pandas as pd
import streamlit as st

from dashboard import tables
from services import bootstrap
from services.attribution import Ownership
from services.bootstrap import Services
from services.collector import CollectorState
from services.errors import StoreError
from services.models import Amount, Check, Measure, Snapshot
from services.settings import load_settings

HISTORY = timedelta(days=7)


@st.cache_resource(show_spinner="Starting the stores…")
def services() -> Services:
    """Return this process's services, started once. Raises KatoTenantsError."""
    built = bootstrap.build(load_settings())
    built.collector.start()
    atexit.register(built.close)
    return built


def load_state() -> CollectorState:
    """Return what the collector has now; never waits."""
    return services().collector.state


@st.cache_resource(max_entries=4, show_spinner=False)
def load_tenants_frame(_snapshot: Snapshot, stamp: datetime) -> pd.DataFrame:
    """Return one row a tenant, made once a snapshot. Callers must not change it."""
    del stamp  # what the cache goes by
    return tables.tenants_frame(_snapshot.tenants)


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


def load_ownership() -> Ownership:
    """Return who owns what, by every node_id seen. Raises StoreError."""
    return services().usage.ownership()


def clear() -> None:
    """Forget everything cached; for tests."""
    for cached in (services, load_tenants_frame, load_history, load_checks):
        cached.clear()
