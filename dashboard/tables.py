"""Models as table rows. Pure. A cell is None where its figure is not known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pandas as pd

from dashboard.formatting import age, figure, number, size, visible
from dashboard.presenters import CLAIM_WORDS, STORE_OF, TITLE_OF, precision_note
from services.models import (
    Amount,
    Check,
    CollectionUsage,
    KbUsage,
    KeyReading,
    SessionRecord,
    Snapshot,
    TableInfo,
    TenantUsage,
    Usage,
)

NUMBERS = (
    "Patterns", "Disk", "Keys", "Memory", "Vectors", "Sessions",
)  # fmt: skip


def usage_cells(usage: Usage) -> dict[str, int | None]:
    """Return the numbers of one owner as table cells; None where not known."""
    return {
        "Patterns": _count(usage.patterns),
        "Disk": _bytes(usage.patterns),
        "Keys": _count(usage.keys),
        "Memory": _bytes(usage.keys),
        "Vectors": _count(usage.vectors),
        "Sessions": _count(usage.sessions),
    }


def _count(amount: Amount | None) -> int | None:
    return None if amount is None else amount.count


def _bytes(amount: Amount | None) -> int | None:
    return None if amount is None else amount.bytes


def table(rows: Iterable[Mapping[str, object]], columns: Iterable[str]) -> pd.DataFrame:
    """Return rows as a frame whose numbers stay whole where some are not known."""
    frame = pd.DataFrame(list(rows), columns=list(columns))
    for name in frame.columns.intersection(list(NUMBERS)):
        frame[name] = frame[name].astype("Int64")
    return frame


TENANT_COLUMNS = ("Tenant", "Ownership", *NUMBERS, "Knowledge bases", "Last write")


def tenants_frame(tenants: Iterable[TenantUsage]) -> pd.DataFrame:
    """Return one row a tenant."""
    return table(
        (
            {
                "Tenant": visible(str(tenant.tenant)),
                "Ownership": CLAIM_WORDS[tenant.claim],
                "Knowledge bases": len(tenant.kb_ids) + len(tenant.shared),
                **usage_cells(tenant.usage),
                "Last write": tenant.last_write,
            }
            for tenant in tenants
        ),
        TENANT_COLUMNS,
    )


def part_name(part: KbUsage) -> str:
    """Return a kb_id, or what the guide's layout has instead."""
    return visible(part.name) if part.is_kb else f"{visible(part.name)}:… (guide's layout)"


KB_COLUMNS = ("kb_id", "Ownership", *NUMBERS, "First write", "Last write")


def kb_frame(parts: Iterable[KbUsage]) -> pd.DataFrame:
    """Return one row a kb_id."""
    return table(
        (
            {
                "kb_id": part_name(part),
                "Ownership": CLAIM_WORDS[part.claim.state],
                **usage_cells(part.usage),
                "First write": part.first_write,
                "Last write": part.last_write,
            }
            for part in parts
        ),
        KB_COLUMNS,
    )


SHARED_COLUMNS = ("kb_id", "Shared by", *NUMBERS)


def shared_frame(parts: Iterable[KbUsage]) -> pd.DataFrame:
    """Return one row a shared kb_id, with everyone who holds it."""
    return table(
        (
            {
                "kb_id": visible(part.name),
                "Shared by": [visible(str(tenant)) for tenant in part.claim.tenants],
                **usage_cells(part.usage),
            }
            for part in parts
        ),
        SHARED_COLUMNS,
    )


SESSION_COLUMNS = ("Session", "Node", "Created", "Last access", "Expires in", "STM", "Memory")


def sessions_frame(sessions: Iterable[SessionRecord]) -> pd.DataFrame:
    """Return one row a session."""
    frame = table(
        (
            {
                "Session": visible(session.session_id),
                "Node": visible(session.owner.name),
                "Created": session.created_at,
                "Last access": session.last_accessed,
                "Expires in": session.expires_in,
                "STM": session.stm_length,
                "Memory": session.bytes,
            }
            for session in sessions
        ),
        SESSION_COLUMNS,
    )
    frame["STM"] = frame["STM"].astype("Int64")
    return frame


def freshness_frame(snapshot: Snapshot) -> pd.DataFrame:
    """Return one row a measure: what it is, how fresh, and whether its parts add up."""
    rows = [
        {
            "Figure": TITLE_OF[measure],
            "Store": STORE_OF[measure],
            "State": figures.state.value.replace("_", " "),
            "Total": figure(figures.total, figures.precision),
            "Size": size(figures.total.bytes) if figures.total else "unknown",
            "Read": age(figures.collected_at),
            "Took": figures.seconds,
            "Difference": figures.difference.count if figures.total else None,
            "Note": visible(figures.reason or precision_note(figures)),
        }
        for measure, figures in snapshot.stores.items()
    ]
    frame = pd.DataFrame(rows)
    frame["Difference"] = frame["Difference"].astype("Int64")
    return frame


def kinds_frame(kinds: Mapping[str, int]) -> pd.DataFrame:
    """Return one row a kind of key, the most frequent first."""
    ordered = sorted(kinds.items(), key=lambda item: -item[1])
    return pd.DataFrame({"Kind": [k for k, _ in ordered], "Keys": [n for _, n in ordered]})


CLAIM_COLUMNS = ["kb_id", "Ownership", "node_ids seen", "How it is known", "Could also be"]


def claims_frame(parts: Iterable[KbUsage]) -> pd.DataFrame:
    """Return one row a kb_id: the node_ids seen on it, and how its owner is known."""
    by_name = {part.name: part for part in parts}  # a shared one stands twice: keep the shared
    rows = [
        {
            "kb_id": part_name(part),
            "Ownership": CLAIM_WORDS[part.claim.state],
            "node_ids seen": [visible(node) for node in part.nodes],
            "How it is known": visible(part.claim.why),
            "Could also be": [visible(str(tenant)) for tenant in part.claim.others],
        }
        for part in by_name.values()
    ]
    return pd.DataFrame(
        rows, columns=["kb_id", "node_ids seen", "How it is known", "Could also be"]
    )


def checks_frame(checks: Iterable[Check]) -> pd.DataFrame:
    """Return one row a store: how it is, and what to do where it is not well."""
    rows = [
        {
            "Store": check.store,
            "State": check.state.value.replace("_", " "),
            "Version": visible(check.health.version) if check.health else None,
            "Latency": check.health.latency * 1000 if check.health else None,
            "Detail": visible(check.health.detail if check.health else check.problem or ""),
        }
        for check in checks
    ]
    return pd.DataFrame(rows)


def redis_facts(reading: KeyReading) -> dict[str, str]:
    """Return what one pass said of the whole keyspace."""
    return {
        "Keys before and after the pass": f"{reading.keys_before:,} and {reading.keys_after:,}",
        "Keys that expire": number(reading.with_ttl),
        "Keys that never expire": number(max(reading.keys_after - reading.with_ttl, 0)),
        "Memory in use": size(reading.used_memory),
        "Members of the session index": number(reading.index_members),
        "Members whose session is gone": number(reading.stale_members),
    }


def tables_frame(tables: Iterable[TableInfo]) -> pd.DataFrame:
    """Return one row a table of KATO's database."""
    rows = [
        {
            "Table": visible(table.name),
            "Engine": table.engine,
            "Partitioned by": visible(table.partition_key) or "nothing",
            "Per tenant": "yes" if table.has_kb_id else "no",
            "Rows": table.rows,
            "Disk": table.bytes,
            "Parts": table.parts,
            "Partitions": table.partitions,
        }
        for table in tables
    ]
    return pd.DataFrame(rows)


def collections_of(
    collections: Iterable[CollectionUsage], tenant: TenantUsage
) -> tuple[CollectionUsage, ...]:
    """Return the collections in which a tenant has points; of shared ones only its own part."""
    names = {name for part in tenant.parts for name in part.collections}
    return tuple(_own_part(c, tenant) for c in collections if c.name in names)


def _own_part(collection: CollectionUsage, tenant: TenantUsage) -> CollectionUsage:
    if collection.points_by_tenant is None:
        return collection
    own = Amount(collection.points_by_tenant.get(tenant.tenant.id, 0), None)
    return replace(collection, amount=own, problem="shared: only this tenant's points")


def collections_frame(collections: Iterable[CollectionUsage]) -> pd.DataFrame:
    """Return one row a collection."""
    rows = [
        {
            "Collection": visible(collection.name),
            "Vectors": collection.amount.count,
            "Size": collection.amount.bytes,
            "Dimension": collection.size,
            "Distance": collection.distance,
            "Status": collection.status,
            "Note": visible(collection.problem),
        }
        for collection in collections
    ]
    frame = pd.DataFrame(rows)
    for name in ("Size", "Dimension"):
        frame[name] = frame[name].astype("Int64")
    return frame


def settings_frame(in_force: Mapping[str, str]) -> pd.DataFrame:
    """Return one row a setting."""
    rows = [{"Variable": name, "Value": value or "not set"} for name, value in in_force.items()]
    return pd.DataFrame(rows)
