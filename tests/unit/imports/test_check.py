"""What is taken of a row, and that nothing of others ever is."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, strategies as st

from services.imports.check import Checker
from services.imports.columns import Unfit, cast_of
from services.imports.models import Form, ImportRefused, Item, Kind, Order, Refused, Why
from services.imports.ports import Collection, Table
from services.imports.target import target_of
from services.tenancy.kb_ids import TenantKey, kb_id_of
from services.tenancy.layout import Layout, OwnerKind, bytes_of, read_key
from services.tenancy.ownership import Ownership
from services.tenancy.schemes import NamingSchemes

ACME, BOB = TenantKey("tenant", "acme"), "tenant:acme:user:bob"
ZED_NODE = "tenant:zed:user:x"
OWNERSHIP = Ownership([BOB, ZED_NODE], schemes=NamingSchemes.of())
KB, ZED_KB = kb_id_of(BOB), kb_id_of(ZED_NODE)
TABLE = Table(
    "patterns_data",
    {"kb_id": "String", "name": "String", "length": "UInt32", "at": "DateTime",
     "pattern_data": "Array(Array(String))"},
    "kb_id", OwnerKind.KB,
)  # fmt: skip
NOW = datetime(2026, 11, 29, tzinfo=UTC)


def checker(kind: Kind, layout: Layout = Layout.KATO, **more: Any) -> Checker:
    node = BOB if layout is Layout.KATO else ""
    order = Order(ACME, kind, layout, Form.JSONL, node_id=node, **more)
    return Checker(
        order, target_of(order, OWNERSHIP), OWNERSHIP, TABLE, Collection("c", 2), lambda: NOW
    )


def why(found: Item | Refused) -> Why | None:
    return found.why if isinstance(found, Refused) else None


def test_a_pattern_is_of_the_tenant_alone() -> None:
    check = checker(Kind.PATTERNS)
    item = check.item(1, {"name": "n", "length": "3", "pattern_data": '[["a"]]'})
    assert isinstance(item, Item)
    assert item.body == {"name": "n", "length": 3, "pattern_data": [["a"]], "kb_id": KB}
    assert json.loads(item.key) == [KB, "n"]
    assert check.called(item) == "n"
    unfit = check.item(1, {"name": "n", "length": "two"})
    assert isinstance(unfit, Refused)
    assert unfit.about == f"length: {TABLE.columns['length']}"  # what it should be
    guides = checker(Kind.PATTERNS, Layout.GUIDE).item(1, {"name": "n"})
    assert isinstance(guides, Item)
    assert guides.body["kb_id"] == "tenant_acme"
    for values, reason in (
        ({"name": "n", "kb_id": ZED_KB}, Why.ANOTHERS),
        ({"name": "n", "kb_id": "tenant_acme_user_new_kato"}, Why.ANOTHERS),  # never seen
        ({"length": 3}, Why.NO_VALUE),
        ({"name": "n", "length": -1}, Why.UNFIT),
        ({"name": "n", "length": True}, Why.UNFIT),
        ({"name": "n", "at": "yesterday"}, Why.UNFIT),
        ({"name": "n", "pattern_data": ["a"]}, Why.UNFIT),
        ({"name": "n", "x": 1}, Why.UNKNOWN_COLUMN),
        ({"name": "\ud800"}, Why.UNFIT),
    ):
        assert why(check.item(1, values)) is reason, values


@given(st.text(), st.sampled_from(list(Layout)))
def test_a_key_is_read_back_as_the_tenants(name: str, layout: Layout) -> None:
    """Whatever it is called: what is taken is the tenant's by its name, or it is not taken."""
    found = checker(Kind.KEYS, layout).item(1, {"key": name, "value": "v"})
    if isinstance(found, Item):
        owner = read_key(bytes_of(found.key)).owner
        assert owner == (
            (OwnerKind.KB, KB) if layout is Layout.KATO else (OwnerKind.TENANT, "acme")
        )


def test_keys_of_others_and_of_no_kind() -> None:
    guides, katos = checker(Kind.KEYS, Layout.GUIDE), checker(Kind.KEYS)
    for check, values, reason in (
        (guides, {"key": "tenant:zed:x", "value": "1"}, Why.ANOTHERS),
        (guides, {"key": "tenant:acme:", "value": "1"}, Why.UNFIT),
        (guides, {"key": "x"}, Why.NO_VALUE),
        (guides, {"key": "x", "value": "1", "ttl_seconds": 0}, Why.UNFIT),
        (guides, {"key": "x", "value": {}, "type": "hash"}, Why.UNFIT),
        (guides, {"key": "x", "value": {"a": True}, "type": "zset"}, Why.UNFIT),
        (guides, {"key": "x", "value": "1", "type": "stream"}, Why.UNFIT),
        (katos, {"key": f"{ZED_KB}:frequency:p", "value": "1"}, Why.NO_SUCH_KIND),
        (katos, {"key": "evil:p", "value": "1"}, Why.NO_SUCH_KIND),
    ):  # fmt: skip
        assert why(check.item(1, values)) is reason, values
    item = guides.item(1, {"key": "tenant:acme:x", "value": {"a": 1}, "ttl_seconds": "60"})
    assert isinstance(item, Item)
    assert (item.key, item.body["value"], item.body["ttl"]) == ("tenant:acme:x", '{"a": 1}', 60)


def test_sessions_end_and_are_the_nodes() -> None:
    record = {"session_id": "s1", "node_id": BOB, "expires_at": "2026-11-30T00:00:00+00:00"}
    check = checker(Kind.SESSIONS)

    def told(**more: object) -> Why | None:
        return why(check.item(1, {"session_id": "s1", "record": {**record, **more},
                                  "ttl_seconds": 60}))  # fmt: skip

    assert told() is None
    assert told(node_id=ZED_NODE) is Why.ANOTHERS
    assert told(session_id="s2") is Why.UNFIT
    assert told(expires_at="2026-11-28T00:00:00+00:00") is Why.OVER
    for name in ("_active_index", "node:x:active"):
        assert why(check.item(1, {"session_id": name, "record": record})) is Why.UNFIT
    guides = checker(Kind.SESSIONS, Layout.GUIDE)
    assert why(guides.item(1, {"session_id": "s", "record": {}})) is Why.NO_TTL
    item = guides.item(1, {"session_id": "s", "record": '{"a": 1}', "ttl_seconds": 9})
    assert isinstance(item, Item)
    assert item.key == "tenant:acme:session:s"


def test_vectors_name_nobody_else() -> None:
    check = checker(Kind.VECTORS, Layout.GUIDE, collection="shared")
    item = check.item(1, {"id": "7", "vector": "[1, 2]", "payload": {"a": 1}})
    assert isinstance(item, Item)
    assert (item.key, item.body["payload"]) == ("7", {"a": 1, "tenant_id": "acme"})
    for values, reason in (
        ({"id": 1, "vector": [1, 2, 3]}, Why.WRONG_SIZE),
        ({"id": 1, "vector": [1, 1e400]}, Why.UNFIT),
        ({"id": 1, "vector": [1, True]}, Why.UNFIT),
        ({"id": 1}, Why.NO_VALUE),
        ({"id": "x", "vector": [1, 2]}, Why.UNFIT),
        ({"id": -1, "vector": [1, 2]}, Why.UNFIT),
        ({"id": 1, "vector": [1, 2], "payload": {"tenant_id": "zed"}}, Why.ANOTHERS),
        ({"id": 1, "vector": [1, 2], "payload": {"tenant_id": ["acme", "zed"]}}, Why.ANOTHERS),
        ({"id": 1, "vector": [1, 2], "payload": {"metadata": {"kb_id": ZED_KB}}}, Why.ANOTHERS),
        ({"id": 1, "vector": [1, 2], "payload": {"node_id": ZED_NODE}}, Why.ANOTHERS),
    ):
        assert why(check.item(1, values)) is reason, values


@pytest.mark.parametrize(
    "order",
    [
        Order(ACME, Kind.KEYS, Layout.KATO, Form.CSV),  # whose memory is not said
        Order(ACME, Kind.KEYS, Layout.KATO, Form.CSV, node_id=ZED_NODE),
        Order(ACME, Kind.KEYS, Layout.KATO, Form.CSV, node_id="tenant:acme:user:new"),
        Order(TenantKey("org", "x"), Kind.KEYS, Layout.GUIDE, Form.CSV),
        Order(TenantKey("tenant", "a:b"), Kind.KEYS, Layout.GUIDE, Form.CSV),  # reads as tenant a
        Order(TenantKey("tenant", "a:b"), Kind.SESSIONS, Layout.GUIDE, Form.CSV),
        Order(TenantKey("tenant", "a\n"), Kind.VECTORS, Layout.GUIDE, Form.CSV),
        Order(ACME, Kind.VECTORS, Layout.KATO, Form.CSV, node_id=BOB, collection="shared"),
    ],
)
def test_what_is_not_surely_the_tenants_is_refused_whole(order: Order) -> None:
    with pytest.raises(ImportRefused):
        target_of(order, OWNERSHIP)


def test_a_kb_id_that_others_hold_too_takes_nothing() -> None:
    both = Ownership(
        ["tenant:acme-corp:user:bob", "tenant:acme_corp:user:bob"], schemes=NamingSchemes.of()
    )
    order = Order(TenantKey("tenant", "acme-corp"), Kind.PATTERNS, Layout.KATO, Form.CSV,
                  node_id="tenant:acme-corp:user:bob")  # fmt: skip
    with pytest.raises(ImportRefused, match="others hold"):
        target_of(order, both)


@given(st.integers(), st.sampled_from(["UInt8", "Int8", "UInt64", "Int256"]))
def test_whole_numbers_fit_or_are_refused(value: int, kind: str) -> None:
    signed, bits = not kind.startswith("U"), int(kind.lstrip("UInt"))
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if signed else (0, 2**bits)
    cast = cast_of(kind)
    assert cast is not None
    if low <= value < high:
        assert cast(value) == cast(str(value)) == value
    else:
        with pytest.raises(Unfit):
            cast(value)
