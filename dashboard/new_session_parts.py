"""The parts of the form for a new session: metadata, KATO's options, and what it answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import navigation, runtime, session, session_tables
from dashboard.formatting import markdown, moment, visible
from services.landing import Landing
from services.models import CreatedSession
from services.models_sessions import SEALED_NAME
from services.session_options import OPTIONS, Option, OptionKind, compare


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of KATO with the session created last, and its answer.

    Of sensitive metadata only that there is some: its values are not kept.
    """

    ttl_seconds: int
    metadata: Mapping[str, str]
    sensitive: bool
    config: Mapping[str, object]
    answer: CreatedSession


def metadata_table(*, can_seal: bool) -> tuple[dict[str, str], dict[str, str]]:
    """Draw the editable table of metadata; return what is plain and what is sensitive."""
    st.markdown("Metadata")
    sensitive = st.column_config.CheckboxColumn(
        default=False, width="small", disabled=not can_seal,
        help="Encrypted before it leaves" if can_seal else "Set KATO_TENANTS_METADATA_KEYS",
    )  # fmt: skip
    edited = st.data_editor(
        pd.DataFrame({
            "Name": pd.Series([None], dtype="string"),
            "Value": pd.Series([None], dtype="string"),
            "Sensitive": pd.Series([False], dtype="bool"),
        }),
        num_rows="dynamic", hide_index=True,
        key=f"metadata_{st.session_state.get(session.FORM, 0)}",
        alt="Metadata of the new session",
        column_config={"Sensitive": sensitive},
    )  # fmt: skip
    if not can_seal:
        st.caption("Nothing can be encrypted: KATO_TENANTS_METADATA_KEYS is not set.")
    return _split(edited)


def forget_metadata() -> None:
    """Let the next table be an empty one, so that no sensitive value stays in the session state."""
    st.session_state[session.FORM] = st.session_state.get(session.FORM, 0) + 1


def _split(edited: pd.DataFrame) -> tuple[dict[str, str], dict[str, str]]:
    """Return the rows that are whole, plain and sensitive apart; say which are not sent."""
    named: list[Any] = [row for row in edited.itertuples() if pd.notna(row.Name)]  # type: ignore[arg-type]
    rows = [row for row in named if pd.notna(row.Value)]
    plain = {str(row.Name): str(row.Value) for row in rows if not _ticked(row.Sensitive)}
    sealed = {str(row.Name): str(row.Value) for row in rows if _ticked(row.Sensitive)}
    if len(rows) < len(named):
        st.caption("A row without a value is not sent.")
    if len(plain) + len(sealed) < len(rows) or plain.keys() & sealed.keys():
        st.warning("A name stands twice; of one kind only the last is sent.",
                   icon=":material/content_copy:")  # fmt: skip
    return plain, sealed


def _ticked(value: Any) -> bool:
    return bool(pd.notna(value) and value)


def options_form() -> dict[str, object]:
    """Draw an input an option, empty for KATO's own; return what was chosen."""
    with st.expander("KATO's session options", icon=":material/tune:"):
        st.caption("What is left empty stays as this KATO has it.")
        with st.grid(2, min_column_width=240):
            chosen = {option.name: _input(option) for option in OPTIONS}
    return {name: value for name, value in chosen.items() if value not in (None, [])}


def _input(option: Option) -> object:
    key, label = f"option_{option.name}", option.name
    default = f"KATO's own ({session_tables.words_of(option.default)})"
    match option.kind:
        case OptionKind.FLAG:
            picked = st.selectbox(label, ["on", "off"], index=None, placeholder=default, key=key,
                                  help=option.help)  # fmt: skip
            return None if picked is None else picked == "on"
        case OptionKind.CHOICE:
            return st.selectbox(label, option.choices, index=None, placeholder=default, key=key,
                                help=option.help)  # fmt: skip
        case OptionKind.LIST:
            return st.multiselect(label, option.choices, placeholder=default, key=key,
                                  help=option.help)  # fmt: skip
        case _:
            return _number(option, key, default)


def _number(option: Option, key: str, default: str) -> int | float | None:
    whole = option.kind is OptionKind.WHOLE
    kind: Any = int if whole else float
    most = None if option.most is None else kind(option.most)
    value = st.number_input(
        option.name, min_value=kind(option.least), max_value=most, value=None,
        step=1 if whole else 0.05, placeholder=default, key=key, help=option.help,
    )  # fmt: skip
    return None if value is None else kind(value)


def landing_words(landing: Landing) -> None:
    """Draw where a session would land, and why it may not where that is so."""
    st.caption("node_id")
    st.code(visible(landing.node_id), language=None)
    st.caption("kb_id")
    st.code(visible(landing.kb_id), language=None)
    if landing.refusal:
        reason = landing.refusal[0].upper() + landing.refusal[1:]
        st.error(f"{markdown(reason)}.", icon=":material/block:")
        return
    if landing.warning:
        st.warning(f"{markdown(landing.warning)}.", icon=":material/content_cut:")
    name = markdown(str(landing.tenant))
    if landing.claim.state == "known":
        st.caption(f"Known: {name} already uses it.")
    else:
        st.caption(f"New for {name}: no node_id on it was seen so far.")


def answer(asked: Asked) -> None:
    """Draw KATO's answer to the session created last, beside what was asked."""
    created = asked.answer
    st.subheader("KATO's answer")
    st.success("The session was created.", icon=":material/check_circle:")
    st.code(created.session_id, language=None)
    st.table({
        "node_id": markdown(created.node_id),
        "Expires": moment(created.expires_at),
        "Time to live": str(timedelta(seconds=created.ttl_seconds)),
    }, border="horizontal", width="content", alt="The created session")  # fmt: skip
    _links(created)
    st.dataframe(
        session_tables.answers_frame(compare(_asked(asked), _accepted(asked))), hide_index=True,
        key="answers", alt="What was asked beside what KATO accepted",
    )  # fmt: skip
    with st.expander("All options as KATO has them now"):
        st.json(session_tables.visible_json(created.config), expanded=1)


def _links(created: CreatedSession) -> None:
    name = visible(str(runtime.load_ownership().tenant_of(created.node_id)))
    with st.container(horizontal=True):
        page = navigation.row("tenant")
        st.page_link(page.file, label=f"Open {markdown(name)}", icon=page.icon,
                     query_params={session.TENANT: name})  # fmt: skip
        page = navigation.row("sessions")
        st.page_link(page.file, label="Look into the session", icon=page.icon,
                     query_params={session.SESSION: visible(created.session_id)})  # fmt: skip


def _asked(asked: Asked) -> dict[str, object]:
    sealed = {f"metadata: {SEALED_NAME}": "(encrypted)"} if asked.sensitive else {}
    plain = {f"metadata: {name}": value for name, value in asked.metadata.items()}
    return {"Time to live": f"{asked.ttl_seconds} s", **asked.config, **plain, **sealed}


def _accepted(asked: Asked) -> dict[str, object]:
    created = asked.answer
    found = {f"metadata: {name}": value for name, value in created.metadata.items()}
    if f"metadata: {SEALED_NAME}" in found:
        found[f"metadata: {SEALED_NAME}"] = "(encrypted)"
    return {"Time to live": f"{created.ttl_seconds} s", **created.config, **found}
