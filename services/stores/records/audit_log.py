"""The audit log in this product's own records: appending, reading, and all of it for verifying.

Several dashboards may write to one log: they take turns, and make one chain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    Select,
    column as named,
    func,
    insert,
    select,
    text,
)

from services.access.viewer import Outcome, TenantPattern
from services.audit_log.chain import LogKeys, linked
from services.audit_log.models import NAME_LIMIT, Entry, Event, Index, Kept, LogFilter, cut
from services.audit_log.texts import (
    index_of,
    kept_of,
    needle,
    pattern_digest,
    readable,
    tenant_digest,
)
from services.errors import LogError, StoreMisconfigured
from services.stores.records.as_kept import AsKept, moment_of, words_of
from services.stores.records.database import STORE, batches, reading, writing
from services.stores.records.schema import LOG, LOG_TENANTS
from services.stores.records.version import take_turns

_LOCK = 0x6B746C6F67  # "ktlog": any number that others hardly choose
_BATCH = 2_000
_PEOPLE = 500

_DISTINCT = """
WITH RECURSIVE found(who) AS (
    SELECT min(who) FROM audit_log
    UNION ALL
    SELECT (SELECT min(who) FROM audit_log WHERE audit_log.who > found.who) FROM found
    WHERE found.who IS NOT NULL)
SELECT who FROM found WHERE who IS NOT NULL LIMIT :most
"""
"""Everyone, by one look into the index each."""

_SHOWN = (LOG.c.number, AsKept(LOG.c.text).label("text"), AsKept(LOG.c.hash).label("hash"))
_INDEXED = (LOG.c.at, LOG.c.who, LOG.c.action, LOG.c.outcome, LOG.c.request_id, LOG.c.words)
_ENDINGS = {outcome.value: outcome for outcome in Outcome}


class LogStore:
    """Keeps the log. Raises StoreUnavailable when its database does not answer."""

    def __init__(self, engine: Engine, keys: LogKeys) -> None:
        self._engine = engine
        self.keys = keys

    def append(self, event: Event) -> Entry:
        """Put an event at the end of the chain. When this returns, it is there to stay.

        Raises StoreMisconfigured where the log is sealed with a key that is not set.
        """
        with writing(self._engine, "writing the audit log") as connection:
            take_turns(connection, _LOCK)
            return self._append(connection, event)

    def append_once(self, event: Event) -> Entry | None:
        """Put an event at the end, unless one of this request id is there: then return None."""
        mine = select(LOG.c.number).where(LOG.c.request_id == event.request_id).limit(1)
        with writing(self._engine, "writing the audit log") as connection:
            take_turns(connection, _LOCK)
            if connection.scalar(mine) is not None:
                return None
            return self._append(connection, event)

    def _append(self, connection: Connection, event: Event) -> Entry:
        try:
            entry = linked(event, _head(connection), self.keys, partial(_seal_of, connection))
        except LogError as exc:
            raise StoreMisconfigured(STORE, "writing the audit log", str(exc)) from exc
        _insert(connection, entry)
        return entry

    def head(self) -> Entry | None:
        """Return the newest entry, or None before the first."""
        with reading(self._engine, "reading the audit log") as connection:
            return _head(connection)

    def hash_of(self, number: int) -> str | None:
        """Return the hash of an entry; None where there is none."""
        with reading(self._engine, "reading the audit log") as connection:
            return connection.scalar(select(AsKept(LOG.c.hash)).where(LOG.c.number == number))

    def page(self, wanted: LogFilter, *, before: int | None, limit: int) -> tuple[Entry, ...]:
        """Return the newest entries that pass, of those before a number, the newest first.

        The scope is passed by entries that concern some tenant of it: who asks looks whether
        all of theirs are.
        """
        found: dict[int, Entry] = {}
        for statement, number in _selected(wanted, self._engine.dialect.name):
            earlier = () if before is None else (number < before,)
            newest = statement.where(*earlier).order_by(number.desc()).limit(limit)
            entries = self._entries(newest, long=_searches(wanted))
            found.update((entry.number, entry) for entry in entries)
        return tuple(found[number] for number in sorted(found, reverse=True)[:limit])

    def after(self, wanted: LogFilter, *, number: int, limit: int = _BATCH) -> tuple[Entry, ...]:
        """Return the oldest entries that pass, of those after a number, the oldest first."""
        found: dict[int, Entry] = {}
        for statement, column in _selected(wanted, self._engine.dialect.name):
            oldest = statement.where(column > number).order_by(column).limit(limit)
            entries = self._entries(oldest, long=True)
            found.update((entry.number, entry) for entry in entries)
        return tuple(found[each] for each in sorted(found)[:limit])

    def of_request(self, request_id: str) -> tuple[Entry, ...]:
        """Return the entries of one action, the oldest first."""
        mine = select(*_SHOWN).where(LOG.c.request_id == request_id).order_by(LOG.c.number)
        return self._entries(mine)

    def ends(self, request_ids: Sequence[str]) -> Mapping[str, Outcome]:
        """Return how actions ended; one that has not is left out."""
        found: dict[str, Outcome] = {}
        with reading(self._engine, "reading the audit log") as connection:
            for some in batches(request_ids):
                ended = (LOG.c.request_id.in_(some), LOG.c.outcome != Outcome.BEGUN.value)
                for request_id, outcome in connection.execute(
                    select(AsKept(LOG.c.request_id), AsKept(LOG.c.outcome)).where(*ended)
                ):
                    if outcome in _ENDINGS:  # else somebody was at it
                        found[request_id] = _ENDINGS[outcome]
        return found

    def people(self) -> tuple[str, ...]:
        """Return who is in the log, at most 500 of them."""
        everyone = text(_DISTINCT).bindparams(most=_PEOPLE).columns(named("who")).subquery()
        with reading(self._engine, "reading the audit log") as connection:
            kept = connection.scalars(select(AsKept(everyone.c.who)))
            return tuple(who for who in map(words_of, kept) if who is not None)

    def kept(self) -> Iterator[Kept]:
        """Return every entry as it is kept, the oldest first, read in batches."""
        last = -(2**62)  # somebody may have put entries before the first
        while True:
            with reading(self._engine, "reading the audit log", long=True) as connection:
                rows = _rows_after(connection, last)
            yield from rows
            if len(rows) < _BATCH:
                return
            last = rows[-1].number

    def _entries(self, statement: Select[Any], *, long: bool = False) -> tuple[Entry, ...]:
        with reading(self._engine, "reading the audit log", long=long) as connection:
            rows = connection.execute(statement).all()
        return tuple(map(_entry, rows))


def _searches(wanted: LogFilter) -> bool:
    """Whether much of the log may have to be read for a page: that takes long."""
    return bool(wanted.text or wanted.unended or wanted.tenant or wanted.scope)


def _head(connection: Connection) -> Entry | None:
    newest = select(*_SHOWN).order_by(LOG.c.number.desc()).limit(1)
    row = connection.execute(newest).first()
    return None if row is None else _entry(row)


def _seal_of(connection: Connection, number: int) -> str:
    """Return which key sealed an entry; nothing where none did, or it cannot be told."""
    row = connection.execute(select(*_SHOWN).where(LOG.c.number == number)).first()
    return "" if row is None else _entry(row).seal


def _entry(row: Row[Any]) -> Entry:
    return readable(row.number, row.text or "", row.hash or "")


def _insert(connection: Connection, entry: Entry) -> None:
    kept, index = kept_of(entry), index_of(entry.event)
    connection.execute(insert(LOG).values(
        number=kept.number, at=index.at, who=index.who, action=index.action,
        outcome=index.outcome, request_id=index.request_id, words=index.words, text=kept.text,
        hash=kept.hash,
    ))  # fmt: skip
    if index.tenants:
        rows = [{"tenant": digest, "number": kept.number} for digest in sorted(index.tenants)]
        connection.execute(insert(LOG_TENANTS), rows)


def _selected(wanted: LogFilter, dialect: str) -> Iterator[tuple[Select[Any], ColumnElement[int]]]:
    """Yield what together finds the entries that pass, each with the number to order it by.

    Whose they are is looked up by one digest at a time: so an index has them in their order.
    """
    statement = select(*_SHOWN).where(*_conditions(wanted, dialect))
    digests = _digests(wanted)
    if digests is None:
        yield statement, LOG.c.number
        return
    joined = statement.join(LOG_TENANTS, LOG_TENANTS.c.number == LOG.c.number)
    for digest in digests:
        yield joined.where(LOG_TENANTS.c.tenant == digest), LOG_TENANTS.c.number


def _digests(wanted: LogFilter) -> list[str] | None:
    """Return under what entries are found by whose they are; None where that does not matter."""
    if wanted.tenant:
        return [tenant_digest(cut(wanted.tenant, NAME_LIMIT))]
    if wanted.scope is None or TenantPattern("*", "*") in wanted.scope:
        return None
    return sorted(set(map(pattern_digest, wanted.scope)))


def _conditions(wanted: LogFilter, dialect: str) -> Iterator[ColumnElement[bool]]:
    for column, values in (
        (LOG.c.who, wanted.who),
        (LOG.c.action, wanted.actions),
        (LOG.c.outcome, [outcome.value for outcome in wanted.outcomes]),
    ):
        if values:
            yield column.in_(values)
    if wanted.since is not None:
        yield LOG.c.at >= wanted.since
    if wanted.until is not None:
        yield LOG.c.at < wanted.until
    if wanted.text:
        place = func.instr if dialect == "sqlite" else func.strpos
        yield place(LOG.c.words, needle(wanted.text)) > 0
    if wanted.unended:
        yield LOG.c.outcome == Outcome.BEGUN.value
        yield ~_ended()
    if wanted.acts:
        yield (LOG.c.outcome != Outcome.BEGUN.value) | ~_ended()


def _ended() -> ColumnElement[bool]:
    end = LOG.alias("ended")
    same = (end.c.request_id == LOG.c.request_id, end.c.outcome != Outcome.BEGUN.value)
    return select(end.c.number).where(*same).exists()


def _rows_after(connection: Connection, number: int) -> list[Kept]:
    index = [AsKept(each).label(each.name) for each in _INDEXED]
    rows = connection.execute(
        select(*_SHOWN, *index).where(number < LOG.c.number).order_by(LOG.c.number).limit(_BATCH)
    ).all()
    if not rows:
        return []
    between = LOG_TENANTS.c.number.between(rows[0].number, rows[-1].number)
    links = connection.execute(
        select(LOG_TENANTS.c.number, AsKept(LOG_TENANTS.c.tenant).label("tenant"))
        .where(between).order_by(LOG_TENANTS.c.number)
    ).all()  # fmt: skip
    tenants = {
        number: frozenset(link.tenant for link in some)
        for number, some in groupby(links, key=lambda link: link.number)
    }
    return [_kept(row, tenants.get(row.number, frozenset())) for row in rows]


def _kept(row: Row[Any], tenants: frozenset[str | None]) -> Kept:
    """Return a row as it is kept, without an index where one of its columns cannot be read."""
    at, who, action = moment_of(row.at), words_of(row.who), words_of(row.action)
    index = None
    if not (at is None or who is None or action is None):
        known = frozenset(tenant or "" for tenant in tenants)
        index = Index(
            at, who, action, row.outcome or "", row.request_id or "", row.words or "", known
        )
    return Kept(row.number, row.text or "", row.hash or "", index)
