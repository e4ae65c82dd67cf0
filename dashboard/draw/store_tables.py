"""The stores, how their passes went and the settings, as table rows. Pure.

A cell is None where its figure is not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import pandas as pd

from dashboard.draw.formatting import UNKNOWN, figure, number, plural, size, span, visible
from dashboard.draw.measures import WORDS
from dashboard.draw.notices import precision_note
from services.figures import Amount, StoreState
from services.health.models import Check, Memory, Replica, Worker
from services.settings.redact import InForce
from services.usage.readings import CollectionUsage, KeyReading, TableInfo
from services.usage.snapshot import Snapshot, StoreFigures, TenantUsage


def freshness_frame(snapshot: Snapshot, *, whole: bool = True) -> pd.DataFrame:
    """Return one row a measure: what it is, how fresh, and whether its parts add up.

    How long a pass took and the last tell of the `whole` fleet, and are left out of a part of it.
    """
    rows = [
        {
            "Figure": WORDS[measure].title,
            "Store": WORDS[measure].store,
            "State": figures.state.value.replace("_", " "),
            "Total": figure(figures.total, figures.precision),
            "Size": size(figures.total.bytes) if figures.total else "unknown",
            "Read": figures.collected_at,
            "Duration": figures.seconds,
            "Difference": _off(figures),
            "Note": visible(str(figures.reason or precision_note(figures))),
        }
        for measure, figures in snapshot.stores.items()
    ]
    frame = pd.DataFrame(rows)
    frame["Difference"] = frame["Difference"].astype("Int64")
    frame["Read"] = pd.to_datetime(frame["Read"], utc=True)
    return frame if whole else frame.drop(columns=["Duration", "Difference"])


def _off(figures: StoreFigures) -> int | None:
    if figures.total is None or figures.difference is None:
        return None
    return figures.difference.count


def checks_frame(checks: Iterable[Check]) -> pd.DataFrame:
    """Return one row a store: how it is, and what to do where it is not well."""
    rows = [
        {
            "Store": check.store,
            "State": check.state.value.replace("_", " "),
            "Version": visible(check.health.version) if check.health else None,
            "Latency": check.health.latency * 1000 if check.health else None,
            "Last hour": _latencies(check.past),
            "Detail": visible(str(check.health.detail if check.health else check.problem or "")),
        }
        for check in checks
    ]
    return pd.DataFrame(rows)


def workers_frame(workers: Iterable[Worker], *, cache: bool) -> pd.DataFrame:
    """Return one row a worker of KATO's, and what it says of its `cache` where that was asked."""
    rows = [
        {
            "Since": worker.began,
            "Requests": worker.requests,
            "Peak": worker.peak,
            "Limit": worker.limit,
            "node_ids in memory": worker.processors,
            "Sessions it counts": worker.counted,
            "Served": worker.served,
            "Errors": worker.errors,
            "Stores": _pools(worker.pools_unwell),
            "Cache": visible(worker.cache) if worker.cache else None,
            "Cache hits": None if worker.hit_rate is None else worker.hit_rate * 100,
        }
        for worker in workers
    ]
    frame = pd.DataFrame(rows)
    counts = ["Requests", "Peak", "Limit", "node_ids in memory", "Sessions it counts", "Served",
              "Errors"]  # fmt: skip
    frame[counts] = frame[counts].astype("Int64")
    frame["Since"] = pd.to_datetime(frame["Since"], utc=True)
    return frame if cache else frame.drop(columns=["Cache", "Cache hits"])


def replicas_frame(replicas: Iterable[Replica]) -> pd.DataFrame:
    """Return one row a server of a cluster: where in it that is, and how it is."""
    rows = [
        {
            "Server": visible(replica.name),
            "Shard": replica.shard,
            "Replica": replica.number,
            "State": replica.state.value,
            "Behind": None if replica.behind is None else _late(replica.behind),
            "Waiting": replica.queue,
            "Read from": "yes" if replica.speaks else "no",
        }
        for replica in replicas
    ]
    frame = pd.DataFrame(rows)
    frame["Waiting"] = frame["Waiting"].astype("Int64")
    return frame


def _late(seconds: int) -> str:
    return span(seconds) if seconds else "0 s"


def _pools(unwell: tuple[str, ...] | None) -> str | None:
    if unwell is None:
        return None
    return f"not well: {visible(', '.join(unwell))}" if unwell else "well"


def _latencies(past: Sequence[float]) -> str:
    """Say within what the answers of the last hour came: only those that somebody asked for."""
    if not past:
        return UNKNOWN
    low, high = (f"{each * 1000:,.1f}" for each in (min(past), max(past)))
    bounds = low if low == high else f"{low} to {high}"
    return f"{bounds} ms, {plural(len(past), 'answer')}"


def answering(checks: Sequence[Check]) -> tuple[str, str]:
    """Say how many stores answer, and which do not or are not configured."""
    asked = [check for check in checks if check.state is not StoreState.NOT_CONFIGURED]
    absent = [check.store for check in checks if check.state is StoreState.NOT_CONFIGURED]
    silent = [check.store for check in asked if check.state is not StoreState.OK]
    notes = [f"unknown: {', '.join(silent)}"] if silent else []
    notes += [f"not configured: {', '.join(absent)}"] if absent else []
    return f"{len(asked) - len(silent)} of {len(asked)} answer", "; ".join(notes)


def memory_words(memory: Memory | None) -> tuple[str, str]:
    """Say how much memory a store uses, and of how much."""
    if memory is None or memory.used is None:
        return UNKNOWN, "it did not say"
    if memory.limit is None:
        return size(memory.used), "its limit is not known"
    if not memory.limit:
        return size(memory.used), "no limit is set"
    return size(memory.used), f"of {size(memory.limit)} ({memory.used / memory.limit:.0%})"


def redis_facts(reading: KeyReading) -> dict[str, str]:
    """Return what one pass said of the whole keyspace."""
    after, expiring = reading.keys_after, reading.with_ttl
    lasting = None if after is None or expiring is None else max(after - expiring, 0)
    return {
        "Keys before and after the pass": f"{number(reading.keys_before)} and {number(after)}",
        "Keys that expire": number(reading.with_ttl),
        "Keys that never expire": number(lasting),
        "Memory in use": size(reading.used_memory),
        "Members of the session index": number(reading.index_members),
        "Members whose session is gone": number(reading.stale_members),
        "Sessions that are no members": number(reading.unindexed),
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
            "Note": visible(_note(collection)),
        }
        for collection in collections
    ]
    frame = pd.DataFrame(rows)
    for name in ("Size", "Dimension"):
        frame[name] = frame[name].astype("Int64")
    return frame


def _note(collection: CollectionUsage) -> str:
    aliases = ", ".join(collection.aliases)
    return "; ".join(filter(None, (aliases and f"alias {aliases}", collection.problem)))


def settings_frame(in_force: Mapping[str, InForce], *, usual: bool) -> pd.DataFrame:
    """Return one row a setting that is at its default, or that is not."""
    rows = [(n, it.value or "not set") for n, it in in_force.items() if it.usual is usual]
    return pd.DataFrame(rows, columns=["Variable", "Value"])
