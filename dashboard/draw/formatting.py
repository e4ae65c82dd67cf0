"""Numbers, bytes, ages and names as words on the screen. Pure.

Names come from strangers. Whatever puts one into a text makes it `visible`, once: twice would
double its backslashes. What draws a text as Markdown keeps that from reading it: `escaped` for a
visible text, `markdown` for a name or an error as it is.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

from services.figures import Amount, Precision

UNKNOWN = "unknown"

_UNITS = ("B", "KB", "MB", "GB", "TB")
_THOUSAND = 1000
_ESCAPED_BYTES = range(0xDC80, 0xDD00)  # what surrogateescape makes of bad UTF-8
_HIGH_CONTROLS = range(0x80, 0x100)
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


def visible(text: str) -> str:
    """Return a text in which every character can be seen, and from which it can be told.

    Backslashes are doubled, control characters and bytes that are not UTF-8 become escapes;
    everything printable stays. Two different texts never look the same.
    """
    if text.isprintable() and "\\" not in text:
        return text
    return "".join(_seen(character) for character in text)


def _seen(character: str) -> str:
    if character == "\\":
        return "\\\\"
    if character.isprintable():
        return character
    if ord(character) in _ESCAPED_BYTES:
        return f"\\x{ord(character) - 0xDC00:02x}"
    if ord(character) in _HIGH_CONTROLS:  # Python's own escape would look like that of a byte
        return f"\\u{ord(character):04x}"
    return character.encode("unicode_escape").decode("ascii")


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


_SHORT = {"\\": "\\", "n": "\n", "r": "\r", "t": "\t"}


_ESCAPE = re.compile(r"\\(\\|[nrt]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")


def unseen(shown: str) -> str:
    """Return the text that `visible` shows so: what is copied from the screen finds its like.

    A backslash that begins no escape stands for itself.
    """
    return _ESCAPE.sub(_plain, shown)


def _plain(found: re.Match[str]) -> str:
    word = found[1]
    if word in _SHORT:
        return _SHORT[word]
    code = int(word[1:], 16)
    if word[0] == "x" and code > 127:  # noqa: PLR2004 - a byte that is not UTF-8
        code += 0xDC00
    return chr(code) if code <= sys.maxunicode else found[0]


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
