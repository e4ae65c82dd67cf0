"""Looks of one kind, as one viewer may ask for them, see what they found, and stop them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, Generic, TypeVar

from services.access.gate import Gate
from services.access.viewer import Action, Viewer
from services.jobs.confined import confined_look
from services.jobs.looks import About, Look, LookBook, LookState
from services.tenancy.kb_ids import TenantKey

T = TypeVar("T")

Tenants = Collection[TenantKey]


def _nobody_else(found: object) -> None:
    del found


class DeskLooks(Generic[T]):
    """Looks that take `action`, of whoever is asked for and of everyone whom one turns out to name.

    `confined` says what a viewer may see of what one found, and `holders` who else has to be in
    scope for that: None where nobody has.
    """

    def __init__(
        self, gate: Gate, action: Action, book: Callable[[], LookBook[T]], *,
        confined: Callable[[T, Viewer], T],
        holders: Callable[[T], Tenants | None] = _nobody_else,
    ) -> None:  # fmt: skip
        self._gate, self._action, self._book = gate, action, book
        self._confined, self._holders = confined, holders

    def ask(self, about: About, *, tenants: Tenants | None, target: str = "", **how: Any) -> None:
        """Have it looked in the background, unless that is under way. Logged.

        Raises AccessDenied, StoreError.
        """
        with self._gate.doing(self._action, tenants=tenants, target=target):
            self._book().ask(about, by=self._gate.viewer().id, **how)

    def newest(
        self, about: About, *, tenants: Tenants | None, target: str = ""
    ) -> tuple[Look, T | None] | None:
        """Return the newest look at it with what it came to; None where there was none.

        One that turned out to concern others, who are not in scope, is as one that failed. Raises
        AccessDenied, StoreError.
        """
        viewer = self._gate.allow(self._action, tenants=tenants, target=target)
        newest = self._book().newest(about)
        if newest is None:
            return None
        look, found = confined_look(newest[0], viewer), newest[1]
        if found is None:
            return look, None
        why = self._gate.why_not(self._action, tenants=self._holders(found))
        if why:
            return replace(look, state=LookState.FAILED, problem=why), None
        return look, self._confined(found, viewer)

    def stop(self, about: About, *, tenants: Tenants | None, target: str = "") -> None:
        """Let the one that is under way end as soon as it can. Raises AccessDenied, StoreError."""
        self._gate.allow(self._action, tenants=tenants, target=target)
        self._book().stop(about)
