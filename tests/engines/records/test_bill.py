"""Bills of real records: months in any zone, and who came, left or was purged meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest

from services.bill.models import Bill
from services.bill.month import Month
from services.bill.past import Before
from services.bill.prices import Charge
from services.bill.reckon import WANTED
from services.bill.service import BillService
from services.bill.used import UsedMonths
from services.figures import Measure
from services.history.models import second
from services.history.read import HistoryService
from services.history.record import HistoryRecorder
from services.history.totals import Totals
from services.stores.records.history import HistoryRecords
from tests.engines.records.test_history import RETENTION
from tests.servers.records import Records
from tests.unit.bill.months import terms
from tests.unit.history.snapshots import snapshot

BERLIN, OCTOBER = "Europe/Berlin", Month(2026, 10)
FIRST, LAST = datetime(2026, 9, 29, 7, tzinfo=UTC), datetime(2026, 11, 3, 7, tzinfo=UTC)
CAME, PURGED = datetime(2026, 10, 10, 12, tzinfo=UTC), datetime(2026, 10, 20, 6, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


class Year:
    """What was recorded once a day, and bills of it as of any moment."""

    def __init__(self, records: Records) -> None:
        self._store = HistoryRecords(records.engine())

    def record(self) -> None:
        """Have one tenant who stays, one who comes, and one who is purged, a thousand each."""
        recorder = HistoryRecorder(self._store, gap=DAY, retention=RETENTION)
        moments = [FIRST + at * DAY for at in range((LAST - FIRST).days + 1)]
        for at in sorted([*moments, CAME, PURGED]):
            there = {"stays": 1000} | ({"came": 1000} if at >= CAME else {})
            there |= {"purged": 1000} if at < PURGED else {}
            recorder.follow(snapshot(second(at), there, nobodys=1000))

    def bill(self, month: Month, *, zone: str = "UTC", now: datetime = LAST) -> Bill:
        """Reckon a month."""
        return self.service(zone=zone, now=now).month(month)

    def service(self, *, zone: str = "UTC", now: datetime = LAST) -> BillService:
        """Return what reckons."""
        history = HistoryService(self._store, retention=RETENTION, now=lambda: now)
        return BillService(history, terms=terms, zone=ZoneInfo(zone), now=lambda: now)

    def follow(self) -> Iterator[tuple[Totals, Totals]]:
        """Yield what a month came to while it is recorded: to one who holds it, and read anew."""
        now = [FIRST]
        history = HistoryService(self._store, retention=RETENTION, now=lambda: now[0])
        used, month = UsedMonths(history), OCTOBER.bounds(ZoneInfo(BERLIN))
        recorder = HistoryRecorder(self._store, gap=2 * DAY, retention=RETENTION)
        for day in range((LAST - FIRST).days):
            now[0] = FIRST + day * DAY
            down = frozenset({Measure.PATTERNS}) if day % 9 == 5 else frozenset()
            there = {"stays": 1000 + day // 2} | ({"came": day} if day > 7 else {})
            recorder.follow(snapshot(second(now[0]), there, shared=day, sharing=("stays", "came"),
                                     down=down))  # fmt: skip
            if day % 4 == 2:
                yield used.of(*month), history.totals(*month, WANTED)

    def months(self) -> tuple[Month, ...]:
        """Return what can be billed."""
        return self.service().months()


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Year]:
    with closing(Records(tmp_path_factory.mktemp("bill"), None)) as records:
        made = Year(records)
        made.record()
        yield made


def hours(bill: Bill) -> dict[str, Fraction]:
    return {
        each.tenant.removeprefix("tenant/"): each.line(Charge.PATTERNS).used.hours
        for each in bill.tenants
    }


def test_who_came_and_who_was_purged_pay_for_their_time(year: Year) -> None:
    """To the second; what is unowned is nobody's, and all of the month was known."""
    bill = year.bill(OCTOBER)
    assert hours(bill) == {"stays": 744, "came": 21.5 * 24, "purged": 19.25 * 24}
    assert {line.known for each in bill.tenants for line in each.lines} == {1}
    assert [left.used.hours for left in bill.unbilled if left.charge is Charge.PATTERNS] == [744]
    (amount,) = (each.amount for each in bill.tenants if each.tenant == "tenant/stays")
    assert amount == 2000 + 4000  # the base fee, and a thousand patterns for the month; no bytes
    assert year.months() == (Month(2026, 11), OCTOBER, Month(2026, 9))


def test_a_month_in_which_the_clocks_went_back(year: Year) -> None:
    """October has 745 hours in Berlin: a thousand patterns all the month cost what they do."""
    bill = year.bill(OCTOBER, zone=BERLIN)
    assert hours(bill)["stays"] == 745
    assert bill.tenants[-1].line(Charge.PATTERNS).billed == 1
    months = [year.bill(month, zone=BERLIN) for month in (Month(2026, 9), OCTOBER, OCTOBER.next)]
    whole = (LAST - FIRST).total_seconds() + 1
    assert sum(hours(bill)["stays"] for bill in months) * 3600 == whole


def test_what_was_not_known_yet_or_any_more(year: Year) -> None:
    """September was not known before the first look; a month so far is until now."""
    september = year.bill(Month(2026, 9))
    assert september.tenants[0].known == Fraction(41, 30 * 24)
    so_far = year.bill(OCTOBER.next)
    assert (so_far.so_far, so_far.ended) == (True, LAST + timedelta(seconds=1))
    assert set(hours(so_far)) == {"stays", "came"}
    assert so_far.tenants[0].known == 1
    assert year.bill(Month(2026, 12)).tenants == ()


def test_a_bill_is_the_same_when_hours_are_kept_no_more(year: Year) -> None:
    """In UTC. In a zone it is of the days in UTC then, and says so by its times."""
    late = LAST + 120 * DAY
    assert year.bill(OCTOBER, now=late) == year.bill(OCTOBER)
    bill = year.bill(OCTOBER, zone=BERLIN, now=late)
    assert (bill.began, bill.ended) == (datetime(2026, 10, 1, tzinfo=UTC),
                                        datetime(2026, 11, 1, tzinfo=UTC))  # fmt: skip
    assert hours(bill)["stays"] == 744
    assert bill.tenants[-1].line(Charge.PATTERNS).billed == 1


def test_the_months_before_come_to_what_their_bills_do(year: Year) -> None:
    """In the background one after the other; each is read once, and one without it has no sum."""
    service = year.service()
    with closing(service):
        for tenant in ("stays", "came", "nobody"):
            before = Before(under_way=True)
            while before.under_way:
                before = service.before(OCTOBER.next, f"tenant/{tenant}", wait=False)
            whole = service.before(OCTOBER.next, f"tenant/{tenant}", wait=True)
            assert before == whole
            for found, month in zip(before.months, (OCTOBER, Month(2026, 9)), strict=True):
                bill = year.bill(month).of(f"tenant/{tenant}")
                assert (found.month, found.amount) == (month, bill and bill.amount)
        with patch.object(HistoryService, "totals", side_effect=AssertionError):
            assert service.before(OCTOBER.next, "tenant/stays", wait=True).months[0].amount == 6000


def test_days_that_are_held_come_to_what_is_read_anew(tmp_path: Path) -> None:
    """To one who asks while the month goes on, and after it; with a store down meanwhile."""
    with closing(Records(tmp_path, None)) as records:
        found = list(Year(records).follow())
    for held, anew in found:
        assert held == anew
    last, _ = found[-1]
    assert (last.ended - last.began, len(last.figures)) == (745 * HOUR, 5)
    assert last.known["patterns"] < 745 * 3600 == last.known["keys"]
    assert set(last.reasons) == {"patterns", "patterns_bytes"}
