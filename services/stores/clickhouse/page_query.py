"""A page of patterns as SQL: constant pieces and bound parameters. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.browse.models import PatternQuery, PatternSort
from services.stores.clickhouse.connect import PATTERNS, Identifier, Names, hexed

COLUMNS = (
    "kb_id AS kb, name AS pattern, length AS events, token_count AS tokens,"
    " toUnixTimestamp(created_at) AS created, toUnixTimestamp(updated_at) AS updated"
)
FROM = " FROM {home:Identifier}.{table:Identifier} WHERE kb_id IN {kb_ids:Array(String)}"

_LATEST = 2**32 - 1
_FILTERS = {
    "prefix": " AND startsWith(name, unhex({prefix:String}))",
    "token": " AND has(token_set, unhex({token:String}))",
    "min_length": " AND length >= {min_length:UInt32}",
    "max_length": " AND length <= {max_length:UInt32}",
    "since": " AND created_at >= toDateTime({since:UInt32})",
    "until": " AND created_at < toDateTime({until:UInt32})",
}
_AFTER_DOWN = " AND ({s} < {at} OR ({s} = {at} AND (name, kb_id) > ({name}, {kb})))"
_AFTER_UP = " AND ({s} > {at} OR ({s} = {at} AND (name, kb_id) > ({name}, {kb})))"
_CURSOR = {"name": "unhex({after_name:String})", "kb": "unhex({after_kb:String})"}
# Which rows can be on the page is found by reading the sorted column alone; names are then read
# of those only.
_PAGE_DOWN = (
    " AND {s} >= (SELECT min(s) FROM (SELECT {s} AS s{found} ORDER BY s DESC LIMIT {limit}))"
    " ORDER BY {s} DESC, name, kb_id LIMIT {limit}"
)
_PAGE_UP = (
    " AND {s} <= (SELECT max(s) FROM (SELECT {s} AS s{found} ORDER BY s LIMIT {limit}))"
    " ORDER BY {s}, name, kb_id LIMIT {limit}"
)
_LIMIT = "{limit:UInt32}"
_DATE = ("created_at", "toDateTime({at:UInt32})")
_LENGTH = ("length", "{at:UInt32}")
_SORTED = {
    PatternSort.NEWEST: (*_DATE, _AFTER_DOWN, _PAGE_DOWN),
    PatternSort.OLDEST: (*_DATE, _AFTER_UP, _PAGE_UP),
    PatternSort.LONGEST: (*_LENGTH, _AFTER_DOWN, _PAGE_DOWN),
    PatternSort.SHORTEST: (*_LENGTH, _AFTER_UP, _PAGE_UP),
}


def found(query: PatternQuery) -> str:
    """Return the FROM and WHERE of all that a query matches, on whatever page."""
    bound = bindings(query)
    return FROM + "".join(text for name, text in _FILTERS.items() if name in bound)


def page(query: PatternQuery) -> str:
    """Return the SELECT of one page, sorted by date or length."""
    column, at, after, ordered = _SORTED[query.sort]
    matching = found(query)
    if query.after is not None:
        matching += after.format(s=column, at=at, **_CURSOR)
    order = ordered.format(s=column, found=matching, limit=_LIMIT)
    return "SELECT " + COLUMNS + matching + order


def bindings(query: PatternQuery) -> Mapping[str, Any]:
    """Return what is bound; the filters that are not set are not in it."""
    values: dict[str, Any] = {
        "prefix": hexed(query.prefix) or None,
        "token": hexed(query.token) or None,
        "min_length": _whole(query.min_length),
        "max_length": _whole(query.max_length),
        "since": _seconds(query.since),
        "until": _seconds(query.until),
    }
    bound = {name: value for name, value in values.items() if value is not None}
    if query.after is not None:
        bound["at"] = query.after.value
        bound["after_name"] = hexed(query.after.name)
        bound["after_kb"] = hexed(query.after.kb_id)
    names = Names(query.kb_ids)
    return {**bound, "kb_ids": names, "table": Identifier(PATTERNS), "limit": query.limit + 1}


def _whole(number: int | None) -> int | None:
    return None if number is None else min(max(number, 0), _LATEST)


def _seconds(at: datetime | None) -> int | None:
    return None if at is None else _whole(int(at.timestamp()))
