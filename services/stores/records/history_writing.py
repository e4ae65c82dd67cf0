"""Writes what is kept of usage over time, in a transaction that is open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, Table, select, update

from services.history.models import Grain, Holder
from services.history.ports import Head
from services.history.rollup import Look
from services.history.rows import Row, bytes_of
from services.stores.records.database import batches, insert_into
from services.stores.records.history_tables import HEAD, HOLDERS, LOOKS, ROWS
from services.stores.records.putting import put_rows
from services.stores.records.schema import digest_of


def moved(
    connection: Connection, after: Head, to: Head, *which: ColumnElement[bool], table: Table = HEAD
) -> bool:
    """Replace the head, if it is still the one that is given; `which` says whose, of several."""
    moved = connection.execute(
        update(table)
        .where(
            *which, table.c.number == after.number, table.c.last == after.last,
            table.c.hours == after.rolled[Grain.HOUR], table.c.days == after.rolled[Grain.DAY],
        )
        .values(number=to.number, last=to.last, hours=to.rolled[Grain.HOUR],
                days=to.rolled[Grain.DAY])
    )  # fmt: skip
    return moved.rowcount == 1


def put(connection: Connection, grain: int, rows: Mapping[int, Mapping[Holder, Row]]) -> None:
    """Keep rows of spans of so many seconds, by their start, in the place of those there."""
    ids = _ids(connection, {holder for each in rows.values() for holder in each})
    found = [
        {"grain": grain, "holder": ids[digest(holder)], "start": start, "row": bytes_of(row)}
        for start, each in rows.items() for holder, row in each.items()
    ]  # fmt: skip
    put_rows(connection, ROWS, found)


def put_looks(
    connection: Connection, looks: Iterable[tuple[str, Look]], *, table: Table = LOOKS, **whose: str
) -> None:
    """Keep looks by their quantity; one that is there grows. `whose` are its other columns."""
    found = [
        {**whose, "quantity": quantity, "began": look.began, "ended": look.ended,
         "reason": look.reason}
        for quantity, look in looks
    ]  # fmt: skip
    if found:
        grown = insert_into(connection, table)
        connection.execute(
            grown.on_conflict_do_update(
                index_elements=table.primary_key, set_={"ended": grown.excluded.ended}
            ),
            found,
        )


def _ids(connection: Connection, holders: Iterable[Holder]) -> dict[str, int]:
    """Return the number of each holder by its digest; who has none gets one."""
    by_digest = {digest(holder): holder for holder in holders}
    ids = _numbers(connection, sorted(by_digest))
    fresh = sorted(by_digest.keys() - ids.keys())
    if fresh:
        rows = [{"digest": digest, "kind": by_digest[digest].kind.value,
                 "tenant": by_digest[digest].tenant} for digest in fresh]  # fmt: skip
        connection.execute(insert_into(connection, HOLDERS).on_conflict_do_nothing(), rows)
        ids |= _numbers(connection, fresh)
    return ids


def _numbers(connection: Connection, digests: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for some in batches(digests):
        asked = select(HOLDERS.c.digest, HOLDERS.c.id).where(HOLDERS.c.digest.in_(some))
        found.update((row.digest, row.id) for row in connection.execute(asked))
    return found


def digest(holder: Holder) -> str:
    """Return what a holder is found by."""
    return digest_of(f"{holder.kind} {holder.tenant}")
