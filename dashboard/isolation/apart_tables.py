"""Taking a shared kb_id apart, as tables and words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from dashboard.draw.formatting import few, moment, number, plural, visible
from dashboard.draw.measures import WORDS
from services.apart.models import Apart, Cost, Goes, Receipt, Share, Stays

STEPS: Mapping[str, str] = {
    "check": "Look whether it is as it was planned",
    "tell apart": "Tell patterns apart, and put aside what goes",
    "copy": "Copy it to its new name",
    "verify": "Compare everything with the copy",
    "end sessions": "End sessions, each going on under its new name",
    "copy the rest": "Copy what came meanwhile, and compare again",
    "cut over": "Take out of the shared kb_id what is proven elsewhere",
    "remember": "Look at what is left, and note where everything is",
}


def shares_frame(shares: Iterable[Share]) -> pd.DataFrame:
    """Return one row a tenant: what it is called, and since when it may have written."""
    rows = [
        (visible(str(each.tenant)), few(list(map(visible, each.nodes))) or "none seen",
         visible(each.node_id) or "none", moment(each.since) if each.since else "never",
         moment(each.began) if each.began else "unknown", each.trust.value)
        for each in shares
    ]  # fmt: skip
    columns = ["Tenant", "node_ids", "node_id from now on", "First seen", "Began", "By"]
    return pd.DataFrame(rows, columns=columns)


def moved_frame(goes: Iterable[Goes], stays: Iterable[Stays]) -> pd.DataFrame:
    """Return one row for each lot that goes or stays, and by what that is told."""
    rows = [(WORDS[each.store].title, number(each.count), f"to {visible(str(each.tenant))}",
             each.by.value) for each in goes]  # fmt: skip
    rows += [
        (WORDS[each.store].title, number(each.count), "stays", each.why.value) for each in stays
    ]
    return pd.DataFrame(rows, columns=["What", "Count", "Where", "Why"])


def cost_words(cost: Cost) -> str:
    """Say what erasing rows costs; empty where none are."""
    if not cost.parts:
        return ""
    return (
        f"ClickHouse rewrites {plural(cost.parts, 'part')} of {cost.bytes:,} bytes for it, in one "
        f"mutation, and clones {plural(cost.cloned, 'other')} by hard links."
    )


def names_frame(apart: Apart) -> pd.DataFrame:
    """Return one row for each old node_id: what its clients have to name from now on."""
    rows = [
        (visible(str(share.tenant)), visible(node), visible(share.node_id))
        for share in apart.shares if share.node_id for node in share.nodes
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["Tenant", "Old node_id", "node_id from now on"])


def left_words(receipt: Receipt) -> str:
    """Say what clients do under an old name, and what is at both; empty where that is nothing."""
    told = []
    if receipt.late:
        told.append(
            f"{plural(receipt.late, 'session')} under an old node_id again: change their clients"
        )
    if receipt.learnt_again:
        told.append(
            f"{plural(receipt.learnt_again, 'pattern')} learnt again meanwhile, and at both names"
        )
    return ". ".join(told)
