"""The only caching of what pages read: it is decided first, and goes by who sees it.

Of several deployments, it goes by which of them the page is of.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar

import streamlit as st

from dashboard.app import runtime
from dashboard.app.newest import Newest
from services.access.viewer import Action, Viewer

P = ParamSpec("P")
T = TypeVar("T")

_kept: dict[str, Any] = {}


def sight_of(viewer: Viewer) -> str:
    """Return what viewers who see the same have in common: role and scope, as one text."""
    return repr((viewer.role.value, sorted(map(str, viewer.scope))))


def scope_of(viewer: Viewer) -> str:
    """Return what viewers who see the same tenants have in common, as one text."""
    return "*" if viewer.sees_all else repr(sorted(map(str, viewer.scope)))


def cached(
    action: Action, *, key: Callable[..., object] | None = None, seconds: float | None = None,
    entries: int = 16, spinner: bool | str = False, each_viewer: bool = False,
    newest: bool = False, any_role: bool = False,
) -> Callable[[Callable[P, T]], Callable[P, T]]:  # fmt: skip
    """Keep what a function returns, for all who see the same; who may not see it is refused first.

    It is kept by what `key` makes of the arguments, by all of them without it. With `each_viewer`
    everyone has to miss for once: reading it is logged. With `newest` one result is kept for all
    who see the same, of what was asked for last: for what is made of a snapshot. With `any_role`
    all who see the same tenants see the same: for what goes by these alone, as figures do. Callers
    must not change what is returned.
    The functions raise AccessDenied and NotSignedIn besides their own errors, which are not kept.
    """

    def decorated(make: Callable[P, T]) -> Callable[P, T]:
        def kept(_given: tuple[Any, Any], key: str, seen_by: str) -> T:
            del key, seen_by  # what the cache goes by
            return make(*_given[0], **_given[1])

        name = f"{make.__module__}.{make.__qualname__}"
        kept.__qualname__ = name  # by which Streamlit tells caches apart: its issue 11157
        last = Newest[T](seconds=seconds)
        cache = st.cache_resource(ttl=seconds, max_entries=entries, show_spinner=spinner)(kept)
        _kept[name] = last if newest else cache

        @wraps(make)
        def read(*args: P.args, **kwargs: P.kwargs) -> T:
            viewer = runtime.desk().gate.allow(action)
            who = viewer.id if each_viewer else ""
            sight = scope_of(viewer) if any_role else sight_of(viewer)
            seen_by = repr((runtime.generation(), who, sight))
            # as text: names that are not UTF-8 Streamlit could not take as they are
            kept_by = (args, kwargs) if key is None else key(*args, **kwargs)
            if newest:
                return last.get(seen_by, repr(kept_by), partial(make, *args, **kwargs))
            return cache((args, kwargs), repr(kept_by), seen_by)

        return read

    return decorated


def forget(read: Callable[..., object]) -> None:
    """Have what a cached function returns be read anew by whoever asks next.

    For what somebody just changed: they would see it as it was, until something else draws it.
    """
    _kept[f"{read.__module__}.{read.__qualname__}"].clear()


def clear() -> None:
    """Forget everything cached; for tests."""
    runtime.forget()
    for cache in _kept.values():
        cache.clear()
