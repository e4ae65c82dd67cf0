"""Which tenants are suggested while one's id is typed."""

from __future__ import annotations

import unicodedata

from hypothesis import given, strategies as st

from dashboard.new_session.tenant_entry import MOST, near

IDS = ["acme", "acme-corp", "Acme", "acme ", "my-acme", "caf\N{LATIN SMALL LETTER E WITH ACUTE}"]


def test_beginnings_come_first_and_what_looks_alike_is_among_them() -> None:
    assert near("acm", IDS) == ("Acme", "acme", "acme ", "acme-corp", "my-acme")
    assert near("acme", IDS) == ("Acme", "acme ", "acme-corp", "my-acme")
    assert near(unicodedata.normalize("NFD", IDS[-1]), IDS) == (IDS[-1],)
    assert near("zed", IDS) == ()


def test_few_are_and_none_that_nobody_can_type() -> None:
    assert len(near("t", [f"t{number}" for number in range(50)])) == MOST
    assert near("a", ["a\n", "a\udcff", "ab"]) == ("ab",)


@given(st.text(min_size=1), st.lists(st.text()))
def test_each_suggestion_is_one_of_them_and_another(typed: str, ids: list[str]) -> None:
    found = near(typed, ids)
    assert set(found) <= set(ids) - {typed}
    assert len(found) <= MOST
