"""Values of a row as Redis and Qdrant take them, or why they are not taken. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from uuid import UUID

from services.imports.models import Why

Values = Mapping[str, object]
_MOST_ID = 2**64 - 1


class No(Exception):
    """Why a row is not taken."""

    def __init__(self, why: Why, about: str = "") -> None:
        super().__init__(why.value)
        self.why, self.about = why, about


def only(values: Values, *columns: str) -> None:
    """Refuse a row with other columns."""
    more = next((name for name in values if name not in columns), None)
    if more is not None:
        raise No(Why.UNKNOWN_COLUMN, more)


def text(values: Values, name: str) -> str:
    """Return a text that has to be there."""
    value = values.get(name)
    if value is None or value == "":
        raise No(Why.NO_VALUE, name)
    if not isinstance(value, str):
        raise No(Why.UNFIT, name)
    return sendable(value, name)


def sendable(text: str, about: str) -> str:
    """Return a text that UTF-8 can carry."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise No(Why.NOT_UTF8, about) from None
    return text


def parsed(text: str) -> object:
    """Read JSON out of a cell."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise No(Why.UNREADABLE) from None


def dumped(value: object) -> str:
    """Return a value as JSON."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise No(Why.UNFIT, "value") from None
    return sendable(text, "value")


def redis_value(kind: str, value: object) -> object:
    """Return a value as its type of key takes it; an object is a string's JSON."""
    if kind == "string":
        return sendable(value, "value") if isinstance(value, str) else dumped(value)
    if isinstance(value, str):
        value = parsed(value)
    if kind in ("hash", "zset"):
        if not isinstance(value, Mapping) or not value:
            raise No(Why.UNFIT, "value")
        return {sendable(name, "value"): _member(kind, each) for name, each in value.items()}
    if not isinstance(value, list) or not value or not all(isinstance(e, str) for e in value):
        raise No(Why.UNFIT, "value")
    return [sendable(each, "value") for each in value]


def _member(kind: str, value: object) -> object:
    if kind == "hash":
        return sendable(value, "value") if isinstance(value, str) else dumped(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise No(Why.UNFIT, "value")
    return value


def point_id(value: object) -> int | str:
    """Return a point's id: a whole number or a UUID, as Qdrant takes them."""
    if value is None:
        raise No(Why.NO_VALUE, "id")
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 21:  # noqa: PLR2004
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_ID:
        return value
    try:
        return str(UUID(value)) if isinstance(value, str) else _no_id()
    except ValueError:
        return _no_id()


def _no_id() -> str:
    raise No(Why.UNFIT, "id")


def vector(value: object) -> list[float]:
    """Return the numbers of a vector."""
    if isinstance(value, str):
        value = parsed(value)
    if value is None or value == []:
        raise No(Why.NO_VALUE, "vector")
    if not isinstance(value, list):
        raise No(Why.UNFIT, "vector")
    if any(isinstance(e, bool) or not isinstance(e, int | float) for e in value):
        raise No(Why.UNFIT, "vector")
    try:
        found = [float(each) for each in value]
    except OverflowError:
        raise No(Why.UNFIT, "vector") from None
    if not all(map(math.isfinite, found)):
        raise No(Why.UNFIT, "vector")
    return found


def kept(value: object) -> object:
    """Return a value as the JSON of the staging file keeps it."""
    return value.isoformat() if hasattr(value, "isoformat") else _plain(value)


def _plain(value: object) -> object:
    return str(value) if isinstance(value, UUID) else value
