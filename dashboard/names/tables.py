"""What an import of node_ids would come to, as table rows. Pure."""

from __future__ import annotations

import pandas as pd

from dashboard.draw.formatting import escaped, number, visible
from services.names.formats import MOST, TOLD, WORDS, why
from services.names.models import Preview

_EARLIER = "of those seen already, since an earlier time"


def counts(found: Preview) -> dict[str, str]:
    """Return how many lines come to what, those that there are."""
    rows = {WORDS[verdict]: count for verdict, count in found.counts.items() if count}
    if found.earlier:
        rows[_EARLIER] = found.earlier
    return {
        escaped(f"{words[:1].upper()}{words[1:]}"): number(count) for words, count in rows.items()
    }


def told_frame(found: Preview) -> pd.DataFrame:
    """Return one row a line that shares, conflicts or is refused, of each the first few."""
    rows = [
        (line.number, line.verdict.value, visible(line.node_id), visible(why(line)))
        for verdict in TOLD
        for line in found.of(verdict)[:MOST]
    ]
    return pd.DataFrame(rows, columns=["Line", "Comes to", "node_id", "Why"])
