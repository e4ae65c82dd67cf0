"""Rules: what is stored and no naming scheme or layout says whose it is. Pure.

KATO's own keys that are unowned by nature (streams, the session index, metrics, caches) are not
counted here, nor are names that are cut before their tenant ends: those are `collision.cut`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from services.figures import Measure, StoreState
from services.isolation.about import Evidence, Fact, Value
from services.isolation.evidence import Held, counted, holdings, of_store, wholly_read
from services.isolation.models import SAMPLES, Deed, DeedKind, Finding, Need, Rule, Seen
from services.isolation.rules.collision import is_cut
from services.isolation.severity import Severity
from services.tenancy.kb_ids import TenantKey
from services.tenancy.layout import owners_of_collection
from services.usage.readings import CollectionUsage, TableInfo

_KB_IDS, _KEYS = "unowned.kb-ids", "unowned.keys"
_COLLECTIONS, _TABLES = "unowned.collections", "unowned.tables"
_VIEWS = ("View", "Distributed", "Merge", "Dictionary", "Buffer", "Null")


def _kb_ids(seen: Seen) -> Iterator[Finding]:
    wholly_read(seen)
    every = holdings(seen)
    found = [held for held in every if _stands_for_itself(seen, held.name)]
    found.sort(key=_weight, reverse=True)
    if found:
        names = tuple(held.name for held in found[:SAMPLES])
        what = f"No naming scheme reads {counted(len(found), 'kb_id')}"
        yield Finding(
            _KB_IDS, "kb_ids", Severity.MEDIUM, f"{what}: {_first(names, len(found))}.",
            tuple(map(TenantKey.of_kb, names)), names, _evidence(seen, found, len(every)),
            deeds=(Deed(DeedKind.TENANT, str(TenantKey.of_kb(names[0]))),),
        )  # fmt: skip


def _evidence(seen: Seen, found: Sequence[Held], all_kb_ids: int) -> Evidence:
    """Say how many kb_ids these are, how much of each store, and which are the largest."""
    evidence: dict[str, Value | Fact] = {
        "number of kb_ids": len(found),
        "share of kb_ids": share(len(found), all_kb_ids),
        "with a node_id that was seen": sum(h.name in seen.ownership.nodes_by_kb for h in found),
    }
    for measure in Measure:
        evidence |= _part_of(seen, measure, sum(held.count(measure) for held in found))
    evidence["largest"] = tuple(held.name for held in found[:SAMPLES])
    return evidence


def _stands_for_itself(seen: Seen, kb_id: str) -> bool:
    alone = seen.ownership.kb(kb_id).tenants == (TenantKey.of_kb(kb_id),)
    return alone and not is_cut(seen, kb_id)


def _weight(held: Held) -> int:
    return sum(held.count(measure) for measure in Measure)


def _part_of(seen: Seen, measure: Measure, count: int) -> Evidence:
    """Say how much of a store's whole this is, where that is known."""
    figures = seen.snapshot.stores[measure]
    if figures.state is not StoreState.OK or figures.total is None:
        return {}
    whole = figures.total.count
    return {measure.value: count, f"share of {measure.value}": share(count, whole)}


def share(part: int, whole: int) -> float:
    """Return a part of a whole as a number from 0 to 1, of four digits; 0 where there is none."""
    return round(part / whole, 4) if whole else 0.0


def _first(names: Iterable[str], count: int) -> str:
    first = next(iter(names))
    return first if count == 1 else f"{first} and {count - 1:,} more"


def _keys(seen: Seen) -> Iterator[Finding]:
    wholly_read(seen, Measure.KEYS)
    unknown = (seen.snapshot.unattributed.usage.keys_by_kind or {}).get("unknown", 0)
    if unknown:
        names = seen.snapshot.keys.samples[:SAMPLES] if seen.snapshot.keys else ()
        said = f": {_first(names, unknown)}" if names else ""
        evidence = {**_part_of(seen, Measure.KEYS, unknown), "keys named": names}
        what = (
            f"{counted(unknown, 'key')} in Redis named as none of KATO's or of the guide's{said}."
        )
        yield of_store(_KEYS, "redis", Severity.LOW, what, evidence)


def _collections(seen: Seen) -> Iterator[Finding]:
    found = sorted(filter(_nobodys, seen.snapshot.collections), key=lambda c: -c.amount.count)
    if found:
        names = tuple(collection.name for collection in found[:SAMPLES])
        points = sum(collection.amount.count for collection in found)
        evidence: Evidence = {
            "number of collections": len(found),
            "share of collections": share(len(found), len(seen.snapshot.collections)),
            **_part_of(seen, Measure.VECTORS, points),
            "largest": names,
        }
        what = f"{counted(len(found), 'collection')} in Qdrant named after no kb_id and no tenant"
        what += f": {_first(names, len(found))}."
        yield of_store(_COLLECTIONS, "qdrant", Severity.MEDIUM, what, evidence)


def _nobodys(collection: CollectionUsage) -> bool:
    """Whether nothing says whose it is: not its names, nor its points, where tenants share it."""
    if collection.points_by_tenant is not None or collection.problem:
        return False
    return not owners_of_collection(collection.names)


def _tables(seen: Seen) -> Iterator[Finding]:
    found = sorted(filter(_without_kb_id, seen.snapshot.tables), key=lambda t: (-t.bytes, t.name))
    if found:
        names = tuple(table.name for table in found[:SAMPLES])
        size = sum(table.bytes for table in found)
        evidence: Evidence = {
            "number of tables": len(found),
            "rows": sum(table.rows for table in found),
            "bytes": size,
            "share of bytes": share(size, sum(table.bytes for table in seen.snapshot.tables)),
            "largest": names,
        }
        what = f"{counted(len(found), 'table')} in KATO's database without a kb_id column"
        what += f": {_first(names, len(found))}."
        yield of_store(_TABLES, "clickhouse", Severity.LOW, what, evidence)


def _without_kb_id(table: TableInfo) -> bool:
    """Whether a table holds data of its own and cannot say whose; views show that of others."""
    return not table.has_kb_id and not table.engine.endswith(_VIEWS)


RULES: tuple[Rule, ...] = (
    Rule(
        _KB_IDS, Severity.MEDIUM, "kb_ids that no naming scheme reads",
        "No tenant's figures include this data and no tenant's purge reaches it.",
        "Add the scheme of these names to KATO_TENANTS_SCHEMES. What is unowned can be purged, "
        "each kb_id by its own name.",
        frozenset(), _kb_ids,
    ),
    Rule(
        _KEYS, Severity.LOW, "Redis keys of unknown kind",
        "Nobody can say whose data they hold, and no purge erases them.",
        "Find the program that writes them and give it a Redis of its own, or let it name its "
        "keys tenant:{id}:… .",
        frozenset({Need.KEYS}), _keys,
    ),
    Rule(
        _COLLECTIONS, Severity.MEDIUM, "Unowned collections",
        "Their vectors are in no tenant's figures and outlast every tenant's purge.",
        "If tenants share the collection by payload, name it in KATO_TENANTS_SHARED_COLLECTIONS. "
        "Otherwise find who uses it, and drop it when nobody does.",
        frozenset({Need.VECTORS}), _collections,
    ),
    Rule(
        _TABLES, Severity.LOW, "Tables without a kb_id",
        "What such a table has of a tenant cannot be counted, found or purged.",
        "Add a kb_id column if the table holds tenants' data, or move it to another database.",
        frozenset({Need.PATTERNS}), _tables,
    ),
)  # fmt: skip
