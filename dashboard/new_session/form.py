"""The parts of the form for a new session: metadata, KATO's options, and what it answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import streamlit as st

from dashboard.app import permits, read, state_keys, unreadable
from dashboard.draw import session_options, shared, taken_apart
from dashboard.draw.formatting import (
    escaped,
    few,
    markdown,
    moment,
    plural,
    visible,
    visible_json,
)
from dashboard.draw.measures import WORDS
from dashboard.new_session import tenant_entry
from services.sessions.landing import Erased, Landing
from services.sessions.models import SEALED_NAME
from services.sessions.options import compare
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import ClaimState
from services.tenancy.schemes import NamingScheme
from services.usage.readings import CreatedSession

MOST_OFFERS = 3
MOST_WORD = 300  # characters


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
        "Encryption is off (set KATO_TENANTS_METADATA_KEYS)."
    )  # fmt: skip
    st.caption(f"{sealing} Rows that lack a name or a value are ignored.")
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
        return session_options.inputs("option")


def text_field(scheme: NamingScheme, name: str, preset: str) -> str:
    """Draw the input of one field of a naming scheme."""
    key = _field_key(scheme, name)
    st.session_state.setdefault(key, preset)
    typed = st.text_input(name.capitalize(), key=key, live=True)
    if name == scheme.kind:
        tenant_entry.suggest(typed, key=key, kind=scheme.kind)
    return typed


def _field_key(scheme: NamingScheme, name: str) -> str:
    return f"{scheme.template}.{name}"


def offer(landing: Landing, scheme: NamingScheme) -> None:
    """Offer the tenants that are there and look like the one that a session would make."""
    if not landing.alike:
        return
    names = few([markdown(str(tenant)) for tenant in landing.alike])
    st.warning(f"{markdown(str(landing.tenant))} would be another tenant than {names}, which it "
               "looks like.", icon=":material/visibility:")  # fmt: skip
    for tenant in landing.alike[:MOST_OFFERS]:
        st.button(f"Use {markdown(str(tenant))} instead", key=f"instead_{tenant}",
                  on_click=_take, args=(_field_key(scheme, scheme.kind), tenant.id))  # fmt: skip


def _take(key: str, name: str) -> None:
    st.session_state[key] = name


def landing_words(landing: Landing, unasked: str = "") -> None:
    """Draw where a session would land, and why it may not where that is so.

    `unasked` says who could not be asked which node_ids there are.
    """
    st.caption("node_id")
    st.code(visible(landing.node_id), language=None)
    st.caption("kb_id")
    st.code(visible(landing.kb_id), language=None)
    if landing.served is not None:
        st.caption("KATO of its own, at which it is created")
        st.code(visible(f"{landing.served.name}, {landing.served.url}"), language=None)
    if landing.refusal:
        reason = landing.refusal[0].upper() + landing.refusal[1:]
        st.error(f"{markdown(reason)}.", icon=":material/block:")
        if landing.others:
            shared.finding_link(landing.kb_id)
            with unreadable.said("Whether it was taken apart"):
                taken_apart.say(landing.kb_id, landing.tenant)
        if landing.parked is not None:
            name = visible(str(landing.tenant))
            permits.link("tenant", f"Bring {escaped(name)} back", {state_keys.TENANT: name},
                         icon=":material/unarchive:")  # fmt: skip
        elif landing.moved is not None:
            name = visible(str(landing.tenant))
            permits.link("tenant", f"Open {escaped(name)}", {state_keys.TENANT: name})
        return
    if landing.warning:
        st.warning(f"{markdown(landing.warning)}.", icon=":material/content_cut:")
    if landing.erased is not None:
        _erased_words(landing.erased)
    else:
        _claim_words(landing, unasked)


def _claim_words(landing: Landing, unasked: str) -> None:
    """Draw whose memory it is, and how that is known."""
    name = markdown(str(landing.tenant))
    if landing.claim.state is ClaimState.KNOWN:
        st.caption(f"Seen: {name} already uses it.")
    elif landing.claim.state is ClaimState.CONFIRMED:
        st.caption(f"Confirmed: its data is of {name}, by an admin's word.")
    elif landing.claim.origin is not None:
        st.caption(f"Unproven: {name} uses it, and its data was there before.")
    elif landing.older is None and not unasked:
        st.caption(f"New for {name}: no node_id on it was seen so far.")
    elif landing.older is None:
        st.warning(f"Whether it is new for {name} is unknown: {unasked}.",
                   icon=":material/cloud_off:")  # fmt: skip


def word(landing: Landing) -> str:
    """Draw what lies there already, and ask for a word on it; return that, empty without one."""
    older = landing.older
    if older is None or landing.refusal:
        return ""
    there = [plural(count, WORDS[measure].noun) for measure, count in older.counts.items()]
    said = f"holds {' and '.join(there)}" if there else "may hold data"
    unread = ", ".join(f"{WORDS[measure].noun}s" for measure in older.unread)
    st.warning(
        f"This kb_id {said}{f' (not known: {unread})' if unread else ''}, from before any node_id "
        f"on it was seen: nothing proves that it is {markdown(str(landing.tenant))}'s. A session "
        "reads it, and writes into it. Whose it is stays unproven until an admin confirms it, and "
        "a purge leaves it out.", icon=":material/history:",
    )  # fmt: skip
    key = state_keys.of(state_keys.OLDER_WORD, TenantKey.of_kb(landing.kb_id))
    typed = st.text_input("Why this tenant may come to this data", key=key, live=True,
                          max_chars=MOST_WORD, help="It stands in the audit log.")  # fmt: skip
    return typed.strip()


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
    st.header("KATO's answer")
    st.success("The session was created.", icon=":material/check_circle:")
    st.code(created.session_id, language=None)
    st.table({
        "node_id": markdown(created.node_id),
        "Expires": moment(created.expires_at),
        "Time to live": str(timedelta(seconds=created.ttl_seconds)),
    }, border="horizontal", width="content", alt="The created session")  # fmt: skip
    _links(created)
    st.dataframe(
        session_options.answers_frame(compare(_asked(asked), _accepted(asked))), hide_index=True,
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
