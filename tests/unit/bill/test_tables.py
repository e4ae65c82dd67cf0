"""The rows and words of the page Bill."""

from __future__ import annotations

from fractions import Fraction

import pytest

from dashboard.bill import tables
from services.bill.reckon import bill_of
from services.history.totals import Total
from tests.unit.bill.months import PERIOD, SECONDS, tenant, terms, used


@pytest.mark.parametrize(
    ("known", "words"),
    [(Fraction(0), "0 %"), (Fraction(1, 10**6), "below 0.01 %"),
     (Fraction(99_999, 10**5), "99.99 %"), (Fraction(1), "100 %")],
)  # fmt: skip
def test_only_nothing_is_no_coverage(known: Fraction, words: str) -> None:
    assert tables.coverage(known) == words


def test_those_who_pay_most_are_drawn() -> None:
    """With what each paid the month before: none where it had nothing then."""
    figures = {tenant(f"{at:02d}"): {"patterns": Total(at * 1000 * SECONDS)} for at in range(1, 21)}
    now = bill_of(PERIOD, used(figures), terms())
    before = bill_of(PERIOD, used({tenant("19"): figures[tenant("10")]}), terms())
    frame = tables.frame(now, before, 3)
    assert frame["Tenant"].tolist() == ["tenant/20", "tenant/19", "tenant/18"]
    assert frame["Month before"].fillna(-1).tolist() == [-1, 420, -1]
    assert frame["Change"].fillna(-1).tolist() == [-1, 360, -1]
