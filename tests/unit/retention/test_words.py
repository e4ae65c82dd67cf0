"""What is said of a plan: what is not known of it is never told as nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd

from cli.retention_text import plan_text
from dashboard.retention.tables import plan_words, tenants_frame
from services.errors import Problem
from services.retention.models import Line, Matter, Plan
from services.tenancy.kb_ids import TenantKey

NOW = datetime(2026, 11, 29, tzinfo=UTC)
ACME = TenantKey("tenant", "acme")


def line(owner: str, due: int | None, problem: Problem | None = None) -> Line:
    return Line(Matter.PREDICTIONS, ACME, owner, {}, 9, due, problem=problem)


def test_what_is_not_known_of_an_owner_is_not_nothing() -> None:
    plan = Plan(NOW, "d", (), (line("a", None, Problem("it is not told")), line("b", 2)))
    assert plan_words(plan) == "2 predictions, of 1 tenant; unknown of 1 owner"
    frame = tenants_frame(plan)
    assert list(frame["There"]) == [18]
    assert pd.isna(frame["Goes"]).all()


def test_how_much_there_is_is_not_nothing_where_it_is_not_known() -> None:
    lines = (line("a", 2), Line(Matter.PREDICTIONS, ACME, "b", {}, None, 1))
    (row,) = tenants_frame(Plan(NOW, "d", (), lines)).to_dict("records")
    assert pd.isna(row["There"])
    assert row["Goes"] == 3


def test_a_store_that_was_not_read_is_not_nothing() -> None:
    plan = Plan(NOW, "d", (), unread={"redis": Problem("it is down")})
    assert plan_words(plan) == "nothing; not every store was read"
    assert plan_text(plan).startswith("of what was read, nothing")
    assert plan_words(Plan(NOW, "d", ())) == "nothing"
