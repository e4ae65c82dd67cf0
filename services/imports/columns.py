"""Values of a file as a ClickHouse column takes them. Pure.

What does not fit is refused here, by its row: ClickHouse itself would refuse a whole block.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from uuid import UUID

Cast = Callable[[object], object]

_WRAPPED = re.compile(r"(LowCardinality|Nullable|Array)\((.*)\)\Z", re.DOTALL)
_WHOLE = re.compile(r"(U?)Int(8|16|32|64|128|256)\Z")
_DECIMAL = re.compile(r"-?[0-9]{1,78}\Z")
_LAST_SECOND = 2**32 - 1  # of DateTime
_LAST_DAY = date(2149, 6, 6)  # of Date
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)


class Unfit(Exception):
    """A value that a column does not take."""


def cast_of(kind: str) -> Cast | None:
    """Return what makes a value fit a column of a type; None for a type that is not written."""
    wrapped = _WRAPPED.match(kind)
    if wrapped:
        inner = cast_of(wrapped[2])
        return None if inner is None else _WRAPPERS[wrapped[1]](inner)
    whole = _WHOLE.match(kind)
    if whole:
        return _whole(signed=not whole[1], bits=int(whole[2]))
    if kind.startswith("DateTime"):
        return _moment
    return _PLAIN.get(kind)


def _text(value: object) -> object:
    if not isinstance(value, str):
        raise Unfit
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Unfit from None
    return value


def _whole(*, signed: bool, bits: int) -> Cast:
    low = -(2 ** (bits - 1)) if signed else 0
    high = 2 ** (bits - 1) - 1 if signed else 2**bits - 1

    def cast(value: object) -> object:
        if isinstance(value, str) and _DECIMAL.match(value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise Unfit
        return value

    return cast


def _fraction(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Unfit
    try:
        found = float(value)
    except (ValueError, OverflowError):
        raise Unfit from None
    if not math.isfinite(found):
        raise Unfit
    return found


def _truth(value: object) -> object:
    found = {"true": True, "false": False, "1": True, "0": False}.get(str(value).lower())
    if found is None:
        raise Unfit
    return found


def _moment(value: object) -> object:
    """Take a time: ISO 8601, in UTC where it names no zone, or seconds since 1970."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise Unfit from None
    if isinstance(value, datetime):
        found = value if value.tzinfo else value.replace(tzinfo=UTC)
    elif isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LAST_SECOND:
        found = datetime.fromtimestamp(value, UTC)
    else:
        raise Unfit
    if not 0 <= (found - _FIRST).total_seconds() <= _LAST_SECOND:
        raise Unfit
    return found


def _day(value: object) -> object:
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value)
        except ValueError:
            raise Unfit from None
    if isinstance(value, datetime) or not isinstance(value, date):
        raise Unfit
    if not _FIRST.date() <= value <= _LAST_DAY:
        raise Unfit
    return value


def _uuid(value: object) -> object:
    try:
        return UUID(str(value))
    except ValueError:
        raise Unfit from None


def _array(inner: Cast) -> Cast:
    def cast(value: object) -> object:
        if isinstance(value, str):  # a cell of CSV
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                raise Unfit from None
        if not isinstance(value, list):
            raise Unfit
        return [inner(each) for each in value]

    return cast


def _nullable(inner: Cast) -> Cast:
    return lambda value: None if value is None else inner(value)


_WRAPPERS: dict[str, Callable[[Cast], Cast]] = {
    "LowCardinality": lambda inner: inner, "Nullable": _nullable, "Array": _array,
}  # fmt: skip
_PLAIN: dict[str, Cast] = {
    "String": _text, "Float32": _fraction, "Float64": _fraction, "Bool": _truth, "Date": _day,
    "UUID": _uuid,
}  # fmt: skip
