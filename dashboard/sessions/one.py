"""One session, read in Redis as it is at this moment; reading does not extend it."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from dashboard.app import permits, read, refusals, runtime, state_keys, unreadable
from dashboard.draw import cards, shared
from dashboard.draw.formatting import (
    age,
    escaped,
    markdown,
    moment,
    plural,
    size,
    span,
    visible,
    visible_json,
    words_of,
)
from dashboard.draw.links import copy_link
from dashboard.sessions import actions, tables
from services.access.viewer import Action
from services.errors import KatoTenantsError
from services.sessions.models import SEALED_NAME, SessionDetail, is_katos
from services.tenancy.claims import CLAIM_WORDS, UNOWNED
from services.tenancy.kb_ids import kb_id_of
from services.tenancy.layout import OwnerKind

_NO_OPTIONS = {"session_id", "node_id", "created_at", "updated_at", "version", "metadata"}
"""What a record's config holds beside options."""


def draw(asked: str) -> None:
    """Draw the session that a link names."""
    st.button("All sessions", icon=":material/arrow_back:", type="tertiary", on_click=_back)
    snapshot = read.state().snapshot
    key = tables.key_asked(asked, (snapshot and snapshot.sessions) or ())
    actions.draw_report()
    try:
        detail = runtime.desk().care.inspect(key)
    except KatoTenantsError as exc:
        unreadable.draw("The session", exc)
        return
    if detail is None:
        st.warning(f"There is no session {escaped(asked)}: it expired, was ended, or never was.",
                   icon=":material/search_off:")  # fmt: skip
        return
    _head(detail)
    if not detail.record.readable:
        _unreadable(detail)
        return
    left, right = st.columns(2, gap="large")
    with left:
        _memory(detail)
    with right:
        _metadata(detail)
        _config(detail)
    _perceived(detail)
    if detail.rest:
        with st.expander("Raw record"):
            st.json(visible_json(detail.rest), expanded=1)


def _back() -> None:
    st.query_params.pop(state_keys.SESSION, None)


def _head(detail: SessionDetail) -> None:
    record = detail.record
    st.code(visible(record.session_id), language=None)
    ownership = read.ownership()
    tenant = ownership.owner(record.owner).tenant
    if tenant is not None:
        cards.beside(read.card(tenant))
    if record.owner.kind is OwnerKind.NODE:
        shared.say(
            kb_id_of(record.owner.name, ownership.service), tenant,
            "What is learnt there changes this session's predictions.",
        )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center"):
        if is_katos(record):
            actions.deed_buttons([record])
            if record.readable:
                actions.options_button(record, detail.config)
        else:
            st.badge("guide layout", color="gray", icon=":material/menu_book:")
            st.caption("KATO's API does not know it: it can only be read.")
        copy_link({state_keys.SESSION: tables.link_of(record)})
    _facts(detail)


def _facts(detail: SessionDetail) -> None:
    record = detail.record
    claim = read.ownership().owner(record.owner)
    tenant = visible(str(claim.tenant)) if claim.tenant else UNOWNED
    node = record.owner.kind is OwnerKind.NODE
    service = read.ownership().service
    own = detail.rest.get("ttl_seconds")
    facts = {
        "Tenant": f"{escaped(tenant)} ({CLAIM_WORDS[claim.state]})",
        "node_id": markdown(record.owner.name) if node else "none",
        "kb_id": markdown(kb_id_of(record.owner.name, service)) if node else "none",
        "Created": _when(record.created_at),
        "Last access": _when(record.last_accessed),
        "Expires in": "never" if record.expires_in is None else span(record.expires_in),
        "Default lifetime": span(own) if isinstance(own, int) else "unknown",
        "Memory": size(record.bytes),
        "Redis key": markdown(record.key),
    }
    st.table(facts, border="horizontal", width="content", alt="Facts about the session")
    if claim.tenant:
        permits.link("tenant", f"Open {escaped(tenant)}", {state_keys.TENANT: tenant})


def _when(at: datetime | None) -> str:
    return f"{moment(at)}, {age(at)}" if at else "unknown"


def _unreadable(detail: SessionDetail) -> None:
    st.error(f"The record cannot be read: {markdown(detail.record.problem)}.",
             icon=":material/broken_image:")  # fmt: skip
    if detail.raw:
        st.caption("The record as it is" + (", its beginning" if detail.cut else ""))
        st.code(visible(detail.raw), language=None, wrap_lines=True)


def _memory(detail: SessionDetail) -> None:
    st.header("Short-term memory")
    if detail.stm is None:
        st.caption("The record holds none.")
    elif not detail.stm:
        st.caption("Empty.")
    else:
        st.caption(f"{plural(len(detail.stm), 'event')}, the oldest first")
        st.dataframe(
            tables.events_frame(detail.stm), hide_index=True, key="stm",
            alt="Events of the short-term memory",
            column_config={"Event": st.column_config.NumberColumn(width="small")},
        )  # fmt: skip
    st.header("Emotives")
    emotives = tables.emotives_frame(detail.emotives)
    if emotives.empty:
        st.caption("No emotives.")
    else:
        st.dataframe(
            emotives, hide_index=True, key="emotives", alt="Emotives since the last learning",
            column_config={
                "Mean": st.column_config.NumberColumn(format="%.3f"),
                "Values": st.column_config.LineChartColumn(),
            },
        )  # fmt: skip
    if detail.metadata_seen:
        with st.expander(f"Metadata ({plural(len(detail.metadata_seen), 'entry', 'entries')})"):
            st.json(visible_json(detail.metadata_seen), expanded=1)
    else:
        st.caption("No metadata accumulated.")


def _perceived(detail: SessionDetail) -> None:
    """Draw what it perceived last and what it predicted of it, as far as the record says."""
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Percept data")
        if detail.percept:
            st.json(visible_json(detail.percept), expanded=1)
        else:
            st.caption("Nothing was observed." if detail.percept is not None else
                       "The record holds none.")  # fmt: skip
    with right:
        st.subheader("Predictions")
        if detail.predictions:
            st.caption(f"{plural(len(detail.predictions), 'prediction')}, in KATO's order")
            st.json(visible_json(detail.predictions), expanded=1)
        else:
            st.caption("None." if detail.predictions is not None else "The record holds none.")


def _metadata(detail: SessionDetail) -> None:
    st.header("Metadata")
    plain = {name: value for name, value in detail.metadata.items() if name != SEALED_NAME}
    if plain:
        st.dataframe(tables.pairs_frame(plain, name="Name"), hide_index=True,
                     key="metadata_of", alt="Metadata of the session")  # fmt: skip
    elif detail.sealed is None:
        st.caption("None.")
    if detail.sealed is not None:
        _sealed(detail)


def _sealed(detail: SessionDetail) -> None:
    """Draw that there is encrypted metadata; its values only in the run that was asked to."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(":material/lock: Encrypted metadata", width="stretch")
        asked = permits.button("Decrypt", Action.DECRYPT, icon=":material/lock_open:")
    if not asked:
        return
    try:
        values = runtime.desk().care.reveal(detail)
    except KatoTenantsError as exc:
        refusals.show(refusals.of(exc), "It cannot be decrypted")
        return
    st.table(
        {markdown(str(name)): markdown(words_of(value))
         for name, value in values.items()},
        border="horizontal", alt="Decrypted metadata",
    )  # fmt: skip
    st.caption("Shown this once: it is gone with the next click.")


def _config(detail: SessionDetail) -> None:
    st.header("Options")
    known = {k: v for k, v in detail.config.items() if k not in _NO_OPTIONS}
    chosen = {name: value for name, value in known.items() if value is not None}
    if chosen:
        st.dataframe(tables.pairs_frame(chosen, name="Option"), hide_index=True,
                     key="config_of", alt="Options of the session")  # fmt: skip
    unset = len(known) - len(chosen)
    if unset or not chosen:
        st.caption(f"{plural(unset, 'option')} left to KATO's defaults." if unset else "None.")
