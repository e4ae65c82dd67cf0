"""Retention policies in this product's own records, and who is about to run them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    and_,
    bindparam,
    delete,
    or_,
    select,
    update,
)
from sqlalchemy.engine import Row

from services.cards.scope import scope_written
from services.jobs.schedule import Schedule
from services.retention.models import Kept, Key, Policy
from services.retention.steps import KIND
from services.stores.records.database import reading, writing
from services.stores.records.life_tables import POLICIES
from services.stores.records.putting import put_rows
from services.stores.records.schema import HOLDS, JOBS, digest_of

CLAIM = timedelta(seconds=60)
"""For how long a process that takes what is due has it for itself, to begin a run."""


class PolicyBook:
    """Keeps them. Every method raises StoreUnavailable when the database does not answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def every(self) -> tuple[Kept, ...]:
        """Return every policy."""
        with reading(self._engine, "reading retention policies") as connection:
            return tuple(map(_kept, connection.execute(select(POLICIES))))

    def change(self, put: Collection[Kept], removed: Collection[Key]) -> None:
        """Set policies, in place of those of the same key, and remove others, all or none.

        When one ran last is forgotten with it: it is another one now.
        """
        with writing(self._engine, "changing retention policies") as connection:
            _remove(connection, removed)
            put_rows(connection, POLICIES, list(map(_row, put)))

    def claim(self, policies: Sequence[Kept], *, at: datetime) -> bool:
        """Take what is due for this process alone, for a minute; False where another has it.

        So it is where one is not as it was read: it was changed, or has run.
        """
        with writing(self._engine, "taking what is due") as connection:
            for each in policies:
                begun, was = POLICIES.c.begun, each.begun
                seen = begun.is_(None) if was is None else begun == was
                free = or_(POLICIES.c.claimed.is_(None), POLICIES.c.claimed < at - CLAIM)
                mine = and_(_is(each.policy), POLICIES.c.at == each.at, seen, free)
                taken = connection.execute(update(POLICIES).where(mine).values(claimed=at))
                if taken.rowcount != 1:
                    connection.rollback()
                    return False
        return True

    def held(self) -> Callable[[str], bool]:
        """Return what says of a tenant or kb_id whether a purge or another job has it now."""
        others = JOBS.c.kind != KIND
        statement = select(HOLDS.c.digest).join(JOBS, JOBS.c.id == HOLDS.c.job).where(others)
        with reading(self._engine, "asking what other jobs have") as connection:
            found = frozenset(connection.scalars(statement))
        return lambda name: bool(found) and digest_of(name) in found

    def begun(self, policies: Collection[Policy], at: datetime) -> None:
        """Note that policies have begun to run."""
        with writing(self._engine, "noting a run of retention") as connection:
            for each in policies:
                setting = update(POLICIES).where(_is(each))
                connection.execute(setting.values(begun=at, claimed=None))


def _is(policy: Policy) -> ColumnElement[bool]:
    digest = digest_of(str(policy.scope))
    return and_(POLICIES.c.digest == digest, POLICIES.c.quantity == policy.quantity)


def _remove(connection: Connection, keys: Collection[Key]) -> None:
    if keys:
        of = POLICIES.c.digest == bindparam("of"), POLICIES.c.quantity == bindparam("what")
        rows = [{"of": digest_of(str(scope)), "what": quantity} for scope, quantity in keys]
        connection.execute(delete(POLICIES).where(*of), rows)


def _row(kept: Kept) -> dict[str, object]:
    policy, schedule = kept.policy, kept.policy.schedule
    return {
        "digest": digest_of(str(policy.scope)), "quantity": policy.quantity,
        "scope": str(policy.scope), "most": policy.most,
        "cron": "" if schedule is None else schedule.expression,
        "zone": "" if schedule is None else schedule.zone, "who": kept.by, "at": kept.at,
        "why": kept.why, "begun": kept.begun, "claimed": None,
    }  # fmt: skip


def _kept(row: Row) -> Kept:  # type: ignore[type-arg]  # whatever it has
    schedule = Schedule(row.cron, row.zone) if row.cron else None
    policy = Policy(scope_written(row.scope), row.quantity, row.most, schedule)
    return Kept(policy, row.who, row.at, row.why, row.begun)
