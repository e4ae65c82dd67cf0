"""Each row of a file as it would be written, or why it is not taken. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

from services.imports.columns import Cast, Unfit, cast_of
from services.imports.models import LONGEST_KEY, TTL_MOST, Item, Kind, Order, Refused, Target, Why
from services.imports.ports import Collection, Table
from services.imports.target import is_own
from services.imports.values import (
    No,
    Values,
    dumped,
    kept,
    only,
    parsed,
    point_id,
    redis_value,
    text,
    vector,
)
from services.tenancy.layout import KB_KINDS, Layout, OwnerKind
from services.tenancy.ownership import Ownership

_TYPES = ("string", "hash", "list", "set", "zset")


@dataclass(frozen=True)
class Checker:
    """Checks the rows of an order. `table` or `collection` are of the store, where it takes one."""

    order: Order
    target: Target
    ownership: Ownership
    table: Table | None = None
    collection: Collection | None = None
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    def item(self, number: int, values: Values) -> Item | Refused:
        """Return a row as it is written, or why it is not taken."""
        checks = {
            Kind.PATTERNS: self._pattern, Kind.KEYS: self._key, Kind.SESSIONS: self._session,
            Kind.VECTORS: self._vector,
        }  # fmt: skip
        try:
            key, body = checks[self.order.kind](values)
            return Item(number, key, body)
        except No as exc:
            return Refused(number, exc.why, exc.about)

    def called(self, item: Item) -> str:
        """Return what people call a row: of a pattern the name, whose it is goes without saying."""
        return str(json.loads(item.key)[1]) if self.order.kind is Kind.PATTERNS else item.key

    @cached_property
    def _casts(self) -> Mapping[str, Cast | None]:
        columns = {} if self.table is None else self.table.columns
        return {name: cast_of(kind) for name, kind in columns.items()}

    # --- patterns ---

    def _pattern(self, values: Values) -> tuple[str, dict[str, object]]:
        table = self.table
        assert table is not None  # noqa: S101 - it was looked up before
        row = {name: self._cast(name, value) for name, value in values.items()}
        owner = row.setdefault(table.owner, self._owner(table.kind))
        self._check_owner(table, str(owner))
        name = str(row.get("name", ""))
        if "name" in table.columns and not name:
            raise No(Why.NO_VALUE, "name")
        if len(name) > LONGEST_KEY:
            raise No(Why.UNFIT, "name")
        return json.dumps([owner, name]), {each: kept(value) for each, value in row.items()}

    def _cast(self, name: str, value: object) -> object:
        if name not in self._casts:
            raise No(Why.UNKNOWN_COLUMN, name)
        cast = self._casts[name]
        with suppress(Unfit):
            if cast is not None:
                return cast(value)
        kind = "" if self.table is None else f": {self.table.columns[name]}"
        raise No(Why.UNFIT, name + kind)

    def _owner(self, kind: OwnerKind) -> str:
        if kind is OwnerKind.NODE:
            return self.order.node_id
        return self.target.kb_id if kind is OwnerKind.KB else self.order.tenant.id

    def _check_owner(self, table: Table, owner: str) -> None:
        if table.kind is OwnerKind.KB:
            own = is_own(owner, self.order, self.target, self.ownership)
        else:
            own = owner == self._owner(table.kind)
        if not own:
            raise No(Why.ANOTHERS, table.owner)

    # --- keys and sessions ---

    def _key(self, values: Values) -> tuple[str, dict[str, object]]:
        only(values, "key", "value", "type", "ttl_seconds")
        name, prefix = text(values, "key"), self.target.prefix
        if self.order.layout is Layout.GUIDE and name.startswith("tenant:"):
            if not name.startswith(prefix):
                raise No(Why.ANOTHERS, "key")
        elif self.order.layout is Layout.GUIDE or not name.startswith(prefix):
            name = prefix + name
        rest = name.removeprefix(prefix)
        if not rest or len(name) > LONGEST_KEY + len(prefix):
            raise No(Why.UNFIT, "key")
        if self.order.layout is Layout.KATO and rest.partition(":")[0] not in KB_KINDS:
            raise No(Why.NO_SUCH_KIND, "key")
        kind = values.get("type", "string")
        if kind not in _TYPES:
            raise No(Why.UNFIT, "type")
        if "value" not in values:
            raise No(Why.NO_VALUE, "value")
        value = redis_value(str(kind), values["value"])
        return name, {"type": kind, "value": value, "ttl": self._ttl(values)}

    def _session(self, values: Values) -> tuple[str, dict[str, object]]:
        only(values, "session_id", "record", "ttl_seconds")
        name, record = text(values, "session_id"), values.get("record")
        if isinstance(record, str):
            record = parsed(record)
        if not isinstance(record, Mapping):
            raise No(Why.NO_VALUE if record is None else Why.UNFIT, "record")
        if ":" in name or name.startswith("_") or len(name) > LONGEST_KEY:
            raise No(Why.UNFIT, "session_id")
        ttl = self._ttl(values if "ttl_seconds" in values else record)
        if ttl is None:
            raise No(Why.NO_TTL)
        if self.order.layout is Layout.KATO:
            self._check_record(name, record)
            key = f"kato:session:{name}"
        else:
            key = f"{self.target.prefix}session:{name}"
        return key, {"type": "string", "value": dumped(record), "ttl": ttl, "session": name}

    def _check_record(self, name: str, record: Values) -> None:
        if record.get("session_id") != name:
            raise No(Why.UNFIT, "session_id")
        if record.get("node_id") != self.order.node_id:
            raise No(Why.ANOTHERS, "node_id")
        ends = record.get("expires_at")
        try:
            at = datetime.fromisoformat(str(ends))
        except ValueError:
            raise No(Why.UNFIT, "expires_at") from None
        if (at if at.tzinfo else at.replace(tzinfo=UTC)) <= self.now():
            raise No(Why.OVER, "expires_at")

    def _ttl(self, values: Values) -> int | None:
        given = values.get("ttl_seconds", self.order.ttl_seconds)
        if given is None:
            return None
        if isinstance(given, str) and given.isascii() and given.isdigit():
            given = int(given[:12])
        if not isinstance(given, int) or isinstance(given, bool) or not 1 <= given <= TTL_MOST:
            raise No(Why.UNFIT, "ttl_seconds")
        return given

    # --- vectors ---

    def _vector(self, values: Values) -> tuple[str, dict[str, object]]:
        only(values, "id", "vector", "payload")
        point = point_id(values.get("id"))
        numbers = vector(values.get("vector"))
        size = None if self.collection is None else self.collection.size
        if size is not None and len(numbers) != size:
            raise No(Why.WRONG_SIZE, f"{len(numbers)} of {size}")
        payload = values.get("payload", {})
        if isinstance(payload, str):
            payload = parsed(payload)
        if not isinstance(payload, Mapping):
            raise No(Why.UNFIT, "payload")
        dumped(payload)
        self._check_payload(payload)
        named = {**payload, "tenant_id": self.order.tenant.id} if self.order.collection else payload
        return json.dumps(point), {"vector": numbers, "payload": named}

    def _check_payload(self, payload: Values) -> None:
        """Refuse a payload that names somebody else, in any place that a purge looks at too."""
        inside = payload.get("metadata")
        for where in (payload, inside if isinstance(inside, Mapping) else {}):
            tenant, kb_id = where.get("tenant_id"), where.get("kb_id")
            if tenant is not None and tenant != self.order.tenant.id:
                raise No(Why.ANOTHERS, "tenant_id")
            if kb_id is not None and not (
                isinstance(kb_id, str) and is_own(kb_id, self.order, self.target, self.ownership)
            ):
                raise No(Why.ANOTHERS, "kb_id")
            node = where.get("node_id")
            if node is not None and not (
                isinstance(node, str) and self.ownership.tenant_of(node) == self.order.tenant
            ):
                raise No(Why.ANOTHERS, "node_id")
