"""The store that is not configured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Never, TypeVar, cast

from services.errors import StoreNotConfigured

T = TypeVar("T")


class AbsentStore:
    """Stands for any store that is not configured. Every method raises StoreNotConfigured."""

    def __init__(self, store: str, variable: str) -> None:
        self._store, self._variable = store, variable

    def __getattr__(self, name: str) -> Callable[..., Never]:
        """Return what refuses, whatever it is asked."""
        if name.startswith("__"):
            raise AttributeError(name)

        def refuse(*_: object, **__: object) -> Never:
            raise StoreNotConfigured(self._store, name.replace("_", " "), f"set {self._variable}")

        return refuse


def absent(store: str, variable: str) -> T:  # type: ignore[type-var]  # whatever is asked for
    """Return an absent store, for whatever protocol; `variable` is the setting that it lacks."""
    return cast("T", AbsentStore(store, variable))
