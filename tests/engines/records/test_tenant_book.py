"""One text a tenant, in each kind of database: who is parked, and who moved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Table

from services.move.models import moved_of, moved_text
from services.parking.models import parked_of, parked_text
from services.stores.records.life_tables import MOVED as MOVED_TABLE, PARKED as PARKED_TABLE
from services.stores.records.tenant_book import TenantBook
from services.tenancy.kb_ids import TenantKey
from tests.servers.records import Records
from tests.unit.access.moved import MOVED
from tests.unit.access.parked import PARKED

KINDS: list[Any] = [
    (PARKED_TABLE, parked_text, parked_of, PARKED[0]),
    (MOVED_TABLE, moved_text, moved_of, MOVED[0]),
]


@pytest.mark.parametrize(("table", "text", "read", "kept"), KINDS, ids=["parked", "moved"])
def test_what_is_kept_of_a_tenant(
    records: Records, table: Table, text: Callable[[Any], str], read: Callable[[str], Any],
    kept: Any,
) -> None:  # fmt: skip
    """Once each, the newest first, whatever bytes its name has."""
    book: TenantBook[Any] = TenantBook(records.engine(), table, text=text, read=read)
    odd = replace(kept, tenant=TenantKey("tenant", "\udcff'\n"), since=kept.since + timedelta(1))
    assert book.all() == ()
    assert book.get(kept.tenant) is None
    book.put(kept)
    book.put(odd)
    book.put(replace(kept, reason="another"))
    assert book.all() == (odd, replace(kept, reason="another"))
    assert book.get(odd.tenant) == odd
    book.drop(odd.tenant)
    book.drop(odd.tenant)
    assert [each.tenant for each in book.all()] == [kept.tenant]
