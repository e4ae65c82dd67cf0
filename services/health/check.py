"""Ask every store how it is, and say what to do where it is not well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from services.ask_stores import ask_all
from services.errors import (
    Problem,
    StoreDenied,
    StoreError,
    StoreMisconfigured,
    StoreNotConfigured,
    StoreUnavailable,
)
from services.figures import StoreState
from services.health.models import Check, Health, Workers


class Pingable(Protocol):
    """A store that can be asked how it is."""

    def health(self) -> Health:
        """Return version and latency. Raises StoreError."""


class WorkerSource(Protocol):
    """KATO, whose workers say how they are."""

    def figures(self, *, cache: bool = False) -> Workers:
        """Return what each says, with its cache where that is asked for. Raises StoreError."""


_ADVICE: tuple[tuple[type[StoreError], str], ...] = (
    (StoreDenied, "check the user, password or key in {variables}, and that user's rights"),
    (StoreMisconfigured, "check that {variables} point at KATO's own store"),
    (StoreUnavailable, "check that it runs and is reachable from here, and {variables}"),
    (StoreNotConfigured, "set {variables}"),
)


class HealthService:
    """Checks every store at once. `variables` names the settings of each, for the advice."""

    def __init__(
        self, stores: Mapping[str, Pingable], *, variables: Mapping[str, str], timeout: float
    ) -> None:
        self._stores = stores
        self._variables = variables
        self._timeout = timeout

    def check(self) -> tuple[Check, ...]:
        """Ask every store; takes at most the timeout, however many are down."""
        asks = {name: (lambda _, s=store: self._ask(s)) for name, store in self._stores.items()}
        results = ask_all(asks, deadline=self._timeout)
        return tuple(
            self._judge(name, results[name].reading, results[name].reason) for name in asks
        )

    def _ask(self, store: Pingable) -> Health | StoreError:
        try:
            return store.health()
        except StoreError as exc:
            return exc

    def _judge(self, name: str, answer: object, reason: Problem | None) -> Check:
        if isinstance(answer, Health):
            return Check(name, StoreState.OK, answer)
        advice = next(
            (text for kind, text in _ADVICE if isinstance(answer, kind)),
            "see the dashboard's log",
        ).format(variables=self._variables[name])
        absent = isinstance(answer, StoreNotConfigured)
        state = StoreState.NOT_CONFIGURED if absent else StoreState.UNKNOWN
        problem = answer.problem if isinstance(answer, StoreError) else reason
        return Check(name, state, None, problem, advice)
