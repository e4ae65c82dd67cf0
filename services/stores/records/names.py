"""What is known of names: node_ids that were seen or imported, and what admins confirmed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, delete, select, update

from services.stores.records.database import batches, insert_into, reading, writing
from services.stores.records.putting import put_rows
from services.stores.records.schema import CONFIRMED, INSTANCES, NODES, NODES_VERSION, digest_of
from services.tenancy.kb_ids import TenantKey
from services.tenancy.names import Confirmation, Source
from services.usage.readings import SeenNode

LAST_SEEN_GRAIN = timedelta(hours=1)


class NameBook:
    """Keeps names. Every method raises StoreUnavailable when the database does not answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record_nodes(self, seen: Mapping[str, str], at: datetime) -> None:
        """Record node_ids (each with where it was seen) as seen at this time."""
        by_digest = {digest_of(node): (node, source) for node, source in seen.items()}
        with writing(self._engine, "recording node_ids") as connection:
            known = _last_seen(connection, sorted(by_digest))
            # in one order, so that two dashboards never wait for each other
            fresh = [
                _row(digest, *by_digest[digest], at)
                for digest in sorted(by_digest.keys() - known.keys())
            ]
            if fresh:
                connection.execute(insert_into(connection, NODES).on_conflict_do_nothing(), fresh)
                count_change(connection)
            stale = (digest for digest, last in known.items() if at - last > LAST_SEEN_GRAIN)
            for digest in sorted(stale):
                statement = update(NODES).where(NODES.c.digest == digest, NODES.c.last_seen < at)
                connection.execute(statement.values(last_seen=at))

    def import_nodes(self, since: Mapping[str, datetime], *, by: str) -> None:
        """Record node_ids, each with since when it is known, as imported by somebody.

        Of one that is known already, an earlier time counts.
        """
        if not since:
            return
        named = sorted((digest_of(node), node) for node in since)  # in the order of every writer
        with writing(self._engine, "importing node_ids") as connection:
            statement = insert_into(connection, NODES)
            new = statement.excluded
            earlier = {name: new[name] for name in ("source", "imported_by", "first_seen")}
            taking = statement.on_conflict_do_update(
                index_elements=[NODES.c.digest], set_=earlier,
                where=NODES.c.first_seen > new["first_seen"],
            )  # fmt: skip
            for some in batches(named):
                rows = [_row(*name, Source.IMPORTED.value, since[name[1]], by) for name in some]
                connection.execute(taking, rows)
            count_change(connection)

    def nodes_version(self) -> int:
        """Return a number that is another one whenever what is known of names changed anywhere."""
        with reading(self._engine, "reading node_ids") as connection:
            version: int = connection.execute(select(NODES_VERSION.c.version)).scalar_one()
            return version

    def nodes(self) -> tuple[SeenNode, ...]:
        """Return every node_id that was ever seen or imported."""
        columns = (
            NODES.c.node_id, NODES.c.source, NODES.c.first_seen, NODES.c.last_seen,
            NODES.c.imported_by,
        )  # fmt: skip
        with reading(self._engine, "reading node_ids", long=True) as connection:
            return tuple(SeenNode(*row) for row in connection.execute(select(*columns)).all())

    def forget_nodes(self, nodes: Iterable[str]) -> None:
        """Forget exactly these node_ids; one that was never seen is none."""
        with writing(self._engine, "forgetting node_ids") as connection:
            drop_names(connection, nodes=nodes)

    def confirmations(self) -> tuple[Confirmation, ...]:
        """Return what admins confirmed, one a kb_id."""
        with reading(self._engine, "reading confirmed owners", long=True) as connection:
            return tuple(
                Confirmation(row.kb_id, TenantKey.written(row.tenant), row.who, row.at, row.why)
                for row in connection.execute(select(CONFIRMED))
            )

    def services(self) -> Mapping[TenantKey, tuple[str, ...]]:
        """Return each SERVICE_NAME of instances in which a tenant is, or was, in these stores.

        The one under which it writes now is the first; an empty one is that which all share.
        """
        found: dict[TenantKey, dict[str, None]] = {}
        columns = INSTANCES.c.tenant, INSTANCES.c.service, INSTANCES.c.serving
        asked = select(*columns).where(INSTANCES.c.here).order_by(
            INSTANCES.c.serving.desc(), INSTANCES.c.since.desc(), INSTANCES.c.name.desc()
        )  # fmt: skip
        with reading(self._engine, "reading instances") as connection:
            for tenant, service, serving in connection.execute(asked).all():
                first: dict[str, None] = {} if serving else {"": None}
                found.setdefault(TenantKey.written(tenant), first)[service] = None
        return {tenant: tuple(names) for tenant, names in found.items()}

    def confirm(self, words: Iterable[Confirmation]) -> None:
        """Keep what an admin confirmed; of a kb_id the newest word counts."""
        rows = sorted(map(_word_row, words), key=lambda row: str(row["digest"]))
        if not rows:
            return
        with writing(self._engine, "confirming owners") as connection:
            put_rows(connection, CONFIRMED, rows)
            count_change(connection)

    def revoke(self, kb_ids: Iterable[str]) -> None:
        """Take back what was confirmed of exactly these kb_ids."""
        with writing(self._engine, "revoking confirmed owners") as connection:
            drop_names(connection, kb_ids=kb_ids)


def drop_names(
    connection: Connection, *, nodes: Iterable[str] = (), kb_ids: Iterable[str] = ()
) -> None:
    """Forget node_ids, and what was confirmed of kb_ids, in a transaction that is under way."""
    for table, names in ((NODES, nodes), (CONFIRMED, kb_ids)):
        for some in batches(sorted(set(map(digest_of, names)))):
            connection.execute(delete(table).where(table.c.digest.in_(some)))
    count_change(connection)


def count_change(connection: Connection) -> None:
    """Say to every process that what is known of names has changed."""
    connection.execute(update(NODES_VERSION).values(version=NODES_VERSION.c.version + 1))


def _last_seen(connection: Connection, digests: Sequence[str]) -> dict[str, datetime]:
    """Return when each of these was last seen, those that were; asked in pieces."""
    found: dict[str, datetime] = {}
    for some in batches(digests):
        asked = select(NODES.c.digest, NODES.c.last_seen).where(NODES.c.digest.in_(some))
        found.update((row.digest, row.last_seen) for row in connection.execute(asked))
    return found


def _row(digest: str, node_id: str, source: str, at: datetime, by: str = "") -> dict[str, object]:
    return {
        "digest": digest, "node_id": node_id, "source": source, "first_seen": at, "last_seen": at,
        "imported_by": by,
    }  # fmt: skip


def _word_row(word: Confirmation) -> dict[str, object]:
    return {
        "digest": digest_of(word.kb_id), "kb_id": word.kb_id, "tenant": str(word.tenant),
        "who": word.who, "at": word.at, "why": word.why,
    }  # fmt: skip
