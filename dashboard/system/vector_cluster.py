"""Qdrant on several peers: how each is, what of its shards is not whole, tenants by shards."""

from __future__ import annotations

from collections import Counter

import streamlit as st

from dashboard.draw import cluster_tables, figures, unknown, usage_tables
from dashboard.draw.formatting import plural
from services.setup.tiers import Deed, Tier, standings
from services.usage.snapshot import Snapshot
from services.usage.vector_cluster import VectorCluster

_POINTS = st.column_config.NumberColumn(format="localized", help="Each point once")


def draw(snapshot: Snapshot) -> None:
    """Draw what the last pass found; nothing for a Qdrant that is alone."""
    cluster = snapshot.vector_cluster
    if cluster is None:
        return
    st.header("Peers of Qdrant")
    peers = cluster_tables.peers_frame(cluster)
    unknown.dashes(peers, peers.columns)
    st.dataframe(peers, hide_index=True, key="qdrant_peers", placeholder=usage_tables.NONE,
                 alt="Each peer of Qdrant: whether it answered, its role and its replicas",
                 column_config=figures.USAGE_COLUMNS)  # fmt: skip
    _unsettled(cluster)
    _tiers(snapshot, cluster)


def _unsettled(cluster: VectorCluster) -> None:
    if not cluster.unsettled:
        st.caption("Every replica is Active, and nothing is on its way.")
        return
    st.caption("Not whole, or on its way: it counts by the replicas that are Active, and a purge "
               "cannot prove until it is over that nothing is left.")  # fmt: skip
    frame = cluster_tables.unsettled_frame(cluster)
    st.dataframe(frame, hide_index=True, key="qdrant_unsettled", placeholder=usage_tables.NONE,
                 alt="Replicas that are not Active, shards on their way, resharding",
                 column_config={"State": st.column_config.TextColumn(width=220)})  # fmt: skip


def _tiers(snapshot: Snapshot, cluster: VectorCluster) -> None:
    """Draw the tenants on shards of their own, and those that something is to be done about."""
    found = standings(snapshot.collections, cluster)
    if not found:
        return
    st.header("Tenants on shards")
    tiers = Counter(each.tier for each in found)
    st.caption(f"{plural(tiers[Tier.SHARED], 'tenant')} on shared shards, {tiers[Tier.OWN]:,} on "
               f"one of its own, {tiers[Tier.BOTH]:,} on both.")  # fmt: skip
    shown = [each for each in found if (each.tier, each.deed) != (Tier.SHARED, Deed.NOTHING)]
    if shown:
        shown.sort(key=lambda each: each.deed is Deed.NOTHING)
        st.dataframe(cluster_tables.standings_frame(shown), hide_index=True, key="qdrant_tiers",
                     alt="Tenants on shards of their own, and those to promote",
                     column_config={"Points": _POINTS})  # fmt: skip
