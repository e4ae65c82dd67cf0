"""Tenants that are parked or moved: they are in no store here, where it is searched."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import streamlit as st

from dashboard.app import permits, read, runtime, state_keys, unreadable
from dashboard.draw.formatting import escaped, moment, visible
from dashboard.find.tables import Erasures
from services.cards.models import Card
from services.move.models import Moved
from services.parking.models import Parked

_LINKS = 3


def draw(typed: str, gone: Erasures, *, contains: bool) -> None:
    """Lead to the tenants that are called so, or that left when what was found was erased."""
    with unreadable.said("Who is parked, and who moved"):
        desk = runtime.desk()
        every: list[Parked | Moved] = [*desk.parking.every().values(), *desk.move.every().values()]
        cards = read.cards() or {}
        jobs = {stone.job_id for stone in gone.values()}
        found = [
            each for each in every
            if each.purge in jobs or called(each, cards.get(each.tenant), typed, contains=contains)
        ]  # fmt: skip
        for each in found[:_LINKS]:
            _draw(each)


def called(away: Parked | Moved, card: Card | None, typed: str, *, contains: bool) -> bool:
    """Whether such a tenant is called what was typed: by its id, or as people call it."""
    names = _folded((str(away.tenant), away.tenant.id, "" if card is None else card.name))
    wanted = typed.strip().casefold()
    return any(wanted in name if contains else wanted == name for name in names) and bool(wanted)


def _folded(names: Iterable[str]) -> Collection[str]:
    return [visible(name).casefold() for name in names if name]


def _draw(away: Parked | Moved) -> None:
    name = visible(str(away.tenant))
    if isinstance(away, Moved):
        icon, words = ":material/move_item:", (
            f"**{escaped(name)} moved to {escaped(visible(away.to))}** {moment(away.since)}: its "
            "data is there, and no more here."
        )  # fmt: skip
    else:
        icon, words = ":material/local_parking:", (
            f"**{escaped(name)} is parked** since {moment(away.since)}: its data is in an "
            "archive, and can be brought back."
        )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center"):
        st.info(words, icon=icon, width="stretch")
        permits.link("tenant", f"Open {escaped(name)}", {state_keys.TENANT: name})
