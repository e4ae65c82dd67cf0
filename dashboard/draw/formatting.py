"""Numbers, bytes, ages and names as words on the screen. Pure.

Names come from strangers. Whatever puts one into a text makes it `visible`, once: twice would
double its backslashes. What draws a text as Markdown keeps that from reading it: `escaped` for a
visible text, `markdown` for a name or an error as it is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

import pandas as pd

from services.figures import Amount, Precision
from services.visible import unseen, visible

__all__ = ["unseen", "visible"]  # what pages take from here besides what is defined here

UNKNOWN = "unknown"

_UNITS = ("B", "KB", "MB", "GB", "TB")
_THOUSAND = 1000
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|~>$:<&^=])")


def number(count: int | None) -> str:
    """Write a whole number with thousands separated: `1,234,567`."""
    return UNKNOWN if count is None else f"{count:,}"


def size(count: int | None) -> str:
    """Write a number of bytes in units of 1000, the one way that tables can too: `1.2MB`, `2MB`.

    These are written by the browser (`format="bytes"`), which knows no space there.
    """
    if count is None:
        return UNKNOWN
    amount = Decimal(count)
    for unit in _UNITS:
        tenths = amount.quantize(Decimal("0.1"), ROUND_HALF_UP)
        if abs(tenths) < _THOUSAND or unit == _UNITS[-1]:
            break
        amount /= _THOUSAND
    return f"{tenths:,f}".removesuffix(".0") + unit


def figure(amount: Amount | None, precision: Precision = Precision.EXACT) -> str:
    """Write a count, marked as what it is: `1,234`, `≈ 1,234 ± 56`, `≈ 1,234` or `unknown`."""
    if amount is None:
        return UNKNOWN
    if precision is Precision.ESTIMATE:
        return f"≈ {amount.count:,}"
    if amount.count_margin:
        return f"≈ {amount.count:,} ± {round(amount.count_margin):,}"
    return f"{amount.count:,}"


def figure_bytes(amount: Amount | None) -> str:
    """Write an amount's bytes, with the margin where they were sampled."""
    if amount is None or amount.bytes is None:
        return UNKNOWN
    if amount.bytes_margin:
        return f"≈ {size(amount.bytes)} ± {size(round(amount.bytes_margin))}"
    return size(amount.bytes)


def span(seconds: float) -> str:
    """Write a duration in the one unit that fits: `40 ms`, `12 s`, `3 min`, `5 h`, `2 days`."""
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    for limit, divisor, unit in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{int(seconds // divisor)} {unit}"
    return f"{int(seconds // 86_400):,} days"


def age(at: datetime | None, now: datetime | None = None) -> str:
    """Write how long ago something was: `just now`, `3 min ago`, or `never`."""
    if at is None:
        return "never"
    seconds = ((now or datetime.now(UTC)) - at).total_seconds()
    return "just now" if seconds < 1 else f"{span(seconds)} ago"


def moment(at: datetime | None) -> str:
    """Write a time in UTC to the second, or `unknown`."""
    return UNKNOWN if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def short(text: str, limit: int = 60) -> str:
    """Return a visible text of at most `limit` characters, its middle left out if need be."""
    return clipped(visible(text), limit)


def clipped(shown: str, limit: int) -> str:
    """Return at most `limit` characters of a text that is visible already, its middle left out."""
    if len(shown) <= limit:
        return shown
    half = (limit - 1) // 2
    return f"{shown[:half]}…{shown[-half:]}"


def few(names: Sequence[str], most: int = 3) -> str:
    """Join the first names, which are visible already, and say how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def markdown(text: str) -> str:
    """Return any text made visible, so that Markdown leaves it as it is."""
    return escaped(visible(text))


def escaped(shown: str) -> str:
    """Return a text that is visible already so that Markdown leaves it as it is."""
    return _MARKDOWN.sub(r"\\\1", shown)


def plural(count: int, one: str, many: str | None = None) -> str:
    """Write a count with its noun: `1 tenant`, `2 tenants`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def name_among(typed: str, names: Collection[str]) -> str | None:
    """Return which of these visible names was typed: as it is shown, or as it is."""
    candidates = (typed, visible(typed), visible(unseen(typed)))
    return next((name for name in candidates if name in names), None)


def holds(shown: pd.Series, typed: str) -> pd.Series:
    """Return which of these visible texts hold what was typed, as it is shown or as it is."""
    found = shown.str.contains(typed, case=False, regex=False)
    if visible(typed) != typed:
        found |= shown.str.contains(visible(typed), case=False, regex=False)
    return found


def visible_json(value: object) -> object:
    """Return a JSON value in which every text can be shown."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, Mapping):
        return {visible(str(name)): visible_json(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [visible_json(inner) for inner in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def words_of(value: object) -> str:
    """Write a JSON value in a cell."""
    match value:
        case None:
            return "not set"
        case bool():
            return "on" if value else "off"
        case list() | tuple():
            return ", ".join(words_of(inner) for inner in value) or "none"
        case _:
            return visible(str(value))
