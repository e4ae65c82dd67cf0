"""The Redis keys of one tenant: by kind, the largest, and any one's value."""

from __future__ import annotations

from functools import partial

import streamlit as st

from dashboard.app import current, permits, runtime, state_keys
from dashboard.draw import unknown, usage_tables
from dashboard.draw.chosen import rows_table
from dashboard.draw.downloads import concerned, decided_button, download, file_name
from dashboard.draw.formatting import escaped, markdown, plural, size, span, unseen, visible
from dashboard.tenant import read, tables
from services.access.viewer import Action
from services.browse.models import Holding, KeyInventory, KeyValue, Scope, SizedKey

WIDTH = 90
"""Pixels that `never` takes: a word is cut in a narrow column, and the column goes by its name."""

_COLUMNS = {
    "Keys": st.column_config.NumberColumn(format="localized"),
    "Memory": st.column_config.NumberColumn(format="bytes", help="Redis, MEMORY USAGE"),
    "Expiring": st.column_config.NumberColumn(format="localized", help="Keys with a TTL"),
    "Shortest TTL": st.column_config.NumberColumn(format="duration"),
    "Longest TTL": st.column_config.NumberColumn(format="duration"),
    "TTL": st.column_config.NumberColumn(format="duration", width=WIDTH),
}


def draw(scope: Scope) -> None:
    """Draw the section. Raises StoreError and NotThisTenants."""
    if not scope.holdings:
        unknown.nothing("Nothing of this tenant has keys.", read.snapshot(),
                        what="what of this tenant has keys")  # fmt: skip
        return
    by_owner = {(each.owner.kind, each.name): each for each in scope.holdings}
    of = st.selectbox(
        "Of", list(by_owner), key=state_keys.of("keys_of", scope.tenant),
        format_func=lambda owner: tables.holding_words(by_owner[owner]), filter_mode="contains",
    )  # fmt: skip
    holding = by_owner.get(of, scope.holdings[0])
    _shared(holding)
    inventory = read.inventory(scope, holding.owner)
    chosen = _largest(scope, inventory) if inventory.count else None
    if not inventory.count:
        st.info("No keys.", icon=":material/key_off:")
    typed = st.text_input(
        "Show the value of a key",
        key=state_keys.of("keys_typed", scope.tenant),
        placeholder="Its whole name",
    )
    wanted = unseen(typed) if typed else chosen.key if chosen else None
    if wanted is not None:
        _value(scope, wanted)


def _shared(holding: Holding) -> None:
    if holding.shared_with:
        others = escaped(tables.shared_words(holding))
        st.warning(f"Shared with {others}: nothing stored says which keys are whose.",
                   icon=":material/group_work:")  # fmt: skip


def _largest(scope: Scope, inventory: KeyInventory) -> SizedKey | None:
    """Draw the kinds and the largest keys; return the key that is selected."""
    st.caption(f"{plural(inventory.count, 'key')}, counted just now, each with its memory.")
    kinds = tables.kinds_frame(inventory.kinds)
    unknown.dashes(kinds, ["Memory"], "Redis does not let it be asked.")
    if kinds["Longest TTL"].isna().any():
        st.caption("A dash under a TTL means that no such key expires.")
    st.dataframe(
        kinds, key="key_kinds", alt="Keys by kind, with memory and TTLs", hide_index=True,
        height="content", placeholder=usage_tables.NONE, column_config=_COLUMNS,
    )  # fmt: skip
    download(kinds, "key_kinds", tenants=concerned(scope))
    st.markdown(f"**The largest {len(inventory.largest)}**")
    frame = tables.largest_frame(inventory.largest)
    chosen = rows_table(
        frame, inventory.largest, [each.key for each in inventory.largest], key="largest_keys",
        select="single-row", alt="The largest keys; select one for its value",
        placeholder="never", column_config=_COLUMNS,
    )  # fmt: skip
    download(frame, "largest_keys", tenants=concerned(scope))
    return next(iter(chosen), None)


def _value(scope: Scope, key: str) -> None:
    value, holding = runtime.desk().inspection.value(scope, key)
    st.subheader(markdown(key))
    if value is None:
        st.info("There is no such key, or no longer.", icon=":material/search_off:")
        return
    _shared(holding)
    st.caption(markdown(_about(value)))
    _whole_button(scope, value)
    if value.type == "string":
        text, language = tables.value_text(value.members[0][0])
        st.code(text, language="json" if language == "json" else None, height=320)
        return
    frame = tables.members_frame(value)
    st.dataframe(frame, key="key_value", alt="Members of this key", hide_index=True)
    download(frame, "key_value", tenants=concerned(scope))


def _whole_button(scope: Scope, value: KeyValue) -> None:
    """Draw the button for the whole value: as it is stored, or as lines of JSON."""
    most = current.settings().value_bytes
    large = value.type == "string" and value.size > most
    stored = value.type == "string"
    decided_button(
        "Whole value" if stored else "Whole value (JSON Lines)",
        partial(_whole, scope, value.key),
        reason=f"It is above {size(most)} (KATO_TENANTS_VALUE_BYTES)." if large
        else permits.why_not(Action.EXPORT),
        file_name=f"{file_name(visible(value.key))}.{'bin' if stored else 'jsonl'}",
        mime="application/octet-stream" if stored else "application/jsonl",
        key="download_whole_value", type="tertiary", icon=":material/download:",
    )  # fmt: skip


def _whole(scope: Scope, key: str) -> bytes:
    with runtime.desk().inspection.whole(scope, key) as pieces:
        return b"".join(pieces)


def _about(value: KeyValue) -> str:
    ttl = "never expires" if value.ttl is None else f"expires in {span(value.ttl)}"
    length = size(value.size) if value.type == "string" else plural(value.size, "member")
    facts = [value.type, length, f"{size(value.memory)} in memory", ttl]
    return " · ".join([*facts, f"cut: {value.note}"] if value.note else facts)
