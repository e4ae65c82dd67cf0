"""Parked tenants and what parking saves, as tables and words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from dashboard.draw.amounts import amounts_words
from dashboard.draw.formatting import visible
from services.bill.models import Costs, Monthly
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


def parked_frame(
    parked: Iterable[Parked], names: Mapping[TenantKey, str], costs: Costs
) -> pd.DataFrame:
    """Return one row a parked tenant; `names` are what people call them.

    `costs` is what each would cost in the stores: without any, nobody has set prices.
    """
    rows = [
        (visible(str(each.tenant)), visible(names.get(each.tenant, "")), each.since,
         each.bytes, visible(each.reason), visible(each.by), amounts_words(each.saved),
         _a_month(costs.get(each.tenant)))
        for each in parked
    ]  # fmt: skip
    columns = ["Tenant", "Name", "Parked", "Archive", "Why", "By", "Saved", "Saves a month"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame if costs else frame.drop(columns="Saves a month")


def _a_month(cost: Monthly | None) -> str:
    if cost is None:
        return "unknown"
    return ("at least " if cost.at_least else "") + f"{cost.amount:,f} {cost.currency}"
