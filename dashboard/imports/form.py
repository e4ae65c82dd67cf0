"""What is to be written for a tenant: whose, what, where, and the rows, pasted."""

from __future__ import annotations

from io import BytesIO

import streamlit as st

from dashboard.app import permits, read, refusals, runtime, state_keys
from dashboard.draw.formatting import name_among, unseen, visible
from services.access.viewer import Action
from services.errors import KatoTenantsError, NamingError
from services.imports.models import Existing, Form, Kind, Order
from services.tenancy.kb_ids import TenantKey
from services.tenancy.layout import Layout, bytes_of
from services.usage.snapshot import Snapshot

MOST = 2_000_000
"""The longest text that can be pasted, in characters; the command takes any file."""

_KINDS = {
    Kind.PATTERNS: ('{"name": "…", "pattern_data": [["a"], ["b"]], "length": 2}',
                    "A row has the table's columns; `kb_id` may be left out."),
    Kind.KEYS: ('{"key": "settings", "value": {"theme": "dark"}, "ttl_seconds": 3600}',
                "A row has `key` and `value`; where wanted also `type` and `ttl_seconds`."),
    Kind.SESSIONS: ('{"session_id": "s1", "record": {"user": "bob"}, "ttl_seconds": 3600}',
                    "A row has `session_id`, `record`, and when it ends: `ttl_seconds`."),
    Kind.VECTORS: ('{"id": 1, "vector": [0.1, 0.2], "payload": {"text": "…"}}',
                   "A row has `id` (a whole number or a UUID), `vector` and `payload`."),
}  # fmt: skip
_EXISTING = {
    Existing.STOP: "Stop: write nothing", Existing.SKIP: "Skip it", Existing.REPLACE: "Replace it",
}  # fmt: skip
_TYPED = ("data_tenant", "data_kind", "data_layout", "data_existing", "data_leave", "data_form",
          "data_node", "data_table", "data_collection", state_keys.DATA_TEXT)  # fmt: skip
_FORMS = {"JSON Lines": Form.JSONL, "CSV": Form.CSV}
_LAYOUTS = {"KATO's": Layout.KATO, "The guide's": Layout.GUIDE}


def draw(snapshot: Snapshot | None) -> None:
    """Draw the form, and the button that checks the rows; nothing is written by it."""
    st.caption("Rows are checked first: nothing is written before you have seen what they come to.")
    halves = st.grid(2, gap=("small", "large"), min_column_width=380)
    left, right = halves.cell(), halves.cell()
    with left:
        tenant = _tenant(snapshot)
        kind = st.segmented_control("What the rows are", list(Kind), default=Kind.PATTERNS,
                                    format_func=str.capitalize, required=True,
                                    key="data_kind") or Kind.PATTERNS  # fmt: skip
        layout = _LAYOUTS[st.radio(
            "Layout", list(_LAYOUTS), horizontal=True, key="data_layout",
            help="How names are made: as KATO does, by node_id, or as its multi-tenant guide does, "
            "by tenant.",
        )]  # fmt: skip
        node = _node(tenant) if layout is Layout.KATO else ""
        table, collection = _place(kind, layout)
    with right:
        existing = st.radio("Where a name is there already", list(_EXISTING), key="data_existing",
                            format_func=_EXISTING.__getitem__)  # fmt: skip
        leave_out = st.checkbox("Leave out refused rows and write the others", key="data_leave")
        form = _FORMS[st.radio("Format", list(_FORMS), horizontal=True, key="data_form")]
    example, words = _KINDS[kind]
    st.caption(words)
    text = st.text_area("Rows", key=state_keys.DATA_TEXT, max_chars=MOST, height=180,
                        placeholder=example if form is Form.JSONL else "")  # fmt: skip
    st.caption("For larger files, and for Parquet: `kato-tenants import file`.")
    refusals.draw(state_keys.DATA_REFUSED, "Nothing was checked or written")
    order = None if tenant is None else Order(
        tenant, kind, layout, form, node, table, collection, existing, leave_out=leave_out
    )  # fmt: skip
    permits.button(
        "Check rows", Action.IMPORT_DATA, type="primary", icon=":material/fact_check:",
        disabled=order is None or not text.strip(), on_click=_check, args=(order, text),
    )  # fmt: skip


def keep() -> None:
    """Keep what was typed while an import is shown in its place: refused rows can be mended."""
    for key in st.session_state:
        if isinstance(key, str) and key in _TYPED:
            st.session_state[key] = st.session_state[key]


def _tenant(snapshot: Snapshot | None) -> TenantKey | None:
    names = () if snapshot is None else read.sorted_names(snapshot)
    preset = name_among(st.query_params.get(state_keys.TENANT, ""), names)
    name = st.selectbox(
        "Tenant", names, index=None if preset is None else names.index(preset),
        accept_new_options=True, filter_mode="contains", key="data_tenant",
        placeholder="Type a part of its name, or a new one",
    )  # fmt: skip
    if not name:
        return None
    try:
        return TenantKey.parse(unseen(name))
    except NamingError as exc:
        refusals.say(exc)
        return None


def _node(tenant: TenantKey | None) -> str:
    ownership = read.ownership()
    nodes = [] if tenant is None else sorted(
        visible(node) for node in ownership.nodes if ownership.tenant_of(node) == tenant
    )  # fmt: skip
    node = st.selectbox("Whose memory", nodes, index=0 if len(nodes) == 1 else None,
                        filter_mode="contains", placeholder="A node_id that was seen",
                        key="data_node")  # fmt: skip
    if tenant is not None and not nodes:
        st.caption("No node_id of this tenant was seen: set it up with a first session.")
    return unseen(node) if node else ""


def _place(kind: Kind, layout: Layout) -> tuple[str, str]:
    """Return the table for patterns, and the shared collection for vectors."""
    if kind is Kind.PATTERNS:
        return st.text_input("Table", "patterns_data", key="data_table") or "patterns_data", ""
    if kind is Kind.VECTORS and layout is Layout.GUIDE:
        typed = st.text_input(
            "Shared collection", key="data_collection",
            help="Empty for its own, kato_tenant_{tenant}. In a shared one every point gets the "
                 "payload tenant_id.",
        )  # fmt: skip
        return "patterns_data", unseen(typed or "")
    return "patterns_data", ""


def _check(order: Order, text: str) -> None:
    try:
        preview = runtime.desk().imports.check(order, BytesIO(bytes_of(text)))
    except KatoTenantsError as exc:
        refusals.keep(state_keys.DATA_REFUSED, exc)
        return
    st.query_params[state_keys.IMPORT_RUN] = preview.run
