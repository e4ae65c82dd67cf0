"""Tenants that people take for one another."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, strategies as st

from services.tenancy.alike import alike, look_alikes, look_of
from services.tenancy.kb_ids import TenantKey

SAME = [
    ("acme", "acme "), ("acme", " acme"), ("acme", "Acme"), ("a b", "a  b"), ("a b", "a\u00a0b"),
    ("caf\u00e9", "cafe\u0301"), ("caf\u00e9", "CAFE\u0301 "), ("acme", "ac\u200bme"),
    ("acme", "\uff41cme"), ("stra\u00dfe", "STRASSE"), ("acme", "acme\u3164"),
]  # fmt: skip
OTHER = [
    ("acme", "acme-corp"),
    ("acme", "\u0430cme"),
    ("a b", "ab"),
    ("a-b", "a_b"),
    ("a", "\udcff"),
]
names = st.text(st.characters(codec=None, categories=None), max_size=8)
keys = st.builds(TenantKey, st.sampled_from(["tenant", "org"]), st.sampled_from(
    ["acme", "Acme", "acme ", "caf\u00e9", "cafe\u0301", "x"]))  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME, ids=ascii)
def test_names_that_look_alike(one: str, other: str) -> None:
    assert look_of(one) == look_of(other)


@pytest.mark.parametrize(("one", "other"), OTHER, ids=ascii)
def test_names_that_do_not(one: str, other: str) -> None:
    assert look_of(one) != look_of(other)


@given(names)
def test_what_makes_no_difference_makes_none(name: str) -> None:
    """And what a name looks like looks like itself."""
    look = look_of(name)
    assert look_of(look) == look
    for form in ("NFC", "NFD", "NFKC"):
        assert look_of(unicodedata.normalize(form, name)) == look  # type: ignore[arg-type]
    assert look_of(f" {name}\t") == look


@given(st.lists(keys))
def test_groups_are_of_one_kind_and_hold_every_pair(tenants: list[TenantKey]) -> None:
    """Each tenant in one group at most, with exactly those that it looks like."""
    groups = alike(tenants)
    for tenant in tenants:
        mine = [group for group in groups.values() if tenant in group]
        others = look_alikes(tenant, set(tenants))
        assert [tuple(t for t in group if t != tenant) for group in mine] == (
            [others] if others else []
        )
        assert all(other.kind == tenant.kind for other in others)
