"""Plans and receipts as JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, strategies as st

from services.errors import Fault, Problem
from services.figures import Measure
from services.purge.formats import plan_json, plan_of, plan_record, receipt_json
from services.purge.job import Line, Outcome, Receipt
from services.purge.models import Item, LeftKind, LeftOut, Plan, Reckoning, Request, Surface, Target
from services.tenancy.kb_ids import TenantKey

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)

texts = st.text(st.characters() | st.characters(categories=["Cs"]) | st.just("\0"), max_size=12)
kinds = st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True)
tenants = st.builds(TenantKey, kinds, texts)
names = st.frozensets(texts, max_size=4)
measures = st.sampled_from(Measure)
times = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-7))]))
listed = st.lists(texts, max_size=3).map(tuple)
counts = st.integers(0, 2**62)
left_out = st.lists(
    st.builds(
        LeftOut, texts, texts, st.lists(tenants, max_size=2).map(tuple),
        kind=st.sampled_from(LeftKind), alone=st.booleans(), place=texts,
        counts=st.dictionaries(measures, st.none() | counts),
    ),
    max_size=3,
).map(tuple)  # fmt: skip
problems = st.builds(Problem, texts) | st.builds(
    Problem, texts, st.sampled_from(["redis", "zed"]), st.sampled_from(Fault), texts
)
plans = st.builds(
    Plan,
    request=st.builds(
        Request,
        st.builds(
            Target,
            st.none() | tenants,
            st.none() | texts,
            st.none() | texts,
            st.lists(tenants, max_size=3).map(tuple),
        ),
        st.frozensets(measures),
        names,
        st.booleans(),
        st.booleans(),
        names,
        st.booleans(),
    ),
    surface=st.builds(
        Surface,
        names,
        names,
        names,
        names,
        names,
        st.lists(st.tuples(texts, texts), max_size=3).map(tuple),
        names,
    ),
    items=st.lists(
        st.builds(
            Item, measures, texts, texts, counts, st.none() | counts, listed, texts, st.booleans()
        ),
        max_size=3,
    ).map(tuple),
    left_out=left_out,
    disclosed=listed,
    blockers=listed,
    problems=st.dictionaries(measures, problems),
    absent=st.lists(measures, unique=True).map(tuple),
    created_at=times,
    digest=texts,
)
RECEIPT = Receipt(
    job_id="job1", target="tenant/acme", stores=(Measure.PATTERNS, Measure.KEYS), asked_by="ann",
    reason="R-1", digest="d", planned_at=NOW, started_at=NOW, ended_at=NOW + timedelta(seconds=2),
    outcome=Outcome.PARTIAL,
    lines=(
        Line(Measure.PATTERNS, "acme_kato", "patterns_data", 5, 3, 1, 1, 1),
        Line(Measure.PATTERNS, "acme_kato", "deeds", 2, 2, 0, 0, 0),
    ),
    left_out=(
        LeftOut("shared_kato", "shared", (TenantKey("tenant", "a"), TenantKey("app", "b"))),
        LeftOut("odd_kato", "a view", (), LeftKind.NOT_ERASABLE, True, "deeds",
                {Measure.PATTERNS: 3, Measure.KEYS: None}),
    ),
    disclosed=("stm:global holds 3",), problems=("erase keys: redis did not answer",),
    seconds={"check": 0.5}, versions={"redis": "9.1"},
)  # fmt: skip


@given(plans)
def test_a_plan_comes_back_as_it_was(plan: Plan) -> None:
    """NUL, half characters and all; and its text is ASCII that any database takes."""
    text = plan_record(plan)
    assert plan_of(text) == plan
    assert text.isascii()
    assert "\0" not in text


@given(plans)
def test_equal_plans_give_equal_text(plan: Plan) -> None:
    """Whatever the order in which their sets and mappings were filled, and the zone of the time."""
    surface = plan.surface
    turned = replace(
        plan,
        request=replace(
            plan.request, included=frozenset(sorted(plan.request.included, reverse=True))
        ),
        surface=replace(surface, kb_ids=frozenset(sorted(surface.kb_ids, reverse=True))),
        problems=dict(reversed(plan.problems.items())),
        created_at=plan.created_at.astimezone(timezone(timedelta(hours=3))),
    )
    assert turned == plan
    assert plan_json(turned) == plan_json(plan) == plan_json(plan_of(plan_record(plan)))
    assert plan_record(turned) == plan_record(plan)


@given(plans)
def test_scripts_are_told_in_words(plan: Plan) -> None:
    """What could not be asked is a sentence there, and what is for confinement alone is not."""
    found, whole = json.loads(plan_json(plan)), json.loads(plan_record(plan))
    assert found["problems"] == {
        store.value: json.loads(json.dumps(str(why))) for store, why in plan.problems.items()
    }
    for item in whole["items"]:
        del item["plain"]
    said = {"tenants": list(plan.tenants), "confirm": plan.confirmation}
    assert {name: found.pop(name) for name in said} == said
    for name in ("streams", "held"):
        assert found.pop(name) == whole.pop(name, [])
    assert {**found, "problems": {}} == {**whole, "problems": {}}


def test_a_receipt_has_the_documented_shape() -> None:
    """Scripts read it."""
    assert json.loads(receipt_json(RECEIPT)) == {
        "job": "job1", "target": "tenant/acme", "outcome": "partial", "asked_by": "ann",
        "reason": "R-1", "digest": "d", "planned_at": "2026-01-31T12:00:00Z",
        "started_at": "2026-01-31T12:00:00Z", "ended_at": "2026-01-31T12:00:02Z",
        "stores": {
            "patterns": {"planned": 7, "deleted": 5, "absent": 1, "failed": 1, "left": 1},
            "keys": {"planned": 0, "deleted": 0, "absent": 0, "failed": 0, "left": 0},
        },
        "lines": [
            {"store": "patterns", "owner": "acme_kato", "kind": "patterns_data", "planned": 5,
             "deleted": 3, "absent": 1, "failed": 1, "left": 1},
            {"store": "patterns", "owner": "acme_kato", "kind": "deeds", "planned": 2,
             "deleted": 2, "absent": 0, "failed": 0, "left": 0},
        ],
        "left_out": [
            {"kb_id": "shared_kato", "why": "shared", "losers": ["tenant/a", "app/b"],
             "kind": "shared", "alone": False, "place": "", "counts": {}},
            {"kb_id": "odd_kato", "why": "a view", "losers": [], "kind": "not erasable",
             "alone": True, "place": "deeds", "counts": {"patterns": 3, "keys": None}},
        ],
        "disclosed": ["stm:global holds 3"],
        "problems": ["erase keys: redis did not answer"],
        "seconds": {"check": 0.5}, "versions": {"redis": "9.1"}, "conserved": [],
        "tenants": [],
    }  # fmt: skip


def test_what_is_not_known_is_null() -> None:
    """One line that is not known makes the store's sum unknown, and none at all may be why."""
    lines = (*RECEIPT.lines, Line(Measure.PATTERNS, "b_kato", "patterns_data", 1, 0, 0, 0, None))
    stores = json.loads(receipt_json(replace(RECEIPT, lines=lines, outcome=Outcome.UNKNOWN)))[
        "stores"
    ]
    assert stores["patterns"] == {
        "planned": 8,
        "deleted": 5,
        "absent": 1,
        "failed": 1,
        "left": None,
    }
    assert stores["keys"]["left"] is None


@given(texts)
def test_a_receipt_is_ascii(text: str) -> None:
    lines = (Line(Measure.KEYS, text, text, 1, 1, 0, 0, 0),)
    written = receipt_json(replace(RECEIPT, lines=lines, reason=text, target=text))
    assert written.isascii()
    assert json.loads(written)["lines"][0]["owner"] == text


def test_a_plan_of_an_earlier_version_says_less() -> None:
    """What it did not know of was not asked for."""
    left = LeftOut("shared_kato", "shared", (TenantKey("tenant", "a"),))
    plan = Plan(
        Request(Target(TenantKey("tenant", "acme"))), Surface(frozenset({"acme_kato"})), (),
        (left,), (), (), {}, (), NOW, "d",
    )  # fmt: skip
    found = json.loads(plan_record(plan))
    for name in ("taken", "whose", "include_inferred", "passed_over", "drop_collections"):
        del found[name]
    for name in ("sessions", "passed_over"):
        del found["surface"][name]
    for name in ("kind", "alone", "place", "counts"):
        del found["left_out"][0][name]
    del found["target"]["many"]
    assert "streams" not in found
    assert plan_of(json.dumps(found)) == plan


def test_scripts_are_told_what_confirms_a_plan() -> None:
    """Of a user of all tenants, in how many that is: of those that were found."""
    acme, item = TenantKey("tenant", "acme"), Item(Measure.KEYS, "a_kato", "symbols", 2)
    plan = Plan(
        Request(Target(user="x")), Surface(), (item, replace(item, store=Measure.VECTORS)), (), (),
        ("a view",), {Measure.KEYS: Problem("down")}, (), NOW, "d",
        whose={"a_kato": "tenant/acme", "b_kato": "tenant/b"},
    )  # fmt: skip
    assert (plan.tenants, plan.confirmation) == (("tenant/acme",), "x in 1 tenant")
    two = replace(plan, items=(item, replace(item, owner="b_kato"), replace(item, owner="c")))
    assert (two.tenants, two.confirmation) == (("tenant/acme", "tenant/b"), "x in 2 tenants")
    of_one = replace(plan, request=Request(Target(acme, user="x")))
    assert (of_one.confirmation, str(of_one.request.target)) == ("x", "the user x of tenant/acme")
    assert (plan.total(Measure.KEYS), plan.total(Measure.SESSIONS)) == (2, 0)
    assert plan.obstacles == ("keys could not be asked: down", "a view")


@pytest.mark.parametrize(
    ("target", "name", "words"),
    [
        (Target(TenantKey("tenant", "a")), "tenant/a", "tenant/a"),
        (Target(TenantKey("tenant", "a"), node_id="n"), "n", "the node_id n of tenant/a"),
        (Target(user="x"), "x", "the user x"),
        (Target(many=(TenantKey("tenant", "a"),) * 1234), "erase 1,234 tenants", "1,234 tenants"),
    ],
)
def test_a_target_has_a_name_and_words(target: Target, name: str, words: str) -> None:
    """Whole tenants go where neither a node_id nor a user is named."""
    assert (target.name, str(target)) == (name, words)
    assert target.whole == (target.tenants if target.node_id is target.user is None else ())


def test_what_was_left_out_is_there_unless_it_is_known_not_to_be() -> None:
    """Without any count it may be."""
    left = LeftOut("a_kato", "why")
    assert left.is_there
    assert (left.alone, left.kind, left.place) == (False, LeftKind.SHARED, "")
    assert replace(left, counts={Measure.KEYS: None, Measure.PATTERNS: 0}).is_there
    assert not replace(left, counts={Measure.KEYS: 0}).is_there
    assert Reckoning(2, 1).moved == 0
