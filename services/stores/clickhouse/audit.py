"""ClickHouse: what the isolation audit asks of it besides the usage. Reads only.

Every question but that for the grants is answered with exactly one row, so that an answer without
a body is never taken for "nothing there".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from clickhouse_connect.driver.client import Client

from services.errors import StoreDenied, StoreMisconfigured, StoreRejected
from services.isolation.facts import Grant, PatternFacts
from services.settings.environment import Settings
from services.stores.clickhouse.connect import NOT_CLICKHOUSE, STORE, Identifier, connecting
from services.stores.clickhouse.grants import UnreadableGrant, grants_in
from services.stores.clickhouse.query import Asking
from services.stores.clickhouse.tables import PATTERNS
from services.stores.open_doors import Door, clickhouse_door, no_door, tried
from services.tenancy.layout import text_of

_ABOUT = """
SELECT currentUser(),
       (SELECT count() FROM system.tables
        WHERE database = {db:String} AND name = {table:String} AND engine LIKE '%MergeTree'),
       (SELECT countIf(name = 'kb_id') > 0
               AND countIf(name = 'token_set' AND match(type, '^Array\\\\(.*String')) > 0
        FROM system.columns WHERE database = {db:String} AND table = {table:String})
"""
_MOST_PARTS = """
SELECT groupArray((table, most)) FROM (
    SELECT table, max(parts) AS most FROM (
        SELECT table, partition_id, count() AS parts FROM system.parts
        WHERE database = {db:String} AND active GROUP BY table, partition_id
    ) GROUP BY table
)
"""
_LIMITS = """
SELECT groupArray((name, value)) FROM system.merge_tree_settings
WHERE name IN ('parts_to_delay_insert', 'parts_to_throw_insert', 'max_parts_in_total')
"""
_VECTOR_TOKENS = """
SELECT groupArray((ifNull(toString(kb_id), ''), found)) FROM (
    SELECT kb_id, uniqExactArray(
        arrayFilter(token -> startsWith(ifNull(token, ''), {vector:String}), token_set)
    ) AS found
    FROM {home:Identifier}.{table:Identifier} GROUP BY kb_id
)
"""
_GRANTS, _GRANTS_OF_ROLES_TOO = "SHOW GRANTS", "SHOW GRANTS FINAL"
_SYNTAX_ERROR = 62
_VECTOR = "VCTR|"
_ASKING = "asking how it is set up"
_COUNTING = "counting the tokens that name vectors"


class PatternAudit:
    """Asks one ClickHouse how it keeps KATO's tables, and who we are to it.

    `connect` makes clients for the catalogue, `connect_slow` for the one question that reads a
    whole column. Raises StoreUnavailable, StoreDenied, StoreMisconfigured or StoreRejected.
    """

    def __init__(
        self,
        connect: Callable[[], Client],
        *,
        database: str,
        connect_slow: Callable[[], Client] | None = None,
        door: Door = no_door,
    ) -> None:
        self._asking = Asking(connect, database=database)
        self._slow = Asking(connect_slow or connect, database=database)
        self._database = database
        self._door = door

    @classmethod
    def over_http(cls, settings: Settings) -> Self:
        """Build it for the ClickHouse in the settings. Raises StoreNotConfigured."""
        patient = settings.model_copy(update={"timeout_seconds": settings.pass_seconds})
        return cls(
            connecting(settings),
            database=settings.clickhouse_db,
            connect_slow=connecting(patient),
            door=clickhouse_door(settings),
        )

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._asking.close()
        self._slow.close()

    def facts(self) -> PatternFacts:
        """Ask for all of it.

        `vector_tokens` has every kb_id with rows, also with 0; it is empty where the patterns
        have no `token_set`. `parts_limits` is empty where we may not read them.
        """
        user, there, has_tokens = self._ask_one(_ASKING, _ABOUT, table=PATTERNS)
        if not there:
            reason = f"the database shows this user no MergeTree table {PATTERNS!r}"
            raise StoreMisconfigured(STORE, _ASKING, reason)
        return PatternFacts(
            most_parts=_by_name(self._ask_one(_ASKING, _MOST_PARTS)),
            parts_limits=self._limits(),
            database=self._database,
            user=text_of(user),
            grants=self._grants(),
            vector_tokens=self._vector_tokens() if has_tokens else {},
            open=tried(self._door),
        )

    def _limits(self) -> dict[str, int]:
        try:
            (found,) = self._ask_one(_ASKING, _LIMITS)
        except (StoreDenied, StoreRejected) as exc:
            if _code_of(exc) is None:
                raise
            return {}
        return {text_of(name): int(value) for name, value in found if value.isdigit()}

    def _vector_tokens(self) -> dict[str, int]:
        row = self._ask_one(
            _COUNTING, _VECTOR_TOKENS, on=self._slow, table=Identifier(PATTERNS), vector=_VECTOR
        )
        return _by_name(row)

    def _grants(self) -> tuple[Grant, ...] | None:
        """Return our grants, those of our roles too where this version can say them."""
        try:
            return grants_in(self._shown_grants())
        except (StoreDenied, StoreRejected) as exc:
            if _code_of(exc) is None:
                raise
        except UnreadableGrant:
            pass
        return None

    def _shown_grants(self) -> list[str]:
        try:
            rows = self._asking.rows(_ASKING, _GRANTS_OF_ROLES_TOO, {})
        except StoreRejected as exc:
            if _code_of(exc) != _SYNTAX_ERROR:
                raise
            rows = self._asking.rows(_ASKING, _GRANTS, {})
        if not rows:  # we have just read a table, so that there are some
            raise StoreMisconfigured(STORE, _ASKING, NOT_CLICKHOUSE)
        return [text_of(row[0]) for row in rows]

    def _ask_one(
        self, operation: str, query: str, *, on: Asking | None = None, **bound: Any
    ) -> Sequence[Any]:
        rows = (on or self._asking).rows(operation, query, bound)
        if len(rows) != 1:
            raise StoreMisconfigured(STORE, operation, NOT_CLICKHOUSE)
        return rows[0]


def _by_name(row: Sequence[Any]) -> dict[str, int]:
    """Read a row of one column that lists names with numbers."""
    found: Mapping[bytes, int] = dict(row[0])
    return {text_of(name): number for name, number in found.items()}


def _code_of(exc: StoreDenied | StoreRejected) -> int | None:
    """Return ClickHouse's own error number; None where something before it refused."""
    code = getattr(exc.__cause__, "code", None)
    return code if isinstance(code, int) else None
