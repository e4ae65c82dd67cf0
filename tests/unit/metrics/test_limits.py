"""The series of limits: as they are set, bounded, and absent where unknown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hypothesis import given, settings, strategies as st

from services.access.viewer import TenantPattern
from services.figures import Measure, StoreState
from services.history.models import Figure
from services.limits.models import QUANTITIES, Standing, Standings, State
from services.metrics.limits import counted, limits, limits_text
from services.tenancy.kb_ids import TenantKey
from services.usage.snapshot import StoreFigures
from services.visible import unseen
from tests.unit.metrics.made import Series, moment, series, snapshot, value, written_again
from tests.unit.metrics.test_areas import told as area_told
from tests.unit.metrics.test_holders import names

ACME, ZED = TenantKey("tenant", "acme"), TenantKey("tenant", "zed")


def stands(
    state: State, used: int | None = 9, most: int = 10, *, tenant: TenantKey = ACME,
    quantity: str = "keys", at_least: bool = False,
) -> Standing:  # fmt: skip
    figure = None if used is None else Figure(used)
    every = TenantPattern("*", "*")
    return Standing(tenant, quantity, figure, most, every, state, state, at_least=at_least)


def told(*found: Standing, named: Iterable[TenantKey] = (ACME, ZED)) -> Series:
    return series(limits_text(Standings(found), named))


def test_each_limit_has_its_figure_and_its_state() -> None:
    """Bytes apart from what is counted, and nothing of a tenant that has no series of its own."""
    found = told(
        stands(State.NEAR), stands(State.OVER, 30, 20, quantity="keys_bytes"),
        stands(State.UNDER, 1, 4, tenant=ZED, quantity="keys:prediction"),
    )  # fmt: skip
    acme, size = ({"tenant": "tenant/acme", "measure": m} for m in ("keys", "keys_bytes"))
    zed = {"tenant": "tenant/zed", "measure": "keys:prediction"}
    assert value(found, "limit", **acme) == 10
    assert value(found, "limit_bytes", **size) == 20
    assert value(found, "limit", **zed) == 4
    shares = [value(found, "limit_used_ratio", **each) for each in (acme, size, zed)]
    assert shares == [0.9, 1.5, 0.25]
    states = [
        [value(found, "limit_state", **each, state=state) for state in ("near", "over")]
        for each in (acme, size, zed)
    ]
    assert states == [[1, 0], [0, 1], [0, 0]]
    assert len(found) == 12
    assert told(stands(State.OVER), named=[ZED]) == {}


def test_what_is_not_known_is_absent() -> None:
    """The limit stands; of what is used at least, only that it is over; and 0 has no share."""
    found = told(stands(State.UNKNOWN, None), stands(State.UNKNOWN, at_least=True, tenant=ZED))
    assert {name for name, _ in found} == {"kato_tenants_limit"}
    found = told(stands(State.OVER, 11, at_least=True), stands(State.OVER, 1, 0, tenant=ZED))
    assert {name for name, _ in found} == {"kato_tenants_limit", "kato_tenants_limit_state"}


def test_a_state_is_told_as_it_is_held() -> None:
    """One that is over until the figure has come back does not come and go."""
    held = replace(stands(State.NEAR), state=State.OVER)
    labels = {"tenant": "tenant/acme", "measure": "keys"}
    assert value(told(held), "limit_state", **labels, state="over") == 1
    assert counted(Standings((held,)), without=()) == {State.OVER: 1}


@given(
    st.dictionaries(
        st.tuples(names.map(lambda name: TenantKey("tenant", name)), st.sampled_from(QUANTITIES)),
        st.tuples(st.sampled_from(State), st.none() | st.integers(0, 2**50), st.integers(0, 2**50)),
        max_size=6,
    )
)
@settings(max_examples=30)
def test_it_is_what_prometheus_client_would_write(
    made: dict[tuple[TenantKey, str], tuple[State, int | None, int]],
) -> None:
    """Whatever a tenant is called; and each is counted once, by the gravest."""
    every = Standings(tuple(
        stands(*figures, tenant=tenant, quantity=quantity)
        for (tenant, quantity), figures in made.items()
    ))  # fmt: skip
    text = limits_text(every, {tenant for tenant, _ in made}).decode()
    found = series(text)
    assert series(written_again(text)) == found
    limited = [(dict(labels), most) for (name, labels), most in found.items()
               if name in ("kato_tenants_limit", "kato_tenants_limit_bytes")]  # fmt: skip
    assert {(unseen(at["tenant"]), at["measure"]): most for at, most in limited} == {
        (str(tenant), quantity): float(most) for (tenant, quantity), (_, _, most) in made.items()
    }
    assert sum(counted(every, without=()).values()) == len({tenant for tenant, _ in made})


def test_how_many_are_over_is_absent_where_one_may_not_have_been_found() -> None:
    several = stands(State.OVER), stands(State.NEAR, quantity="vectors"), stands(State.UNDER)
    counts = counted(Standings((*several, stands(State.NEAR, tenant=ZED))), without=())
    found = area_told(limits, moment(snapshot(), limited=counts))
    states = {state: value(found, "limit_tenants", state=state) for state in State}
    assert states == {"over": 1, "near": 1, "unknown": 0, "under": 0}
    down = snapshot(keys=StoreFigures(Measure.KEYS, StoreState.UNKNOWN))
    assert area_told(limits, moment(down, limited=counts)) == {}
    assert area_told(limits, moment(snapshot())) == {}
    assert area_told(limits, moment(limited=counts)) == {}
