"""Text for spreadsheets: lines of CSV, in which no cell is a formula. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Protocol

MARK = "\ufeff"
"""What some editors begin a file with."""

UTF_16 = (b"\xff\xfe", b"\xfe\xff")
"""How a file in UTF-16 begins."""

_BEGIN_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def neutral(text: str) -> str:
    """Return a text that a spreadsheet does not take for a formula.

    Source: https://owasp.org/www-community/attacks/CSV_Injection
    """
    return "'" + text if text.lstrip().startswith(_BEGIN_FORMULAS) else text


def told_apart(text: str) -> str:
    """Return a text that is no formula, of which `as_written` makes the same again."""
    return "'" + text if _escapable(text) else text


def as_written(cell: str) -> str:
    """Return the text of which `told_apart` made a cell; any other cell is what it is."""
    return cell[1:] if cell.startswith("'") and _escapable(cell) else cell


def _escapable(text: str) -> bool:
    return text.lstrip("'").lstrip().startswith(_BEGIN_FORMULAS)


class Reader(Protocol):
    """What `csv.reader` returns, which has no type of its own. Raises csv.Error for a line."""

    @property
    def line_num(self) -> int:
        """How many lines of text were read so far."""

    def __iter__(self) -> Iterator[list[str]]: ...

    def __next__(self) -> list[str]: ...


def csv_lines(text: str) -> Reader:
    """Return what reads the lines of CSV, with semicolons where the first line has these alone."""
    header = text.split("\n", 1)[0]
    delimiter = ";" if ";" in header and "," not in header else ","
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """Return rows as CSV, each ended by a line feed; None is an empty cell.

    Cells are written as they are: texts that others chose have to be `neutral` before.
    """
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()
