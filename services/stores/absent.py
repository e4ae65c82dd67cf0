"""The store that is not configured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, Never, ParamSpec, TypeVar, cast

from services.errors import StoreNotConfigured

T = TypeVar("T")
Engine = TypeVar("Engine")
Options = ParamSpec("Options")


class AbsentStore:
    """Stands for an engine without an address, and for all that would be made over it.

    Every method raises StoreNotConfigured.
    """

    def __init__(self, store: str, variable: str) -> None:
        self._store, self._variable = store, variable

    def __getattr__(self, name: str) -> Callable[..., Never]:
        """Return what refuses, whatever it is asked."""
        if name.startswith("__"):
            raise AttributeError(name)

        def refuse(*_: object, **__: object) -> Never:
            raise StoreNotConfigured(self._store, "connecting", f"set {self._variable}")

        return refuse


def absent(store: str, variable: str) -> T:  # type: ignore[type-var]  # whatever is asked for
    """Return an absent store, for whatever type; `variable` is the setting that it lacks."""
    return cast("T", AbsentStore(store, variable))


def present(engine: T) -> T | None:
    """Return an engine, None for one that is not configured."""
    return None if isinstance(engine, AbsentStore) else engine


def over(
    engine: Engine,
    make: Callable[Concatenate[Engine, Options], T],
    *args: Options.args,
    **options: Options.kwargs,
) -> T:
    """Make an adapter; over an engine that is not configured it is what says so."""
    if isinstance(engine, AbsentStore):
        return cast("T", engine)
    return make(engine, *args, **options)
