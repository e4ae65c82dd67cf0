"""What a tenant uses, store by store: its kb_ids with all figures, keys by kind, collections."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.app import permits, read, rule_keys, state_keys
from dashboard.draw import figures, limits, over_time, store_tables, unknown, usage_tables
from dashboard.draw.downloads import download
from dashboard.draw.formatting import escaped, markdown, visible
from services.figures import Measure
from services.history.models import Holder, OwnerKind
from services.limits.models import Standing
from services.setup.tiers import standing_of
from services.setup.words import standing_words
from services.usage.snapshot import Snapshot, TenantUsage


def draw(tenant: TenantUsage, snapshot: Snapshot) -> None:
    """Draw its past, and what was read of it at the last pass; no store is asked."""
    st.header("Over time")
    choice = over_time.choose(snapshot)
    standings = read.standings(snapshot)
    mine = () if standings is None else standings.of(tenant.tenant)
    if choice is not None:
        holder = Holder(OwnerKind.TENANT, str(tenant.tenant))
        limit = next((each.most for each in mine if each.quantity == choice.quantity), None)
        over_time.draw(holder, choice, tenants=[tenant.tenant], limit=limit)
    permits.link(
        "bill", "What a month of it costs", {state_keys.TENANT: visible(str(tenant.tenant))}
    )
    st.header("Limits")
    if standings is None:
        st.caption("Unknown: this product's own records did not answer.")
    else:
        _limits(mine, tenant, snapshot)
    own = [part for part in tenant.parts if part.name not in tenant.shared]
    st.header("Knowledge bases")
    if own:
        frame = usage_tables.kb_frame(own)
        figures.usage_table(frame, snapshot, key="kbs", alt="kb_ids of this tenant",
                            columns=usage_tables.KB_SHOWN)  # fmt: skip
        download(frame, "knowledge_bases", tenants=[tenant.tenant],
                 read_at=snapshot.collected_at)  # fmt: skip
    else:
        unknown.or_none(snapshot, Measure, "None of its own.")
    _shared(tenant, snapshot)
    left, right = st.columns(2)
    with left:
        st.header("Redis keys by kind")
        _kinds(tenant, snapshot)
    with right:
        st.header("Collections in Qdrant")
        _collections(tenant, snapshot)


def _limits(mine: Sequence[Standing], tenant: TenantUsage, snapshot: Snapshot) -> None:
    if mine:
        frame = limits.standings_frame(mine)
        for each in mine:
            if each.reason is not None:
                name = escaped(limits.label(each.quantity))
                st.caption(f":material/cloud_off: {name}: {markdown(str(each.reason))}.")
        st.dataframe(
            frame, hide_index=True, key="limits", placeholder=usage_tables.NONE, height="content",
            alt="Each limit of this tenant, with how much of it is used and where it is from",
            column_config=limits.ONE_COLUMNS,
        )  # fmt: skip
        download(frame, "limits", tenants=[tenant.tenant], read_at=snapshot.collected_at)
    else:
        st.caption("It has no limit.")
    permits.link("limits", "All limits", {rule_keys.LIMIT_TENANT: visible(str(tenant.tenant))})


def _shared(tenant: TenantUsage, snapshot: Snapshot) -> None:
    parts = [part for part in snapshot.shared if tenant.tenant in part.claim.tenants]
    if not parts:
        return
    st.header("Shared with other tenants")
    st.caption("Counted in full for each; it is not in the figures above.")
    frame = usage_tables.shared_frame(parts)
    figures.usage_table(frame, snapshot, key="shared", alt="kb_ids shared with other tenants",
                        columns=usage_tables.SHARED_SHOWN)  # fmt: skip
    holders = (holder for part in parts for holder in part.claim.tenants)
    download(frame, "shared", tenants=tuple(dict.fromkeys((tenant.tenant, *holders))),
             read_at=snapshot.collected_at)  # fmt: skip


def _kinds(tenant: TenantUsage, snapshot: Snapshot) -> None:
    kinds = tenant.usage.keys_by_kind
    if kinds is None:
        unknown.measure(snapshot, Measure.KEYS)
    elif kinds:
        frame = usage_tables.kinds_frame(kinds)
        st.dataframe(frame, hide_index=True, height="content", alt="Keys of this tenant by kind",
                     column_config=figures.kind_columns(kinds))  # fmt: skip
        download(frame, "kinds_of_key", tenants=[tenant.tenant],
                 read_at=snapshot.collected_at)  # fmt: skip
    else:
        st.caption("No keys.")


def _collections(tenant: TenantUsage, snapshot: Snapshot) -> None:
    found = store_tables.collections_of(snapshot.collections, tenant)
    if not snapshot.stores[Measure.VECTORS].whole:
        unknown.measure(snapshot, Measure.VECTORS)
    elif found:
        frame = store_tables.collections_frame(found)
        unknown.dashes(frame, ["Size", "Dimension"])
        st.dataframe(
            frame, hide_index=True, placeholder=usage_tables.NONE,
            alt="Collections with points of this tenant",
            column_config=figures.COLLECTION_COLUMNS,
        )  # fmt: skip
        download(frame, "collections_read", tenants=[tenant.tenant],
                 read_at=snapshot.collected_at)  # fmt: skip
        for each in found:
            standing = standing_of(each, tenant.tenant.id, snapshot.vector_cluster)
            if standing is not None:
                st.caption(escaped(visible(standing_words(standing))))
    else:
        st.caption("No vectors.")
