"""Numbers, bytes, ages and hostile names as words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given, strategies as st

from dashboard.app import permits
from dashboard.draw import formatting as f
from services.figures import Amount, Precision

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("reason", "said"),
    [("it is down", "It is down."), ("tenant/acme is on hold", "tenant/acme is on hold."),
     ("redis: it is down", "Redis: it is down."), ("kb_id x is shared", "kb_id x is shared."),
     ("tenant:a:user:b: no", "tenant:a:user:b: no."), ("", ".")],
)  # fmt: skip
def test_a_reason_is_a_sentence_and_a_name_at_its_head_stays_as_it_is(
    reason: str, said: str
) -> None:
    assert permits.sentence(reason) == said


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0B"), (999, "999B"), (1000, "1KB"), (1549, "1.5KB"), (5 * 10**9, "5GB"),
     (1250, "1.3KB"), (376_700, "376.7KB"), (999_950, "1MB"), (10**18, "1,000,000TB"),
     (None, "unknown")],
)  # fmt: skip
def test_sizes(count: int | None, words: str) -> None:
    assert f.size(count) == words


NAMES = st.text() | st.text("\\n\nx7fab/", max_size=6)


@given(NAMES, NAMES)
def test_a_name_is_found_as_it_is_shown_and_as_it_is(name: str, other: str) -> None:
    """A whole one and a part of one; and as it is shown means that one alone."""
    shown = {f.visible(name), f.visible(other)}
    assert f.name_among(f.visible(name), shown) == f.visible(name)
    assert f.name_among(name, {f.visible(name)}) == f.visible(name)
    column = pd.Series([f"tenant/{f.visible(name)}"])
    assert f.holds(column, f.visible(name)).tolist() == [True]
    assert f.holds(column, name).tolist() == [True]


def test_a_backslash_is_found_as_typed() -> None:
    assert f.visible(r"tenant/back\slash") != r"tenant/back\slash"
    assert f.name_among(r"tenant/back\slash", {r"tenant/back\\slash"}) == r"tenant/back\\slash"
    assert f.holds(pd.Series([r"tenant/back\\slash", "x"]), r"K\s").tolist() == [True, False]


@given(st.lists(st.sampled_from("abc"), max_size=9), st.integers(1, 5))
def test_few_names_as_many_as_it_may_and_counts_the_rest(names: list[str], most: int) -> None:
    named, _, rest = f.few(names, most).partition(" and ")
    shown = named.split(", ") if named else []
    assert shown == names[:most]
    assert len(shown) + int(rest.removesuffix(" more") or 0) == len(names)


@pytest.mark.parametrize(
    ("amount", "precision", "words"),
    [
        (None, Precision.EXACT, "unknown"),
        (Amount(0, 0), Precision.EXACT, "0"),
        (Amount(1234, 0), Precision.EXACT, "1,234"),
        (Amount(1234, 0), Precision.ESTIMATE, "≈ 1,234"),
        (Amount(1234, 0, count_margin=55.6), Precision.RUNNING, "≈ 1,234 ± 56"),
    ],
)
def test_figures_say_what_they_are(amount: Amount | None, precision: Precision, words: str) -> None:
    """An unknown figure is no 0, and an estimate is not shown as exact."""
    assert f.figure(amount, precision) == words


def test_sampled_bytes_carry_their_error() -> None:
    assert f.figure_bytes(Amount(1, 2000, bytes_margin=1000)) == "≈ 2KB ± 1KB"
    assert f.figure_bytes(Amount(1, 2000)) == "2KB"
    assert f.figure_bytes(Amount(1, None)) == "unknown"
    assert f.figure_bytes(None) == "unknown"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "just now"), (12, "12 s ago"), (119, "119 s ago"), (180, "3 min ago"),
     (3 * 3600, "3 h ago"), (3 * 86400, "3 days ago")],
)  # fmt: skip
def test_ages(seconds: int, words: str) -> None:
    assert f.age(NOW - timedelta(seconds=seconds), NOW) == words


def test_what_never_was_has_no_age() -> None:
    assert f.age(None) == "never"
    assert f.moment(None) == "unknown"


def test_a_moment_is_in_utc() -> None:
    assert f.moment(NOW) == "2026-01-31 12:00:00 UTC"


@given(st.text(), st.text())
def test_two_names_never_look_the_same(one: str, other: str) -> None:
    """What is shown tells names apart, and can be printed."""
    assert (f.visible(one) == f.visible(other)) == (one == other)
    assert f.visible(one).isprintable()


@given(st.binary(min_size=1))
def test_bytes_that_are_not_utf8_can_be_shown(raw: bytes) -> None:
    """Nothing that the browser's protocol cannot carry is left."""
    assert f.visible(raw.decode("utf-8", "surrogateescape")).encode("utf-8")


@given(st.text(), st.integers(5, 80))
def test_short_names_keep_both_ends(text: str, limit: int) -> None:
    shown = f.short(text, limit)
    assert len(shown) <= limit
    assert shown[: (limit - 1) // 2] == f.visible(text)[: (limit - 1) // 2]


@pytest.mark.parametrize(
    "text",
    ["*bold*", "[x](http://e)", "`code`", "# head", ":red[x]", "$x$", "<b>", "a_b_c", "~~x~~"],
)
def test_markdown_leaves_names_alone(text: str) -> None:
    """Every character that Markdown or a directive could read is escaped."""
    import re

    assert re.sub(r"\\(.)", "", f.markdown(text)).isalnum() or f.markdown(text).startswith("\\")
    assert re.sub(r"\\(.)", r"\1", f.markdown(text)) == text


def test_plurals() -> None:
    assert f.plural(1, "tenant") == "1 tenant"
    assert f.plural(2000, "tenant") == "2,000 tenants"
    assert f.plural(2, "entry", "entries") == "2 entries"
