"""Owners in another form: copies, other columns, other types. Erased, in the way, or told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from clickhouse_connect.driver.client import Client

from services.figures import Measure
from services.purge.models import LeftKind, Look, Surface
from services.stores.clickhouse.connect import Identifier
from services.stores.clickhouse.erase import PatternErasing
from tests.engines.clickhouse.kato_tables import add_patterns, make_tables
from tests.engines.clickhouse.test_erasing import (
    FLAT,
    assert_nothing,
    erasing as erasing,  # noqa: PLC0414  a fixture
    server as server,  # noqa: PLC0414  a fixture
)
from tests.engines.erasing import silent, surface_of

A = Surface(
    kb_ids=frozenset({"a_kato"}), nodes=frozenset({"tenant:a"}), tenant_ids=frozenset({"7"})
)


@pytest.fixture
def other(clickhouse: Client) -> Iterator[str]:
    """Another database, with KATO's tables in the first."""
    make_tables(clickhouse)
    name = f"{clickhouse.database}.`other"
    clickhouse.command("CREATE DATABASE {name:Identifier}", parameters={"name": Identifier(name)})
    yield name
    clickhouse.command(
        "DROP DATABASE {name:Identifier} SYNC", parameters={"name": Identifier(name)}
    )


def command(client: Client, text: str, other: str = "") -> None:
    client.command(text, parameters={"other": Identifier(other)})


def found(look: Look) -> dict[str, dict[str, int]]:
    kinds: dict[str, dict[str, int]] = {}
    for item in look.items:
        assert item.store is Measure.PATTERNS
        kinds.setdefault(item.kind, {})[item.owner] = item.count
    return kinds


def column(client: Client, table: str, name: str, other: str = "") -> list[object]:
    rows = client.query(
        f"SELECT {name} FROM {table} ORDER BY 1", {"other": Identifier(other)},
        settings={"apply_deleted_mask": 0},
    ).result_rows  # fmt: skip
    return [value for (value,) in rows]


def test_a_copy_in_another_database_goes(
    erasing: PatternErasing, clickhouse: Client, other: str
) -> None:
    """A view fills it under another name for kb_id, and another view copies that again."""
    command(
        clickhouse,
        "CREATE TABLE {other:Identifier}.kept (owner String, name String) " + FLAT, other,
    )  # fmt: skip
    command(
        clickhouse,
        "CREATE MATERIALIZED VIEW fill TO {other:Identifier}.kept"
        " AS SELECT kb_id AS owner, name FROM patterns_data", other,
    )  # fmt: skip
    command(
        clickhouse,
        "CREATE MATERIALIZED VIEW again ENGINE = MergeTree ORDER BY x"
        " AS SELECT owner AS x FROM {other:Identifier}.kept", other,
    )  # fmt: skip
    add_patterns(clickhouse, ["a_kato", "b_kato"], each=2)
    look = erasing.look(A)
    (inner,) = (kind for kind in found(look) if kind.startswith(".inner"))
    assert found(look) == {
        kind: {"a_kato": 2} for kind in ("patterns_data", f"{other}.kept", inner)
    }
    assert look.blockers == ()
    assert erasing.names() == {"a_kato": 6, "b_kato": 6}
    erasing.erase(A, silent)
    assert_nothing(erasing.look(A))
    assert column(clickhouse, "{other:Identifier}.kept", "owner", other) == ["b_kato"] * 2
    assert column(clickhouse, "again", "x") == ["b_kato"] * 2
    assert erasing.names() == {"b_kato": 6}


def test_a_copy_that_outlived_its_kb_id_is_found(
    erasing: PatternErasing, clickhouse: Client, other: str
) -> None:
    """Somebody erased KATO's tables alone."""
    command(
        clickhouse,
        "CREATE MATERIALIZED VIEW {other:Identifier}.kept ENGINE = MergeTree ORDER BY k"
        f" AS SELECT kb_id AS k FROM `{clickhouse.database}`.patterns_data", other,
    )  # fmt: skip
    add_patterns(clickhouse, ["a_kato", "b_kato"])
    clickhouse.command("ALTER TABLE patterns_data DROP PARTITION 'a_kato'")
    (kind,) = found(erasing.look(A))
    assert kind.startswith(f"{other}..inner")
    assert erasing.names()["a_kato"] == 1
    erasing.erase(A, silent)
    assert_nothing(erasing.look(A))
    assert column(clickhouse, "{other:Identifier}.kept", "k", other) == ["b_kato"]


def test_a_copy_that_does_not_surely_tell_is_in_the_way(
    erasing: PatternErasing, clickhouse: Client, other: str
) -> None:
    """Its rows may be anybody's who only has that text: they are not touched, but named."""
    command(
        clickhouse,
        "CREATE MATERIALIZED VIEW odd ENGINE = MergeTree ORDER BY k"
        " AS SELECT concat(kb_id, '') AS k, name FROM patterns_data",
    )
    add_patterns(clickhouse, ["a_kato", "b_kato"], each=2)
    (text,) = erasing.look(A).blockers
    assert f"filled by {clickhouse.database}.odd" in text
    assert "2 rows of these kb_ids that cannot be erased" in text
    assert "call the column kb_id" in text
    label = text.split()[2]
    look = erasing.look(replace(A, passed_over=frozenset({label})))
    assert look.blockers == ()
    (left,) = look.left
    assert (left.kb_id, left.place, left.kind) == ("a_kato", label, LeftKind.NOT_ERASABLE)
    assert left.counts == {Measure.PATTERNS: 2}
    erasing.erase(A, silent)
    assert column(clickhouse, "odd", "k") == ["a_kato", "a_kato", "b_kato", "b_kato"]


def test_sums_that_name_nobody_are_disclosed(
    erasing: PatternErasing, clickhouse: Client, other: str
) -> None:
    command(
        clickhouse,
        "CREATE MATERIALIZED VIEW sums ENGINE = SummingMergeTree ORDER BY length"
        " AS SELECT length, count() AS n FROM patterns_data GROUP BY length",
    )
    add_patterns(clickhouse, ["a_kato"])
    _, text = erasing.look(A).disclosed
    assert f"filled by {clickhouse.database}.sums" in text
    assert "names no owner" in text


OTHER_FORMS: list[tuple[str, object, list[object]]] = [
    ("node_id String", "tenant:a", ["tenant:a_", "tenant:b", "tenant:A"]),
    ("node_id Nullable(String)", "tenant:a", [None, "", "NULL", "tenant:b"]),
    ("tenant_id String", "7", ["07", "77", "8"]),
    ("tenant_id UInt64", 7, [8, 77]),
    ("tenant_id Nullable(Int32)", 7, [None, 0, 77]),
    ("tenant_id Enum8('7' = 3, '3' = 7)", "7", ["3"]),
    ("tenant LowCardinality(String)", "7", ["70"]),
    ("kb_id Nullable(String)", "a_kato", [None, "", "NULL", "a_katO", "b_kato"]),
    ("kb_id LowCardinality(Nullable(String))", "a_kato", [None, "", "b_kato"]),
    ("kb_id Enum8('a_kato' = 1, 'b_kato' = 2)", "a_kato", ["b_kato"]),
    ("owner String", "a_kato", ["a_kat_", "b_kato"]),
]
"""A column, what in it is A's, and what is others'."""


@pytest.mark.parametrize("layout", ["", "PARTITION BY {}"])
def test_other_columns_and_types_that_name_an_owner(
    erasing: PatternErasing, clickhouse: Client, other: str, layout: str
) -> None:
    """Exactly its own rows: none of NULL, and none that only look alike."""
    tables = {f"t{number}": form for number, form in enumerate(OTHER_FORMS)}
    for table, (kind, mine, others) in tables.items():
        parts = layout.format(kind.split(maxsplit=1)[0])
        clickhouse.command(
            f"CREATE TABLE {table} ({kind}, n UInt8) ENGINE = MergeTree {parts} ORDER BY n"
            " SETTINGS allow_nullable_key = 1"
        )
        clickhouse.insert(table, [[value, 1] for value in (mine, mine, *others)])
    assert found(erasing.look(A)) == {t: {str(mine): 2} for t, (_, mine, _) in tables.items()}
    for _ in range(2):
        erasing.erase(A, silent)
        for table, (kind, _, others) in tables.items():
            kept = column(clickhouse, table, kind.split(maxsplit=1)[0])
            assert sorted(kept, key=repr) == sorted(others, key=repr), kind
        assert_nothing(erasing.look(A))


def test_what_cannot_be_told_apart_or_compared_is_in_the_way(
    erasing: PatternErasing, clickhouse: Client, other: str
) -> None:
    """With its remedy; passed over, it stays and is named with its count."""
    tables = {
        "t0": ("tenant_id Array(String)", ["6", "7"], "7"),
        "t1": ("`metadata.tenant_id` Array(UInt64)", [7], "7"),
        "t2": ("`metadata.tenant_id` String", "7", "7"),
        "t3": ("kb_id FixedString(12)", "a_kato", "a_kato"),
        "t4": ("user_name String", "tenant:a", "tenant:a"),
        "t5": ("customer Nullable(String)", "a_kato", "a_kato"),
    }
    for table, (kind, value, _) in tables.items():
        clickhouse.command(f"CREATE TABLE {table} ({kind}, n UInt8) ENGINE = MergeTree ORDER BY n")
        clickhouse.insert(table, [[value, 1]])
    blockers = erasing.look(A).blockers
    assert len(blockers) == len(tables)
    for table in tables:
        (text,) = (each for each in blockers if f"the table {table} (MergeTree)" in each)
        assert "holds 1 rows of these" in text
        assert "or pass it over by its name" in text
    look = erasing.look(replace(A, passed_over=frozenset(tables)))
    assert look.blockers == ()
    assert sorted((left.place, left.kb_id) for left in look.left) == [
        (table, owner) for table, (_, _, owner) in tables.items()
    ]
    assert all(left.counts == {Measure.PATTERNS: 1} for left in look.left)
    assert erasing.look(surface_of("b_kato")).blockers == ()


def test_rows_under_anothers_kb_id_are_disclosed(
    erasing: PatternErasing, clickhouse: Client, other: str
) -> None:
    """They name the target in a second column: a kb_id that was left out."""
    clickhouse.command(f"CREATE TABLE t (kb_id String, node_id String, name String) {FLAT}")
    rows = [["a_kato", "tenant:a", ""], ["b_kato", "tenant:a", ""], ["b_kato", "tenant:b", ""]]
    clickhouse.insert("t", rows)
    look = erasing.look(A)
    assert found(look) == {"t": {"a_kato": 1}}
    assert "1 rows whose node_id is one of these node_ids" in look.disclosed[1]
    erasing.erase(A, silent)
    assert column(clickhouse, "t", "kb_id") == ["b_kato", "b_kato"]
