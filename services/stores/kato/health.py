"""How KATO is, asked over several new connections at once.

KATO runs several workers, one of which may hang for good while its siblings answer: which of them
a connection reaches is left to chance.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass

import httpx

from services.errors import StoreError, StoreUnavailable
from services.health.models import Health
from services.stores.kato.connect import STORE, Call, ask, cut

CONNECTIONS = 16
"""How many are asked: of four workers, one that hangs is missed once in a hundred times."""

_ROOT = Call("GET", "/", "asking its version")
# an unhealthy KATO may say so with a 503
_HEALTH = Call("GET", "/health", "asking how it is", accepts=frozenset({200, 503}))
_ISSUES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one connection brought, and after how many seconds."""

    call: Call
    seconds: float
    brought: Mapping[str, object] | StoreError


def health_over(client: httpx.Client, *, seconds: float) -> Health:
    """Return KATO's version, how it says it is, and how long the fastest answer took.

    Raises StoreUnavailable where only some connections were answered, and what each of them met
    where none was.
    """
    calls = [_ROOT, _HEALTH] * (CONNECTIONS // 2)
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        asked = [pool.submit(copy_context().run, _one, client, call, seconds) for call in calls]
        answers = [each.result() for each in asked]
    _refuse_silence(answers)
    service, version = _named(_of(answers, _ROOT))
    state = _state(_of(answers, _HEALTH))
    return Health(STORE, version, min(each.seconds for each in answers), f"{service}: {state}")


def _one(client: httpx.Client, call: Call, seconds: float) -> _Answer:
    began = time.monotonic()
    try:
        brought: Mapping[str, object] | StoreError = ask(client, call, seconds=seconds)
    except StoreError as exc:
        brought = exc
    return _Answer(call, time.monotonic() - began, brought)


def _refuse_silence(answers: Sequence[_Answer]) -> None:
    """Raise what was met where something was; and say of how many, where others answered."""
    met = [each.brought for each in answers if isinstance(each.brought, StoreError)]
    silent = [exc for exc in met if isinstance(exc, StoreUnavailable)]
    if met and (len(silent) < len(met) or len(met) == len(answers)):
        raise next((exc for exc in met if exc not in silent), met[0])
    if silent:
        reason = (
            f"only {len(answers) - len(silent)} of {len(answers)} new connections were answered: "
            f"one of its workers hangs ({silent[0].reason}), and does so until it is restarted"
        )
        raise StoreUnavailable(STORE, _HEALTH.operation, reason) from silent[0]


def _of(answers: Sequence[_Answer], call: Call) -> Mapping[str, object]:
    found = (a.brought for a in answers if a.call is call and isinstance(a.brought, Mapping))
    return next(found)


def _named(root: Mapping[str, object]) -> tuple[str, str]:
    service, version = root.get("service"), root.get("version")
    if not (isinstance(service, str) and "kato" in service.lower()):
        raise _ROOT.misfit("it does not call itself KATO")
    if not isinstance(version, str):
        raise _ROOT.misfit("it names no version")
    return cut(service), cut(version)


def _state(health: Mapping[str, object]) -> str:
    status, issues = health.get("status"), health.get("issues")
    if not isinstance(status, str):
        raise _HEALTH.misfit("it does not say how it is")
    if not (isinstance(issues, list) and issues):
        return cut(status)
    return f"{cut(status)} ({'; '.join(cut(issue) for issue in issues[:_ISSUES_SHOWN])})"
