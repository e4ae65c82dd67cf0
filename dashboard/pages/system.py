import streamlit as st

from dashboard.app import permits, read, runtime
from dashboard.draw import figures, store_tables
from dashboard.draw.formatting import markdown
from services.access.viewer import Action
from services.figures import Measure

sees_all = runtime.desk().gate.viewer().sees_all
snapshot = figures.snapshot_or_stop("System")

st.header("Stores")
with st.skeleton(height=180):
    checks = read.checks()
    st.dataframe(
        store_tables.checks_frame(checks), hide_index=True, key="checks", placeholder="unknown",
        alt="Each store with its state, version and latency, and what to do",
        column_config={"Latency": st.column_config.NumberColumn(format="%.1f ms")},
    )  # fmt: skip
    for check in checks:
        if check.advice:
            st.markdown(f"**{check.store}**: {markdown(check.advice)}.")

st.header("Last pass")
st.dataframe(
    store_tables.freshness_frame(snapshot, whole=sees_all), hide_index=True, key="freshness",
    placeholder="unknown",
    alt="Each figure with its state, age, duration and note",
    column_config={"Took": st.column_config.NumberColumn(format="%.2f s")},
)  # fmt: skip

if snapshot.keys is not None:
    st.header("Redis")
    st.table(store_tables.redis_facts(snapshot.keys), border="horizontal", width="content",
             alt="Facts about the keyspace")  # fmt: skip

if sees_all:
    st.header("Tables in ClickHouse")
    if snapshot.tables:
        st.dataframe(store_tables.tables_frame(snapshot.tables), hide_index=True, key="tables",
                     alt="Tables of KATO's database",
                     column_config=figures.USAGE_COLUMNS)  # fmt: skip
    else:
        st.caption("Unknown.")

st.header("Collections in Qdrant")
if snapshot.collections:
    st.dataframe(store_tables.collections_frame(snapshot.collections), hide_index=True,
                 key="collections", placeholder="unknown", alt="Collections in Qdrant",
                 column_config=figures.COLLECTION_COLUMNS)  # fmt: skip
else:
    st.caption("None." if snapshot.stores[Measure.VECTORS].total is not None else "Unknown.")

st.header("Settings in force")
off = permits.why_not(Action.SEE_SETTINGS)
if off:
    st.caption(f":material/lock: {off}")
else:
    st.caption("Secrets are not shown.")
    st.dataframe(
        store_tables.settings_frame(runtime.desk().fleet.settings()), hide_index=True,
        height="content", key="settings", alt="Settings in force, secrets redacted",
    )  # fmt: skip
st.header("Naming schemes")
st.code("\n".join(scheme.template for scheme in runtime.schemes().schemes), language=None)
