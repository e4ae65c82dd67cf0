"""Text for spreadsheets: lines of CSV, in which no cell is a formula. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

_BEGIN_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def neutral(text: str) -> str:
    """Return a text that a spreadsheet does not take for a formula.

    Source: https://owasp.org/www-community/attacks/CSV_Injection
    """
    return "'" + text if text.lstrip().startswith(_BEGIN_FORMULAS) else text


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """Return rows as CSV, each ended by a line feed; None is an empty cell.

    Cells are written as they are: texts that others chose have to be `neutral` before.
    """
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()
