"""What stands on tenants' cards, as words, badges and columns of tables."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import pandas as pd
import streamlit as st

from dashboard.draw.formatting import escaped, moment, visible
from services.cards.labels import words_of
from services.cards.models import Card, Doing, State, each_label, states_of
from services.tenancy.kb_ids import TenantKey

Cards = Mapping[TenantKey, Card]
Doings = Mapping[TenantKey, tuple[Doing, ...]]

NAME, LABELS, STATE = "Name", "Labels", "Status"
"""The columns of cards: what a tenant is called, its labels, and what is the matter with it."""

WIDTHS = {NAME: 130, LABELS: 170, STATE: 84}
"""Pixels of each."""

UNKNOWN = ("Display names, labels and legal holds are unknown: this product's own records did not "
           "answer.")  # fmt: skip
HOLD_ICON, LABEL_ICON = ":material/gavel:", ":material/label:"
_Color = Literal["red", "orange", "blue", "gray"]
_COLORS: Mapping[State, tuple[_Color, str]] = {
    State.ON_HOLD: ("orange", HOLD_ICON),
    State.PURGING: ("red", ":material/delete_sweep:"),
    State.ARCHIVING: ("blue", ":material/archive:"),
    State.PARKED: ("gray", ":material/local_parking:"),
    State.MOVING: ("blue", ":material/move_item:"),
    State.APART: ("blue", ":material/call_split:"),
    State.MOVED: ("gray", ":material/move_item:"),
}


def columns(frame: pd.DataFrame) -> dict[str, Any]:
    """Return how a table draws the columns of cards that it has."""
    drawn = {
        NAME: st.column_config.TextColumn(width=WIDTHS[NAME], help="What people call it"),
        LABELS: st.column_config.ListColumn(width=WIDTHS[LABELS], help="The labels of its card"),
        STATE: st.column_config.TextColumn(
            width=WIDTHS[STATE], help="On legal hold, being purged, …; empty for what is active"
        ),
    }
    return {name: column for name, column in drawn.items() if name in frame}


def with_cards(
    frame: pd.DataFrame, tenants: Sequence[TenantKey], cards: Cards, doings: Doings
) -> pd.DataFrame:
    """Return tenants' rows, which are these tenants, with what stands on their cards."""
    found = frame.copy(deep=False)
    mine = [cards.get(tenant) or Card(tenant) for tenant in tenants]
    found[NAME] = [visible(card.name) for card in mine]
    found[LABELS] = [[str(label) for label in each_label(card.labels)] for card in mine]
    found[STATE] = [state(card, doings.get(card.tenant, ())) for card in mine]
    return found


def state(card: Card, doings: tuple[Doing, ...]) -> str:
    """Say what is the matter with a tenant in a cell; empty where it is active."""
    told = (each.state for each in states_of(card, doings))
    return ", ".join(each.value for each in told if each is not State.ACTIVE)


def labels_in(cards: Iterable[Card]) -> list[str]:
    """Return every label that is on a card, as it is written."""
    return sorted({str(label) for card in cards for label in each_label(card.labels)})


def keys_in(cards: Iterable[Card]) -> list[str]:
    """Return every key of a label that is on a card."""
    return sorted({key for card in cards for key in card.labels})


def having(frame: pd.DataFrame, labels: Collection[str]) -> pd.DataFrame:
    """Return the rows that have these labels: of those with one key any, of different keys all."""
    by_key: dict[str, set[str]] = {}
    for label in labels:
        by_key.setdefault(label.partition("=")[0], set()).add(label)
    for wanted in by_key.values():
        having = [not wanted.isdisjoint(mine) for mine in frame[LABELS]]
        frame = frame[pd.Series(having, index=frame.index, dtype=bool)]  # where none is left too
    return frame


WITHOUT = "(without)"
"""Those that have no label of the key by which is grouped; no label's value has a bracket first."""


def value_of(labels: Iterable[str], key: str) -> str:
    """Return the value that labels, as a row has them, have of a key."""
    found = (label.partition("=")[2] for label in labels if label.partition("=")[0] == key)
    return next(found, WITHOUT)


def draw_head(card: Card | None, tools: Callable[[], object]) -> None:
    """Draw on a tenant's page what its card says, and in a line of its own that it is on hold.

    `tools` draws what can be done with it, in the line of its name.
    """
    if card is None:
        st.caption(f":material/cloud_off: {UNKNOWN}")
        return
    if card.hold is not None:
        st.warning(hold_words(card), icon=HOLD_ICON)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if card.name:
            st.markdown(f"**{escaped(visible(card.name))}**", width="content")
        for label in each_label(card.labels):
            st.badge(escaped(str(label)), color="gray", icon=LABEL_ICON)
        if card.contact:
            st.markdown(f":material/contact_mail: {escaped(visible(card.contact))}",
                        width="content")  # fmt: skip
        tools()
    if card.notes:
        st.caption(":material/sticky_note_2: " + "  \n".join(
            escaped(visible(line)) for line in card.notes.split("\n")
        ))  # fmt: skip


def badges(card: Card, doings: tuple[Doing, ...] = ()) -> None:
    """Draw a badge for each thing that is the matter with a tenant; none where it is active."""
    for each in states_of(card, doings):
        if each.state is not State.ACTIVE:
            color, icon = _COLORS[each.state]
            st.badge(each.state.value, color=color, icon=icon)


def hold_words(card: Card) -> str:
    """Say that a tenant is on hold, since when, why and by whom as far as that is told."""
    hold = card.hold
    if hold is None:
        return ""
    why = f": {escaped(visible(hold.reason.rstrip('.')))}" if hold.reason else ""
    by = f" Set by {escaped(visible(hold.by))}." if hold.by else ""
    return (f"**On legal hold** since {moment(hold.since)}{why}. Nothing of it is erased until "
            f"that is lifted.{by}")  # fmt: skip


def beside(card: Card | None) -> None:
    """Draw what stands on a card in a line beside the tenant's name; nothing where nothing is."""
    if card is not None and (said := line(card)):
        st.markdown(said)


def line(card: Card) -> str:
    """Say what stands on a card beside the tenant's name, as Markdown; empty where nothing is."""
    told = list(_told(card))
    return " · ".join(told)


def _told(card: Card) -> Iterator[str]:
    if card.name:
        yield escaped(visible(card.name))
    if card.labels:
        yield f":gray[{LABEL_ICON} {escaped(words_of(card.labels))}]"
    if card.hold is not None:
        yield f":orange[{HOLD_ICON} on legal hold]"
