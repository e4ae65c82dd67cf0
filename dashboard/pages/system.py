from collections.abc import Sequence

import streamlit as st

from dashboard.app import permits, read, runtime, unreadable
from dashboard.deployments import listing as deployments
from dashboard.draw import figures, store_tables, unknown, usage_tables
from dashboard.draw.formatting import escaped, markdown, number, plural
from dashboard.instances import fleet as instances
from dashboard.system import clusters, dashboards, vector_cluster, workers
from services.access.viewer import Action
from services.figures import Measure
from services.health.models import Check

sees_all = runtime.desk().gate.viewer().sees_all


def _vitals(checks: Sequence[Check]) -> None:
    """Draw what somebody on call looks for first."""
    redis = next((check.health for check in checks if check.store == "redis"), None)
    memory = redis.memory if redis else None
    cards = [("Stores", *store_tables.answering(checks))]
    if sees_all:  # of some tenants alone there is neither a memory nor a limit
        evicted = memory.evicted if memory else None
        cards.append(("Redis memory in use", *store_tables.memory_words(memory)))
        cards.append(("Keys that Redis evicted", number(evicted), "since it started"))
    grid = st.grid(3, gap="small", min_column_width=190)
    for label, value, note in cards:
        with grid, st.container(border=True, height="stretch", gap="small"):
            st.metric(label, value)
            if note:
                st.caption(escaped(note))


snapshot = figures.snapshot_or_stop("System")
deployments.wrong()

st.header("Stores")
with st.skeleton(height=180):
    checks = read.checks()
    _vitals(checks)
    st.dataframe(
        store_tables.checks_frame(checks), hide_index=True, key="checks",
        placeholder=usage_tables.NONE,
        alt="Each store with its state, version and latency, now and in the last hour",
        column_config={
            "Store": st.column_config.TextColumn(width=90),
            "State": st.column_config.TextColumn(width=110),
            "Version": st.column_config.TextColumn(width=130),
            "Latency": st.column_config.NumberColumn(format="%.1f ms", width=90),
            "Last hour": st.column_config.TextColumn(width=210),
        },
    )  # fmt: skip
    for check in checks:
        if check.advice:
            st.markdown(f"**{check.store}**: {markdown(check.advice)}.")
        for lack in check.lacks:
            text = f"its user may not use {lack.right}; unknown for it: {lack.costs}"
            st.markdown(f"**{check.store}**: {markdown(text)}.")
        for note in check.notes if sees_all else ():
            st.markdown(f"**{check.store}**: {markdown(note)}.")

if sees_all and any(check.health and check.health.replicas for check in checks):
    clusters.draw(checks)

st.header("Last refresh")
st.dataframe(
    store_tables.freshness_frame(snapshot, whole=sees_all), hide_index=True, key="freshness",
    placeholder=usage_tables.NONE,
    alt="Each figure with its state, age, duration and note",
    column_config={
        "Read": figures.TIME, "Duration": st.column_config.NumberColumn(format="%.2f s"),
    },
)  # fmt: skip

dashboards.draw()

if snapshot.keys is not None:
    st.header("Redis")
    st.table(store_tables.redis_facts(snapshot.keys), border="horizontal", width="content",
             alt="Facts about the keyspace")  # fmt: skip

if sees_all:
    st.header("KATO's workers")
    with st.skeleton(height=140):
        workers.draw(snapshot)

with unreadable.said("Which KATO serves whom"):
    instances.draw()

if sees_all:
    st.header("Tables in ClickHouse")
    if snapshot.tables:
        st.dataframe(store_tables.tables_frame(snapshot.tables), hide_index=True, key="tables",
                     alt="Tables of KATO's database",
                     column_config=figures.USAGE_COLUMNS)  # fmt: skip
    else:
        unknown.or_none(snapshot, [Measure.PATTERNS])

st.header("Collections in Qdrant")
if snapshot.collections:
    collections = read.collections_frame(snapshot)
    unknown.dashes(collections, ["Size", "Dimension"])
    st.dataframe(collections, hide_index=True, key="collections", placeholder=usage_tables.NONE,
                 alt="Collections in Qdrant",
                 column_config=figures.COLLECTION_COLUMNS)  # fmt: skip
else:
    unknown.or_none(snapshot, [Measure.VECTORS])

if sees_all:
    vector_cluster.draw(snapshot)

st.header("Settings in force")
off = permits.why_not(Action.SEE_SETTINGS)
if off:
    st.caption(f":material/lock: {off}")
else:
    in_force = runtime.desk().fleet.settings()
    changed = store_tables.settings_frame(in_force, usual=False)
    usual = store_tables.settings_frame(in_force, usual=True)
    st.caption("What is not at its default. Secrets are not shown." if len(changed) else
               "All are at their defaults.")  # fmt: skip
    if len(changed):
        st.dataframe(changed, hide_index=True, height="content", key="settings",
                     alt="Settings that are not at their defaults, secrets redacted")  # fmt: skip
    with st.expander(f"{plural(len(usual), 'setting')} at the default"):
        st.dataframe(usual, hide_index=True, height="content", key="usual_settings",
                     alt="Settings at their defaults")  # fmt: skip
st.header("Naming schemes")
st.code("\n".join(scheme.template for scheme in runtime.schemes().schemes), language=None)
