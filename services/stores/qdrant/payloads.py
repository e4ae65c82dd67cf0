"""Whom a point's payload names, in every form that an owner is written in. Pure.

A filter finds the points that may name the target; what it finds is read again here, byte by
byte, because servers and indexes differ in what a filter takes for equal: an index of type uuid
takes two spellings for one, and an index on texts does not see the number beside them in a list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from qdrant_client import models

from services.purge.models import Surface
from services.stores.qdrant.facts import TENANT
from services.tenancy.kb_ids import sanitise

INSIDE = "metadata"
"""The payload field under which some programs keep what names the owner."""

_TENANT_PATHS = (TENANT, f"{INSIDE}.{TENANT}")
_KB_PATHS = ("kb_id", f"{INSIDE}.kb_id")
_NODE_PATHS = ("node_id", f"{INSIDE}.node_id")
PATHS = (*_TENANT_PATHS, *_KB_PATHS, *_NODE_PATHS)

_WHOLE_MOST = 2**63 - 1  # what an integer is to Qdrant
_FLOAT_MOST = 2**53  # up to here each whole number is itself as a float

_NO_ID = "\ud800"
"""What no id can begin with that a payload can hold."""

IN_A_LIST, AS_A_NUMBER = " in a list", " as a number"


@dataclass(frozen=True, slots=True)
class Name:
    """One value of a payload that names somebody: the path to it, its text, and its form."""

    path: str
    text: str
    form: str

    @property
    def is_text(self) -> bool:
        """Whether it is a text, and not a number that is written as one."""
        return not self.form.endswith(AS_A_NUMBER)


@dataclass(frozen=True, slots=True)
class Naming:
    """How a point names the target: which owner, in which form, and whether nobody else.

    `exact` is where texts of tenants' ids alone say so.
    """

    owner: str
    form: str
    alone: bool
    exact: bool = False


class Named:
    """The points that name a surface's tenants, kb_ids or nodes in their payload."""

    def __init__(self, surface: Surface) -> None:
        self._tenants = _sendable(surface.tenant_ids)
        self._kb_ids = _sendable(surface.kb_ids)
        self._nodes = _sendable(surface.nodes)

    def __bool__(self) -> bool:
        """Whether there is anything to name."""
        return bool(self._tenants or self._kb_ids or self._nodes)

    @cached_property
    def filter(self) -> models.Filter:
        """The filter for every point that may name one of them; it matches no others' by far."""
        return models.Filter(should=list(self._conditions()))

    @cached_property
    def others(self) -> models.Filter:
        """The filter for every other point."""
        return models.Filter(must_not=[self.filter])

    def these(self, ids: Iterable[models.ExtendedPointId], *, exact: bool) -> models.Filter:
        """Return the filter for those of some points that still name one of them.

        Where each is named by an `exact` text, a point that was given to somebody else since it
        was read is spared in the same call.
        """
        here = models.HasIdCondition(has_id=list(ids))
        return models.Filter(must=[here, self.filter], must_not=self._besides() if exact else None)

    def read(self, payload: Mapping[str, Any] | None) -> Naming | None:
        """Say how a point names one of them; None where it does not.

        A tenant's id decides; where no tenant of the target is named, its kb_id does, and then
        its node_id. Another tenant's id beside these is another's claim, unless the kb_id or
        node_id has it within.
        """
        found = list(names_in(payload or {}))
        tenants = [name for name in found if name.path in _TENANT_PATHS]
        kb_ids = [name for name in found if name.path in _KB_PATHS]
        nodes = [name for name in found if name.path in _NODE_PATHS]
        mine = [name for name in tenants if name.text in self._tenants]
        if mine:
            return _naming(mine, alone=len(mine) == len(tenants))
        mine = [name for name in kb_ids if name.text in self._kb_ids]
        if mine:
            return _naming(mine, alone=len(mine) == len(kb_ids) and _within(tenants, mine))
        mine = [name for name in nodes if name.text in self._nodes]
        if mine:
            agree = _within(tenants, mine) and _made_of(mine, kb_ids)
            return _naming(mine, alone=len(mine) == len(nodes) and agree)
        return None

    def _conditions(self) -> Iterator[models.FieldCondition]:
        for path in _TENANT_PATHS:
            yield from _any_of(path, self._tenants)
            yield from _any_number(path, self._tenants)
        for path in _KB_PATHS:
            yield from _any_of(path, self._kb_ids)
        for path in _NODE_PATHS:
            yield from _any_of(path, self._nodes)

    def _besides(self) -> list[models.Condition]:
        others = models.MatchExcept(**{"except": ["", *sorted(self._tenants)]})  # "" names nobody
        return [models.FieldCondition(key=path, match=others) for path in _TENANT_PATHS]


UNNAMED = models.Filter(
    must=[models.IsEmptyCondition(is_empty=models.PayloadField(key=path)) for path in PATHS]
)
"""The points that name nobody in any of the forms."""


def names_in(payload: Mapping[str, Any]) -> Iterator[Name]:
    """Yield every value of a payload that names somebody."""
    for path in PATHS:
        value = _value(payload, path)
        listed = isinstance(value, list)
        for each in value if isinstance(value, list) else [value]:
            if each is None or each == "":
                continue
            text, is_text = _text(each)
            form = path + ("" if is_text else AS_A_NUMBER)
            yield Name(path, text, path + IN_A_LIST if listed and is_text else form)


def _value(payload: Mapping[str, Any], path: str) -> object:
    """Follow a path as Qdrant does: a dot leads into an object."""
    outer, _, inner = path.rpartition(".")
    within = payload.get(outer) if outer else payload
    return within.get(inner) if isinstance(within, Mapping) else None


def _text(value: object) -> tuple[str, bool]:
    """Return a value as an id would be written, and whether it is a text."""
    if isinstance(value, str):
        return value, True
    if isinstance(value, float) and value.is_integer() and abs(value) <= _FLOAT_MOST:
        return str(int(value)), False
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value), False
    return f"{_NO_ID}{value!r}", False


def _naming(mine: list[Name], *, alone: bool) -> Naming:
    first = min(mine, key=lambda name: (name.text, name.form))
    exact = all(name.is_text and name.path in _TENANT_PATHS for name in mine)
    return Naming(first.text, first.form, alone, exact)


def _within(tenants: Iterable[Name], mine: Iterable[Name]) -> bool:
    """Whether the ids of tenants are parts of what names the target, and so no other's claim."""
    texts = [f"_{sanitise(name.text)}_" for name in mine]
    return all(any(f"_{sanitise(t.text)}_" in text for text in texts) for t in tenants)


def _made_of(nodes: Iterable[Name], kb_ids: Iterable[Name]) -> bool:
    """Whether kb_ids are what KATO makes of these nodes, whatever its service is called."""
    begins = tuple(f"{sanitise(node.text)}_" for node in nodes)
    return all(kb_id.text.startswith(begins) for kb_id in kb_ids)


def _any_of(path: str, texts: frozenset[str]) -> Iterator[models.FieldCondition]:
    if texts:
        yield models.FieldCondition(key=path, match=models.MatchAny(any=sorted(texts)))


def _any_number(path: str, ids: frozenset[str]) -> Iterator[models.FieldCondition]:
    """Yield the conditions for ids that a program wrote as numbers, of either kind.

    A match takes whole numbers alone, and a range those with a point (7.0) too: so in local mode
    (qdrant-client 1.20), and by the server's manual, which has `match` for keywords, whole
    numbers and booleans, and `range` for floats and whole numbers.
    """
    numbers = sorted(number for each in ids if (number := _number(each)) is not None)
    if numbers:
        yield models.FieldCondition(key=path, match=models.MatchAny(any=numbers))
    for number in numbers:
        if abs(number) <= _FLOAT_MOST:
            yield models.FieldCondition(key=path, range=models.Range(gte=number, lte=number))


def _number(text: str) -> int | None:
    """Return the whole number that is written so, and in no other way."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > len(str(_WHOLE_MOST)):
        return None
    number = int(text)
    return number if str(number) == text and abs(number) <= _WHOLE_MOST else None


def _sendable(names: Iterable[str]) -> frozenset[str]:
    """Leave out names that are not UTF-8: no payload can hold them."""
    return frozenset(name for name in names if name and _is_utf8(name))


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
