"""A dashboard without a screen, in a process of its own, that says again and again what it has."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from services import bootstrap
from services.alerts import worker as alerting
from services.backups import scheduler as backups
from services.bootstrap import Services
from services.dashboards import models
from services.dashboards.published import Publisher
from services.errors import TurnLost
from services.jobs import lease as leasing
from services.retention import scheduler as retention
from services.settings.environment import load_settings
from services.stores.records import fence
from services.stores.records.nodes import StateStore
from services.usage.collect import UsageService
from services.usage.snapshot import Snapshot

_REAL = datetime


def run(folder: str, name: str, lease: float, beat: float, ahead: float) -> None:
    """Be a dashboard until it is killed, or its file `NAME.stop` is there.

    What it has stands in `NAME.json`. With `NAME.refresh` it asks for new figures, with
    `NAME.audit` for an audit, and with `NAME.sleep` it stops itself (SIGSTOP) in the middle of
    the next round, before it writes. `ahead` is how many seconds its clock is.
    """
    models.LEASE, models.BEAT = timedelta(seconds=lease), beat
    leasing.LEASE, retention.POLL_SECONDS, backups.POLL_SECONDS = models.LEASE, beat, beat
    alerting.TURN_LASTS, alerting.LOOK_EVERY = 2 * models.LEASE, models.LEASE
    alerting.TICK_SECONDS = beat
    if ahead:
        _shift(timedelta(seconds=ahead))
    place, refused = Path(folder), [0]
    _count_refusals(refused)
    _sleep_when_told(place / f"{name}.sleep")
    _count_reads()
    if os.environ.get("TEST_ALONE"):  # as it was until dashboards took turns
        mock.patch.object(bootstrap.Services, "sharing", None).start()
    with closing(bootstrap.build(load_settings())) as services:
        services.start()
        while not (place / f"{name}.stop").exists():
            _obey(services, place, name)
            _say(services, place, name, refused[0])
            time.sleep(0.05)


def _obey(services: Services, place: Path, name: str) -> None:
    for word, deed in (("refresh", services.collector.refresh), ("audit", services.audit_soon)):
        told = place / f"{name}.{word}"
        if told.exists():
            told.unlink()
            deed()


def _say(services: Services, place: Path, name: str, refused: int) -> None:
    collector, sharing = services.collector, services.sharing
    state, shown = collector.state, collector.shown
    snapshot = state.snapshot
    report = services.isolation.state.report
    said = {
        "pid": os.getpid(), "id": sharing.id if sharing else name, "collects": collector.collects,
        "rounds": collector.rounds, "problem": str(state.problem or ""),
        "at": None if snapshot is None else snapshot.collected_at.isoformat(),
        "digest": digest_of(snapshot), "refused": refused,
        "reads": _reads[0], "threads": threading.active_count(),
        "audit": None if report is None else report.at.isoformat(),
        "age": None if shown.snapshot is None else
        (sys.modules[__name__].datetime.now(UTC) - shown.snapshot.collected_at).total_seconds(),
    }  # fmt: skip
    file = place / f"{name}.json"
    file.with_suffix(".new").write_text(json.dumps(said))
    file.with_suffix(".new").replace(file)


_digests: dict[int, tuple[Snapshot, str]] = {}


def digest_of(snapshot: Snapshot | None) -> str | None:
    """Return what a snapshot is known by: all that is in it counts."""
    if snapshot is None:
        return None
    known = _digests.get(id(snapshot))
    if known is None:
        _digests.clear()
        found = Publisher(version="").published(snapshot, seconds=None)  # it has their digests
        known = _digests[id(snapshot)] = snapshot, hashlib.sha256(found.head).hexdigest()
    return known[1]


_reads = [0]


def _count_reads() -> None:
    real = UsageService.collect

    def counted(*given: Any, **more: Any) -> Snapshot:
        _reads[0] += 1
        return real(*given, **more)

    mock.patch.object(UsageService, "collect", counted).start()


def _count_refusals(refused: list[int]) -> None:
    real = fence.hold_turn

    def counted(*given: Any) -> None:
        try:
            real(*given)
        except TurnLost:
            refused[0] += 1
            raise

    mock.patch.object(fence, "hold_turn", counted).start()


def _sleep_when_told(told: Path) -> None:
    real = StateStore.record_totals

    def sleepy(*given: Any) -> None:
        if told.exists():
            told.unlink()
            os.kill(os.getpid(), signal.SIGSTOP)
        real(*given)

    mock.patch.object(StateStore, "record_totals", sleepy).start()


class _Kind(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _REAL)


def _shift(by: timedelta) -> None:
    """Have this process' clock be another: its own modules ask this one."""

    class Shifted(_REAL, metaclass=_Kind):
        @classmethod
        def now(cls, tz: Any = None) -> _REAL:  # type: ignore[override]
            return _REAL.now(tz) + by

    for name, module in list(sys.modules.items()):
        ours = name.startswith("services.") or name == __name__
        if ours and getattr(module, "datetime", None) is _REAL:
            module.datetime = Shifted  # type: ignore[attr-defined]
