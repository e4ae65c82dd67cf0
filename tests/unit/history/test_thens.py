"""Figures of a moment are read once, as long as nothing is recorded after it."""

from __future__ import annotations

from typing import cast

import numpy as np

from services.history.columns import Columns, FleetRows
from services.history.models import Grain
from services.history.ports import Head, HistoryStore
from services.history.thens import KEPT, KEPT_SECONDS, Thens


class Store:
    """Counts what is read of it."""

    def __init__(self) -> None:
        self.number, self.last, self.read = 1, 100, list[int]()

    def head(self) -> Head:
        return Head(self.number, self.last, {Grain.HOUR: 0, Grain.DAY: 0})

    def newest(self, at: int, wanted: frozenset[str]) -> FleetRows:
        self.read.append(at)
        none = np.array([], np.int64)
        return FleetRows((), none, none, Columns(0, {}, {}))


def asked(thens: Thens, store: Store, at: int, quantity: str = "patterns") -> int:
    thens.get(cast("HistoryStore", store), at, quantity)
    return len(store.read)


def test_after_the_last_that_was_recorded_every_moment_is_the_same() -> None:
    thens, store = Thens(lambda: 0.0), Store()
    assert [asked(thens, store, at) for at in (100, 101, 500)] == [1, 1, 1]
    assert asked(thens, store, 99) == 2
    assert asked(thens, store, 100, "keys") == 3
    store.number, store.last = 2, 160
    assert asked(thens, store, 500) == 4


def test_it_is_bounded_and_not_kept_for_long() -> None:
    now = [0.0]
    thens, store = Thens(lambda: now[0]), Store()
    for at in range(KEPT + 1):
        asked(thens, store, at)
    assert len(thens._kept) == KEPT
    now[0] = KEPT_SECONDS
    assert asked(thens, store, KEPT) == KEPT + 2
    assert len(thens._kept) == 1
