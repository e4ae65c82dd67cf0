"""What a pass over ClickHouse reads, tried for no row: which of it this user may not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from services.errors import StoreDenied, StoreMisconfigured, StoreRejected
from services.health.models import Lack
from services.stores.clickhouse.connect import NOT_CLICKHOUSE, PATTERNS, STORE, Identifier
from services.stores.clickhouse.query import Asking
from services.stores.clickhouse.tables import Table
from services.tenancy.layout import text_of

ASKING = "asking what this user may do"

_READ = "SELECT count() FROM {home:Identifier}.{table:Identifier} WHERE 0"
_READ_COLUMN = (
    "SELECT count() FROM (SELECT {column:Identifier} FROM {home:Identifier}.{table:Identifier}"
    " LIMIT 0)"
)
_SYNTAX_ERROR = 62


@dataclass(frozen=True, slots=True)
class _Look:
    """A table, and one of its columns, that a pass reads; and what it costs, nothing where all."""

    home: str
    table: str
    column: str = ""
    costs: str = ""

    @property
    def right(self) -> str:
        """The grant that it takes."""
        column = f"({self.column})" if self.column else ""
        return f"SELECT{column} on {self.home}.{self.table}"


def may_read(asking: Asking, home: str, table: str, column: str = "") -> bool:
    """Try to read nothing from a table: whatever way a right is given, this tells.

    On a cluster from KATO's tables of every shard, from a server's own of the one alone.
    """
    bound = {"home": Identifier(home), "table": Identifier(table)}
    if column:
        bound["column"] = Identifier(column)
    query = _READ_COLUMN if column else _READ
    try:
        if home == "system":
            asking.local(ASKING, query, bound)
        else:
            asking.row(ASKING, query, bound)
    except StoreDenied:
        return False
    return True


def granted(asking: Asking, rights: Iterable[tuple[str, str]]) -> list[bool] | None:
    """Return of each right on something, as statements say both, whether this user has it.

    None where the server cannot tell: a ClickHouse before 24.10 has no CHECK GRANT.
    """
    try:
        return [_is_granted(asking, right, on) for right, on in rights]
    except StoreRejected as exc:
        if getattr(exc.__cause__, "code", None) != _SYNTAX_ERROR:
            raise
        return None


def _is_granted(asking: Asking, right: str, on: str) -> bool:
    # CHECK GRANT takes no bound names
    answer = _plain(asking.row(ASKING, f"CHECK GRANT {right} ON {on}", {}))
    if answer not in {"0", "1"}:
        raise StoreMisconfigured(asking.store, ASKING, NOT_CLICKHOUSE)
    return answer == "1"


def _plain(value: object) -> str:
    """Take an answer out of the lists or bytes in which the driver gives it."""
    while isinstance(value, list | tuple) and value:
        value = value[0]
    return text_of(value) if isinstance(value, bytes) else str(value)


def lacking(asking: Asking, tables: Iterable[Table]) -> tuple[Lack, ...]:
    """Return the rights that are missing for a part of the figures.

    Raises StoreDenied, which names them, where those are missing that every pass takes.
    """
    looks = list(_looks(tables))
    missing = [look for look in looks if not _may(asking, look)]
    vital = [look.right for look in missing if not look.costs]
    if vital:
        reason = f"this user lacks the grant {', '.join(vital)}, without which nothing is known"
        raise StoreDenied(STORE, "trying what a pass reads", reason)
    return tuple(Lack(look.right, look.costs) for look in missing)


def _may(asking: Asking, look: _Look) -> bool:
    try:
        return may_read(asking, look.home, look.table, look.column)
    except StoreRejected:
        return True  # there is no such column, and no pass reads it


def _looks(tables: Iterable[Table]) -> Iterator[_Look]:
    yield _Look("system", "parts")
    for table in tables:
        if not table.counted:
            continue
        home, name = table.at
        yield _Look(home, name, "kb_id")
        if table.name == PATTERNS:
            yield _Look(home, name, "name", "who has a pattern, in Find")
            yield _Look(home, name, "token_set", "vectors that patterns name, in the audit")
            if table.has_created:
                yield _Look(home, name, "created_at")
            if table.has_updated:
                yield _Look(home, name, "updated_at")
    limits = "how near tables are to the limit of their parts, in the audit"
    yield _Look("system", "merge_tree_settings", costs=limits)
