"""Which format a client asks for."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from services.metrics.formats import OPENMETRICS, PLAIN, Format, format_of

PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (PROMETHEUS, OPENMETRICS),
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", OPENMETRICS),
        ("Application/OpenMetrics-Text", OPENMETRICS),
        ("application/openmetrics-text;version=1.0.0;q=0.4,text/plain;q=0.9", PLAIN),
        ("application/openmetrics-text;q=0", PLAIN),
        ("application/openmetrics-text;version=2.0.0", PLAIN),
        ("application/openmetrics-text;version=abc", PLAIN),
        ("application/openmetrics-text;q=much", PLAIN),
        ("application/vnd.google.protobuf;proto=x;q=0.7,text/plain;version=0.0.4;q=0.3", PLAIN),
        ("text/html,application/xhtml+xml,*/*;q=0.8", PLAIN),
        ("", PLAIN),
    ],
)
def test_it_is_chosen_by_the_accept_header(accept: str, expected: Format) -> None:
    assert format_of(accept) is expected


@given(st.text())
def test_no_header_is_too_odd(accept: str) -> None:
    assert format_of(accept) in (PLAIN, OPENMETRICS)
