"""A node_id of its own: of the same tenant, on a kb_id that nobody has; and KATO's counts."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from services.apart.counts import Counts
from services.apart.evidence import Pattern
from services.apart.models import session_id_for
from services.apart.naming import proposed, why_not
from services.tenancy.kb_ids import TenantKey, kb_id_of
from services.tenancy.layout import text_of
from services.tenancy.ownership import Ownership
from services.tenancy.schemes import NamingSchemes

SCHEMES = NamingSchemes.of()
BOBS = ("tenant:acme-corp:user:bob", "tenant:acme_corp:user:bob")
ACME = TenantKey("tenant", "acme-corp")
CAPTURE = Path(__file__).parents[2] / "data" / "kato-capture"


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (CAPTURE / name).read_bytes().split(b"\n") if line]


def owning(*nodes: str) -> Ownership:
    return Ownership(nodes, schemes=SCHEMES)


@given(st.text("ab-_.:é", min_size=1, max_size=60), st.text("xy-_", min_size=1, max_size=60))
def test_what_is_proposed_can_be_used_and_is_free(tenant: str, user: str) -> None:
    node = f"tenant:{tenant}:user:{user}"
    ownership = owning(node, *BOBS)
    found = proposed(node, ownership, lambda _: False)
    if found:
        assert ownership.tenant_of(found) == ownership.tenant_of(node)
        assert kb_id_of(found) not in ownership.nodes_by_kb
        assert found == proposed(node, ownership, lambda _: False)


def test_what_is_taken_is_not_proposed() -> None:
    first = proposed(BOBS[0], owning(*BOBS), lambda _: False)
    assert first.startswith(BOBS[0] + "-")
    second = proposed(BOBS[0], owning(*BOBS, first), lambda _: False)
    third = proposed(BOBS[0], owning(*BOBS, first), lambda kb_id: kb_id == kb_id_of(second))
    assert len({first, second, third}) == 3
    assert not proposed(BOBS[0], owning(*BOBS), lambda _: True)
    assert proposed(BOBS[0], owning(*BOBS), lambda _: False) != proposed(
        BOBS[1], owning(*BOBS), lambda _: False
    )


def test_where_only_the_tenant_could_be_changed_nothing_is_proposed() -> None:
    for node in ("tenant_acme", "team:search:shared", "no scheme reads this"):
        assert proposed(node, owning(node), lambda _: False) == ""


@pytest.mark.parametrize(
    ("node", "why"),
    [
        ("tenant:acme-corp:user:bobby", ""),
        ("tenant:globex:user:x", "names tenant/globex"),
        ("tenant:acme-corp:user:carl", "is taken"),
        ("tenant:acme-corp:user:o'brien", "does not bear"),
        ("tenant:acme-corp:user:full", "something is stored"),
        (BOBS[0], "already used by tenant/acme_corp"),
        ("", "is empty"),
    ],
)
def test_why_a_name_cannot_be_its_own(node: str, why: str) -> None:
    ownership = owning(*BOBS, "tenant:acme-corp:user:carl")
    found = why_not(node, ACME, ownership, lambda kb_id: kb_id.endswith("full_kato"))
    assert why in found
    assert bool(found) == bool(why)


def test_counts_are_what_a_real_kato_counted() -> None:
    """Over each kb_id of the capture whose patterns were learnt once each."""
    keys = {}
    for each in lines("redis.jsonl"):
        keys[each["key"]] = each["value"]
    patterns: dict[str, list[Pattern]] = defaultdict(list)
    for row in lines("clickhouse_patterns_data.jsonl"):
        tokens = tuple(token.encode() for event in row["pattern_data"] for token in event)
        patterns[row["kb_id"]].append(Pattern(row["name"].encode(), 1, 0, tokens))
    checked = 0
    for kb_id, some in patterns.items():
        if any(keys.get(f"{kb_id}:frequency:{p.name.decode()}") != "1" for p in some):
            continue
        counts = Counts()
        counts.add(some)
        for key in counts.keys(kb_id):
            there = keys[text_of(key.key)]
            if key.type == "hash":
                assert {name: count for name, count, _ in key.value} == there
            else:
                assert key.value == there
            checked += 1
    assert checked > 20


def test_a_session_gets_an_id_of_kato_s_form_that_is_its_own() -> None:
    one = session_id_for("session-1f-1795414981355", "tenant:a:user:b")
    assert one.startswith("session-")
    assert one.endswith("-1795414981355")
    assert one != session_id_for("session-1f-1795414981355", "tenant:a:user:c")
    assert one != session_id_for("session-2f-1795414981355", "tenant:a:user:b")
    assert session_id_for("odd", "n").endswith("-0")
