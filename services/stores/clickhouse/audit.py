"""ClickHouse: what the isolation audit asks of it besides the usage. Reads only.

Every question but that for the grants is answered with exactly one row, so that an answer without
a body is never taken for "nothing there".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from services.errors import StoreDenied, StoreMisconfigured, StoreRejected
from services.isolation.facts import Grant, PatternFacts
from services.stores.clickhouse.cluster_health import unasked_of, users_of
from services.stores.clickhouse.connect import NOT_CLICKHOUSE, PATTERNS, STORE
from services.stores.clickhouse.grants import UnreadableGrant, grants_in
from services.stores.clickhouse.query import ClickHouse
from services.stores.open_doors import Door, no_door, tried
from services.tenancy.layout import text_of

_ABOUT = """
SELECT currentUser(),
       (SELECT count() FROM system.tables
        WHERE database = {at:String} AND name = {table:String} AND engine LIKE '%MergeTree'),
       (SELECT countIf(name = 'kb_id') > 0
               AND countIf(name = 'token_set' AND match(type, '^Array\\\\(.*String')) > 0
        FROM system.columns WHERE database = {at:String} AND table = {table:String}),
       (SELECT countIf(engine LIKE 'Replicated%') FROM system.tables WHERE database = {at:String})
"""
_MOST_PARTS = """
SELECT groupArray((table, most)) FROM (
    SELECT table, max(parts) AS most FROM (
        SELECT table, partition_id, count() AS parts FROM system.parts
        WHERE database = {at:String} AND active GROUP BY table, partition_id
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
    FROM {home:Identifier}.{table:Identifier} WHERE isNotNull(kb_id) GROUP BY kb_id
)
"""
_GRANTS, _GRANTS_OF_ROLES_TOO = "SHOW GRANTS", "SHOW GRANTS FINAL"
_SYNTAX_ERROR = 62
_VECTOR = "VCTR|"
_ASKING = "asking how it is set up"
_COUNTING = "counting the tokens that name vectors"


class PatternAudit:
    """Asks one ClickHouse how it keeps KATO's tables, and who we are to it.

    Raises StoreUnavailable, StoreDenied, StoreMisconfigured or StoreRejected.
    """

    def __init__(self, clickhouse: ClickHouse, *, door: Door = no_door) -> None:
        self._asking, self._slow = clickhouse.asking, clickhouse.slow
        self._database = clickhouse.database
        self._door = door

    def facts(self) -> PatternFacts:
        """Ask for all of it.

        `vector_tokens` has every kb_id with rows, also with 0; it is empty where the patterns
        have no `token_set`. `parts_limits` is empty where we may not read them.
        """
        at = {name: str(each) for name, each in self._asking.patterns().items()}
        home = {"at": at["home"], "table": at["table"]}
        user, there, has_tokens, replicated = self._asking.row(_ASKING, _ABOUT, home)
        if not there:
            reason = f"the database shows this user no MergeTree table {PATTERNS!r}"
            raise StoreMisconfigured(STORE, _ASKING, reason)
        return PatternFacts(
            most_parts=self._most_parts(home),
            parts_limits=self._limits(),
            database=self._database,
            user=text_of(user),
            grants=self._grants(),
            vector_tokens=self._vector_tokens() if has_tokens else {},
            open=tried(self._door),
            clustered=self._asking.cluster is not None,
            users=users_of(self._asking) if self._asking.cluster is not None else {},
            unasked=unasked_of(self._asking) if replicated else {},
        )

    def _most_parts(self, home: Mapping[str, str]) -> dict[str, int]:
        """Return the most parts of a partition of each table: on a cluster of any shard's."""
        faces = {table: face for face, (_, table) in self._asking.faces(_ASKING).items()}
        found = dict[str, int]()
        for (row,) in self._asking.each(_ASKING, _MOST_PARTS, home, one=True):
            for table, parts in _by_name(row).items():
                name = faces.get(table, table)
                found[name] = max(found.get(name, 0), parts)
        return found

    def _limits(self) -> dict[str, int]:
        try:
            (found,) = self._asking.row(_ASKING, _LIMITS, {})
        except (StoreDenied, StoreRejected) as exc:
            if _code_of(exc) is None:
                raise
            return {}
        return {text_of(name): int(value) for name, value in found if value.isdigit()}

    def _vector_tokens(self) -> dict[str, int]:
        bound = {**self._asking.patterns(), "vector": _VECTOR}
        return _by_name(self._slow.row(_COUNTING, _VECTOR_TOKENS, bound))

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


def _by_name(row: Sequence[Any]) -> dict[str, int]:
    """Read a row of one column that lists names with numbers."""
    found: Mapping[bytes, int] = dict(row[0])
    return {text_of(name): number for name, number in found.items()}


def _code_of(exc: StoreDenied | StoreRejected) -> int | None:
    """Return ClickHouse's own error number; None where something before it refused."""
    code = getattr(exc.__cause__, "code", None)
    return code if isinstance(code, int) else None
