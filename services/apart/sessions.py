"""What came of sessions: which went on under another id, for receipts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress

from services.apart.models import By, Goes, Plan, Receipt, session_id_for
from services.apart.tools import Tools
from services.errors import StoreNotConfigured
from services.figures import Measure
from services.tenancy.layout import SESSION_PREFIX, bytes_of

_LISTED = 200  # sessions in a receipt


def arrived(tools: Tools, plan: Plan, sessions: Mapping[str, str]) -> dict[str, str]:
    """Return those of these sessions (ids with their old node_ids) that go on under a new id."""
    found: frozenset[bytes] = frozenset()
    keys = {old: SESSION_PREFIX + bytes_of(new) for old, new in _ids(plan, sessions).items()}
    with suppress(StoreNotConfigured):
        found = tools.key_writer.there(list(keys.values()))
    return {old: node for old, node in sessions.items() if keys[old] in found}


def sessions_gone(plan: Plan, sessions: Mapping[str, str]) -> Iterator[Goes]:
    """Say how many sessions each tenant has under its new name."""
    for share in plan.shares:
        count = sum(1 for node in sessions.values() if node in share.nodes)
        if count:
            yield Goes(Measure.SESSIONS, share.tenant, count, By.RECORD)


def ids_told(plan: Plan, sessions: Mapping[str, str]) -> dict[str, str]:
    """Return the new ids of these sessions, at most so many as a receipt has."""
    return dict(sorted(_ids(plan, sessions).items())[:_LISTED])


def receipt_of_sessions(tools: Tools, plan: Plan, sessions: Mapping[str, str]) -> Receipt:
    """Say what came of sessions alone, of those that go on under a new id by now."""
    there = arrived(tools, plan, sessions)
    return Receipt(tuple(sessions_gone(plan, there)), (), ids_told(plan, there))


def _ids(plan: Plan, sessions: Mapping[str, str]) -> dict[str, str]:
    moves = plan.moves
    return {old: session_id_for(old, moves[node]) for old, node in sessions.items()}
