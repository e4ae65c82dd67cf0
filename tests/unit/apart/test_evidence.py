"""What can only be one tenant's: nothing is ever given to one that could be another's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from services.apart.evidence import MARGIN, Alone, Pattern, Why, alone
from services.apart.models import ApartRefused
from services.apart.spoken import time_of
from services.tenancy.kb_ids import TenantKey

TENANTS = tuple(TenantKey("tenant", name) for name in "abc")
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
MARGIN_SECONDS = int(MARGIN.total_seconds())

moments = st.integers(0, 4_000).map(lambda tenths: EPOCH + timedelta(seconds=tenths / 2))
skews = st.floats(-MARGIN_SECONDS, MARGIN_SECONDS).map(lambda s: timedelta(seconds=s))


@st.composite
def histories(draw: st.DrawFn) -> tuple[Mapping[TenantKey, datetime | None], list[list[object]]]:
    """What is said of when each began, and learnings by each that are true to it.

    Each learning of a pattern: who, and when by KATO's clock, which is off by up to the margin.
    """
    tenants = TENANTS[: draw(st.integers(2, 3))]
    began = {tenant: draw(st.none() | moments) for tenant in tenants}
    patterns = []
    for _ in range(draw(st.integers(1, 6))):
        learnings = []
        for _ in range(draw(st.integers(1, 3))):
            who = draw(st.sampled_from(tenants))
            since = began[who] or EPOCH - timedelta(days=1)
            at = since + timedelta(seconds=draw(st.integers(0, 4_000))) + draw(skews)
            learnings.append((at, who))
        patterns.append(sorted(learnings, key=lambda each: each[0]))
    return began, patterns


@given(histories())
def test_nothing_that_could_be_anothers_is_told_to_be_ones(
    history: tuple[Mapping[TenantKey, datetime | None], list[list[tuple[datetime, TenantKey]]]],
) -> None:
    """KATO writes a row at the first learning, and counts each of them."""
    began, patterns = history
    found = alone(began)
    for number, learnings in enumerate(patterns):
        at = int(learnings[0][0].timestamp() // 1)
        pattern = Pattern(b"%d" % number, 1, at)
        if found is not None and found.why(pattern, len(learnings)) is None:
            assert {who for _, who in learnings} == {found.tenant}


@given(st.lists(st.none() | moments, min_size=2, max_size=3), st.integers(-5_000, 5_000))
def test_a_second_is_told_only_where_everybody_else_is_excluded(
    said: list[datetime | None], seconds: int
) -> None:
    began = dict(zip(TENANTS, said, strict=False))
    found = alone(began)
    at = int(EPOCH.timestamp()) + seconds
    could = {
        tenant for tenant, since in began.items()
        if since is None or datetime.fromtimestamp(at + 1, UTC) > since - MARGIN
    }  # fmt: skip
    told = found is not None and found.why(Pattern(b"", 1, at), 1) is None
    assert told == (len(could) == 1)
    if found is not None and told:
        assert could == {found.tenant}


def test_it_takes_a_word_about_everybody_but_one() -> None:
    a, b, c = TENANTS
    assert alone({a: None, b: None}) is None
    assert alone({a: None, b: EPOCH, c: None}) is None
    assert alone({a: EPOCH}) is None
    assert alone({}) is None
    assert alone({a: EPOCH, b: EPOCH}) is None  # neither was alone
    until = int(EPOCH.timestamp()) - MARGIN_SECONDS - 1
    assert alone({a: None, b: EPOCH}) == Alone(a, until)
    later = EPOCH + timedelta(days=1)
    assert alone({a: later, b: EPOCH, c: later}) == Alone(b, until + 86_400, until)
    ever = datetime.min.replace(tzinfo=UTC)  # as any record of a session may say
    assert alone({a: None, b: ever}) == Alone(a, int(ever.timestamp()) - MARGIN_SECONDS - 1)


@pytest.mark.parametrize("said", ["", "yesterday", "0001-01-01T00:00+14:00", "2026-13-01"])
def test_a_time_that_is_none_is_refused(said: str) -> None:
    with pytest.raises(ApartRefused, match="a time is written as"):
        time_of(said)


@pytest.mark.parametrize(
    ("pattern", "frequency", "why"),
    [
        (Pattern(b"", 1, 100), 1, None),
        (Pattern(b"", 1, 101), 1, Why.LATE),
        (Pattern(b"", 1, 50), 1, Why.EARLY),
        (Pattern(b"", 2, 100), 1, Why.TWICE),
        (Pattern(b"", 1, 100), 2, Why.AGAIN),
        (Pattern(b"", 1, 100), None, Why.UNCOUNTED),
        (Pattern(b"", 1, 100), 0, Why.AGAIN),
        (Pattern(b"", 1, 0), 1, Why.UNTIMED),
    ],
)
def test_each_reason_why_a_pattern_stays(
    pattern: Pattern, frequency: int | None, why: Why | None
) -> None:
    assert Alone(TENANTS[0], 100, 50).why(pattern, frequency) is why


def test_no_time_is_not_an_early_one() -> None:
    """A row from before the table had the column has 0 in it."""
    assert Alone(TENANTS[0], 100).why(Pattern(b"", 1, 0), 1) is Why.UNTIMED


def test_vectors_are_told_by_their_tokens() -> None:
    assert Pattern(b"", 1, 0, (b"VCTR|1", b"x", b"VCTR|1")).vectors == {b"VCTR|1"}
