"""Policies as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from services.access.viewer import TenantPattern
from services.cards.models import Label
from services.cards.scope import LabelScope, Scope
from services.jobs.schedule import Schedule
from services.retention.formats import policy_json, policy_kept
from services.retention.models import QUANTITIES, Policy, RetentionError
from services.retention.written import most_words, policy_of, scope_of, span_words, words_of

SCOPES = st.builds(TenantPattern, st.text(min_size=1), st.text(min_size=1)).filter(
    lambda each: "/" not in each.kind and not each.kind.startswith("label:") and each.kind != "*"
) | st.builds(
    LabelScope,
    st.builds(
        Label,
        st.text(min_size=1).filter(lambda key: not set(key) & set("=/")),
        st.text().filter(lambda value: "/" not in value),
    ),
)


@pytest.mark.parametrize(
    ("quantity", "text", "most"),
    [
        ("predictions:count", "10,000", 10_000),
        ("predictions:bytes", "1.5MB", 1_500_000),
        ("predictions:bytes", "5GiB", 5 * 1024**3),
        ("predictions:idle", "30d", 30 * 86_400),
        ("sessions:idle", "12h", 12 * 3600),
        ("streams:age", "90m", 5400),
        ("caches:ttl", "ALL", None),
        ("patterns:age", "61s", 61),
        ("predictions:count", "0", 0),
    ],
)
def test_how_much(quantity: str, text: str, most: int | None) -> None:
    assert policy_of("*", quantity, text).most == most


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("acme", "sessions:idle", "1d", "", "UTC"), "label:plan=gold"),
        (("*", "sessions:count", "1", "", "UTC"), "a policy is of one of"),
        (("*", "sessions:idle", "30", "", "UTC"), "a span as 30d"),
        (("*", "sessions:idle", "59s", "", "UTC"), "from 1m"),
        (("*", "predictions:idle", "191d", "", "UTC"), "194 days"),
        (("*", "predictions:count", "-1", "", "UTC"), "a whole number"),
        (("org/*", "streams:length", "1", "", "UTC"), "is for *"),
        (("*", "streams:length", "1", "* * * *", "UTC"), "five fields"),
        (("*", "streams:length", "1", "61 * * * *", "UTC"), "cannot be read"),
        (("*", "streams:length", "1", "0 0 31 2 *", "UTC"), "cannot be read"),
        (("*", "streams:length", "1", "0 3 * * *", "Mars/Olympus"), "no such time zone"),
    ],
)
def test_what_cannot_be_taken_says_why(given: tuple[str, str, str, str, str], says: str) -> None:
    with pytest.raises(RetentionError) as caught:
        policy_of(*given)
    assert says in str(caught.value)


@given(
    SCOPES, st.sampled_from(QUANTITIES), st.none() | st.integers(0, 10**9),
    st.none() | st.just(Schedule("30 3 * * 1", "Europe/Berlin")),
)  # fmt: skip
def test_a_policy_is_read_back(
    scope: Scope, quantity: str, most: int | None, schedule: Schedule | None
) -> None:
    policy = Policy(scope, quantity, most, schedule)
    assert policy_kept(policy_json(policy)) == policy


@given(st.integers(60, 10**8))
def test_a_span_is_said_as_it_is_written(seconds: int) -> None:
    text = span_words(seconds).replace(",", "")
    assert policy_of("*", "patterns:age", text).most == seconds


def test_a_label() -> None:
    assert scope_of("label:plan=gold") == LabelScope(Label("plan", "gold"))
    policy = policy_of("label:plan=gold", "patterns:age", "90d", "0 3 * * *", "Europe/Berlin")
    assert words_of(policy) == "label:plan=gold patterns:age 90d at 0 3 * * * Europe/Berlin"
    assert most_words(Policy(policy.scope, "predictions:count", 12_000)) == "12,000"
