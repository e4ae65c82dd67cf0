"""Ask every store how it is, and say what to do where it is not well."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from types import MappingProxyType
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

_HOUR, _MOST = 3600, 720


class Pingable(Protocol):
    """A store that can be asked how it is."""

    def health(self) -> Health:
        """Return version and latency. Raises StoreError."""


class WorkerSource(Protocol):
    """KATO, whose workers say how they are."""

    def figures(self, *, cache: bool = False) -> Workers:
        """Return what each says, with its cache where that is asked for. Raises StoreError."""


_ADVICE: tuple[tuple[type[StoreError], str], ...] = (
    (
        StoreDenied,
        "check the user, password or key in {variables}, and that user's rights: docs/rights.md",
    ),
    (StoreMisconfigured, "check that {variables} point at {whose}"),
    (StoreUnavailable, "check that it runs and is reachable from here, and {variables}"),
    (StoreNotConfigured, "set {variables}"),
)

_WHOSE = dict.fromkeys(("state store", "history store"), "a database of this product's own")


class HealthService:
    """Checks every store at once. `variables` names the settings of each, for the advice.

    `notes` say of some, also of one that answers, what somebody should know; empty for nothing.
    """

    def __init__(
        self, stores: Mapping[str, Pingable], *, variables: Mapping[str, str], timeout: float,
        notes: Mapping[str, Callable[[], str]] = MappingProxyType({}),
    ) -> None:  # fmt: skip
        self._stores, self._notes = stores, notes
        self._variables = variables
        self._timeout = timeout
        self._past: Mapping[str, Past] = {name: Past() for name in stores}

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
        past = self._past[name]
        note = self._notes[name]() if name in self._notes else ""
        if isinstance(answer, Health):
            past.add(answer.latency)
            return Check(name, StoreState.OK, answer, advice=note or None, past=past.seconds())
        advice = note or next(
            (text for kind, text in _ADVICE if isinstance(answer, kind)),
            "see the dashboard's log",
        ).format(variables=self._variables[name], whose=_WHOSE.get(name, "KATO's own store"))
        absent = isinstance(answer, StoreNotConfigured)
        state = StoreState.NOT_CONFIGURED if absent else StoreState.UNKNOWN
        problem = answer.problem if isinstance(answer, StoreError) else reason
        return Check(name, state, None, problem, advice, past.seconds())


class Past:
    """The latencies of the last hour; `now` are seconds of a clock that is never set back."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._kept: deque[tuple[float, float]] = deque(maxlen=_MOST)

    def add(self, latency: float) -> None:
        """Keep one more, in seconds."""
        self._kept.append((self._now(), latency))

    def seconds(self) -> tuple[float, ...]:
        """Return those of the last hour, oldest first."""
        since = self._now() - _HOUR
        return tuple(latency for at, latency in self._kept.copy() if at >= since)
