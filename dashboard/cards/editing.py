"""A tenant's card on its page: changing what stands on it, and legal holds."""

from __future__ import annotations

from functools import partial

import streamlit as st

from dashboard.app import permits, refusals, runtime, state_keys
from dashboard.cards.words import changed_words
from dashboard.draw.approval_status import draw_status
from dashboard.draw.cards import HOLD_ICON, draw_head
from dashboard.draw.formatting import escaped, visible
from services.access.viewer import Action
from services.approvals.models import REASON
from services.cards.labels import (
    LONGEST_CONTACT,
    LONGEST_NAME,
    LONGEST_NOTES,
    LONGEST_REASON,
    contact_of,
    labels_of,
    name_of,
    notes_of,
    words_of,
)
from services.cards.models import Card, Edit
from services.errors import KatoTenantsError
from services.tenancy.kb_ids import TenantKey


def draw(card: Card | None, tenant: TenantKey) -> None:
    """Draw what stands on a tenant's card, the ways to change it, and what came of the last one."""
    refusals.draw(state_keys.CARD_REFUSED, "Nothing was changed")
    done: str | None = st.session_state.pop(state_keys.CARD_DONE, None)
    if done is not None:
        st.success(done, icon=":material/check:")
    draw_head(card, partial(_tools, card, tenant))


def _tools(card: Card | None, tenant: TenantKey) -> None:
    if card is None:
        return
    if permits.button("Edit card…", Action.EDIT_CARD, tenants=[tenant],
                      icon=":material/edit_note:", type="tertiary"):  # fmt: skip
        st.dialog("Edit card", icon=":material/edit_note:")(_edit)(card)
    held = card.hold is not None
    title, action = (("Lift the legal hold", Action.LIFT_HOLD) if held else
                     ("Set a legal hold", Action.HOLD))  # fmt: skip
    if permits.button(f"{title}…", action, tenants=[tenant], icon=HOLD_ICON,
                      type="tertiary"):  # fmt: skip
        st.dialog(title, icon=HOLD_ICON)(_hold)(tenant, action)


def _edit(card: Card) -> None:
    off = permits.why_not(Action.LABEL)
    draw_status(Action.EDIT_CARD)
    if not off:
        draw_status(Action.LABEL)
    keys = {word: state_keys.of(f"{state_keys.CARD}_{word}", card.tenant)
            for word in ("name", "contact", "labels", "notes")}  # fmt: skip
    st.text_input("Display name", card.name, key=keys["name"], max_chars=LONGEST_NAME)
    st.text_input("Contact", card.contact, key=keys["contact"], max_chars=LONGEST_CONTACT,
                  placeholder="ops@acme.example")  # fmt: skip
    st.text_input("Labels", words_of(card.labels), key=keys["labels"], disabled=bool(off),
                  placeholder="plan=gold, region=eu", help=off or "key=value, with commas between "
                  "them. Limits and prices may go by them.")  # fmt: skip
    st.text_area("Notes", card.notes, key=keys["notes"], max_chars=LONGEST_NOTES, height=120,
                 help="Seen by whoever looks after this tenant: name nobody else.")  # fmt: skip
    if permits.button("Save", Action.EDIT_CARD, tenants=[card.tenant], type="primary",
                      on_click=_save, args=(card, keys), key="save_card"):  # fmt: skip
        st.rerun()


def _save(card: Card, keys: dict[str, str]) -> None:
    """Change what is another than it was when the form was opened."""
    typed = {word: st.session_state[key] for word, key in keys.items()}
    try:
        name, contact = name_of(typed["name"]), contact_of(typed["contact"])
        notes, labels = notes_of(typed["notes"]), labels_of(typed["labels"])
        gone = dict.fromkeys(card.labels.keys() - labels.keys())
        new = {key: value for key, value in labels.items() if card.labels.get(key) != value}
        edit = Edit(
            card.tenant,
            None if name == card.name else name,
            None if contact == card.contact else contact,
            None if notes == card.notes else notes,
            {**gone, **new},
        )
        found = runtime.desk().cards.change([edit])
        st.session_state[state_keys.CARD_DONE] = f"{changed_words(found)}."
    except KatoTenantsError as exc:
        refusals.keep(state_keys.CARD_REFUSED, exc)


def _hold(tenant: TenantKey, action: Action) -> None:
    name = escaped(visible(str(tenant)))
    lifts = action is Action.LIFT_HOLD
    st.markdown(
        f"{name} may be erased again, by a purge and by whatever else erases." if lifts else
        f"Nothing of {name} is erased until somebody lifts it. A purge of it that runs stops "
        "before its next step. Its clients go on as before, and may delete what is theirs through "
        "KATO itself."
    )  # fmt: skip
    asked = draw_status(action, target=str(tenant))
    st.text_input("Reason", asked.details.get(REASON, "") if asked else "",
                  key=state_keys.HOLD_REASON, max_chars=LONGEST_REASON,
                  placeholder="Ticket or file number", help="It is kept and logged. Name nobody "
                  "else's data in it.")  # fmt: skip
    if permits.button("Lift" if lifts else "Hold", action, tenants=[tenant], type="primary",
                      on_click=_decide, args=(tenant, action), key="decide_hold"):  # fmt: skip
        st.rerun()


def _decide(tenant: TenantKey, action: Action) -> None:
    reason, cards = st.session_state[state_keys.HOLD_REASON], runtime.desk().cards
    try:
        if action is Action.HOLD:
            cards.hold([tenant], reason=reason)
            st.session_state[state_keys.CARD_DONE] = "It is on legal hold."
        else:
            cards.lift([tenant], why=reason)
            st.session_state[state_keys.CARD_DONE] = "It is no longer on legal hold."
    except KatoTenantsError as exc:
        refusals.keep(state_keys.CARD_REFUSED, exc)
