import streamlit as st

from dashboard.app import permits, read, runtime
from dashboard.draw import figures, store_tables, unknown, usage_tables
from dashboard.draw.formatting import markdown
from dashboard.system import workers
from services.access.viewer import Action
from services.figures import Measure

sees_all = runtime.desk().gate.viewer().sees_all
snapshot = figures.snapshot_or_stop("System")

st.subheader("Stores")
with st.skeleton(height=180):
    checks = read.checks()
    st.dataframe(
        store_tables.checks_frame(checks), hide_index=True, key="checks",
        placeholder=usage_tables.NONE,
        alt="Each store with its state, version and latency, and what to do",
        column_config={"Latency": st.column_config.NumberColumn(format="%.1f ms")},
    )  # fmt: skip
    for check in checks:
        if check.advice:
            st.markdown(f"**{check.store}**: {markdown(check.advice)}.")
        for lack in check.lacks:
            text = f"its user may not use {lack.right}; unknown for it: {lack.costs}"
            st.markdown(f"**{check.store}**: {markdown(text)}.")

st.subheader("Last pass")
st.dataframe(
    store_tables.freshness_frame(snapshot, whole=sees_all), hide_index=True, key="freshness",
    placeholder=usage_tables.NONE,
    alt="Each figure with its state, age, duration and note",
    column_config={"Took": st.column_config.NumberColumn(format="%.2f s")},
)  # fmt: skip

if snapshot.keys is not None:
    st.subheader("Redis")
    st.table(store_tables.redis_facts(snapshot.keys), border="horizontal", width="content",
             alt="Facts about the keyspace")  # fmt: skip

if sees_all:
    st.subheader("KATO's workers")
    with st.skeleton(height=140):
        workers.draw(snapshot)

if sees_all:
    st.subheader("Tables in ClickHouse")
    if snapshot.tables:
        st.dataframe(store_tables.tables_frame(snapshot.tables), hide_index=True, key="tables",
                     alt="Tables of KATO's database",
                     column_config=figures.USAGE_COLUMNS)  # fmt: skip
    else:
        missing = unknown.lacking(snapshot, [Measure.PATTERNS])
        st.caption(f"Unknown: {missing}." if missing else "None.")

st.subheader("Collections in Qdrant")
if snapshot.collections:
    unknown.dashes(store_tables.collections_frame(snapshot.collections), ["Size", "Dimension"])
    st.dataframe(store_tables.collections_frame(snapshot.collections), hide_index=True,
                 key="collections", placeholder=usage_tables.NONE, alt="Collections in Qdrant",
                 column_config=figures.COLLECTION_COLUMNS)  # fmt: skip
else:
    missing = unknown.lacking(snapshot, [Measure.VECTORS])
    st.caption(f"Unknown: {missing}." if missing else "None.")

st.subheader("Settings in force")
off = permits.why_not(Action.SEE_SETTINGS)
if off:
    st.caption(f":material/lock: {off}")
else:
    st.caption("Secrets are not shown.")
    st.dataframe(
        store_tables.settings_frame(runtime.desk().fleet.settings()), hide_index=True,
        height="content", key="settings", alt="Settings in force, secrets redacted",
    )  # fmt: skip
st.subheader("Naming schemes")
st.code("\n".join(scheme.template for scheme in runtime.schemes().schemes), language=None)
