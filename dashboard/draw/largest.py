"""Who has most of something, with its share, and all others, so that it adds up. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from dashboard.draw import usage_tables
from dashboard.draw.formatting import number, size
from dashboard.draw.measures import COLUMNS
from services.figures import Usage
from services.usage.snapshot import Snapshot

TOP = 10


@dataclass(frozen=True, slots=True)
class Largest:
    """The rows of the tenants with most in one column, and the sums of what is not among them.

    `Share` is a row's part of everything: tenants, shared and unowned; None where that is 0.
    """

    frame: pd.DataFrame
    rest: tuple[tuple[str, int], ...]
    whole: int

    def rest_words(self, column: str) -> str:
        """Say how much all others have, with their shares."""
        write = size if COLUMNS[column].is_size else number
        found = [(name, n) for name, n in self.rest if n]
        return " · ".join(f"{name}: {write(n)} ({n / self.whole:.1%})" for name, n in found)


def largest(frame: pd.DataFrame, snapshot: Snapshot, column: str) -> Largest:
    """Return the tenants of a frame with most in a column, and the rest by whose it is."""
    ordered = usage_tables.by(frame, column)
    top, others = ordered.head(TOP), ordered.iloc[TOP:]
    parts = {
        f"{len(others):,} more tenants": int(others[column].sum()),
        "shared between tenants": sum(_cell(part.usage, column) for part in snapshot.shared),
        "unowned": _cell(snapshot.unattributed.usage, column),
    }
    whole = int(top[column].sum()) + sum(parts.values())
    top = top.assign(Share=(top[column] / whole).round(3) if whole else None)
    return Largest(top, tuple(parts.items()), whole)


def _cell(usage: Usage, column: str) -> int:
    return COLUMNS[column].cell(usage) or 0
