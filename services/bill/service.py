"""Makes bills out of what is kept of usage over time, at the prices of now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from services.bill.background import Background, Reckoned
from services.bill.models import Bill, Costs
from services.bill.month import Month
from services.bill.monthly import monthly
from services.bill.past import FRESH, MONTHS, Before, MonthSum, Sums, month_sum
from services.bill.prices import Terms
from services.bill.reckon import Period, bill_of, written
from services.bill.used import UsedMonths
from services.cards.models import LabelsOf, unlabelled
from services.figures import Amount, Measure
from services.history.models import second
from services.history.read import HistoryService
from services.tenancy.kb_ids import TenantKey


class BillService:
    """Bills of months in a zone. Raises StoreUnavailable when the records do not answer."""

    def __init__(
        self, history: HistoryService, *, terms: Callable[[], Terms | None], zone: ZoneInfo,
        now: Callable[[], datetime], labels: Callable[[], LabelsOf] = lambda: unlabelled,
    ) -> None:  # fmt: skip
        self._history, self._terms, self._zone, self._now = history, terms, zone, now
        self._labels = labels
        self._used = UsedMonths(history)
        self._sums = Sums()
        self._background = Background(self._reckon, final=self._is_final)

    def months(self) -> tuple[Month, ...]:
        """Return the months of which anything is known, and the present one: the newest first."""
        found = [Month.of(self._now(), self._zone)]
        since = self._history.known_since()
        while since is not None and found[-1].bounds(self._zone)[0] > since:
            found.append(found[-1].before)
        return tuple(found)

    def month(self, month: Month) -> Bill:
        """Reckon a month; of one that is not over, what it comes to so far.

        Raises SettingsError for the price file.
        """
        return self._reckon(month, self._terms())

    def reckoned(self, month: Month) -> Reckoned:
        """Return a month as it is reckoned in the background, at the prices of now.

        Raises SettingsError for the price file.
        """
        return self._background.now(month, self._terms())

    def before(self, month: Month, tenant: str, *, wait: bool) -> Before:
        """Return what a tenant paid in the year before a month, at the prices of now.

        What is not known yet is reckoned: here and now where it is waited for, else in the
        background, one month after the other. Raises SettingsError for the price file.
        """
        terms, found = self._terms(), list[MonthSum]()
        if terms is None:
            return Before()
        earlier = [each for each in self.months() if each < month][:MONTHS]
        for each in earlier:
            known = self._sums.of(each, terms, tenant, self._now())
            if known is None:
                bill = self._reckon(each, terms) if wait else self._reckoned_whole(each, terms)
                if bill is None:
                    break
                known = month_sum(bill, tenant)
            found.append(known)
        return Before(tuple(found), under_way=len(found) < len(earlier))

    def _reckoned_whole(self, month: Month, terms: Terms) -> Bill | None:
        found = self._background.now(month, terms)
        return None if found.under_way else found.bill

    def monthly(self, had: Mapping[TenantKey, Mapping[Measure, Amount]]) -> Costs:
        """Return what so much of each tenant costs a month; nothing without a price file.

        Raises SettingsError for the price file.
        """
        terms = self._terms()
        if terms is None:
            return {}
        labels = self._labels() if terms.by_label else unlabelled
        found = {
            tenant: monthly(terms, tenant, written(labels(tenant)), amounts)
            for tenant, amounts in had.items()
        }
        return {tenant: cost for tenant, cost in found.items() if cost is not None}

    def close(self) -> None:
        """Reckon no more."""
        self._background.close()

    def _is_final(self, month: Month, terms: Terms | None) -> bool:
        """Whether nothing of it changes any more at these prices: labels may, at any time."""
        if terms is not None and terms.by_label:
            return False
        _, ended = month.bounds(self._zone)
        return second(self._history.settled()) >= self._history.boundary(ended)

    def _reckon(self, month: Month, terms: Terms | None) -> Bill:
        final = self._is_final(month, terms)
        began, ended = month.bounds(self._zone)
        used = self._used.of(began, ended)
        seconds = self._history.boundary(ended) - self._history.boundary(began)
        period = Period(month, self._zone.key, seconds, so_far=self._now() < ended)
        labels = self._labels() if terms is not None and terms.by_label else unlabelled
        bill = bill_of(period, used, terms, labels)
        self._sums.keep(bill, None if final else self._now() + FRESH)
        return bill
