"""Made-up snapshots, of every type that is in one, for what has to survive being handed on."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Union, get_args, get_origin

from hypothesis import strategies as st

from services.dashboards.codec import fields_of
from services.figures import Measure
from services.tenancy.kb_ids import TenantKey
from services.usage.readings import KeyReading
from services.usage.snapshot import Snapshot, StoreFigures, TenantUsage

NAMES = st.binary(max_size=12).map(lambda raw: raw.decode("utf-8", "surrogateescape")) | st.text(
    st.characters(exclude_categories=("Cs",)), max_size=12
)
"""Names are bytes of strangers: any, and so what is no character too."""

_TIMES = st.integers(0, 2**52).map(
    lambda micros: datetime(1990, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
)
_PLAIN: Mapping[Any, st.SearchStrategy[Any]] = {
    str: NAMES, int: st.integers(0, 2**63 - 1), bool: st.booleans(), datetime: _TIMES,
    type(None): st.none(), float: st.floats(0, allow_nan=False) | st.floats(0, 1),
}  # fmt: skip


def of(hint: Any) -> st.SearchStrategy[Any]:
    """Return values of a type, by the types of its fields."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint in _PLAIN:
        return _PLAIN[hint]
    if origin is not None:
        return _made_of(origin, inner)
    if issubclass(hint, Enum):
        return st.sampled_from(list(hint))
    return st.builds(hint, **{name: of(each) for name, each in fields_of(hint).items()})


def _made_of(origin: Any, inner: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    if origin in (Union, types.UnionType) and all(each in _PLAIN for each in inner):
        return st.one_of(*map(of, inner))
    if origin in (Union, types.UnionType):
        (one,) = (each for each in inner if each is not type(None))
        return st.none() | of(one)
    if issubclass(origin, Mapping):
        return st.dictionaries(of(inner[0]), of(inner[1]), max_size=2)
    return st.lists(of(inner[0]), max_size=2).map(tuple)


_NO_GROUPS = of(KeyReading).map(
    lambda keys: dataclasses.replace(keys, groups=(), sessions=None)
)  # as a snapshot has it
_FIGURES = st.lists(of(StoreFigures), min_size=4, max_size=4).map(
    lambda found: dict(zip(Measure, found, strict=True))
)


def _each_once(tenants: list[TenantUsage]) -> tuple[TenantUsage, ...]:
    found: dict[TenantKey, TenantUsage] = {usage.tenant: usage for usage in tenants}
    return tuple(found.values())


SNAPSHOTS: st.SearchStrategy[Snapshot] = st.builds(
    Snapshot,
    **{name: of(hint) for name, hint in fields_of(Snapshot).items() if name != "tenants"}
    | {
        "tenants": st.lists(of(TenantUsage), max_size=3).map(_each_once),
        "stores": _FIGURES,
        "keys": st.none() | _NO_GROUPS,
    },
)
