"""A bill as a viewer of some tenants may see it. Pure."""

from __future__ import annotations

from dataclasses import replace

from services.access.viewer import Sight, Viewer
from services.bill.models import Bill
from services.tenancy.kb_ids import TenantKey


def confined(bill: Bill, viewer: Viewer) -> Bill:
    """Return the lines of the tenants in scope: no sum of others, and nobody else's prices."""
    if viewer.sees_all:
        return bill
    sight = Sight(viewer)
    tenants = tuple(each for each in bill.tenants if sight.sees(TenantKey.written(each.tenant)))
    terms = bill.terms and bill.terms.model_copy(update={"prices": {}})
    return replace(bill, tenants=tenants, terms=terms, unbilled=(), total=None)
