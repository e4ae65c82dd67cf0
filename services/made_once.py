"""What is made when it is first asked for."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from threading import RLock
from typing import Any, Self, TypeVar, overload

T = TypeVar("T")

_LOCK = "_made_once_lock"


class made_once(cached_property[T]):  # noqa: N801  it is written as a decorator
    """What is made when it is first asked for, once, also where several threads ask at a time.

    Whoever asks the same object for anything else waits meanwhile, and nobody else: what one
    deployment opens may take long.
    """

    @overload
    def __get__(self, instance: None, owner: type[Any] | None = None) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type[Any] | None = None) -> T: ...
    def __get__(self, instance: Any, owner: type[Any] | None = None) -> Any:
        """Return it."""
        if instance is None:
            return self
        kept, name = vars(instance), str(self.attrname)
        with _lock_of(kept):  # not the one that Python 3.11 has, for every object at once
            if name not in kept:
                kept[name] = self.func(instance)
            return kept[name]


def made_along(instance: object, owner: object) -> None:
    """Have an object make what it makes in turn with its owner, which it asks, and who asks it.

    Else each of two threads could wait for what the other one makes.
    """
    vars(instance)[_LOCK] = _lock_of(vars(owner))


def _lock_of(kept: dict[str, Any]) -> Any:
    return kept.setdefault(_LOCK, RLock())  # of all who ask first, one sets it


class MadeWhenSeen(Sequence[T]):
    """Reads like a tuple, each item of which is made when it is looked at."""

    __slots__ = ()

    @abstractmethod
    def _get(self, at: int) -> T:
        """Return the item at a place, which is not negative."""

    def __iter__(self) -> Iterator[T]:
        return map(self._get, range(len(self)))

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[T, ...]: ...
    def __getitem__(self, at: int | slice) -> T | tuple[T, ...]:
        places = range(len(self))[at]
        return tuple(map(self._get, places)) if isinstance(places, range) else self._get(places)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MadeWhenSeen | tuple):
            return NotImplemented
        return self is other or tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]  # as of any sequence of many
