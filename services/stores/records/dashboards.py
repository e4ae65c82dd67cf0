"""The dashboards that share these records: who is there, who collects, what was published.

Time is the database's own: hosts whose clocks are apart go by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, update

from services.dashboards import models
from services.dashboards.models import GONE, Turn
from services.dashboards.published import Published
from services.health.models import Dashboard, Dashboards
from services.stores.records.clock import now_of
from services.stores.records.dashboard_tables import COLLECTING, DASHBOARDS, PUBLISHED
from services.stores.records.database import Database, reading, writing
from services.stores.records.fence import fence
from services.stores.records.putting import put_rows

_HEAD = "head"
_LET_GO: Mapping[str, object] = {"owner": "", "until": None, "began_at": None}
_BEATING = "saying that this dashboard is there"


class DashboardBook:
    """Keeps them, as `services.dashboards.ports.Book` says, for one dashboard of this id."""

    def __init__(
        self, engine: Database, *, me: str, name: str, version: str, read_only: bool
    ) -> None:
        self._engine, self.id = engine, me
        self._mine = {"id": me, "name": name, "version": version[:64], "read_only": read_only}
        self._read_only, self._has = read_only, COLLECTING.c.owner == me

    def beat(self, *, holds: int | None, lasts: timedelta) -> Turn:
        """Say that this dashboard is there; prolong its turn, or take one that is free."""
        with writing(self._engine, _BEATING) as connection:
            now = now_of(self._engine, connection)
            self._say(connection, now)
            if self._gives_way(connection, now):
                self._let_go(connection, holds)
            elif holds is None or not self._prolong(connection, holds, now + lasts):
                self._take(connection, now, now + lasts)
            return self._turn(connection, now)

    def leave(self, *, holds: int | None) -> None:
        """Say that it ends, and give up its turn."""
        with writing(self._engine, "saying that this dashboard ends") as connection:
            self._let_go(connection, holds)
            connection.execute(delete(DASHBOARDS).where(DASHBOARDS.c.id == self.id))

    def fenced(self, number: int) -> AbstractContextManager[None]:
        """Have everything that this thread writes in the block fail, once the turn is lost."""
        return fence(number)

    def want(self, *, audit: bool = False) -> None:
        """Ask whoever collects for new figures, or for an audit."""
        more: dict[str, object] = {"wanted": COLLECTING.c.wanted + 1}
        if audit:
            more["audits_wanted"] = COLLECTING.c.audits_wanted + 1
        with writing(self._engine, "asking for new figures") as connection:
            connection.execute(update(COLLECTING).values(more))

    def turn(self) -> Turn:
        """Return who collects, and how far that is."""
        with reading(self._engine, "looking who collects") as connection:
            return self._turn(connection, now_of(self._engine, connection))

    def begin(self) -> int:
        """Note that a round begins, and return its number."""
        with writing(self._engine, "beginning a round") as connection:
            now = now_of(self._engine, connection)
            begun = {"begun": COLLECTING.c.begun + 1, "began_at": now}
            return _changed(connection, begun, COLLECTING.c.begun)

    def publish(self, found: Published) -> int:
        """Put a snapshot in place of the last, and return its number."""
        rows = [
            {"part": name, "digest": found.digests[name], "content": content}
            for name, content in found.contents.items()
        ]
        head = {"part": _HEAD, "digest": "", "content": found.head}
        with writing(self._engine, "publishing figures") as connection:
            there = frozenset(connection.scalars(select(PUBLISHED.c.digest)))
            put_rows(connection, PUBLISHED, [each for each in rows if each["digest"] not in there])
            put_rows(connection, PUBLISHED, [head])
            # last: while this holds the row, the turn could not be prolonged
            more = {"published": COLLECTING.c.published + 1}
            return _changed(connection, more, COLLECTING.c.published)

    def end(self, round_number: int, *, audits: int) -> None:
        """Note that a round has ended, and which audits were served."""
        done = {"ended": round_number, "began_at": None, "audits_done": audits}
        with writing(self._engine, "ending a round") as connection:
            _changed(connection, done, COLLECTING.c.ended)

    def take(self, known: Sequence[str]) -> tuple[bytes, Mapping[str, bytes]] | None:
        """Return the head of what was published, and the parts by digest that are not known."""
        asked = select(PUBLISHED).where(
            or_(PUBLISHED.c.part == _HEAD, PUBLISHED.c.digest.not_in(known))
        )  # in one statement: what is published meanwhile is seen whole or not at all
        with reading(self._engine, "reading what was published", long=True) as connection:
            found = {row.part: row for row in connection.execute(asked)}
        head = found.pop(_HEAD, None)
        if head is None:
            return None
        return bytes(head.content), {row.digest: bytes(row.content) for row in found.values()}

    def standing(self) -> Dashboards:
        """Return who is there, and who collects."""
        with reading(self._engine, "looking which dashboards are there") as connection:
            now = now_of(self._engine, connection)
            has = connection.execute(select(COLLECTING.c.owner, COLLECTING.c.since)).one()
            heard = select(DASHBOARDS).where(DASHBOARDS.c.heard >= now - GONE)
            rows = connection.execute(heard.order_by(DASHBOARDS.c.started, DASHBOARDS.c.id))
            there = tuple(map(_dashboard, rows))
            return Dashboards(there, has.owner, has.since, now, self.id)

    def _say(self, connection: Connection, now: datetime) -> None:
        saying = update(DASHBOARDS).where(DASHBOARDS.c.id == self.id).values(heard=now)
        if connection.execute(saying).rowcount == 0:
            connection.execute(insert(DASHBOARDS).values(**self._mine, started=now, heard=now))
            silent = delete(DASHBOARDS).where(DASHBOARDS.c.heard < now - GONE)
            connection.execute(silent)

    def _gives_way(self, connection: Connection, now: datetime) -> bool:
        """Whether it only reads, and one that does more is there."""
        if not self._read_only:
            return False
        does_more = select(DASHBOARDS.c.id).where(
            DASHBOARDS.c.read_only.is_(False), DASHBOARDS.c.heard >= now - models.LEASE
        )
        return connection.execute(does_more.limit(1)).first() is not None

    def _prolong(self, connection: Connection, number: int, until: datetime) -> bool:
        """Prolong, at any time while nobody else took it: waits for no write of the turn's own."""
        mine = update(COLLECTING).where(self._has, COLLECTING.c.number == number)
        return connection.execute(mine.values(until=until)).rowcount == 1

    def _take(self, connection: Connection, now: datetime, until: datetime) -> None:
        free = or_(COLLECTING.c.owner == "", COLLECTING.c.until < now)
        # a write of whoever had it holds the row as long as it takes: the next beat finds it free
        held = select(COLLECTING.c.number).where(free).with_for_update(skip_locked=True)
        number = connection.scalar(held)
        if number is not None:
            taken = {"number": number + 1, "owner": self.id, "since": now, "until": until,
                     "began_at": None}  # fmt: skip
            connection.execute(update(COLLECTING).values(taken))

    def _let_go(self, connection: Connection, number: int | None) -> None:
        mine = update(COLLECTING).where(self._has)
        if number is not None:
            connection.execute(mine.where(COLLECTING.c.number == number).values(_LET_GO))

    def _turn(self, connection: Connection, now: datetime) -> Turn:
        heard = select(func.count()).select_from(DASHBOARDS).where(DASHBOARDS.c.heard >= now - GONE)
        row = connection.execute(select(COLLECTING, heard.scalar_subquery().label("there"))).one()
        return Turn(
            now, row.number, row.owner == self.id, row.wanted, row.audits_wanted, row.audits_done,
            row.begun, row.ended, row.began_at, row.published, row.there,
        )  # fmt: skip


def _changed(connection: Connection, values: Mapping[str, Any], told: Any) -> int:
    """Change the row, and return a column of it."""
    return int(connection.execute(update(COLLECTING).values(values).returning(told)).scalar_one())


def _dashboard(row: Row[Any]) -> Dashboard:
    return Dashboard(row.id, row.name, row.version, row.read_only, row.started, row.heard)
