"""How much of a tenant each store has, as tables and words. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from dashboard.draw.formatting import few, number, plural, size, visible
from dashboard.draw.measures import WORDS
from services.purge.amounts import Amounts
from services.purge.models import Plan


def amounts_words(amounts: Amounts) -> str:
    """Say how much of each store it is; bytes where they were known."""
    told = []
    for store, amount in amounts.items():
        weight = "" if amount.bytes is None else f" ({size(amount.bytes)})"
        told.append(f"{plural(amount.count, WORDS[store].noun)}{weight}")
    return ", ".join(told) or "nothing"


def amounts_frame(amounts: Amounts) -> pd.DataFrame:
    """Return one row a store: how much it has."""
    rows = [
        (WORDS[store].store, f"{number(a.count)} {WORDS[store].noun}s",
         "unknown" if a.bytes is None else size(a.bytes)) for store, a in amounts.items()
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["Store", "What", "Size"])


def why_not_yet(in_the_way: Sequence[str], reason: str) -> str | None:
    """Say why what was planned cannot begin yet; None where it can."""
    if in_the_way:
        return "What stands in its way is said above."
    return None if reason.strip() else "Say why."


def stays_words(plan: Plan) -> str:
    """Say what of a tenant stays where it is; empty where that is nothing."""
    left = [visible(each.kb_id) for each in plan.left_out if each.is_there]
    return few(left) if left else ""
