"""The servers of stores that are clusters."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from dashboard.draw import store_tables, unknown, usage_tables
from dashboard.draw.formatting import plural
from services.health.models import Check, Replica, ReplicaState

_TITLES = {"clickhouse": "Servers of ClickHouse"}


def draw(checks: Iterable[Check]) -> None:
    """Draw one table for each store that is a cluster, with what it comes to above it."""
    for check in checks:
        replicas = check.health.replicas if check.health else ()
        if replicas:
            st.header(_TITLES.get(check.store, check.store))
            st.caption(_words(replicas))
            frame = store_tables.replicas_frame(replicas)
            unknown.dashes(frame, ["Behind", "Waiting"])
            st.dataframe(
                frame, hide_index=True, key=f"replicas_{check.store}",
                placeholder=usage_tables.NONE,
                alt="Each server with its shard, its replica, its state and how far it is behind",
                column_config={
                    "Shard": st.column_config.NumberColumn(width=70),
                    "Replica": st.column_config.NumberColumn(width=80),
                    "Behind": st.column_config.TextColumn(
                        help="For how long the oldest write has waited that it has not."
                    ),
                    "Waiting": st.column_config.NumberColumn(
                        help="Operations in its queue: inserts, merges and mutations."
                    ),
                    "Read from": st.column_config.TextColumn(
                        help="Whether its shard's counts and bytes are read from this replica."
                    ),
                },
            )  # fmt: skip


def _words(replicas: Iterable[Replica]) -> str:
    """Say how many there are, and how many are not as they should be."""
    every = tuple(replicas)
    shards = len({each.shard for each in every})
    unwell = sum(each.state is not ReplicaState.WELL for each in every)
    ending = f"; {unwell} not well" if unwell else ", all well"
    return f"{plural(shards, 'shard')}, {plural(len(every), 'replica')}{ending}."
