"""What the screen says: what needs attention, tiles that add up, and cells that are unknown."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given, strategies as st

from dashboard.draw import notices as presenters, store_tables, unknown, usage_tables as tables
from dashboard.draw.largest import TOP, largest
from services.errors import Problem
from services.figures import Amount, Measure, Precision, StoreState, Usage
from services.health.check import Past
from services.health.models import Check, Health, Memory
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import Claim, ClaimState
from services.usage.readings import CollectionUsage, KeyReading
from services.usage.snapshot import KbUsage, Snapshot, StoreFigures, TenantUsage, Unattributed

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
NONE = Usage(None, None, None, None)


def usage(count: int) -> Usage:
    amount = Amount(count, count * 10)
    return Usage(amount, amount, amount, amount, {"frequency": count})


def tenant(name: str, used: Usage, *, claim: ClaimState = ClaimState.KNOWN) -> TenantUsage:
    return TenantUsage(TenantKey("tenant", name), claim, used, ())


def part(name: str, used: Usage, *holders: str) -> KbUsage:
    keys = tuple(TenantKey("tenant", holder) for holder in holders)
    return KbUsage(name, True, Claim(ClaimState.SHARED, keys, "why"), used)


def snapshot(
    *tenants: TenantUsage,
    shared: tuple[KbUsage, ...] = (),
    nobody: Usage | None = None,
    figures: StoreFigures | None = None,
    keys: KeyReading | None = None,
) -> Snapshot:
    stores = {m: figures or StoreFigures(m, StoreState.OK, Amount(1, 1)) for m in Measure}
    return Snapshot(NOW, stores, tenants, shared, Unattributed(nobody or usage(0)), keys=keys)


def texts(found: Snapshot) -> str:
    return "\n".join(notice.text for notice in presenters.notices(found))


counts = st.integers(0, 10**9)


@given(
    st.lists(counts, max_size=300), st.lists(counts, max_size=5), counts,
    st.sampled_from(["Memory", "Keys", "Disk", "Vectors"]),
)  # fmt: skip
def test_the_largest_and_the_rest_sum_to_the_whole(
    own: list[int], shared: list[int], nobody: int, column: str
) -> None:
    """However many tenants there are, ten stand in the table and the others beside it."""
    found = snapshot(
        *(tenant(str(i), usage(n)) for i, n in enumerate(own)),
        shared=tuple(part(str(i), usage(n), "a", "b") for i, n in enumerate(shared)),
        nobody=usage(nobody),
    )
    most = largest(tables.tenants_frame(found.tenants), found, column)
    factor = 10 if column in ("Memory", "Disk") else 1
    assert most.whole == (sum(own) + sum(shared) + nobody) * factor
    assert most.whole == most.frame[column].sum() + sum(n for _, n in most.rest)
    assert most.frame[column].tolist() == sorted((n * factor for n in own), reverse=True)[:TOP]
    if most.whole:
        shares = most.frame["Share"].sum() + sum(n for _, n in most.rest) / most.whole
        assert shares == pytest.approx(1, abs=0.0005 * TOP)
        assert most.rest_words(column).count("%") == sum(bool(n) for _, n in most.rest)


def test_unknown_figures_are_empty_cells_and_not_0() -> None:
    frame = tables.tenants_frame([tenant("a", usage(5)), tenant("b", NONE)])
    assert frame.loc[0, "Memory"] == 50
    assert frame.loc[1, list(tables.NUMBERS)].isna().all()


def test_facts_that_redis_does_not_tell_are_unknown() -> None:
    """Neither the index before the pass has ended, nor what INFO leaves out, is 0."""
    facts = store_tables.redis_facts(KeyReading((), None, 1234, 1234, None, None))
    assert facts.pop("Keys before and after the pass") == "1,234 and 1,234"
    assert set(facts.values()) == {"unknown"}
    told = store_tables.redis_facts(
        KeyReading((), (), 10, 10, 0, 0, index_members=0, stale_members=0, unindexed=0)
    )
    assert list(told.values())[1:] == ["0", "10", "0B", "0", "0", "0"]


def test_an_operator_reads_what_redis_keeps_of_what_it_may() -> None:
    """What it does not say is unknown, and no limit is not a limit of 0."""
    words = store_tables.memory_words
    assert words(Memory(12_500_000, 64_000_000, 0)) == ("12.5MB", "of 64MB (20%)")
    assert words(Memory(12_500_000, 0, 0)) == ("12.5MB", "no limit is set")
    assert words(Memory(12_500_000, None, 0)) == ("12.5MB", "its limit is not known")
    assert words(Memory(None, 0, 0))[0] == words(None)[0] == "unknown"


def test_an_operator_reads_which_stores_answer() -> None:
    """And how fast each did in the last hour, where anybody asked."""
    well = Check("redis", StoreState.OK, Health("redis", "7", 0.002), past=(0.001, 0.0305))
    checks = (well, Check("kato", StoreState.UNKNOWN, None),
              Check("qdrant", StoreState.NOT_CONFIGURED, None))  # fmt: skip
    assert store_tables.answering(checks) == (
        "1 of 2 answer",
        "unknown: kato; not configured: qdrant",
    )
    frame = store_tables.checks_frame(checks)
    assert frame["Last hour"].tolist() == ["1.0 to 30.5 ms, 2 answers", "unknown", "unknown"]


def test_latencies_are_those_of_the_last_hour() -> None:
    clock = iter([0.0, 1800.0, 1800.0, 3601.0, 9000.0])
    past = Past(lambda: next(clock))
    past.add(1)
    past.add(2)
    assert [past.seconds() for _ in range(3)] == [(1, 2), (2,), ()]


def test_a_calm_fleet_needs_no_attention() -> None:
    assert presenters.notices(snapshot(tenant("a", usage(1)))) == ()


def test_what_needs_attention_is_said_the_gravest_first() -> None:
    """Sharing before hearsay, each with its names."""
    found = snapshot(
        tenant("a", usage(1), claim=ClaimState.INFERRED),
        shared=(part("a_b_kato", usage(2), "a-b", "a.b"),),
        nobody=usage(4),
        keys=KeyReading((), (), 1, 1, 0, 0, index_members=9, stale_members=3),
    )
    levels = [notice.level for notice in presenters.notices(found)]
    assert levels[0] is presenters.Level.WARNING
    assert "tenant/a-b and tenant/a.b share one memory: a_b_kato" in texts(found)
    assert "1 tenant is guessed from kb_id names" in texts(found)
    assert "Unowned: 4 patterns, 4 keys, 4 vectors, 4 sessions." in texts(found)
    assert "3 expired sessions are still counted as active by KATO" in texts(found)


@given(st.lists(st.sampled_from(list(presenters.Level)), max_size=6))
def test_notices_come_by_level_and_as_found_within_it(levels: list[presenters.Level]) -> None:
    """Whatever the audit says first."""
    audited = [presenters.Notice(level, str(at), "page") for at, level in enumerate(levels)]
    found = presenters.notices(snapshot(), audited=audited)
    order = [presenters.Level.ERROR, presenters.Level.WARNING, presenters.Level.INFO]
    assert list(found) == [each for level in order for each in audited if each.level is level]


def test_a_hostile_name_is_made_visible_once() -> None:
    """Its newline is an escape and its backslash is doubled, no more; so in KATO's own words."""
    name = "a\nb\\c"
    found = replace(snapshot(shared=(part(name, usage(2), name, "x"),)), kato_problem=Problem(name))
    assert "tenant/a\\nb\\\\c and tenant/x share one memory: a\\nb\\\\c." in texts(found)
    assert "A\\nb\\\\c: tenants" in texts(found)


def test_a_difference_is_shown_and_not_hidden() -> None:
    figures = StoreFigures(Measure.KEYS, StoreState.OK, Amount(10, 10), difference=Amount(-2, 0))
    assert "differs from the parts by -2" in texts(snapshot(figures=figures))


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        (StoreFigures(Measure.KEYS, StoreState.UNKNOWN), "never read so far"),
        (StoreFigures(Measure.KEYS, StoreState.NOT_CONFIGURED), "not configured"),
        (
            StoreFigures(
                Measure.KEYS, StoreState.UNKNOWN, last_good=Amount(1234, 5),
                collected_at=NOW - timedelta(minutes=3),
            ),
            "last known: 1,234, 3 min ago",
        ),
    ],
)  # fmt: skip
def test_the_last_good_figure_and_its_age(figures: StoreFigures, words: str) -> None:
    assert presenters.last_good(figures, NOW) == words


def test_every_precision_says_what_it_is() -> None:
    """No two of them read alike, and only the exact one says exact first."""
    notes = {
        precision: presenters.precision_note(
            StoreFigures(Measure.KEYS, StoreState.OK, Amount(1, 1), precision=precision)
        )
        for precision in Precision
    }
    assert len(set(notes.values())) == len(Precision)
    assert [p for p, note in notes.items() if note.startswith("exact")] == [Precision.EXACT]
    carried = StoreFigures(
        Measure.KEYS, StoreState.OK, Amount(1, 1), precision=Precision.SAMPLED, memory_at=NOW
    )
    note = presenters.precision_note(carried)
    assert note.startswith(f"memory as of {NOW:%H:%M} UTC")
    assert note not in notes.values()


def test_of_a_shared_collection_a_tenant_sees_its_own_points() -> None:
    """66 points lie there; 18 are the tenant's."""
    shared = CollectionUsage(
        "kato_vectors", Amount(66, 660), "green", points_by_tenant={"soylent": 18, "x": 48}
    )
    own = KbUsage(
        "tenant:soylent", False, Claim(ClaimState.INFERRED, (TenantKey("tenant", "soylent"),), ""),
        usage(1), collections=("kato_vectors",),
    )  # fmt: skip
    mine = TenantUsage(TenantKey("tenant", "soylent"), ClaimState.INFERRED, usage(1), (own,))
    (found,) = store_tables.collections_of([shared], mine)
    assert found.amount == Amount(18, None)


@given(
    st.lists(
        st.tuples(st.none() | st.integers(0, 2), st.none() | counts, st.booleans()), max_size=6
    )
)
def test_a_dash_is_said_to_be_unknown_where_it_is(
    rows: list[tuple[int | None, int | None, bool]],
) -> None:
    """A number that is not known is no word, which a narrow column cuts; times need patterns."""
    frame = tables.kb_frame(
        KbUsage(str(at), True, Claim(ClaimState.KNOWN, (), "why"),
                Usage(_amount(patterns), _amount(keys), Amount(1, 1), Amount(1, 1)),
                last_write=NOW if dated else None)
        for at, (patterns, keys, dated) in enumerate(rows)
    )  # fmt: skip
    unknown_ones = tables.unknown_columns(frame)
    assert ("Keys" in unknown_ones) == any(keys is None for _, keys, _ in rows)
    assert ("Last write" in unknown_ones) == any(
        patterns != 0 and not dated for patterns, _, dated in rows
    )
    assert "Vectors" not in unknown_ones
    assert all(pd.api.types.is_integer_dtype(frame[name]) for name in tables.NUMBERS)


def test_a_list_is_not_ranked_by_what_is_not_known() -> None:
    """It is by name then, and a ranking is one line that says why."""
    found = snapshot(tenant("b", NONE), tenant("a", NONE),
                     figures=StoreFigures(Measure.KEYS, StoreState.UNKNOWN))  # fmt: skip
    frame = tables.tenants_frame(found.tenants, whole=False)
    assert tables.by(frame, "Memory")["Tenant"].tolist() == ["tenant/a", "tenant/b"]
    assert frame[tables.HELD].isna().all()
    assert unknown.no_ranking(frame, "Memory", found) == "Memory is unknown (Redis is down)"
    known = tables.tenants_frame([tenant("b", usage(1)), tenant("a", usage(2))])
    assert tables.by(known, "Memory")["Tenant"].tolist() == ["tenant/a", "tenant/b"]
    assert not unknown.no_ranking(known, "Memory", found)


def _amount(count: int | None) -> Amount | None:
    return None if count is None else Amount(count, count)
