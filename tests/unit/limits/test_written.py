"""Limits as people write them; what is exported is imported the same."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings, strategies as st

from services.access.viewer import TenantPattern
from services.cards.csv_file import Refused
from services.cards.models import Label
from services.cards.scope import LabelScope
from services.errors import LimitsError
from services.limits.models import MOST, QUANTITIES, Kept, Rule
from services.limits.written import csv_of, most_of, quantity_of, read, rule_of, scope_of

AT = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = st.text(st.characters(exclude_categories=("Cs",)), min_size=1) | st.sampled_from(
    ["a*", "=1+1", "-", "'=x", "a,b", 'a"b', "a\r\nb", " a ", "\udcff", "a;b", "\ufeff", "/"]
)
SCOPES = (
    st.sampled_from([TenantPattern("*", "*"), TenantPattern("org", "*")])
    | st.builds(TenantPattern, st.sampled_from(["tenant", "+x", "kb", "label:plan=gold"]), NAMES)
    | st.sampled_from([LabelScope(Label("plan", "gold")), LabelScope(Label("x", "K\u00f6ln=-1"))])
)  # fmt: skip
RULES = st.builds(
    Rule, SCOPES, st.sampled_from(QUANTITIES), st.none() | st.integers(0, MOST)
)  # fmt: skip


@settings(max_examples=min(50, settings().max_examples))
@given(st.lists(RULES, unique_by=lambda rule: rule.key, max_size=8))
def test_what_is_exported_is_imported_the_same(rules: list[Rule]) -> None:
    """Whatever a tenant is called, and whatever reason was given."""
    exported = csv_of(Kept(rule, "=ann", AT, "a\nb,c") for rule in rules)
    assert set(read(exported)) == set(rules)
    assert csv_of(Kept(rule, "=ann", AT, "a\nb,c") for rule in reversed(rules)) == exported


def test_no_cell_of_an_export_is_a_formula() -> None:
    """A spreadsheet opens it as the text that it is."""
    exported = csv_of([Kept(Rule(TenantPattern("=x", "1"), "keys", None), "=ann", AT, "+1")])
    cells = exported.decode().splitlines()[1].split(",")
    assert [cells[0], cells[3], cells[5]] == ["'=x/1", "'=ann", "'+1"]


@pytest.mark.parametrize(
    ("text", "quantity", "most"),
    [("1000", "patterns", 1000), ("1,000_000", "keys", 10**6), ("none", "keys", None),
     ("5GB", "keys_bytes", 5 * 10**9), ("1.5 GiB", "keys_bytes", 3 << 29),
     ("10 KB", "vectors_bytes", 10_000), ("0", "sessions", 0), ("7B", "patterns_bytes", 7)],
)  # fmt: skip
def test_an_amount_is_read(text: str, quantity: str, most: int | None) -> None:
    assert most_of(text, quantity) == most


@pytest.mark.parametrize(
    ("text", "quantity"),
    [("", "keys"), ("-1", "keys"), ("1.5", "keys"), ("5GB", "keys"), ("1e9", "keys"),
     ("1.2345B", "keys_bytes"), (str(MOST + 1), "keys"), ("9999999TB", "keys_bytes"),
     ("many", "keys"), ("٣", "keys")],
)  # fmt: skip
def test_what_is_no_amount_is_refused(text: str, quantity: str) -> None:
    with pytest.raises(LimitsError):
        most_of(text, quantity)


@given(st.text(), st.text(), st.text())
def test_whatever_is_typed_is_a_rule_or_refused(scope: str, quantity: str, most: str) -> None:
    """And nothing else comes of it."""
    try:
        rule_of(scope, quantity, most)
    except LimitsError:
        return
    assert (quantity_of(quantity), str(scope_of(scope))) == (quantity, scope)


@given(st.binary() | st.text().map(lambda text: f"for,measure,limit\n{text}".encode()))
def test_whatever_a_file_holds_it_is_lines_or_refused(data: bytes) -> None:
    try:
        found = read(data)
    except LimitsError:
        return
    assert all(isinstance(line, Rule | Refused) for line in found)


def test_a_line_that_was_cut_at_a_comma_is_refused() -> None:
    """`1,000` is a limit of a thousand, and would be one of 1; empty cells behind are none."""
    found = read(b'for,measure,limit\n*,keys,1,000\n*,keys,"1,000"\norg/*,keys,5,,\n')
    (cut,) = (line for line in found if isinstance(line, Refused))
    assert (cut.number, cut.why[:17]) == (2, "it has more cells")
    assert [line.most for line in found if isinstance(line, Rule)] == [1000, 5]


def test_a_line_that_is_none_is_named() -> None:
    """By its number; the others count, and spreadsheets with semicolons are read too."""
    found = read(b"for;measure;limit;note\n*;keys;5;x\norg/*;keys\n\n*;keys;6;\nacme;keys;1;\n")
    assert found[0] == Rule(TenantPattern("*", "*"), "keys", 5)
    assert [line.number for line in found if isinstance(line, Refused)] == [3, 5, 6]
    for other in (b"", b"tenant,limit\n", b"\xff\xfef\x00"):
        with pytest.raises(LimitsError):
            read(other)
