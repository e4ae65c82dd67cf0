"""A tenant's users and what each has: one row a kb_id, and more about the one that is selected."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard.app import permits, read as app_read, runtime
from dashboard.draw import figures, pattern_tables, shared, unknown, usage_tables
from dashboard.draw.chosen import rows_table
from dashboard.draw.downloads import download
from dashboard.draw.formatting import escaped, markdown, visible
from dashboard.tenant import read
from services.access.viewer import Action
from services.browse.models import PatternQuery
from services.tenancy.claims import CLAIM_WORDS
from services.tenancy.kb_ids import TenantKey, node_text_of
from services.tenancy.ownership import ClaimState
from services.tenancy.schemes import NamingSchemes, Reading
from services.usage.snapshot import KbUsage, Snapshot, TenantUsage

NEWEST = 10
EFFECT = "What is learnt there changes the predictions of all of them."
_COLUMNS = ("User", "Memory", "Patterns", "Last write", "Sessions", "Ownership", "kb_id")


def parts_of(tenant: TenantUsage, snapshot: Snapshot) -> tuple[KbUsage, ...]:
    """Return a tenant's parts, and those that it shares as far as they may be seen.

    Of a kb_id that is shared its own sessions are a part of its own.
    """
    both = (part for part in snapshot.shared if tenant.tenant in part.claim.tenants)
    return (*tenant.parts, *both)


def user_of(part: KbUsage, schemes: NamingSchemes, service: str) -> str:
    """Return what a naming scheme reads beside the tenant: the user, or all there is of fields."""
    node = next(iter(part.nodes), "")
    reading = schemes.read(node) if node else _guessed(part, schemes, service)
    if reading is None:
        return visible(node)
    rest = [v for name, v in reading.values.items() if name != reading.scheme.kind]
    return visible(", ".join(rest) or reading.tenant.id)


def _guessed(part: KbUsage, schemes: NamingSchemes, service: str) -> Reading | None:
    text, cut = node_text_of(part.name, service)
    return schemes.read_sanitised(text) if part.is_kb and not cut else None


def users_frame(parts: Sequence[KbUsage], schemes: NamingSchemes, service: str) -> pd.DataFrame:
    """Return one row a kb_id, with its user; those that are shared come first. Pure."""
    rows = (
        {
            "User": user_of(part, schemes, service),
            **usage_tables.usage_cells(part.usage),
            "Last write": part.last_write,
            "Ownership": CLAIM_WORDS[part.claim.state],
            "kb_id": usage_tables.part_name(part),
        }
        for part in parts
    )
    return usage_tables.table(rows, _COLUMNS)


def draw(tenant: TenantUsage, snapshot: Snapshot) -> None:
    """Draw the table, and what is selected in it. Raises StoreError."""
    found = parts_of(tenant, snapshot)
    parts = sorted(found, key=lambda part: part.claim.state is not ClaimState.SHARED)
    if not parts:
        unknown.nothing("Nothing of it is in the stores.", snapshot, what="what it has")
        return
    service = app_read.ownership().service
    frame = users_frame(parts, runtime.schemes(), service)
    unknown.cells(frame, snapshot)
    chosen = rows_table(
        frame, parts, [f"{part.claim.state} {part.name}" for part in parts], key="users",
        select="single-row",
        alt="Users of this tenant with what each has; select one for what it learnt last",
        placeholder=usage_tables.NONE,
        column_config=figures.USAGE_COLUMNS | {
            "User": st.column_config.TextColumn(pinned=True, width=150),
        },
    )  # fmt: skip
    whose = [key for part in parts for key in part.claim.tenants] or [tenant.tenant]
    download(frame, "users_and_memory", tenants=tuple(dict.fromkeys(whose)),
             read_at=snapshot.collected_at)  # fmt: skip
    for part in chosen:
        _one(part, tenant, snapshot)
    if not chosen:
        st.caption("Select a row for its newest patterns, who else writes it, and its evidence.")


def _one(part: KbUsage, tenant: TenantUsage, snapshot: Snapshot) -> None:
    """Draw more about one part: who else writes it, the evidence, and its newest patterns."""
    st.subheader(escaped(usage_tables.part_name(part)))
    if part.claim.state is ClaimState.SHARED or part.name in tenant.shared:
        shared.say(part.name, tenant.tenant, EFFECT)
    st.caption(markdown(part.claim.why))
    if part.is_kb:
        _newest(part, tenant.tenant, snapshot)


def _newest(part: KbUsage, key: TenantKey, snapshot: Snapshot) -> None:
    off = permits.why_not(Action.LOOK, [key])
    usage = snapshot.tenant(key)
    if off or usage is None:
        st.caption(f":material/lock: Its patterns are not shown. {off}")
        return
    scope = runtime.desk().inspection.scope(snapshot, usage)
    if part.name not in {holding.name for holding in scope.holdings}:
        return
    page = read.patterns(scope, PatternQuery((part.name,), limit=NEWEST))
    if not page.rows:
        st.caption("It has no patterns.")
        return
    missing = pattern_tables.without_frequency(page)
    st.dataframe(
        pattern_tables.patterns_frame(page.rows), hide_index=True, key="newest_patterns",
        height="content", placeholder=missing, column_config=pattern_tables.COLUMNS,
        alt="The newest patterns of this kb_id",
    )  # fmt: skip
