"""What is made when it is first asked for."""

from __future__ import annotations

from functools import cached_property
from threading import RLock
from typing import Any, Self, TypeVar, overload

T = TypeVar("T")


_making = RLock()


class made_once(cached_property[T]):  # noqa: N801  it is written as a decorator
    """What is made when it is first asked for, once, also where several threads ask at a time."""

    @overload
    def __get__(self, instance: None, owner: type[Any] | None = None) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type[Any] | None = None) -> T: ...
    def __get__(self, instance: Any, owner: type[Any] | None = None) -> Any:
        """Return it."""
        with _making:
            return super().__get__(instance, owner)
