import math
from functools import partial

import streamlit as st

from dashboard.app import read, runtime, state_keys, unreadable
from dashboard.app.ending import end_page
from dashboard.cards import cohorts, files
from dashboard.draw import cards, figures, limits, unknown, usage_tables
from dashboard.draw.downloads import download
from dashboard.draw.formatting import plural, visible
from dashboard.draw.paging import numbered
from dashboard.move import listing as moved
from dashboard.names import importing
from dashboard.parking import listing as parked
from services.figures import Measure
from services.tenancy.claims import CLAIM_WORDS, ClaimState

PER_PAGE = 25
COLUMNS = ("Memory", "Patterns", "Vectors", "Sessions", "Last write", "Disk", "Ownership")
WITH_LIMITS = (limits.STATE, limits.LIMIT, "Memory", "Patterns", "Last write", "Disk")
OWNED = (ClaimState.KNOWN, ClaimState.CONFIRMED, ClaimState.INFERRED)
SORTS = {
    "Redis memory": "Memory", "Patterns": "Patterns", "Disk": "Disk", "Redis keys": "Keys",
    "Vectors": "Vectors", "Sessions": "Sessions", "Last write": "Last write", "Name": "Tenant",
}  # fmt: skip

snapshot = figures.snapshot_or_stop("Tenants")
sees_all = runtime.desk().gate.viewer().sees_all
frame = read.tenants_frame(snapshot)
standings = read.standings(snapshot)
limited = standings is not None and bool(standings.every)
sorts = SORTS
if standings is not None and limited:
    frame, sorts = read.limited_frame(snapshot, standings), {**SORTS, "Of limit": limits.LIMIT}
said = read.cards()
shown: tuple[str, ...] = WITH_LIMITS if limited else COLUMNS
if said:
    frame = read.carded_frame(frame, snapshot, said, read.doings())
    shown = cohorts.shown(frame, shown)
labelled = cards.labels_in(said.values()) if said else []
kinds = sorted(read.kinds(snapshot))

with st.container(horizontal=True, vertical_alignment="bottom"):
    wanted = st.text_input(
        "Search", type="search", placeholder="Part of a name", key=state_keys.SEARCH,
        bind="query-params", live=True,
    )  # fmt: skip
    with st.popover("Filter and sort", icon=":material/tune:"):  # data comes first on a phone
        kind = st.pills("Kind", kinds, key=state_keys.KIND, selection_mode="multi",
                        bind="query-params")  # fmt: skip
        ownership = st.pills(
            "Ownership", [CLAIM_WORDS[each] for each in OWNED], key=state_keys.OWNERSHIP,
            selection_mode="multi", bind="query-params",
        )  # fmt: skip
        states = st.pills(
            "Limit", [state.value for state in limits.SHOWN], key=state_keys.LIMITS,
            selection_mode="multi", bind="query-params",
        ) if limited or state_keys.LIMITS in st.query_params else None  # fmt: skip
        labels, group = cohorts.choice(labelled)
        sort = st.selectbox("Sort by", list(sorts), key=state_keys.SORT, bind="query-params",
                            filter_mode="contains")  # fmt: skip

found = frame
if wanted:
    found = found[cohorts.called(found, wanted)]
if kind:
    found = found[found["Tenant"].str.split("/", n=1).str[0].isin(kind)]
if ownership:
    found = found[found["Ownership"].isin(ownership)]
if states and standings is not None:
    found = limits.among(found, states, standings)
if labels:
    found = cards.having(found, labels)
column = sorts[sort or "Redis memory"]
found = usage_tables.by(found, column)

if standings is None:
    st.caption(f":material/cloud_off: {limits.UNKNOWN}")
if said is None:
    st.caption(f":material/cloud_off: {cards.UNKNOWN}")
missing = unknown.lacking(snapshot)
if len(frame):
    more = f" so far; there may be more: {missing}" if missing else ""
    st.caption(f"{len(found):,} of {plural(len(frame), 'tenant')}{more}")
if found.empty:
    unknown.no_tenant(frame, snapshot)
else:
    if group:
        cohorts.draw(found, group, snapshot)
    pages = math.ceil(len(found) / PER_PAGE)
    start = (numbered(pages, state_keys.PAGE) - 1) * PER_PAGE
    figures.tenants_table(
        found.iloc[start : start + PER_PAGE], snapshot, key="tenants",
        alt="Tenants with their usage", columns=shown,
    )  # fmt: skip
    whole = partial(usage_tables.adding_up, found, snapshot) if sees_all else found
    download(whole, "tenants", tenants=partial(usage_tables.tenants_in, found, snapshot),
             read_at=snapshot.collected_at)  # fmt: skip

with unreadable.said("Who is parked"):
    parked.draw()
with unreadable.said("Who moved"):
    moved.draw()

st.header("Shared between tenants")
if snapshot.shared:
    st.caption("KATO gives these node_ids of different tenants one kb_id: they share one "
               "memory, and data in it cannot be separated.")  # fmt: skip
    shared = usage_tables.shared_frame(snapshot.shared)
    figures.usage_table(shared, snapshot, key="shared", alt="kb_ids that tenants share",
                        columns=usage_tables.SHARED_SHOWN)  # fmt: skip
    holders = {tenant for part in snapshot.shared for tenant in part.claim.tenants}
    download(shared, "shared", tenants=sorted(holders), read_at=snapshot.collected_at)
elif missing:
    st.caption(f"Unknown: {missing}.")
else:
    st.caption("No two tenants are known to share a kb_id." if sees_all else "No kb_id is known to "
               "be shared by tenants in your scope alone.")  # fmt: skip
importing.draw()
cohorts.without_data(said, snapshot)
files.draw(said)
if not sees_all:
    end_page()

st.header("Unowned")
unowned = snapshot.unattributed
figures.owner_figures(unowned.usage, snapshot)
if unowned.usage.keys_by_kind:
    st.dataframe(
        usage_tables.kinds_frame(unowned.usage.keys_by_kind), hide_index=True, width=420,
        alt="Unowned keys, by kind",
        column_config=figures.kind_columns(unowned.usage.keys_by_kind),
    )  # fmt: skip
    download(usage_tables.kinds_frame(unowned.usage.keys_by_kind), "unowned_keys", tenants=(),
             read_at=snapshot.collected_at)  # fmt: skip
if unowned.samples:
    with st.expander("Samples"):
        st.code("\n".join(visible(name) for name in unowned.samples), language=None)
if not missing and all(not amount.count for amount in map(unowned.usage.of, Measure) if amount):
    st.caption("Everything in the stores has an owner.")
