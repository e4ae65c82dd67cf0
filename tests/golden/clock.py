"""What is different in every run, held still: the time, random ids, and who uses the shell."""

from __future__ import annotations

import copyreg
import datetime
import importlib
import itertools
import pkgutil
import pwd
import secrets
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace

import pytest

import cli
import dashboard
import services

_PRODUCT = (cli, dashboard, services)
_REAL = datetime.datetime

NOW = _REAL(2026, 11, 23, 6, 26, tzinfo=datetime.UTC)
"""Shortly after the capture was made."""


class _AnyDatetime(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _REAL)


class _Still(_REAL, metaclass=_AnyDatetime):
    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> _REAL:  # type: ignore[override]
        return NOW.astimezone(tz)


def _reduced(moment: _REAL) -> tuple[object, tuple[str]]:
    """Say how a time is pickled, which else names a class that is no longer there."""
    return _restored, (moment.isoformat(),)


def _restored(text: str) -> _REAL:
    return _REAL.fromisoformat(text)


@contextmanager
def held_still(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give all of the product one time, ids that count up from 1, and the user ann.

    Modules are found by walking, so that none is named here; pages import when they run.
    """
    for package in _PRODUCT:
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith(".__main__"):
                importlib.import_module(found.name)
    numbers: defaultdict[int, itertools.count[int]] = defaultdict(lambda: itertools.count(1))
    roots = {package.__name__ for package in _PRODUCT}
    random = secrets.token_hex

    def token_hex(size: int) -> str:
        ours = sys._getframe(1).f_globals["__name__"].partition(".")[0] in roots
        return f"{next(numbers[size]):0{2 * size}x}" if ours else random(size)

    monkeypatch.setattr(secrets, "token_hex", token_hex)
    monkeypatch.setattr(pwd, "getpwuid", lambda _: SimpleNamespace(pw_name="ann"))
    monkeypatch.setitem(copyreg.dispatch_table, _REAL, _reduced)
    _put(_Still, [sys.modules[name] for name in sys.modules if name.partition(".")[0] in roots])
    datetime.datetime = _Still  # type: ignore[misc]
    try:
        yield
    finally:
        _put(_REAL, sys.modules.values())  # also where it was imported meanwhile


def _put(clock: type[_REAL], modules: Iterable[ModuleType]) -> None:
    for module in list(modules):
        there = vars(module).get("datetime")
        if there is _REAL or there is _Still:
            vars(module)["datetime"] = clock
