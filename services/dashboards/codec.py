"""Frozen values as JSON and back, by the types of their fields. Pure.

A value is the list of its fields in their order, without names: a fleet has a million of them.
Fields that do not count when two values are compared are left out.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import Any, Union, get_args, get_origin, get_type_hints

from services.usage.vector_cluster import ShardKey, VectorCluster

Change = Callable[[Any], Any]

_AS_THEY_ARE = (str, int, float, bool, type(None))


_LATE = {"ShardKey": ShardKey, "VectorCluster": VectorCluster}
"""What fields are of that their own modules name for mypy alone."""


@dataclass(frozen=True, slots=True)
class Codec:
    """Writes and reads values of one type. Either is None where JSON takes a value as it is."""

    writes: Change | None
    reads: Change | None

    def write(self, value: Any) -> Any:
        """Return what JSON takes."""
        return value if self.writes is None else self.writes(value)

    def read(self, found: Any) -> Any:
        """Return the value. Raises TypeError, ValueError, LookupError for what is none."""
        return found if self.reads is None else self.reads(found)


@cache
def codec_of(hint: Any) -> Codec:
    """Return how values of a type are written. Raises TypeError for one that is not known here."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint in _AS_THEY_ARE:
        return Codec(None, None)
    if origin in (Union, types.UnionType):
        return _or_none(inner)
    if origin is tuple or (isinstance(origin, type) and issubclass(origin, Sequence)):
        return _several(inner[0])
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping(*inner)
    if not isinstance(hint, type):
        raise TypeError(f"no form for {hint}")
    return _plain(hint)


def _plain(kind: type) -> Codec:
    if issubclass(kind, Enum):
        return Codec(attrgetter("value"), kind)
    if issubclass(kind, datetime):
        return Codec(datetime.isoformat, datetime.fromisoformat)
    return _fields(kind)


def fields_of(kind: type) -> dict[str, Any]:
    """Return the fields of a frozen value or a named tuple that are written, with their types."""
    hints = get_type_hints(kind, localns=_LATE)
    if is_dataclass(kind):
        return {each.name: hints[each.name] for each in fields(kind) if each.compare}
    names: tuple[str, ...] = kind._fields  # type: ignore[attr-defined]  # a NamedTuple's
    return {name: hints[name] for name in names}


def shape_of(kind: type) -> str:
    """Describe a type with all that is in it: another text where another form is written."""
    seen: dict[str, str] = {}

    def look(hint: Any) -> str:
        if get_args(hint):
            return f"{_name(get_origin(hint))}[{', '.join(map(look, get_args(hint)))}]"
        if not isinstance(hint, type) or hint in _AS_THEY_ARE or issubclass(hint, datetime):
            return _name(hint)
        if hint.__name__ not in seen:
            seen[hint.__name__] = ""
            seen[hint.__name__] = (
                " ".join(sorted(str(each.value) for each in hint)) if issubclass(hint, Enum)
                else ", ".join(f"{name}: {look(of)}" for name, of in fields_of(hint).items())
            )  # fmt: skip
        return hint.__name__

    look(kind)
    return "\n".join(f"{name}({text})" for name, text in sorted(seen.items()))


def _name(hint: Any) -> str:
    return "Union" if hint in (Union, types.UnionType) else getattr(hint, "__name__", str(hint))


def _or_none(inner: tuple[Any, ...]) -> Codec:
    if all(each in _AS_THEY_ARE for each in inner):
        return Codec(None, None)
    (one,) = (each for each in inner if each is not type(None))
    codec = codec_of(one)
    write, read = codec.writes, codec.reads
    if write is None or read is None:
        return Codec(None, None)
    return Codec(
        lambda value: None if value is None else write(value),
        lambda found: None if found is None else read(found),
    )


def _several(inner: Any) -> Codec:
    codec = codec_of(inner)
    write, read = codec.writes, codec.reads
    if write is None or read is None:
        return Codec(list, tuple)
    return Codec(
        lambda values: [write(each) for each in values],
        lambda found: tuple([read(each) for each in found]),
    )


def _mapping(key: Any, inner: Any) -> Codec:
    codec, name = codec_of(inner), codec_of(key)
    if not (isinstance(key, type) and issubclass(key, str)):  # JSON would make text of it
        return Codec(
            lambda values: [[name.write(key), codec.write(each)] for key, each in values.items()],
            lambda found: {name.read(key): codec.read(each) for key, each in found},
        )
    if codec.writes is None and name.writes is None:
        return Codec(dict, dict)
    return Codec(
        lambda values: {name.write(key): codec.write(each) for key, each in values.items()},
        lambda found: {name.read(key): codec.read(each) for key, each in found.items()},
    )


def _fields(kind: type) -> Codec:
    hints = fields_of(kind)
    codecs = [codec_of(hint) for hint in hints.values()]
    writes = [(at, codec.writes) for at, codec in enumerate(codecs) if codec.writes is not None]
    reads = [(at, codec.reads) for at, codec in enumerate(codecs) if codec.reads is not None]
    take = attrgetter(*hints)  # of one field it would be no tuple: there is no such value here

    def write(value: Any) -> list[Any]:
        found = list(take(value))
        for at, change in writes:
            found[at] = change(found[at])
        return found

    def read(found: Any) -> Any:
        values = list(found)
        for at, change in reads:
            values[at] = change(values[at])
        if len(values) != len(codecs):
            raise ValueError(f"a {kind.__name__} has {len(codecs)} fields")
        return kind(**dict(zip(hints, values, strict=True))) if named else kind(*values)

    named = is_dataclass(kind) and any(not each.compare for each in fields(kind))
    return Codec(write, read)
