"""Parked tenants and what parking saves, as tables and words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from dashboard.draw.formatting import few, number, plural, size, visible
from dashboard.draw.measures import WORDS
from services.parking.models import Parked, Plan, Saved
from services.tenancy.kb_ids import TenantKey

STEPS: Mapping[str, str] = {
    "check": "Look whether it may be done",
    "archive": "End its sessions, take an archive, and prove it",
    "purge": "Erase what is in the archive, and prove that",
    "remember": "Note that it is parked",
    "restore": "Write the archive back, and compare everything with it",
    "forget": "Note that it is back",
}
DEEDS = {"park": "Parking", "unpark": "Bringing it back"}


def parked_frame(parked: Iterable[Parked], names: Mapping[TenantKey, str]) -> pd.DataFrame:
    """Return one row a parked tenant; `names` are what people call them."""
    rows = [
        (visible(str(each.tenant)), visible(names.get(each.tenant, "")), each.since,
         saved_words(each.saved), each.bytes, visible(each.by), visible(each.reason))
        for each in parked
    ]  # fmt: skip
    columns = ["Tenant", "Name", "Parked", "Saved", "Archive", "By", "Why"]
    return pd.DataFrame(rows, columns=columns)


def saved_words(saved: Saved) -> str:
    """Say how much of each store it took; bytes where they were known."""
    told = []
    for store, amount in saved.items():
        weight = "" if amount.bytes is None else f" ({size(amount.bytes)})"
        told.append(f"{plural(amount.count, WORDS[store].noun)}{weight}")
    return ", ".join(told) or "nothing"


def saved_frame(saved: Saved) -> pd.DataFrame:
    """Return one row a store: how much of it goes."""
    rows = [
        (WORDS[store].store, f"{number(a.count)} {WORDS[store].noun}s",
         "unknown" if a.bytes is None else size(a.bytes)) for store, a in saved.items()
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["Store", "What", "Size"])


def stays_words(plan: Plan) -> str:
    """Say what of it parking leaves where it is; empty where that is nothing."""
    left = [visible(each.kb_id) for each in plan.purge.left_out if each.is_there]
    return few(left) if left else ""
