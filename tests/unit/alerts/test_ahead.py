"""Who is likely to come to a limit: by a forecast made once a day, of who has half of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import NoReturn

from services.access.viewer import TenantPattern
from services.alerts.ahead import MOST, Ahead
from services.alerts.conditions import conditions
from services.alerts.look import Chain, Thresholds
from services.alerts.models import Verdict
from services.alerts.watch import Sources, Watch
from services.history.forecast import Forecast, forecast_of
from services.history.models import Cell, Figure, Grain, Holder
from services.history.rollup import Rollup
from services.limits.models import Standing, Standings, State
from services.tenancy.kb_ids import TenantKey
from tests.unit.alerts.test_conditions import GONE, SEEN, look, seen
from tests.unit.alerts.worlds import ACME, NOW, ZED

DAY = timedelta(days=1)


def growing(holder: Holder, quantity: str) -> Forecast:
    """Return what is coming of who grew by 10 a day to 300."""
    cells = [
        Cell(NOW + DAY * (at - 30), NOW + DAY * (at - 29),
             Rollup.constant(10 + 10 * at, Grain.DAY.seconds))
        for at in range(30)
    ]  # fmt: skip
    return forecast_of(cells, now=NOW)


def standing(
    most: int, *, used: int | None = 300, state: State = State.UNDER, tenant: TenantKey = ACME
) -> Standing:
    figure = None if used is None else Figure(used)
    return Standing(tenant, "patterns", figure, most, TenantPattern.parse("*"), state, state)


FIGURES = replace(SEEN.snapshot, collected_at=NOW)


def test_who_is_to_come_to_a_limit() -> None:
    """On the likely day, of who is under it and has half of it."""
    every = (
        standing(335), standing(601, tenant=ZED), standing(290, state=State.OVER),
        standing(335, used=None, state=State.UNKNOWN),
    )  # fmt: skip
    (found,) = Ahead(growing).coming(FIGURES, Standings(every))
    assert (found.tenant, found.used, found.most) == (ACME, 300, 335)
    assert found.likely == NOW + DAY * 4
    near = standing(335, state=State.NEAR)
    assert Ahead(growing).coming(FIGURES, Standings((near,))) == (found,)


def test_a_forecast_is_made_once_a_day_and_of_the_fullest() -> None:
    asked: list[str] = []

    def forecast(holder: Holder, quantity: str) -> Forecast:
        asked.append(holder.tenant)
        return growing(holder, quantity)

    every = Standings(tuple(
        standing(580 - number, tenant=TenantKey("tenant", str(number)))
        for number in range(MOST + 1)
    ))  # fmt: skip
    ahead = Ahead(forecast)
    assert len(ahead.coming(FIGURES, every)) == MOST
    assert "tenant/0" not in asked
    ahead.coming(replace(FIGURES, collected_at=NOW + timedelta(minutes=1)), every)
    assert len(asked) == MOST
    ahead.coming(replace(FIGURES, collected_at=NOW + DAY), every)
    assert len(asked) == MOST * 2


def test_it_alerts_so_many_days_before() -> None:
    coming = Ahead(growing).coming(FIGURES, Standings((standing(335),)))
    (found,) = seen("limit_ahead", coming=coming).seen
    assert (found.concerns, found.facts["likely"]) == ((ACME,), f"{NOW + DAY * 4:%Y-%m-%d}")
    for days, alerts in ((4, True), (3, False)):
        after = Thresholds(ahead=timedelta(days=days))
        table = conditions(after)
        found_then = table["limit_ahead"].look(look(coming=coming, thresholds=after))
        assert bool(found_then.seen) is alerts
    assert seen("limit_ahead", coming=()) == Verdict()
    assert seen("limit_ahead", coming=GONE).unknown == GONE
    unread = replace(standing(335, used=None, state=State.UNKNOWN), reason=GONE)
    assert seen("limit_ahead", standings=Standings((unread,))).unknown == GONE


def test_a_fault_in_what_is_read_hides_nothing_else() -> None:
    """The condition that goes by it is unknown, and every other one is judged."""

    def broken(*_: object) -> NoReturn:
        raise ValueError("a fault of ours")

    sources = Sources(
        snapshot=lambda: FIGURES, report=lambda: None, ownership=lambda: SEEN.ownership,
        jobs=tuple, tombstones=broken, chain=Chain, growth=broken,
        standings=lambda _: Standings((standing(335, state=State.NEAR),)), coming=broken,
    )  # fmt: skip
    found = Watch(sources, conditions(), thresholds=Thresholds(), since=NOW)(NOW)
    assert len(found["limit_near"].seen) == 1
    for code in ("growth", "limit_ahead", "purge_back"):
        assert str(found[code].unknown) == "a fault in this product: ValueError"
