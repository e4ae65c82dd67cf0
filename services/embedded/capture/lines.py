"""One line of a capture: JSON to what it stands for, and back. Pure.

What reads raises Misread.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any, cast
from uuid import UUID

from services.embedded.write.dataset import Collection, Entry, KeyType, Misread, Point, Row
from services.embedded.write.keys import KINDS
from services.embedded.write.rows import TABLES, Table

DISTANCES = ("Cosine", "Euclid", "Dot", "Manhattan")
"""Qdrant's metrics, by its names for them."""

_UINT = re.compile(r"UInt(\d+)\Z")
_ARRAY = re.compile(r"Array\((.+)\)\Z")


def _fields(value: object, *names: str) -> list[Any]:
    """Return the values of an object that has exactly these fields."""
    if not (isinstance(value, dict) and value.keys() == set(names)):
        raise Misread(f"an object of {', '.join(names)} is expected")
    return [value[name] for name in names]


def _text(value: object, what: str = "a name") -> str:
    """Read text that has a UTF-8 form, which ClickHouse and Qdrant need."""
    if not isinstance(value, str):
        raise Misread(f"{what} has to be text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Misread(f"{what} holds half a character") from None
    return value


def read_json(line: bytes) -> object:
    """Read a line as JSON, without the numbers that are none."""
    try:
        return json.loads(line, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Misread("this is no JSON") from None


def _no_number(name: str) -> None:
    raise Misread(f"{name} is no JSON")


def entry(value: object) -> Entry:
    """Read a Redis key."""
    key, kind, pttl, held = _fields(value, "key", "type", "pttl", "value")
    if kind not in list(KeyType):
        raise Misread("the type of this key is not one that can be written")
    if isinstance(pttl, bool) or not isinstance(pttl, int) or (pttl < 1 and pttl != -1):
        raise Misread("pttl has to be milliseconds, or -1 for none")
    key_type = KeyType(kind)
    ttl_ms = None if pttl == -1 else pttl
    if not isinstance(key, str):
        raise Misread("a key has to be text")
    return Entry(key, key_type, KINDS[key_type].read(held), ttl_ms)


def entry_shown(entry: Entry) -> dict[str, object]:
    """Show a Redis key."""
    shown = KINDS[entry.type].shown(entry.value)
    pttl = -1 if entry.ttl_ms is None else entry.ttl_ms
    return {"key": entry.key, "type": str(entry.type), "pttl": pttl, "value": shown}


def row(value: object, table: Table) -> Row:
    """Read a row of a table."""
    cells = _fields(value, *table.columns)
    kinds = table.columns.items()
    read = [_cell(cell, kind, name) for cell, (name, kind) in zip(cells, kinds, strict=True)]
    return Row(table.name, tuple(read))


def row_shown(row: Row) -> dict[str, object]:
    """Show a row of a table."""
    columns = TABLES[row.table].columns
    return {name: _cell_shown(cell) for name, cell in zip(columns, row.values, strict=True)}


def _cell_shown(cell: object) -> object:
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds")
    return cell.isoformat() if isinstance(cell, date) else cell


def _cell(value: object, kind: str, column: str) -> object:
    array = _ARRAY.match(kind)
    if array:
        if not isinstance(value, list):
            raise Misread(f"{column} has to be a list")
        return [_cell(item, array[1], column) for item in value]
    unsigned = _UINT.match(kind)
    if unsigned:
        return _unsigned(value, int(unsigned[1]), column)
    return _CELLS[kind](value, column)


def _unsigned(value: object, bits: int, column: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << bits:
        raise Misread(f"{column} has to be a whole number of {bits} bits")
    return value


def _number_cell(value: object, column: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Misread(f"{column} has to be a number")
    return float(value)


def _time_cell(value: object, column: str) -> datetime:
    try:
        found = datetime.fromisoformat(_text(value, column))
    except ValueError:
        raise Misread(f"{column} has to be a time, as in 2026-11-23T06:23:30") from None
    found = found.replace(tzinfo=found.tzinfo or UTC)
    if not 0 <= found.timestamp() < 1 << 32:
        raise Misread(f"{column} has to be a time from 1970 to 2106")
    return found


def _date_cell(value: object, column: str) -> date:
    try:
        return date.fromisoformat(_text(value, column))
    except ValueError:
        raise Misread(f"{column} has to be a date, as in 2026-11-23") from None


_CELLS: Mapping[str, Callable[[object, str], object]] = {
    "String": _text,
    "Float64": _number_cell,
    "DateTime": _time_cell,
    "Date": _date_cell,
}


def collection(value: object) -> Collection:
    """Read a Qdrant collection."""
    name, size, distance, points = _fields(value, "collection", "size", "distance", "points")
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise Misread("size has to be a whole number above 0")
    if distance not in DISTANCES:
        raise Misread(f"distance has to be one of {', '.join(DISTANCES)}")
    if not isinstance(points, list):
        raise Misread("points has to be a list")
    return Collection(_text(name), size, distance, tuple(_point(point, size) for point in points))


def _point(value: object, size: int) -> Point:
    point_id, vector, payload = _fields(value, "id", "vector", "payload")
    if not (isinstance(vector, list) and len(vector) == size):
        raise Misread(f"a vector of {size} numbers is expected")
    if not isinstance(payload, dict):
        raise Misread("a point's payload has to be an object")
    numbers = tuple(_number_cell(number, "a vector's part") for number in vector)
    return Point(_point_id(point_id), numbers, payload)


def _point_id(value: object) -> str | int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    try:
        return str(UUID(_text(value)))
    except (ValueError, Misread):
        raise Misread("a point's id has to be a UUID or a whole number") from None


def collection_shown(collection: Collection) -> dict[str, object]:
    """Show a Qdrant collection."""
    points = [
        {
            "id": point.id,
            "vector": list(point.vector),
            "payload": cast("dict[str, Any]", point.payload),
        }
        for point in collection.points
    ]
    head = {"collection": collection.name, "size": collection.size}
    return {**head, "distance": collection.distance, "points": points}
