"""Parked tenants that what is looked for may be of: they are in no store, where it is searched."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import streamlit as st

from dashboard.app import permits, read, runtime, state_keys, unreadable
from dashboard.draw.formatting import escaped, moment, visible
from dashboard.find.tables import Erasures
from services.cards.models import Card
from services.parking.models import Parked

_LINKS = 3


def draw(typed: str, gone: Erasures, *, contains: bool) -> None:
    """Lead to the parked tenants that are called so, or whose parking erased what was found."""
    with unreadable.said("Who is parked"):
        every = runtime.desk().parking.every().values()
        cards = read.cards() or {}
        jobs = {stone.job_id for stone in gone.values()}
        found = [
            each for each in every
            if each.purge in jobs or called(each, cards.get(each.tenant), typed, contains=contains)
        ]  # fmt: skip
        for each in found[:_LINKS]:
            _draw(each)


def called(parked: Parked, card: Card | None, typed: str, *, contains: bool) -> bool:
    """Whether a parked tenant is called what was typed: by its id, or as people call it."""
    names = _folded((str(parked.tenant), parked.tenant.id, "" if card is None else card.name))
    wanted = typed.strip().casefold()
    return any(wanted in name if contains else wanted == name for name in names) and bool(wanted)


def _folded(names: Iterable[str]) -> Collection[str]:
    return [visible(name).casefold() for name in names if name]


def _draw(parked: Parked) -> None:
    name = visible(str(parked.tenant))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.info(f"**{escaped(name)} is parked** since {moment(parked.since)}: its data is in an "
                "archive, and can be brought back.", icon=":material/local_parking:",
                width="stretch")  # fmt: skip
        permits.link("tenant", f"Open {escaped(name)}", {state_keys.TENANT: name})
