"""Bills in the background: what whoever asks is told meanwhile, and what is reckoned when."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field

import pytest

from services.bill import background
from services.bill.background import Background, Reckoned
from services.bill.models import Bill
from services.bill.month import Month
from services.bill.prices import Terms
from services.bill.reckon import bill_of
from services.errors import StoreUnavailable
from tests.unit.bill.months import MONTH, PERIOD, terms, used

DEAR = terms(prices={"*": {"base": "99"}})


@dataclass
class Reckoning:
    """Reckons nothing, once it may; with a clock."""

    may: threading.Event = field(default_factory=threading.Event)
    done: list[tuple[Month, Terms | None, str]] = field(default_factory=list)
    fails: bool = False
    final: bool = False
    time: float = 0.0

    def __call__(self, month: Month, terms: Terms | None) -> Bill:
        """Reckon."""
        assert self.may.wait(30)
        self.done.append((month, terms, threading.current_thread().name))
        if self.fails:
            raise StoreUnavailable("records", "reading", "it is down")
        return bill_of(PERIOD, used({}), terms)


@pytest.fixture
def reckoning() -> Iterator[Reckoning]:
    made = Reckoning()
    yield made
    made.may.set()


def of(reckoning: Reckoning, patience: float) -> Background:
    return Background(
        reckoning, final=lambda *_: reckoning.final, patience=patience, clock=lambda: reckoning.time
    )


def ended(asked: Background, month: Month = MONTH) -> None:
    """Wait until a month is reckoned."""
    background.wait([asked._kept[month].asked], 30)


def test_nobody_waits_longer_than_the_patience(reckoning: Reckoning) -> None:
    """Then the last one is told, if there is one; it is reckoned once, however many ask."""
    with closing(of(reckoning, 0)) as asked:
        assert asked.now(MONTH, None) == asked.now(MONTH, None) == Reckoned(None, under_way=True)
        reckoning.may.set()
        ended(asked)
        first = asked.now(MONTH, None)
        assert first.bill is not None
        assert not first.under_way
        reckoning.may.clear()
        reckoning.time = background.FRESH
        assert asked.now(MONTH, None) == Reckoned(first.bill, under_way=True)
        assert len(reckoning.done) == 1
        assert reckoning.done[0][2].startswith(background.THREAD)


def test_other_prices_are_reckoned_at_once(reckoning: Reckoning) -> None:
    """Also where those of before are under way: their bill is told as the last one."""
    with closing(of(reckoning, 0)) as asked:
        asked.now(MONTH, None)
        reckoning.may.set()
        ended(asked)
        found = asked.now(MONTH, DEAR)
        assert found.under_way
        assert found.bill is not None
        ended(asked)
        found = asked.now(MONTH, DEAR)
        assert found.bill is not None
        assert (found.bill.terms, found.under_way) == (DEAR, False)


def test_what_is_final_is_reckoned_once(reckoning: Reckoning) -> None:
    reckoning.may.set()
    reckoning.final = True
    with closing(of(reckoning, 30)) as asked:
        asked.now(MONTH, None)
        reckoning.time = 1e9
        assert not asked.now(MONTH, None).under_way
        assert len(reckoning.done) == 1


def test_a_failure_is_told_and_tried_again(reckoning: Reckoning) -> None:
    """Told once also to who came back for it; with the next bill all is well."""
    reckoning.fails = True
    with closing(of(reckoning, 0)) as asked:
        asked.now(MONTH, None)
        reckoning.may.set()
        ended(asked)
        with pytest.raises(StoreUnavailable):
            asked.now(MONTH, None)
        reckoning.fails = False
        asked.now(MONTH, None)
        ended(asked)
        assert asked.now(MONTH, None).bill is not None


def test_few_bills_are_held(reckoning: Reckoning) -> None:
    reckoning.may.set()
    with closing(of(reckoning, 30)) as asked:
        for month in range(1, 13):
            asked.now(Month(2026, month), None)
        assert next(iter(asked._kept)) == Month(2026, 13 - background.MONTHS)
