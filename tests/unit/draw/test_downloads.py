"""A file of a table says its units, when it was read, and all that makes it add up."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pandas as pd
from hypothesis import given, strategies as st

from dashboard.draw import usage_tables
from dashboard.draw.downloads import as_csv, with_units
from services.figures import Amount, Measure, StoreState, Usage
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import Claim, ClaimState
from services.usage.snapshot import KbUsage, Snapshot, StoreFigures, TenantUsage, Unattributed
from services.usage.sums import add_usages

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
AMOUNTS = st.builds(Amount, st.integers(0, 10**9), st.integers(0, 10**12))
USAGES = st.builds(Usage, AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS)


@given(st.lists(USAGES, min_size=1, max_size=8), st.lists(USAGES, max_size=3), USAGES, st.data())
def test_the_rows_of_a_file_add_up(
    own: list[Usage], shared: list[Usage], nobodys: Usage, data: st.DataObject
) -> None:
    """Whichever tenants are in it: with the others, the shared and the unowned to the total."""
    tenants = tuple(
        TenantUsage(TenantKey("tenant", f"t{at}"), ClaimState.KNOWN, usage, ())
        for at, usage in enumerate(own)
    )
    parts = tuple(
        KbUsage(f"k{at}", True, Claim(ClaimState.SHARED, (), ""), usage)
        for at, usage in enumerate(shared)
    )
    whole = add_usages([*own, *shared, nobodys])
    stores = {m: StoreFigures(m, StoreState.OK, whole.of(m)) for m in Measure}
    snapshot = Snapshot(NOW, stores, tenants, parts, Unattributed(nobodys))
    frame = usage_tables.tenants_frame(tenants)
    chosen = frame[data.draw(st.lists(st.booleans(), min_size=len(own), max_size=len(own)))]
    added = usage_tables.adding_up(chosen, snapshot)
    total = added["Tenant"] == usage_tables.TOTAL
    for name in usage_tables.NUMBERS:
        assert added[name][~total].sum() == added[name][total].item()


def test_what_one_row_does_not_know_the_file_does_not_know() -> None:
    """A store that is down leaves its cells empty; none is 0."""
    known = Amount(3, 30)
    tenant = TenantUsage(
        TenantKey("tenant", "a"), ClaimState.KNOWN, Usage(None, known, known, known), ()
    )
    stores = {m: StoreFigures(m, StoreState.OK, known) for m in Measure}
    stores[Measure.PATTERNS] = StoreFigures(Measure.PATTERNS, StoreState.UNKNOWN, None)
    snapshot = Snapshot(NOW, stores, (tenant,), (), Unattributed(Usage(None, known, known, known)))
    added = usage_tables.adding_up(usage_tables.tenants_frame((tenant,)), snapshot)
    assert added["Patterns"].isna().all()
    assert added["Keys"].notna().all()


def test_the_head_says_units_and_each_row_when_it_was_read() -> None:
    frame = pd.DataFrame({"Tenant": ["ü"], "Memory": [1], "Expires in": [2.0], "Created": [NOW]})
    read = pd.read_csv(io.BytesIO(as_csv(with_units(frame, NOW))))
    assert list(read.columns) == [
        "Tenant", "Memory (bytes)", "Expires in (s)", "Created (UTC)", "Read at (UTC)"
    ]  # fmt: skip
    assert read["Read at (UTC)"].tolist() == ["2026-01-31 12:00:00"]
    assert as_csv(frame).startswith(b"\xef\xbb\xbf")
