"""Following views by their definitions: nothing is taken for what it only looks like."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from services.stores.clickhouse.views import Ref, View, fed_from, renamed_columns

P = ("k", "p")


def view(name: str, select: str, to: str = "TO k.t ", *, keeps: bool = True) -> View:
    kind = "MATERIALIZED VIEW" if keeps else "VIEW"
    create = f"CREATE {kind} k.{name} {to}(`a` String) AS {select}"
    return View("k", name, keeps, f"uuid-{name}", select, create)


def quoted(name: str) -> str:
    """As ClickHouse writes a name."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


@pytest.mark.parametrize(
    ("select", "column"),
    [
        ("SELECT kb_id AS owner, name FROM k.p", "owner"),
        ("SELECT DISTINCT kb_id AS owner FROM k.p WHERE name != 'kb_id AS x'", "owner"),
        ("SELECT name, kb_id FROM k.p GROUP BY kb_id, name", "kb_id"),
        ("SELECT `kb_id` AS `o w` FROM `k`.`p`", "o w"),
        ("SELECT kb_id AS owner, [1, 2] AS b, f(a, b) AS c FROM k.p", "owner"),
        ("SELECT name AS owner FROM k.p", None),
        ("SELECT 'kb_id' AS owner FROM k.p", None),
        ("SELECT lower(kb_id) AS owner FROM k.p", None),
        ("SELECT f(kb_id AS owner) FROM k.p", None),
        ("SELECT kb_id AS a, kb_id AS b FROM k.p", None),
        ("SELECT kb_id AS owner FROM k.other", None),
        ("SELECT kb_id AS owner FROM (SELECT name AS kb_id FROM k.p)", None),
        ("SELECT kb_id AS owner FROM k.p, k.q", None),
        ("SELECT kb_id AS owner FROM k.p INNER JOIN k.q USING (name)", None),
        ("SELECT kb_id AS owner FROM k.p AS x ARRAY JOIN list AS kb_id", None),
        ("SELECT kb_id AS owner FROM k.p UNION ALL SELECT name FROM k.p", None),
        ("WITH name AS kb_id SELECT kb_id AS owner FROM k.p", None),
        ("SELECT '`' AS a, name AS owner, '` kb_id AS owner' AS b FROM k.p", None),
    ],
)
def test_what_a_view_calls_the_kb_id_is_told_only_where_it_is_plain(
    select: str, column: str | None
) -> None:
    assert view("v", select).renamed({P: "kb_id"}) == column


@pytest.mark.parametrize(
    ("definition", "target"),
    [
        ("CREATE MATERIALIZED VIEW k.v TO o.t (`a` String) AS SELECT 1", [("o", "t")]),
        ("CREATE MATERIALIZED VIEW k.`TO x` TO `o.d`.`t \\`1` AS SELECT 1", [("o.d", "t `1")]),
        (
            "CREATE MATERIALIZED VIEW k.v REFRESH EVERY 1 HOUR APPEND TO o.t (`TO` String) AS S",
            [("o", "t")],
        ),
        (
            "CREATE MATERIALIZED VIEW k.v (`a` String) ENGINE = MergeTree AS SELECT 'TO o.t'",
            [("k", ".inner_id.u"), ("k", ".inner.v")],
        ),
    ],
)
def test_where_a_view_keeps_its_rows(definition: str, target: list[Ref]) -> None:
    assert list(View("k", "v", True, "u", "", definition).target) == target


@given(st.text(min_size=1), st.text(min_size=1), st.text(min_size=1))
def test_any_name_is_read_as_it_is(database: str, table: str, column: str) -> None:
    """Whatever is in it: quotes, backslashes, words of SQL."""
    where = f"{quoted(database)}.{quoted(table)}"
    made = View(
        "k", "v", True, "u", f"SELECT kb_id AS {quoted(column)} FROM {where}",
        f"CREATE MATERIALIZED VIEW k.v TO {where} (`a` String) AS SELECT 1",
    )  # fmt: skip
    assert made.reads((database, table))
    assert made.target == ((database, table),)
    assert made.renamed({(database, table): "kb_id"}) == column


def test_a_text_names_no_table() -> None:
    assert not view("v", "SELECT 'FROM k.p' AS a FROM k.q").reads(P)


def test_chains_are_followed_through_views_to_the_end() -> None:
    """Views that only show, too, and circles end."""
    views = [
        view("one", "SELECT kb_id AS a FROM k.p", "TO o.one "),
        view("shows", "SELECT a FROM o.one", keeps=False),
        view("two", "SELECT a AS b FROM k.shows", "TO o.two "),
        view("back", "SELECT b FROM o.two", "TO k.p "),
        view("apart", "SELECT a FROM k.other", "TO o.apart "),
    ]
    fed = fed_from([P], views, {})
    assert {*fed.tables} == {("o", "one"), ("o", "two"), P}
    assert renamed_columns(fed, {P: "kb_id"})["o", "one"] == "a"


def test_a_table_that_two_views_fill_is_sure_only_where_both_say_the_same() -> None:
    same = [view(name, "SELECT kb_id AS a, name FROM k.p") for name in ("one", "two")]
    other = view("other", "SELECT name AS a, kb_id FROM k.p")
    known = {P: "kb_id"}
    assert renamed_columns(fed_from([P], same, {}), known) == {("k", "t"): "a"}
    assert renamed_columns(fed_from([P], [*same, other], {}), known) == {}


def test_a_view_that_is_not_shown_is_told() -> None:
    """ClickHouse says that it depends on a table, and lists it nowhere."""
    assert fed_from([P], [], {P: [("x", "hidden")]}).unseen == (("x", "hidden"),)
    assert fed_from([("k", "q")], [], {P: [("x", "hidden")]}).unseen == ()
