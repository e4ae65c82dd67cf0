"""By label: what each value's tenants use and used, and who is found by display name or label."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings, strategies as st

from dashboard.cards.cohorts import TENANTS, cohorts_frame, shown
from dashboard.draw import cards, usage_tables
from dashboard.usage.cohort import AFTER, BEFORE, CHANGE, cohort_frame, path_of, points
from services.cards.models import Card, Hold
from services.figures import Measure
from services.find.cards import card_matches
from services.find.index import FleetIndex
from services.find.models import LABEL, NAME, Certainty, question_of
from services.history.models import FLEET, Figure, Holder, OwnerKind
from services.history.read import Then
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import ClaimState, Ownership
from services.tenancy.schemes import NamingSchemes
from tests.unit.history.snapshots import snapshot

AT = 1_700_000_000
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
ACME, ZED, GONE = (TenantKey("tenant", name) for name in ("acme", "zed", "gone"))
CARDS = {
    ACME: Card(ACME, "Acme GmbH", labels={"plan": "gold", "eu": "1"}),
    ZED: Card(ZED, "Zed", labels={"plan": "free"}, hold=Hold("file 12", "ann", NOW)),
    GONE: Card(GONE, "Gone", labels={"plan": "gold"}),
}


def frame(**tenants: int):  # type: ignore[no-untyped-def]
    found = snapshot(AT, tenants, down=frozenset({Measure.KEYS}))
    keys = [each.tenant for each in found.tenants]
    return cards.with_cards(usage_tables.tenants_frame(found.tenants), keys, CARDS, {})


def test_a_group_uses_what_its_tenants_use() -> None:
    """And what is not known of them is not known of it; who has no such label is a group too."""
    found = cohorts_frame(frame(acme=3, zed=4, other=5), "plan").set_index("plan")
    assert found["Patterns"].to_dict() == {"(without)": 5, "free": 4, "gold": 3}
    assert found[TENANTS].sum() == 3
    assert found["Keys"].isna().all()


def test_labels_of_one_key_are_any_and_of_different_keys_all() -> None:
    rows = frame(acme=3, zed=4, other=5)

    def having(*labels: str) -> list[str]:
        return list(cards.having(rows, labels)["Tenant"])

    assert having("plan=gold", "plan=free") == ["tenant/acme", "tenant/zed"]
    assert having("plan=gold", "plan=free", "eu=1") == ["tenant/acme"]
    assert having("nothing=1", "plan=gold") == []
    assert having("eu=2") == []
    assert cards.labels_in(CARDS.values()) == ["eu=1", "plan=free", "plan=gold"]


def test_columns_in_which_nothing_stands_take_no_room() -> None:
    others = ("Memory", "Patterns", "Last write", "Disk")
    assert shown(frame(other=1), others) == others
    mine = (cards.NAME, cards.STATE, cards.LABELS)
    assert shown(frame(zed=1), others) == (*mine, "Memory", "Patterns", "Last write")
    full = ("Of limit", "State", "Memory", "Patterns")
    assert shown(frame(zed=1), full) == (*mine, "Of limit", "State")


NAMES = st.sampled_from(["tenant/acme", "tenant/zed", "tenant/other", "tenant/none"])
HAD = st.dictionaries(NAMES, st.integers(0, 2**60), max_size=4)


def then(had: dict[str, int]) -> Then:
    figures = {Holder(OwnerKind.TENANT, name): {"keys": Figure(n)} for name, n in had.items() if n}
    whole = {"keys": Figure(sum(had.values()) + 7)}
    return Then(NOW, {**figures, FLEET: whole}, {"keys": ""})


@settings(max_examples=min(50, settings().max_examples))
@given(HAD, HAD)
def test_what_labels_had_adds_up_exactly(before: dict[str, int], after: dict[str, int]) -> None:
    """To what all tenants had; above 2**53 too, which floats are not."""
    values = {"tenant/acme": "gold", "tenant/zed": "free"}
    found = cohort_frame(then(before), then(after), "keys",
                         lambda name: values.get(name, cards.WITHOUT), "plan")  # fmt: skip
    assert sum(map(int, found[BEFORE])) == sum(before.values())
    assert sum(map(int, found[AFTER])) == sum(after.values())
    assert sum(map(int, found[CHANGE])) == sum(after.values()) - sum(before.values())
    assert sum(map(int, found[TENANTS])) == len({n for d in (before, after) for n in d if d[n]})


def test_who_is_called_so_is_found() -> None:
    """In either case, by the whole name or by a part where that is asked for; gone ones too."""
    index = FleetIndex(
        snapshot(AT, {"acme": 1, "zed": 1}), Ownership((), schemes=NamingSchemes(()))
    )

    def found(typed: str, *, contains: bool = False) -> list[tuple[str, TenantKey | None, str]]:
        matches = card_matches(index, CARDS, question_of(typed, contains=contains))
        assert all(match.place is None and match.state is ClaimState.KNOWN for match in matches)
        return [(match.what, match.tenant, match.certainty.value) for match in matches]

    exact, part = Certainty.EXACT.value, Certainty.CONTAINS.value
    assert found("acme gmbh") == [(NAME, ACME, exact)]
    assert found("gmbh") == []
    assert found("gmbh", contains=True) == [(NAME, ACME, part)]
    assert found("PLAN=gold") == [(LABEL, ACME, exact), (LABEL, GONE, exact)]
    assert found("") == []


def test_a_path_has_a_gap_where_nothing_was_known() -> None:
    """And 0 where a value had nothing: these are two things."""
    looked = then({"tenant/acme": 5})
    blind = Then(NOW, {}, {"keys": "Redis did not answer"})
    found = path_of([looked, blind, then({})], "keys", {"tenant/acme": "gold"}.get)  # type: ignore[arg-type]
    assert [cell.rollup and cell.rollup.last for cell in found["gold"]] == [5, None, 0]


@given(st.integers(AT, AT + 10**8), st.integers(1, 400 * 86_400))
def test_points_lie_between_where_figures_are_kept(since: int, seconds: int) -> None:
    """At the last second of an hour, or of a day in UTC; never more than a chart takes."""
    began = datetime.fromtimestamp(since, UTC)
    ended = began + timedelta(seconds=seconds)
    found = points(began, ended)
    assert len(found) <= 13
    assert list(found) == sorted(set(found))
    grain = 3600 if seconds <= 2 * 86_400 else 86_400
    for at in found:
        assert began < at < ended
        assert (int(at.timestamp()) + 1) % grain == 0
