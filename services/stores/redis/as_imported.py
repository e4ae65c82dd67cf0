"""Whether keys hold what an import wrote, read with no more rights than an import has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.imports.models import Item
from services.stores.redis.erase_sessions import sound, values_of
from services.stores.redis.link import Link, packed
from services.stores.redis.values import TYPES
from services.tenancy.layout import bytes_of

_SLICE = 1_000


def gone_or_changed(link: Link, items: Sequence[Item]) -> tuple[frozenset[str], frozenset[str]]:
    """Return which keys are not there, and which of those that are hold something else.

    That is also another type, and no time to live where one was written, or the other way round.
    Raises StoreError.
    """
    link.send(b"".join(packed(asked, bytes_of(i.key)) for i in items for asked in ("TYPE", "PTTL")))
    replies = sound(link, 2 * len(items))
    told = list(zip(items, replies[::2], replies[1::2], strict=True))
    alike = [item for item, kind, pttl in told if _is_alike(item, kind, pttl)]
    strings = [bytes_of(item.key) for item in alike if item.body["type"] == "string"]
    texts = dict(values_of(link, strings))
    same = {item.key for item in alike if _held(link, item, texts) == _written(item)}
    gone = frozenset(item.key for item, kind, _ in told if kind == b"none")
    return gone, frozenset(item.key for item in items) - gone - same


def _is_alike(item: Item, kind: bytes, pttl: int) -> bool:
    ends = item.body.get("ttl") is not None
    return bool(kind == str(item.body["type"]).encode() and (pttl >= 0) == ends)


def _held(link: Link, item: Item, texts: dict[bytes, Any]) -> object:
    """Return what a key holds, members of sets and hashes in no order."""
    key, kind = bytes_of(item.key), str(item.body["type"])
    if kind == "string":
        return texts.get(key)
    members = list(TYPES[kind].members(link, key, _SLICE))
    match kind:
        case "list":
            return [member for (member,) in members]
        case "set":
            return {member for (member,) in members}
        case "hash":
            return {field: value for field, value in members}  # noqa: C416  they are pairs
        case _:
            return {member: float(score) for member, score in members}


def _written(item: Item) -> object:
    """Return what was written, in the same form."""
    value: Any = item.body["value"]
    match item.body["type"]:
        case "string":
            return bytes_of(str(value))
        case "list":
            return list(map(bytes_of, value))
        case "set":
            return set(map(bytes_of, value))
        case "hash":
            return {bytes_of(name): bytes_of(str(each)) for name, each in value.items()}
        case _:
            return {bytes_of(name): float(each) for name, each in value.items()}
