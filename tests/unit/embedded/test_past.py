"""The year before the sample fleet: it leads to what is there, adds up, and has gaps."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from services.embedded.sample.past import year_before
from services.figures import PREDICTIONS, Amount, Measure
from services.history.models import (
    FLEET,
    NOTHING,
    PREDICTION_BYTES,
    Figure,
    Grain,
    Holder,
    OwnerKind,
    figures_of,
)
from services.history.ports import MadeUp
from services.history.rows import figures_at_end
from tests.unit.history.snapshots import snapshot

AT = 1_800_000_000
FLEET_NOW = snapshot(
    AT,
    {"big": {Measure.PATTERNS: Amount(2000, 10**6), Measure.SESSIONS: Amount(9, 900)},
     "small": {Measure.PATTERNS: Amount(30, 999), Measure.KEYS: Amount(7, 77),
               PREDICTIONS: Amount(2, 22)}},
    shared=50, nobodys={Measure.VECTORS: Amount(3, None)},
)  # fmt: skip


@pytest.fixture(scope="module")
def year() -> MadeUp:
    return year_before(FLEET_NOW)


def test_it_ends_with_what_is_there(year: MadeUp) -> None:
    """A second before: what is recorded next changes nothing."""
    last = year.rows[Grain.SECOND]
    assert max(last) == year.head.last == AT - 1
    ends = {str(each.tenant): figures_of(each.usage) for each in FLEET_NOW.tenants}
    newest = {holder: figures_at_end(row) for rows in (last[at] for at in sorted(last))
              for holder, row in rows.items()}  # fmt: skip
    assert {h.tenant: figures for h, figures in newest.items() if h.tenant in ends} == ends
    assert newest[FLEET]["patterns"] == Figure(2000 + 30 + 50)


def test_it_adds_up_at_every_moment_and_is_the_same_for_a_seed(year: MadeUp) -> None:
    had: dict[Holder, int] = {}
    days = year.rows[Grain.DAY]
    first = min(look.began for _, look in year.looks)
    assert timedelta(seconds=AT - first) >= timedelta(days=363)
    for start in sorted(days):
        for holder, row in days[start].items():
            had[holder] = figures_at_end(row).get("patterns", NOTHING).value
        assert had[FLEET] == sum(
            each
            for holder, each in had.items()
            if holder.kind not in {OwnerKind.FLEET, OwnerKind.GROUP}
        )
    assert year_before(FLEET_NOW) == year


def test_it_has_what_there_is_to_be_seen(year: MadeUp) -> None:
    """A store that was down, days without a dashboard, and somebody who came and went."""
    reasons = {(quantity, look.reason) for quantity, look in year.looks if look.reason}
    assert ("keys", "Redis did not answer") in reasons
    keys, predictions = ([look for name, look in year.looks if name == quantity]
                         for quantity in ("keys_bytes", PREDICTION_BYTES))  # fmt: skip
    assert keys == predictions
    seen = sorted((each.began, each.ended) for name, each in year.looks if name == "patterns")
    assert any(later - ended > Grain.DAY.seconds for (_, ended), (later, _) in pairwise(seen))
    named = {holder.tenant for rows in year.rows[Grain.DAY].values() for holder in rows}
    assert "tenant/wayne-trial" in named
