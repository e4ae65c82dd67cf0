"""The pure parts of the canary test: names, what is its own, what counts as a leak."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from services.canary import throwaways as owning
from services.canary.ask import found_in, nothing, only_own, refused
from services.canary.belongings import COLUMNS, belongings
from services.canary.formats import canary_json
from services.canary.models import (
    Canary,
    CanaryReport,
    Observation,
    Outcome,
    Probe,
    Verdict,
    is_canary,
    node_ids,
)
from services.errors import Problem, StoreNotConfigured, StoreUnavailable
from services.tenancy.kb_ids import TenantKey, kb_id_of
from services.usage.readings import SeenNode

WORD = "0badcafe"
NOW = datetime.now(UTC)


def canary(node_id: str, token: str) -> Canary:
    """A throwaway tenant."""
    return Canary(node_id, TenantKey("tenant", node_id.split(":")[1]), kb_id_of(node_id), token)


FIRST, SECOND, THIRD = (canary(node, f"token{at}") for at, node in enumerate(node_ids(WORD)))


def test_two_are_apart_and_the_third_collides_on_purpose() -> None:
    """Its node_id and tenant differ, its kb_id does not."""
    assert FIRST.kb_id != SECOND.kb_id
    assert FIRST.kb_id == THIRD.kb_id
    assert len({each.tenant for each in (FIRST, SECOND, THIRD)}) == 3


@pytest.mark.parametrize(
    ("node_id", "is_one"),
    [
        *((node, True) for node in node_ids(WORD)),
        ("tenant:canary-islands:user:probe", False),
        ("tenant:canary-0badcafe-c:user:probe", False),
        ("tenant:canary_0badcafe_b:user:probe", False),
        ("tenant:canary-0badcafe_a:user:probe", False),
        ("tenant:canary-0BADCAFE-a:user:probe", False),
        ("tenant:canary-0badcafe-a:user:probe\n", False),
        ("tenant:canary-0badcafe-a:user:prober", False),
        (" tenant:canary-0badcafe-a:user:probe", False),
    ],
)
def test_only_the_exact_form_is_one(node_id: str, is_one: bool) -> None:
    """A customer may well be called canary."""
    assert is_canary(node_id) is is_one


def test_what_belongs_to_one_is_in_katos_layout_and_says_so() -> None:
    """Every row, key and point carries its kb_id or its token, and nothing of another's."""
    owned, other = belongings(FIRST), belongings(SECOND)
    assert all(len(row) == len(COLUMNS) and row[0] == FIRST.kb_id for row in owned.rows)
    keys = [*owned.texts, *owned.hashes, *owned.sets]
    assert len(keys) == owned.keys == len(set(keys))
    assert all(key.startswith(f"{FIRST.kb_id}:") for key in keys)
    assert owned.collection == f"vectors_{FIRST.kb_id}"
    assert not found_in(owned, SECOND.marks)
    assert not found_in(other, FIRST.marks)
    assert set(found_in(owned, FIRST.marks)) >= {FIRST.token, FIRST.kb_id, *FIRST.points}


def test_a_guest_overwrites_nothing_of_its_host() -> None:
    """In one knowledge base, their rows, keys and points have other names."""
    host, guest = belongings(FIRST), belongings(THIRD, guest=True)
    assert not {*host.texts, *host.hashes, *host.sets} & {*guest.texts, *guest.hashes, *guest.sets}
    assert not {point[0] for point in host.points} & {point[0] for point in guest.points}
    assert not {row[1] for row in host.rows} & {row[1] for row in guest.rows}


@dataclass(frozen=True)
class _Answer:
    held: object
    problem: Problem | None = None


@pytest.mark.parametrize(
    "held",
    ["x token1 y", b"\xfftoken1", {"token1": 1}, {"a": {"b": ["token1"]}}, [("token1", 1.5)],
     iter(["token1"]), _Answer(_Answer({b"token1"}))],
)  # fmt: skip
def test_a_leak_is_found_however_deep_it_is(held: object) -> None:
    """In bytes, names, members and fields."""
    outcome, leaked, _ = only_own((), SECOND.marks)(_Answer(held))
    assert (outcome, leaked) == (Outcome.FAILED, ("token1",))


def test_silence_is_a_pass_only_beside_what_is_its_own() -> None:
    """And not where the answer says that it is not whole, for any reason but its settings."""
    judge = only_own(FIRST.patterns, SECOND.marks)
    assert judge(FIRST.patterns)[0] is Outcome.PASSED
    assert judge(FIRST.patterns[:1])[0] is Outcome.UNKNOWN
    assert judge(None)[0] is Outcome.UNKNOWN
    down = StoreUnavailable("redis", "reading", "slow").problem
    absent = StoreNotConfigured("qdrant", "reading", "set QDRANT_HOST").problem
    assert judge(_Answer(FIRST.patterns, down))[0] is Outcome.UNKNOWN
    assert judge(_Answer(FIRST.patterns, absent))[0] is Outcome.PASSED
    assert judge(_Answer(SECOND.patterns, down))[0] is Outcome.FAILED


def test_what_is_to_be_refused_or_empty_is_nothing_else() -> None:
    """Any answer to it leaks, also one in which nothing can be recognised."""
    for judge in (refused(SECOND.marks), nothing(SECOND.marks)):
        assert judge(SECOND.patterns)[:2] == (Outcome.FAILED, SECOND.patterns)
        assert judge(("something",))[0] is Outcome.FAILED
        assert judge(("something",))[1]
    assert nothing(())(None)[0] is Outcome.PASSED
    assert nothing(())(())[0] is Outcome.PASSED
    assert refused(())(None)[0] is Outcome.FAILED


def report(*outcomes: Outcome, left: tuple[str, ...] = ()) -> CanaryReport:
    """A report with these outcomes."""
    probes = tuple(Probe("list", "tenant/a", "tenant/b", each) for each in outcomes)
    seen = Observation("TTLs", "seen", {"a": "b"})
    return CanaryReport(NOW, 1.5, "ada", "KATO API 3.10.1", probes, (seen,), left)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (report(Outcome.PASSED, Outcome.PASSED), Verdict.PASSED),
        (report(Outcome.PASSED, Outcome.NOT_CONFIGURED), Verdict.PASSED),
        (report(Outcome.NOT_CONFIGURED), Verdict.UNKNOWN),
        (report(), Verdict.UNKNOWN),
        (report(Outcome.PASSED, Outcome.UNKNOWN), Verdict.UNKNOWN),
        (report(Outcome.PASSED, left=("a key",)), Verdict.UNKNOWN),
        (report(Outcome.PASSED, Outcome.UNKNOWN, Outcome.FAILED), Verdict.FAILED),
        (report(Outcome.FAILED, left=("a key",)), Verdict.FAILED),
    ],
)
def test_passed_is_only_what_was_wholly_seen(found: CanaryReport, verdict: Verdict) -> None:
    """One leak fails it, one gap or leftover leaves it unknown."""
    assert found.verdict is verdict


def test_the_json_has_everything_in_ascii() -> None:
    """For scripts."""
    text = canary_json(replace(report(Outcome.PASSED, left=("schlüssel",)), by="jürgen"))
    assert text.isascii()
    read = json.loads(text)
    assert read["left"] == ["schlüssel"]
    assert (read["cleaned"], read["verdict"], read["by"]) == (False, "unknown", "jürgen")
    assert read["probes"][0].keys() == {
        "asked", "tenant", "about", "outcome", "leaked", "reason"
    }  # fmt: skip
    assert read["observations"] == [
        {"about": "TTLs", "known": True, "seen": "seen", "evidence": {"a": "b"}}
    ]


def seen(source: str, *, node: str = FIRST.node_id, ago: timedelta = timedelta()) -> SeenNode:
    """A node_id as this product's records have it."""
    return SeenNode(node, source, NOW - ago, NOW)


HERE = owning.source().rpartition("/")[0]
LONG = owning.LEASE + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("node", "over"),
    [
        (seen(f"{HERE}/999999999"), True),
        (seen(owning.source()), True),
        (seen(f"{HERE}/{os.getppid()}"), False),
        (seen(f"{HERE}/{os.getppid()}", ago=LONG), True),
        (seen("canary ffffffff/1"), False),
        (seen("canary ffffffff/1", ago=LONG), True),
        (seen("session", ago=LONG), False),
        (seen("canary", ago=LONG), False),
        (seen("created here", ago=LONG), False),
        (seen(f"{HERE}/999999999", node="tenant:canary-islands:user:probe", ago=LONG), False),
    ],
)
def test_only_what_a_dead_run_recorded_is_left_behind(node: SeenNode, over: bool) -> None:
    """A run that may live keeps its own, and what was only seen is somebody's."""
    assert owning.left_behind([node], busy=frozenset()) == ((node.node_id,) if over else ())
    assert owning.left_behind([node], busy=frozenset({node.node_id})) == ()


def test_the_mark_fits_its_column() -> None:
    """Whatever the process id is."""
    assert len(owning.source().rpartition("/")[0]) + len("/4194304") <= 32
