"""What commands print and write: tables for people, and files."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from services.errors import SettingsError
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


def put(path: Path, option: str, content: bytes) -> None:
    """Write the file that an option names, and say so. Raises SettingsError."""
    try:
        path.write_bytes(content)
    except OSError as exc:
        raise SettingsError(option, f"the file cannot be written ({exc.strerror})") from None
    print(f"Written to {visible(str(path))}", file=sys.stderr)
