"""The parts of the form for a new session: metadata, KATO's options, and what it answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.app import permits, read, state_keys
from dashboard.draw.formatting import escaped, markdown, moment, visible, visible_json, words_of
from services.sessions.landing import Erased, Landing
from services.sessions.models import SEALED_NAME
from services.sessions.options import OPTIONS, Answered, Option, OptionKind, compare
from services.usage.readings import CreatedSession


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


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the metadata, as it is typed."""

    name: str
    value: str
    sensitive: bool


def metadata_rows(*, can_seal: bool) -> tuple[dict[str, str], dict[str, str]]:
    """Draw the rows of metadata; return what is plain and what is sensitive.

    Inputs and no `st.data_editor`: that one sends an edit a moment after it was made, so that a
    click right after a tick sent as plain what was to be encrypted.
    """
    st.markdown("Metadata")
    entries = [
        _row(number, place, can_seal=can_seal) for place, number in enumerate(_numbers(), start=1)
    ]
    st.button("Add a row", icon=":material/add:", type="tertiary", on_click=_add_row)
    sealing = (
        "Sensitive values leave encrypted." if can_seal else
        "Nothing can be encrypted: KATO_TENANTS_METADATA_KEYS is not set."
    )  # fmt: skip
    st.caption(f"{sealing} A row without a name or a value is not sent.")
    return _split(entries)


def forget_metadata() -> None:
    """Begin with one empty row, so that no sensitive value stays in the session state."""
    st.session_state[state_keys.METADATA_ROWS] = (max(_numbers()) + 1,)


def _numbers() -> tuple[int, ...]:
    numbers: tuple[int, ...] = st.session_state.get(state_keys.METADATA_ROWS, (0,))
    return numbers


def _add_row() -> None:
    st.session_state[state_keys.METADATA_ROWS] = (*_numbers(), max(_numbers()) + 1)


def _remove_row(number: int) -> None:
    left = tuple(other for other in _numbers() if other != number)
    st.session_state[state_keys.METADATA_ROWS] = left or (number + 1,)


def _row(number: int, place: int, *, can_seal: bool) -> Entry:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        name = st.text_input(
            f"Name {place}", placeholder="Name", key=f"metadata_name_{number}",
            label_visibility="collapsed",
        )  # fmt: skip
        value = st.text_input(
            f"Value {place}", placeholder="Value", key=f"metadata_value_{number}",
            label_visibility="collapsed", autocomplete="off",
        )  # fmt: skip
        sensitive = st.checkbox(
            "Sensitive", key=f"metadata_sensitive_{number}", width="content", disabled=not can_seal
        )
        st.button(
            "", icon=":material/close:", type="tertiary", help=f"Remove row {place}",
            key=f"metadata_remove_{number}", on_click=_remove_row, args=(number,),
        )  # fmt: skip
    return Entry(name or "", value or "", sensitive)


def _split(entries: Sequence[Entry]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the rows that are whole, plain and sensitive apart; warn of names that clash."""
    rows = [entry for entry in entries if entry.name and entry.value]
    plain = {entry.name: entry.value for entry in rows if not entry.sensitive}
    sealed = {entry.name: entry.value for entry in rows if entry.sensitive}
    if len(plain) + len(sealed) < len(rows) or plain.keys() & sealed.keys():
        st.warning("A name stands twice; of one kind only the last is sent.",
                   icon=":material/content_copy:")  # fmt: skip
    return plain, sealed


def options_form() -> dict[str, object]:
    """Draw an input an option, empty for KATO's own; return what was chosen."""
    with st.expander("KATO's session options", icon=":material/tune:"):
        st.caption("What is left empty stays as this KATO has it.")
        with st.grid(2, min_column_width=240):
            chosen = {option.name: _input(option) for option in OPTIONS}
    return {name: value for name, value in chosen.items() if value not in (None, [])}


def _input(option: Option) -> object:
    key, label = f"option_{option.name}", option.name
    default = f"KATO's own ({words_of(option.default)})"
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
    if landing.erased is not None:
        _erased_words(landing.erased)
        return
    if landing.claim.state == "known":
        st.caption(f"Known: {name} already uses it.")
    else:
        st.caption(f"New for {name}: no node_id on it was seen so far.")


def _erased_words(erased: Erased) -> None:
    ticket = f" ({markdown(erased.ticket)})" if erased.ticket else ""
    st.warning(f"**This user's data was erased on {moment(erased.at)}**{ticket}. A session brings "
               "the user back: KATO stores again what its clients send.",
               icon=":material/history:")  # fmt: skip


def asked_again(landing: Landing | None) -> bool:
    """Ask once more where a session would bring back what was erased; return whether to go on."""
    if landing is None or landing.erased is None or landing.refusal:
        return True
    return st.checkbox("Create it all the same", key=f"again_{visible(landing.node_id)}")


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
        answers_frame(compare(_asked(asked), _accepted(asked))), hide_index=True,
        key="answers", alt="What was asked beside what KATO accepted",
    )  # fmt: skip
    with st.expander("All options as KATO has them now"):
        st.json(visible_json(created.config), expanded=1)


def _links(created: CreatedSession) -> None:
    name = visible(str(read.ownership().tenant_of(created.node_id)))
    with st.container(horizontal=True):
        permits.link("tenant", f"Open {escaped(name)}", {state_keys.TENANT: name})
        permits.link("sessions", "Look into the session",
                     {state_keys.SESSION: visible(created.session_id)})  # fmt: skip


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


def answers_frame(answers: Iterable[Answered]) -> pd.DataFrame:
    """Return one row a thing asked of KATO, beside what it accepted."""
    rows = [
        {
            "What": visible(answer.name),
            "Asked": words_of(answer.asked),
            "Accepted": words_of(answer.accepted),
            "Verdict": "as asked" if answer.kept else "KATO did otherwise",
        }
        for answer in answers
    ]
    return pd.DataFrame(rows, columns=["What", "Asked", "Accepted", "Verdict"])
