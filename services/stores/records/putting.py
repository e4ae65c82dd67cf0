"""Puts rows into the tables of this product's own records, in place of those that are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, Table

from services.stores.records.database import insert_into


def put_rows(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, object]], *, newer: str = ""
) -> None:
    """Put rows, each with every column of its table, in place of those with the same primary key.

    With `newer`, the name of a column, the row that is there stays where it is the newer by that.
    """
    if not rows:
        return
    statement = insert_into(connection, table)
    new = statement.excluded
    keys = table.primary_key.columns
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=table.primary_key,
            set_={column.name: new[column.name] for column in table.c if column.name not in keys},
            where=new[newer] >= table.c[newer] if newer else None,
        ),
        rows,
    )
