"""Requests for a second person's approval, in this product's own records.

What may be done with one is in the statement that does it, so it holds between processes too.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Engine, Row, delete, func, insert, select, update

from services.access.viewer import Action
from services.approvals.models import Request
from services.stores.records.database import reading, writing
from services.stores.records.schema import APPROVALS
from services.tenancy.kb_ids import TenantKey

KEPT = timedelta(days=90)
"""How long a request is kept after it was over; the audit log has it for good."""

_COLUMNS = APPROVALS.c


class ApprovalStore:
    """Keeps requests. Raises StoreUnavailable when its database does not answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, request: Request) -> None:
        """Keep a new one, and forget those that were over long ago."""
        with writing(self._engine, "asking for approval") as connection:
            old = _COLUMNS.expires_at < request.asked_at - KEPT
            connection.execute(delete(APPROVALS).where(old))
            connection.execute(insert(APPROVALS), _row_of(request))

    def one(self, request_id: str) -> Request | None:
        """Return one, or None when there is none."""
        with reading(self._engine, "reading an approval") as connection:
            found = connection.execute(select(APPROVALS).where(_COLUMNS.id == request_id)).first()
        return None if found is None else _request_of(found)

    def newest(self, limit: int = 200) -> tuple[Request, ...]:
        """Return the newest, the newest first."""
        ordered = select(APPROVALS).order_by(_COLUMNS.asked_at.desc(), _COLUMNS.id)
        with reading(self._engine, "reading approvals") as connection:
            return tuple(map(_request_of, connection.execute(ordered.limit(limit))))

    def live(self, action: Action, asked_by: str, at: datetime) -> tuple[Request, ...]:
        """Return one person's for one kind of action, neither used nor over, the oldest first."""
        theirs = (_COLUMNS.action == action.value, _COLUMNS.asked_by == asked_by, *_live(at))
        ordered = select(APPROVALS).where(*theirs).order_by(_COLUMNS.asked_at, _COLUMNS.id)
        with reading(self._engine, "reading approvals") as connection:
            return tuple(map(_request_of, connection.execute(ordered)))

    def waiting(self, asked_by: str, at: datetime) -> int:
        """Return how many of a person's wait to be approved."""
        counted = select(func.count()).where(
            _COLUMNS.asked_by == asked_by, _COLUMNS.approved_by == "", _COLUMNS.expires_at > at
        )  # fmt: skip
        with reading(self._engine, "reading approvals") as connection:
            return connection.execute(counted).scalar_one()

    def approve(self, request_id: str, by: str, at: datetime) -> bool:
        """Note an approval; False where it is approved, used or over, or their own."""
        free = (_COLUMNS.approved_by == "", _COLUMNS.asked_by != by)
        return self._change(request_id, at, *free, approved_by=by, approved_at=at)

    def use(self, request_id: str, at: datetime) -> bool:
        """Use an approval up, once; False where another has, or it is over."""
        return self._change(request_id, at, _COLUMNS.approved_by != "", used_at=at)

    def give_back(self, request_id: str) -> None:
        """Make one that was used good again."""
        statement = update(APPROVALS).where(_COLUMNS.id == request_id)
        with writing(self._engine, "noting an approval") as connection:
            connection.execute(statement.values(used_at=None))

    def _change(self, request_id: str, at: datetime, *where: Any, **values: object) -> bool:
        statement = update(APPROVALS).where(_COLUMNS.id == request_id, *_live(at), *where)
        with writing(self._engine, "noting an approval") as connection:
            return connection.execute(statement.values(values)).rowcount == 1


def _live(at: datetime) -> tuple[ColumnElement[bool], ...]:
    return _COLUMNS.used_at.is_(None), _COLUMNS.expires_at > at


def _row_of(request: Request) -> dict[str, object]:
    return {
        "id": request.id, "action": request.action.value, "digest": request.digest,
        "target": request.target, "tenants": json.dumps([str(each) for each in request.tenants]),
        "asked_by": request.asked_by, "asked_at": request.asked_at,
        "expires_at": request.expires_at, "approved_by": request.approved_by,
        "approved_at": request.approved_at, "used_at": request.used_at,
        "details": json.dumps(dict(request.details)),
    }  # fmt: skip


def _request_of(row: Row[Any]) -> Request:
    return Request(
        row.id, Action(row.action), row.digest, row.target,
        tuple(map(TenantKey.written, json.loads(row.tenants))), row.asked_by, row.asked_at,
        row.expires_at, row.approved_by, row.approved_at, row.used_at,
        json.loads(row.details),
    )  # fmt: skip
