"""The usage as scripts read it: JSON and CSV, and when a figure is not known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from services.errors import Problem
from services.figures import Amount, Measure, Precision, StoreState, Usage
from services.tenancy.kb_ids import TenantKey
from services.tenancy.names import Confirmation, Origin, Source
from services.tenancy.ownership import Claim, ClaimState
from services.usage.csv_lines import CSV_HEADER, as_csv
from services.usage.formats import as_json, stamp
from services.usage.readings import (
    KeyReading,
    PatternReading,
    SeenNode,
    SessionRecord,
    VectorReading,
    origins_of,
)
from services.usage.snapshot import (
    KbUsage,
    Snapshot,
    StoreFigures,
    TenantUsage,
    Unattributed,
    difference,
    is_untold,
    own_total,
)

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
AT = "2026-01-31T12:00:00Z"
ACME, GLOBEX = TenantKey("tenant", "acme"), TenantKey("tenant", "globex")
NONE = Usage(None, None, None, None)
USED = Usage(Amount(1, 10), Amount(2, 20), Amount(3, None), Amount(0, 0), {"b": 1, "a": 1})
SAID = {
    "patterns": {"count": 1, "bytes": 10},
    "keys": {"count": 2, "bytes": 20, "by_kind": {"a": 1, "b": 1}},
    "vectors": {"count": 3, "bytes": None},
    "sessions": {"count": 0, "bytes": 0},
}
UNSAID = dict.fromkeys(map(str, Measure))
READ = StoreFigures(Measure.KEYS, StoreState.OK, Amount(2, 20, 1.6, 0.4), collected_at=NOW)


def snapshot(**changes: object) -> Snapshot:
    """A fleet in which everything is known, but for what is said here."""
    values: dict[str, object] = {
        "collected_at": NOW, "stores": {Measure.KEYS: READ}, "tenants": (), "shared": (),
        "unattributed": Unattributed(NONE, ("stm:global",)),
    }  # fmt: skip
    return Snapshot(**(values | changes))  # type: ignore[arg-type]


def part(name: str, claim: Claim, *, is_kb: bool = True) -> KbUsage:
    return KbUsage(name, is_kb, claim, USED)


IMPORTED = Claim(
    ClaimState.KNOWN, (ACME,), "seen", origin=Origin(NOW, Source.IMPORTED, "ada"),
    confirmation=Confirmation("a_kato", ACME, "bea", NOW, "R-1"),
)  # fmt: skip
HELD = Claim(ClaimState.SHARED, (ACME, GLOBEX), "both", origin=Origin(NOW, Source.SESSION))


def test_a_tenant_says_what_it_has_and_how_that_is_known() -> None:
    """Kb_id by kb_id; a part that is no kb_id has no claim."""
    parts = (part("a_kato", IMPORTED), part("tenant:acme", IMPORTED, is_kb=False),
             part("s_kato", HELD),
             part("i_kato", Claim(ClaimState.INFERRED, (ACME,), "text")))  # fmt: skip
    tenant = TenantUsage(ACME, ClaimState.INFERRED, USED, parts, ("s_kato",))
    (found,) = as_json(snapshot(tenants=(tenant,)))["tenants"]  # type: ignore[misc]
    nothing = {"since": None, "from": None, "imported_by": None, "confirmed": None}
    assert found == {
        "tenant": "tenant/acme", "claim": "inferred", "kb_ids": ["a_kato", "i_kato"],
        "claims": [
            {"kb_id": "a_kato", "claim": "known", "since": AT, "from": "import",
             "imported_by": "ada",
             "confirmed": {"tenant": "tenant/acme", "by": "bea", "at": AT, "why": "R-1"}},
            {**nothing, "kb_id": "s_kato", "claim": "shared", "since": AT, "from": "session"},
            {**nothing, "kb_id": "i_kato", "claim": "inferred"},
        ],
        **SAID,
    }  # fmt: skip


def test_what_is_shared_and_what_is_nobodys_say_theirs() -> None:
    """With all who hold it, and names of what was found."""
    found = as_json(snapshot(shared=(part("s_kato", HELD),)))
    assert found["shared"] == [{
        "kb_id": "s_kato", "claim": "shared", "since": AT, "from": "session", "imported_by": None,
        "confirmed": None, "tenants": ["tenant/acme", "tenant/globex"], **SAID,
    }]  # fmt: skip
    assert found["unattributed"] == {**UNSAID, "samples": ["stm:global"]}
    assert found["collected_at"] == AT


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        (READ, {"total": {"count": 2, "bytes": 20}, "difference": {"count": 0, "bytes": 0},
                "precision": "exact"}),
        (replace(READ, difference=None), {"total": {"count": 2, "bytes": 20}, "difference": None,
                                          "precision": "exact"}),
        (replace(READ, precision=Precision.SAMPLED),
         {"total": {"count": 2, "bytes": 20}, "difference": {"count": 0, "bytes": 0},
          "precision": "sampled", "margin": {"count": 2, "bytes": 0}}),
        (replace(READ, precision=Precision.SAMPLED, memory_at=READ.collected_at),
         {"total": {"count": 2, "bytes": 20}, "difference": {"count": 0, "bytes": 0},
          "precision": "sampled", "margin": {"count": 2, "bytes": 0}, "memory_at": AT}),
        (replace(READ, total=None, state=StoreState.UNKNOWN, reason=Problem("down"),
                 precision=Precision.RUNNING), {"state": "unknown", "reason": "down"}),
    ],
)  # fmt: skip
def test_a_store_says_its_total_or_why_it_has_none(
    figures: StoreFigures, said: dict[str, object]
) -> None:
    """With a margin where a part was read, and null where there is nothing to compare with."""
    found = as_json(snapshot(stores={Measure.KEYS: figures}))["stores"]
    known = {"state": "ok", "reason": None, "collected_at": AT, "total": None}
    assert found == {"keys": {**known, **said}}


def test_a_table_has_a_line_for_each_owner() -> None:
    """Names as the pages show them, no formula, and an empty field for what is not known."""
    odd = TenantUsage(TenantKey("=x", "a\x00"), ClaimState.KNOWN, USED, ())
    rows = as_csv(snapshot(tenants=(odd,), shared=(part("s_kato", HELD),))).splitlines()
    assert rows == [
        ",".join(CSV_HEADER),
        "'=x/a\\x00,known,1,10,2,20,3,,0,0",
        "s_kato (tenant/acme + tenant/globex),shared,1,10,2,20,3,,0,0",
        "(unattributed),unattributed,,,,,,,,",
    ]


def test_a_time_is_written_in_utc() -> None:
    """Whatever zone it has; none where there is none."""
    assert stamp(NOW.astimezone(timezone(timedelta(hours=-7)))) == AT
    assert stamp(None) is None


def reading(keys: int | None, sessions: int | None) -> KeyReading:
    held = None if sessions is None else (SessionRecord("k", "s", None),) * sessions  # type: ignore[arg-type]
    return KeyReading((), held, keys, keys, None, None)


@pytest.mark.parametrize(
    ("measure", "read", "count"),
    [
        (Measure.KEYS, reading(10, 3), 7),  # what the server counts has the sessions in it
        (Measure.SESSIONS, reading(10, 3), 5),
        (Measure.KEYS, reading(None, 3), 5),  # it does not let us ask
        (Measure.KEYS, reading(10, None), 5),  # the pass has not ended
    ],
)
def test_what_redis_says_it_has_is_compared_where_it_can_be(
    measure: Measure, read: KeyReading, count: int
) -> None:
    """Else the sum of the parts stands for it; its bytes always do."""
    assert own_total(measure, read, Amount(5, 50)) == Amount(count, 50)


def test_the_other_stores_say_what_they_hold() -> None:
    """Whatever the parts come to."""
    for measure, read in (
        (Measure.PATTERNS, PatternReading((), (), Amount(9, 90))),
        (Measure.VECTORS, VectorReading((), Amount(9, 90))),
    ):
        assert own_total(measure, read, Amount(5, 50)) == Amount(9, 90)


def test_when_a_tenant_wrote_last_is_the_last_that_is_known() -> None:
    parts = [replace(part(name, HELD), last_write=at) for name, at in
             (("a", NOW), ("b", None), ("c", NOW - timedelta(days=1)))]  # fmt: skip
    assert TenantUsage(ACME, ClaimState.KNOWN, USED, tuple(parts)).last_write == NOW
    assert TenantUsage(ACME, ClaimState.KNOWN, USED, tuple(parts[1:2])).last_write is None


def test_only_redis_can_keep_its_count_to_itself() -> None:
    assert is_untold(reading(None, 0))
    assert not is_untold(reading(0, 0))
    assert not is_untold(object())


def test_what_the_parts_do_not_explain_is_the_difference() -> None:
    """Bytes too, unless either side's are not known."""
    assert difference(Amount(10, 100), Amount(7, 40)) == Amount(3, 60)
    assert difference(Amount(10, None), Amount(7, 40)) == Amount(3, None)
    assert difference(Amount(10, 100), Amount(7, None)) == Amount(3, None)


@pytest.mark.parametrize(
    ("figures", "in_part", "unread"),
    [
        (READ, False, None),
        (replace(READ, precision=Precision.SAMPLED), False, None),
        (replace(READ, precision=Precision.SAMPLED, share=0.25), True,
         Problem("only 25% of it was read in time")),
        (replace(READ, precision=Precision.RUNNING), True, None),
        (replace(READ, precision=Precision.ESTIMATE), True, None),
        (replace(READ, total=None), True, None),
        (replace(READ, state=StoreState.UNKNOWN, reason=Problem("down")), True, Problem("down")),
        (replace(READ, state=StoreState.UNKNOWN), True, Problem("it was not read")),
        (replace(READ, state=StoreState.NOT_CONFIGURED, total=None), True, None),
    ],
)  # fmt: skip
def test_what_was_not_read_to_the_end_is_not_the_whole(
    figures: StoreFigures, in_part: bool, unread: Problem | None
) -> None:
    """Something may be there then that was not found."""
    whole = StoreFigures(Measure.VECTORS, StoreState.OK, Amount())
    found = snapshot(stores={Measure.KEYS: figures, Measure.VECTORS: whole})
    assert found.in_part == ((Measure.KEYS,) if in_part else ())
    assert found.unread == ({} if unread is None else {Measure.KEYS: unread})
    assert found.settled is (figures.precision in (Precision.EXACT, Precision.SAMPLED))
    assert figures.failed is (
        figures.state is StoreState.UNKNOWN and figures.precision is not Precision.RUNNING
    )


def test_a_node_is_known_since_it_was_first_seen() -> None:
    later = NOW + timedelta(days=1)
    nodes = [SeenNode("a", "session", NOW, later), SeenNode("b", "import", later, later, "ada"),
             SeenNode("c", "session", later, later)]  # fmt: skip
    assert origins_of(nodes) == {
        "a": Origin(NOW, Source.SESSION),
        "b": Origin(later, Source.IMPORTED, "ada"),
        "c": Origin(later, Source.SESSION),
    }
