"""Bills, as one viewer may see them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace

from services.access.gate import Gate
from services.access.viewer import Action, Sight, Viewer
from services.bill.background import Reckoned
from services.bill.models import Bill, Costs
from services.bill.month import Month
from services.bill.past import Before
from services.bill.price_file import VARIABLE
from services.bill.service import BillService
from services.cards.service import CardService
from services.errors import SettingsError, StoreError
from services.figures import Amount, Measure
from services.tenancy.kb_ids import TenantKey


class DeskBill:
    """What a month costs the tenants in scope; the fleet's total is for who sees all of it."""

    def __init__(self, gate: Gate, bill: BillService, cards: Callable[[], CardService]) -> None:
        self._gate, self._bill, self._cards = gate, bill, cards

    def months(self) -> tuple[Month, ...]:
        """Return the months of which anything is known, and the present one: the newest first.

        Raises StoreUnavailable.
        """
        self._gate.allow(Action.SEE_FLEET)
        return self._bill.months()

    def month(self, month: Month) -> Bill:
        """Return a month's bill, as `BillService.month`, confined.

        Raises StoreUnavailable, and SettingsError where the price file cannot be used: what is
        wrong with it is told to who sees all, since it names tenants.
        """
        viewer = self._gate.allow(Action.SEE_FLEET)
        with _prices_told(viewer):
            return self._named(confined(self._bill.month(month), viewer))

    def reckoned(self, month: Month) -> Reckoned:
        """Return a month's bill as it is reckoned in the background, confined.

        Raises as `month`.
        """
        viewer = self._gate.allow(Action.SEE_FLEET)
        with _prices_told(viewer):
            found = self._bill.reckoned(month)
        if found.bill is None:
            return found
        return replace(found, bill=self._named(confined(found.bill, viewer)))

    def before(self, month: Month, tenant: TenantKey, *, wait: bool = False) -> Before:
        """Return the year before a month of a tenant in scope, as `BillService.before`.

        Nothing for who is not in scope. Raises as `month`.
        """
        viewer = self._gate.allow(Action.SEE_FLEET)
        if not viewer.sees(tenant):
            return Before()
        with _prices_told(viewer):
            return self._bill.before(month, str(tenant), wait=wait)

    def monthly(self, had: Mapping[TenantKey, Mapping[Measure, Amount]]) -> Costs:
        """Return what so much of each of these tenants that is in scope costs a month.

        Raises as `month`.
        """
        viewer = self._gate.allow(Action.SEE_FLEET)
        with _prices_told(viewer):
            return self._bill.monthly({t: some for t, some in had.items() if viewer.sees(t)})

    def _named(self, bill: Bill) -> Bill:
        """Return a bill with what people call its tenants, where that is known."""
        with suppress(StoreError):
            cards = self._cards().cards()
            names = {str(tenant): card.name for tenant, card in cards.items() if card.name}
            tenants = (
                replace(each, name=names[each.tenant]) if each.tenant in names else each
                for each in bill.tenants
            )
            return replace(bill, tenants=tuple(tenants)) if names else bill
        return bill


@contextmanager
def _prices_told(viewer: Viewer) -> Iterator[None]:
    try:
        yield
    except SettingsError:
        if viewer.sees_all:
            raise
        raise SettingsError(VARIABLE, "the price file cannot be used") from None


def confined(bill: Bill, viewer: Viewer) -> Bill:
    """Return the lines of the tenants in scope: no sum of others, and nobody else's prices."""
    if viewer.sees_all:
        return bill
    sight = Sight(viewer)
    tenants = tuple(each for each in bill.tenants if sight.sees(TenantKey.written(each.tenant)))
    terms = bill.terms and bill.terms.model_copy(update={"prices": {}})
    return replace(bill, tenants=tenants, terms=terms, unbilled=(), total=None)
