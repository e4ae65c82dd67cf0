"""What a ClickHouse user may not do of what a purge does. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from clickhouse_connect.driver.binding import quote_identifier

from services.errors import StoreDenied, StoreRejected
from services.isolation.facts import Grant
from services.purge.models import Surface
from services.stores.clickhouse.grants import UnreadableGrant, grants_in
from services.stores.clickhouse.looking import ASKING, granted, may_read
from services.stores.clickhouse.owner_columns import Place
from services.stores.clickhouse.query import Asking
from services.stores.clickhouse.surface import PatternSurface
from services.tenancy.layout import text_of

_SETTINGS = "SELECT toInt64(getSetting('readonly')), toInt64(getSetting('allow_ddl'))"
_SYSTEM_TABLES = ("parts", "detached_parts", "mutations", "merge_tree_settings")
_CLUSTER_TABLES = ("clusters", "replicas", "distribution_queue", "distributed_ddl_queue")
_FLUSH = "SYSTEM FLUSH ASYNC INSERT QUEUE"
_WIDER = {
    "ALTER DELETE": ("ALTER DELETE", "DELETE", "ALTER TABLE", "ALTER", "ALL", "ALL PRIVILEGES"),
    _FLUSH: (_FLUSH, "FLUSH ASYNC INSERT QUEUE", "SYSTEM FLUSH", "SYSTEM", "ALL", "ALL PRIVILEGES"),
    "CLUSTER": ("CLUSTER", "ALL", "ALL PRIVILEGES"),
    "REMOTE": ("REMOTE", "SOURCES", "ALL", "ALL PRIVILEGES"),
    "CREATE TEMPORARY TABLE": (
        "CREATE TEMPORARY TABLE", "CREATE ARBITRARY TEMPORARY TABLE", "CREATE TABLE", "CREATE",
        "ALL", "ALL PRIVILEGES",
    ),
    "SYSTEM FLUSH DISTRIBUTED": (
        "SYSTEM FLUSH DISTRIBUTED", "FLUSH DISTRIBUTED", "SYSTEM FLUSH", "SYSTEM", "ALL",
        "ALL PRIVILEGES",
    ),
    "SYSTEM SYNC REPLICA": (
        "SYSTEM SYNC REPLICA", "SYNC REPLICA", "SYSTEM", "ALL", "ALL PRIVILEGES",
    ),
}  # fmt: skip
"""By which rights each of these is given, its own name first."""
_ON_A_CLUSTER = (
    "CLUSTER", "REMOTE", "CREATE TEMPORARY TABLE", "SYSTEM FLUSH DISTRIBUTED",
    "SYSTEM SYNC REPLICA",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Need:
    """A right that erasing takes; `place` is None for one that is on everything."""

    right: str
    place: Place | None = None

    @property
    def on(self) -> str:
        """On what, as a statement says it."""
        if self.place is None:
            return "*.*"
        table = self.place.table
        return f"{quote_identifier(table.database)}.{quote_identifier(table.name)}"

    @property
    def words(self) -> str:
        """Say that it is missing."""
        if self.place is None:
            return f"this user lacks the grant {self.right} on *.*"
        table = self.place.table
        return f"this user lacks the grant {self.right} on {table.database}.{table.name}"

    def given_by(self, grant: Grant) -> bool:
        """Whether a grant as SHOW GRANTS says it gives this right."""
        if not {*grant.rights} & {*_WIDER[self.right]}:
            return False
        if self.place is None:
            return grant.on == "*.*"
        table = self.place.table
        return grant.on in {"*.*", f"{table.database}.*", f"{table.database}.{table.name}"}


class PatternRights:
    """Asks one ClickHouse what this user may not. Raises StoreError where it cannot be asked."""

    def __init__(self, asking: Asking, *, everywhere: bool = False) -> None:
        self._asking = asking
        self._everywhere = everywhere

    def missing(self) -> tuple[str, ...]:
        """Return what this user lacks to look and to erase, in words."""
        try:
            catalogue = PatternSurface(self._asking, Surface()).catalogue()
        except StoreDenied:
            return ("this user lacks the grant SELECT on system.tables and system.columns",)
        places = [place for place in catalogue.places if not place.obstacle]
        return (
            *self._settings(),
            *self._unreadable(places),
            *(need.words for need in self._lacking(self._needs(places))),
        )

    def _settings(self) -> Iterator[str]:
        readonly, ddl = self._one(_SETTINGS)
        if readonly:
            yield f"this user may only read (readonly = {readonly})"
        if not ddl:
            yield "this user may not ALTER any table (allow_ddl = 0)"

    def _unreadable(self, places: Iterable[Place]) -> Iterator[str]:
        """Try to read nothing from each: whatever way a right is given, this tells."""
        for name in (*_SYSTEM_TABLES, *(_CLUSTER_TABLES if self._everywhere else ())):
            if not may_read(self._asking, "system", name):
                yield f"this user lacks the grant SELECT on system.{name}"
        for place in places:
            table, column = place.table, place.column.name
            if not may_read(self._asking, table.database, table.name, column):
                where = f"{table.database}.{table.name}"
                yield f"this user lacks the grant SELECT({column}) on {where}"

    def _one(self, query: str, **bound: object) -> Sequence[Any]:
        return self._asking.row(ASKING, query, bound)

    def _needs(self, places: Iterable[Place]) -> list[Need]:
        needs = [Need("ALTER DELETE", place) for place in places]
        return [*needs, Need(_FLUSH), *(map(Need, _ON_A_CLUSTER) if self._everywhere else ())]

    def _lacking(self, needs: list[Need]) -> list[Need]:
        """Return the needs that are not granted; none where the server cannot tell."""
        told = granted(self._asking, [(need.right, need.on) for need in needs])
        if told is not None:
            return [need for need, is_granted in zip(needs, told, strict=True) if not is_granted]
        grants = self._grants()
        if grants is None:
            return []
        return [need for need in needs if not any(map(need.given_by, grants))]

    def _grants(self) -> tuple[Grant, ...] | None:
        for query in ("SHOW GRANTS FINAL", "SHOW GRANTS"):
            try:
                rows = self._asking.rows(ASKING, query, {})
                return grants_in(text_of(row[0]) for row in rows)
            except (StoreDenied, StoreRejected, UnreadableGrant):
                continue
        return None
