"""A bill adds up to the last unit, bills what is known and no more, and splits what is shared."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from math import floor
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from services.access.viewer import Role, TenantPattern, Viewer
from services.bill.access import confined
from services.bill.models import Bill, Line
from services.bill.month import Month
from services.bill.prices import Charge, Rounding, SharedRule
from services.bill.reckon import METERS, bill_of
from services.bill.rounding import apportioned, money, rounded
from services.bill.shares import split
from services.history.models import FLEET, NOBODY, SHARED, Holder, OwnerKind, group
from services.history.totals import Total
from tests.unit.bill.months import GIB_MONTH, PERIOD, SECONDS, tenant, terms, used

NAMES = ("acme", "globex", "initech", "org")
QUANTITIES = [quantity for quantity, _ in METERS.values()]

totals = st.builds(Total, st.integers(0, 10**24), st.integers(0, 10**9))
owned = st.dictionaries(
    st.sampled_from([*map(tenant, NAMES), NOBODY]),
    st.dictionaries(st.sampled_from(QUANTITIES), totals, min_size=1),
)
groups = st.dictionaries(
    st.sets(st.sampled_from([f"tenant/{name}" for name in NAMES]), min_size=2).map(group),
    st.dictionaries(st.sampled_from(QUANTITIES), totals, min_size=1), max_size=3,
)  # fmt: skip
amounts = st.decimals(0, 10**6, places=6).map(lambda number: f"{number:f}")
rates = st.dictionaries(st.sampled_from(Charge), amounts, min_size=1)
price_files = st.builds(
    lambda prices, decimals, rounding, shared: terms(
        prices={"*": {}, **prices}, decimals=decimals, rounding=rounding, shared=shared
    ),
    st.dictionaries(st.sampled_from(["*", "tenant/*", "tenant/acme"]), rates, min_size=1),
    st.integers(0, 6), st.sampled_from(Rounding), st.sampled_from(SharedRule),
)  # fmt: skip


def _with_sums(figures: dict[Holder, dict[str, Total]]) -> dict[Holder, dict[str, Total]]:
    """Add what is shared and the fleet, as the history keeps them."""
    sums: dict[Holder, dict[str, Total]] = {SHARED: {}, FLEET: {}}
    for who, some in figures.items():
        into = [SHARED, FLEET] if who.kind is OwnerKind.GROUP else [FLEET]
        for whose in into:
            for name, total in some.items():
                was = sums[whose].get(name, Total())
                sums[whose][name] = Total(was.value + total.value, was.margin + total.margin)
    return {**figures, **sums}


def _exact(line: Line) -> Fraction | None:
    """Return what a line costs before it is rounded, in whole currency."""
    if line.price is None or line.billed is None:
        return None
    return line.billed * Fraction(line.price.amount)


@given(owned, groups, price_files)
def test_it_adds_up_to_the_last_unit(
    alone: dict[Holder, dict[str, Total]], together: dict[Holder, dict[str, Total]], prices: object
) -> None:
    """Lines are the total, which is what all of it costs, rounded once; hours are the fleet's."""
    figures = _with_sums({**alone, **together})
    bill = bill_of(PERIOD, used(figures), prices)  # type: ignore[arg-type]
    lines = [line for each in bill.tenants for line in each.lines]
    exact = [e for e in map(_exact, lines) if e is not None]
    assert not bill.never
    assert bill.terms is not None
    scale = 10**bill.terms.decimals
    assert bill.total == sum(line.amount or 0 for line in lines)
    assert bill.total == bill.sum == sum(each.amount or 0 for each in bill.tenants)
    assert bill.total == rounded(sum(exact, Fraction()) * scale, bill.terms.rounding)
    for line in lines:
        assert (line.amount is None) is (line.price is None)
        exactly = _exact(line)
        if exactly is not None and line.amount is not None:
            assert abs(line.amount - exactly * scale) < 1
    for charge, (quantity, unit) in METERS.items():
        some = [each.line(charge).used for each in bill.tenants]
        hours = sum((each.hours for each in some if each is not None), Fraction())
        hours += sum(
            (left.used.hours for left in bill.unbilled if left.charge is charge), Fraction()
        )
        assert hours * 3600 * unit == figures[FLEET].get(quantity, Total()).value


@given(st.lists(st.fractions(0, 10**9)), st.sampled_from(Rounding))
def test_rounding_moves_no_part_by_a_whole_unit(parts: list[Fraction], how: Rounding) -> None:
    found = apportioned(parts, how)
    assert sum(found) == rounded(sum(parts, Fraction()), how)
    assert all(abs(units - part) < 1 for units, part in zip(found, parts, strict=True))
    plain = [floor(part) for part in parts]
    by_rest = sorted(range(len(parts)), key=lambda at: plain[at] - parts[at])  # the first of equals
    for at in by_rest[: sum(found) - sum(plain)]:
        plain[at] += 1
    assert found == plain


@pytest.mark.parametrize(
    ("half", "how", "units"),
    [("0.5", Rounding.HALF_UP, 1), ("0.5", Rounding.HALF_EVEN, 0), ("1.5", Rounding.HALF_EVEN, 2),
     ("0.1", Rounding.UP, 1), ("0.9", Rounding.DOWN, 0)],
)  # fmt: skip
def test_how_a_total_is_rounded(half: str, how: Rounding, units: int) -> None:
    assert rounded(Fraction(half), how) == units
    assert money(12345, 3) == Decimal("12.345")


def test_what_things_cost() -> None:
    """A GiB for the month is its price, half a month half of it; sessions go by the hour."""
    figures = {
        tenant("acme"): {"patterns": Total(1500 * SECONDS), "keys_bytes": Total(GIB_MONTH // 2)},
        tenant("globex"): {"sessions": Total(3 * 3600), "vectors": Total(1)},
    }
    bill = bill_of(PERIOD, used(figures), terms())
    found = {each.tenant: [line.amount for line in each.lines] for each in bill.tenants}
    assert found == {
        "tenant/acme": [2000, 6000, 0, 200, 0, 0], "tenant/globex": [2000, 0, 0, 0, 0, 3],
    }  # fmt: skip
    (acme, _) = bill.tenants
    assert acme.line(Charge.MEMORY).used.hours == 31 * 24 / Fraction(2)
    assert acme.line(Charge.MEMORY).billed == Fraction(1, 2)


def test_what_is_not_known_is_not_billed_and_said() -> None:
    half = used({tenant("acme"): {"keys_bytes": Total(GIB_MONTH // 2)}}, known=SECONDS // 2)
    (acme,) = bill_of(PERIOD, half, terms()).tenants
    line = acme.line(Charge.MEMORY)
    assert (line.amount, line.known, line.reason) == (200, Fraction(1, 2), "Redis did not answer")
    assert acme.known == Fraction(1, 2)
    never = replace(acme.line(Charge.VECTORS), known=Fraction(0))
    without = replace(acme, lines=(never, acme.line(Charge.MEMORY)))
    assert (without.known, replace(acme, lines=(never,)).known) == (Fraction(1, 2), 0)
    nothing = bill_of(PERIOD, used({}, known=0), terms())
    assert (nothing.tenants, nothing.total, nothing.sum) == ((), None, None)
    assert bill_of(PERIOD, used({}), terms()).total == 0  # that there was none is known


def test_a_month_that_is_not_over_is_what_it_comes_to_so_far() -> None:
    """Its GiB-month is one of the whole month; how much was known is of the time so far."""
    tenth = SECONDS // 10
    figures = {tenant("acme"): {"keys_bytes": Total(GIB_MONTH // 10)}}
    bill = bill_of(replace(PERIOD, so_far=True), used(figures, known=tenth, seconds=tenth), terms())
    line = bill.tenants[0].line(Charge.MEMORY)
    assert (line.amount, line.known, bill.so_far) == (40, 1, True)


def test_without_prices_there_are_quantities() -> None:
    bill = bill_of(PERIOD, used({tenant("acme"): {"keys_bytes": Total(GIB_MONTH)}}), None)
    (acme,) = bill.tenants
    assert (bill.total, acme.amount, acme.line(Charge.MEMORY).amount) == (None, None, None)
    assert acme.line(Charge.MEMORY).used.hours == 31 * 24


@pytest.mark.parametrize(
    ("rule", "expected"),
    [(SharedRule.NOBODY, {}), (SharedRule.EQUALLY, {"a": 15, "b": 15}),
     (SharedRule.BY_USE, {"a": 10, "b": 20})],
)  # fmt: skip
def test_who_pays_for_what_is_shared(rule: SharedRule, expected: dict[str, int]) -> None:
    assert split({("a", "b"): 30}, {"a": 1, "b": 2, "c": 9}, rule) == expected
    alike = {"a": 5, "c": 5}
    assert split({("a", "c"): 10}, {}, SharedRule.BY_USE) == alike  # neither used anything alone


def test_what_was_shared_before_it_was_kept_by_whom_is_billed_to_nobody() -> None:
    figures = {SHARED: {"keys_bytes": Total(GIB_MONTH)}, FLEET: {"keys_bytes": Total(GIB_MONTH)}}
    bill = bill_of(PERIOD, used(figures), terms(shared=SharedRule.EQUALLY))
    (left,) = bill.unbilled
    assert (bill.tenants, left.kind, left.used.hours) == ((), OwnerKind.SHARED, 31 * 24)


def test_a_confined_viewer_sees_their_own_lines_alone() -> None:
    """Neither the fleet's total, nor what is shared or unowned, nor others' prices."""
    both = group(["tenant/acme", "tenant/globex"])
    figures = _with_sums({
        tenant("acme"): {"keys_bytes": Total(GIB_MONTH)},
        tenant("globex"): {"keys_bytes": Total(3 * GIB_MONTH)},
        NOBODY: {"keys_bytes": Total(GIB_MONTH)}, both: {"keys_bytes": Total(GIB_MONTH)},
    })  # fmt: skip
    prices = terms(
        prices={"*": {"memory_gib": "4"}, "tenant/globex": {"memory_gib": "3.21"}},
        shared=SharedRule.BY_USE,
    )
    whole = bill_of(PERIOD, used(figures), prices)
    own = Viewer("ann", Role.ADMIN, frozenset({TenantPattern.parse("tenant/acme")}))
    seen = confined(whole, own)
    assert seen.tenants == (whole.tenants[0],)
    assert (seen.total, seen.unbilled) == (None, ())
    assert "globex" not in repr(seen)
    assert "3.21" not in repr(seen)
    assert confined(whole, Viewer("bob", Role.VIEWER)) == whole


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kolkata"])
def test_months_follow_one_another(zone: str) -> None:
    """Without a gap and whatever the clocks do; each has the moments that are in it."""
    month, place = Month(2025, 11), ZoneInfo(zone)
    for _ in range(14):
        began, ended = month.bounds(place)
        assert (month.next.bounds(place)[0], month.next.before) == (ended, month)
        assert Month.of(began, place) == month == Month.parse(str(month))
        assert Month.of(ended, place) == month.next
        month = month.next
    summer = Month(2026, 10).bounds(ZoneInfo("Europe/Berlin"))
    assert summer[0].astimezone(UTC) == datetime(2026, 9, 30, 22, tzinfo=UTC)
    assert (summer[1].astimezone(UTC) - summer[0].astimezone(UTC)).total_seconds() == 745 * 3600


@pytest.mark.parametrize("text", ["2026-13", "2026-00", "202610", "2026-1", "oct", "", "0000-01"])
def test_what_is_no_month(text: str) -> None:
    with pytest.raises(ValueError, match="is no month, as 2026-10"):
        Month.parse(text)


def bill_of_many() -> Bill:
    """A bill for the tests of its formats."""
    figures = _with_sums({
        tenant("=cmd()"): {"keys_bytes": Total(GIB_MONTH, GIB_MONTH // 10)},
        tenant("<b>\udcff"): {"patterns": Total(SECONDS)},
        group(["tenant/<b>\udcff", "tenant/=cmd()"]): {"keys_bytes": Total(GIB_MONTH)},
        NOBODY: {"patterns": Total(5 * SECONDS)},
    })  # fmt: skip
    prices = terms(shared=SharedRule.EQUALLY)
    return bill_of(PERIOD, used(figures, known=SECONDS // 3), prices)
