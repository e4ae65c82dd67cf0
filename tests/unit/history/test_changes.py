"""What a snapshot adds to the past: only what changed, and nothing is lost or made up."""

from __future__ import annotations

from hypothesis import given, strategies as st

from services.figures import PREDICTIONS, Amount, Measure
from services.history.changes import Present, change_of
from services.history.models import (
    FLEET,
    NOBODY,
    PREDICTION_BYTES,
    Figure,
    Holder,
    OwnerKind,
    figures_of,
)
from services.history.rollup import Look, Rollup
from services.history.rows import EMPTY, cells, row_of
from services.usage.snapshot import Snapshot
from tests.unit.history.snapshots import snapshot, usage

GAP = 100
ACME, GLOBEX = (Holder(OwnerKind.TENANT, f"tenant/{name}") for name in ("acme", "globex"))

amounts = st.builds(
    Amount, st.integers(0, 9), st.integers(0, 9) | st.none(), st.sampled_from([0.0, 0.0, 3.0]),
    st.sampled_from([0.0, 3.0]),
)  # fmt: skip
some = st.dictionaries(st.sampled_from([*Measure, PREDICTIONS]), amounts)
fleets = st.tuples(
    st.dictionaries(st.sampled_from(["acme", "globex", "initech"]), some), some, some,
    st.frozensets(st.sampled_from(Measure)),
)  # fmt: skip


@given(st.lists(fleets, max_size=6))
def test_sums_are_conserved_at_every_moment(seen: list[tuple]) -> None:  # type: ignore[type-arg]
    """Tenants, shared and nobody's are the fleet, whatever was known and however exactly."""
    present = Present()
    for at, (tenants, shared, nobodys, down) in enumerate(seen, start=1):
        now = snapshot(at, tenants, shared=shared, nobodys=nobodys, down=down)
        present = change_of(now, present, at, gap=GAP).after(present)
        sums: dict[str, int] = {}
        for holder, figures in present.figures.items():
            if holder.kind not in (OwnerKind.FLEET, OwnerKind.GROUP):
                for quantity, figure in figures.items():
                    sums[quantity] = sums.get(quantity, 0) + figure.value
        fleet = present.figures.get(FLEET, {})
        assert {name: figure.value for name, figure in fleet.items()} == {
            name: value for name, value in sums.items() if value
        }


@given(st.lists(fleets, min_size=1, max_size=4))
def test_exact_figures_are_kept_as_they_were_read(seen: list[tuple]) -> None:  # type: ignore[type-arg]
    """And one that was not read is what it was last."""
    present = Present()
    last: dict[str, dict[str, Figure]] = {}
    for at, (tenants, _, _, down) in enumerate(seen, start=1):
        exact = {
            name: {m: Amount(a.count, a.bytes) for m, a in each.items()}
            for name, each in tenants.items()
        }
        change = change_of(snapshot(at, exact, down=down), present, at, gap=GAP)
        present = change.after(present)
        known = {q for q, look in present.looks.items() if not look.reason and look.ended == at + 1}
        for name in {*exact, *last}:
            before, now = last.get(name, {}), figures_of(usage(exact.get(name, {}), down))
            last[name] = {
                quantity: figure
                for quantity in {*before, *now}
                if (figure := (now if quantity in known else before).get(quantity)) is not None
            }
            holder = Holder(OwnerKind.TENANT, f"tenant/{name}")
            assert present.figures.get(holder, {}) == last[name]


def test_a_fleet_in_which_nothing_changed_adds_nothing_but_that_somebody_looked() -> None:
    first = change_of(snapshot(10, {"acme": 5}), Present(), 10, gap=GAP)
    assert first.figures[ACME] == {"patterns": Figure(5), "patterns_bytes": Figure(50)}
    again = change_of(snapshot(70, {"acme": 5}), first.after(Present()), 70, gap=GAP)
    assert again.figures == {}
    assert dict(again.looks)["patterns"] == Look(10, 71)
    late = change_of(snapshot(172, {"acme": 5}), again.after(first.after(Present())), 172, gap=GAP)
    assert [look for quantity, look in late.looks if quantity == "patterns"] == [Look(172, 173)]


def test_a_store_that_fails_ends_what_is_known_at_that_second() -> None:
    present = change_of(snapshot(10, {"acme": 5}), Present(), 10, gap=GAP).after(Present())
    down = frozenset({Measure.PATTERNS})
    change = change_of(snapshot(70, {"acme": 5}, down=down), present, 70, gap=GAP)
    assert change.figures == {}
    assert [look for quantity, look in change.looks if quantity == "patterns"] == [
        Look(10, 70), Look(70, 71, "Redis did not answer"),
    ]  # fmt: skip


def test_a_tenant_that_is_gone_has_nothing() -> None:
    present = change_of(snapshot(10, {"acme": 5, "globex": 2}), Present(), 10, gap=GAP)
    change = change_of(snapshot(20, {"globex": 2}), present.after(Present()), 20, gap=GAP)
    assert change.figures == {
        ACME: {}, FLEET: {"patterns": Figure(2), "patterns_bytes": Figure(20)}
    }  # fmt: skip


def test_samples_that_cannot_be_told_apart_are_one() -> None:
    """A new sample counts where it is further away than it may be wrong."""

    def sampled(keys: int, margin: float) -> dict[str, dict[Measure, Amount]]:
        return {"acme": {Measure.KEYS: Amount(keys, 0, margin)}}

    present = Present()
    for at, keys, margin, expected in (
        (1, 100, 5, Figure(100, 5)), (2, 104, 5, Figure(100, 5)), (3, 107, 5, Figure(107, 5)),
        (4, 107, 0, Figure(107)), (5, 108, 5, Figure(108, 5)),
    ):  # fmt: skip
        change = change_of(snapshot(at, sampled(keys, margin)), present, at, gap=GAP)
        present = change.after(present)
        assert present.figures[ACME]["keys"] == expected


def test_memory_of_predictions_has_a_margin_and_adds_up() -> None:
    """What is sampled of each is independent; where one's is not told, all of it is unknown."""

    def sampled(size: int | None, nobodys: int) -> Snapshot:
        return snapshot(
            10, {"acme": {PREDICTIONS: Amount(2, size, 0, 3.0)}},
            nobodys={PREDICTIONS: Amount(1, nobodys, 0, 4.0)},
        )  # fmt: skip

    change = change_of(sampled(70, 20), Present(), 10, gap=GAP)
    told = {who: figures.get(PREDICTION_BYTES) for who, figures in change.figures.items()}
    assert told == {ACME: Figure(70, 3), NOBODY: Figure(20, 4), FLEET: Figure(90, 5)}
    untold = change_of(sampled(None, 20), Present(), 10, gap=GAP)
    assert dict(untold.looks)[PREDICTION_BYTES].reason == "its size is not told"
    assert not dict(untold.looks)["keys_bytes"].reason


def test_what_rows_of_before_lack_is_unknown() -> None:
    """Memory of predictions, which older versions did not keep, is not 0 then."""
    had = {"acme": {Measure.KEYS: Amount(5, 90), PREDICTIONS: Amount(2, 70)}}
    whole = change_of(snapshot(10, had), Present(), 10, gap=GAP).after(Present())
    before = Present(
        {who: {name: each for name, each in figures.items() if name != PREDICTION_BYTES}
         for who, figures in whole.figures.items()},
        {name: look for name, look in whole.looks.items() if name != PREDICTION_BYTES},
    )  # fmt: skip
    change = change_of(snapshot(70, had), before, 70, gap=GAP)
    rows = {10: row_of(before.figures[ACME]), 70: row_of(change.figures[ACME])}
    looks = [look for name, look in change.looks if name == PREDICTION_BYTES]
    then, now = cells(rows, looks, PREDICTION_BYTES, EMPTY, began=10, ended=72, grain=1, step=60)
    assert (then.rollup, now.rollup) == (None, Rollup.constant(70, 1))
