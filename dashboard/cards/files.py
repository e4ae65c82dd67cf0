"""Cards out of a file, pasted: looked at, and only then changed; and all of them as a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import streamlit as st

from dashboard.app import permits, refusals, runtime, state_keys, unreadable
from dashboard.cards import words
from dashboard.draw.approval_status import draw_status
from dashboard.draw.downloads import export_button
from dashboard.draw.formatting import plural
from dashboard.draw.refused_lines import draw_refused
from services.access.viewer import Action
from services.cards.csv_file import Refused
from services.cards.models import Card, CardError, Edit
from services.cards.written import csv_of, read
from services.errors import KatoTenantsError
from services.tenancy.kb_ids import TenantKey
from services.tenancy.layout import bytes_of

MOST = 2_000_000
"""The longest text that can be pasted, in characters; the command takes any file."""

_SHOWN = 200


@st.fragment
@unreadable.calmly()
def draw(cards: Mapping[TenantKey, Card] | None) -> None:
    """Draw the form, closed until somebody opens it."""
    section = st.expander("Cards: import and export", icon=":material/badge:",
                          key=state_keys.CARDS_OPEN, on_change="rerun")  # fmt: skip
    if not section.open or cards is None:
        return
    with section:
        _form()
        export_button(
            "CSV of all cards", partial(csv_of, cards.values()), target="cards",
            file_name="cards.csv", mime="text/csv", key="download_cards", type="tertiary",
            tenants=tuple(cards) if not runtime.desk().gate.viewer().sees_all else None,
        )  # fmt: skip


def _form() -> None:
    refusals.draw(state_keys.CARDS_REFUSED, "Nothing was imported")
    done: str | None = st.session_state.pop(state_keys.CARDS_DONE, None)
    if done is not None:
        st.success(done, icon=":material/check:")
    off = permits.why_not(Action.EDIT_CARD)
    if off:
        st.caption(f":material/lock: {off}")
        return
    st.caption("CSV with the column `tenant`, and `name`, `contact`, `labels` or `notes`, as the "
               "export has them. A column that is not there stays as it is on every card, an empty "
               "cell empties it. Legal holds are set on the tenant's page.")  # fmt: skip
    text = st.text_area(
        "Cards", key=state_keys.CARDS_TEXT, max_chars=MOST, height=140,
        placeholder='tenant,name,labels\ntenant/acme,Acme Inc,"plan=gold, region=eu"',
    )  # fmt: skip
    if text.strip():
        _offer(bytes_of(text))


def _offer(data: bytes) -> None:
    try:
        lines = read(data)
        edits = tuple(line for line in lines if isinstance(line, Edit))
        found = runtime.desk().cards.preview(edits)
    except CardError as exc:
        refusals.say(exc)
        return
    refused = [line for line in lines if isinstance(line, Refused)]
    draw_refused(refused)
    if found:
        st.dataframe(words.changes_frame(found[:_SHOWN]), hide_index=True,
                     alt="What would change on which card")  # fmt: skip
        if len(found) > _SHOWN:
            st.caption(f"and {len(found) - _SHOWN:,} more cards")
    else:
        st.caption(f"{words.changed_words(found)}.")
    draw_status(Action.EDIT_CARD)
    permits.button(
        f"Change {plural(len(found), 'card')}", Action.EDIT_CARD, type="primary",
        disabled=not found, on_click=_take, args=(edits,), icon=":material/input:",
        key="import_cards",
    )  # fmt: skip


def _take(edits: Sequence[Edit]) -> None:
    """Change the cards; what came of it is said with the next drawing."""
    try:
        found = runtime.desk().cards.change(edits)
        st.session_state[state_keys.CARDS_DONE] = f"{words.changed_words(found)}."
    except KatoTenantsError as exc:
        refusals.keep(state_keys.CARDS_REFUSED, exc)
