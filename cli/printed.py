"""What commands print: tables for people, and cells for CSV."""

from __future__ import annotations

import json
from collections.abc import Sequence

from services.spreadsheet import neutral
from services.visible import visible


def aligned(rows: Sequence[tuple[str, ...]], *, right_from: int | None = None) -> str:
    """Return rows as lines, with each column as wide as its widest cell.

    Those from `right_from` on are to the right.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    left = len(widths) if right_from is None else right_from
    return "\n".join(
        "  ".join(
            cell.ljust(width) if at < left else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def plain(cell: object) -> object:
    """Return a cell for CSV: words as they are shown, and never taken for a formula."""
    return neutral(visible(cell)) if isinstance(cell, str) else cell


def changed(put: Sequence[object], removed: Sequence[object], *, as_json: bool) -> str:
    """Say how many rules were set and removed."""
    if as_json:
        return json.dumps({"set": len(put), "removed": len(removed)}, indent=2)
    return f"set: {len(put):,}, removed: {len(removed):,}"
