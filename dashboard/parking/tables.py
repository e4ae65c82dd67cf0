"""Parked tenants and what parking saves, as tables and words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from dashboard.draw.amounts import amounts_words
from dashboard.draw.formatting import visible
from services.parking.models import Parked
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
         each.bytes, visible(each.reason), visible(each.by), amounts_words(each.saved))
        for each in parked
    ]  # fmt: skip
    columns = ["Tenant", "Name", "Parked", "Archive", "Why", "By", "Saved"]
    return pd.DataFrame(rows, columns=columns)
