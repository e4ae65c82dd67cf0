"""Whether anything was written to some owners' rows of a table, told without reading a row.

ClickHouse never changes a part: whatever is written, deleted, mutated, merged, moved or expired
makes other parts. So where a table has the very same parts, the same definition and the same
mutations before its rows are read and later, what was read is what is there still. That holds as
far as one server keeps the table for itself: of one that is replicated, each question may be
answered by another replica, and nothing is told.
"""

from __future__ import annotations

from typing import Any

from services.errors import StoreDenied
from services.stores.clickhouse.owner_columns import Place
from services.stores.clickhouse.query import Asking
from services.tenancy.layout import text_of

_STATE = """
SELECT count(), lower(hex(sipHash128(concat(
    toString(arraySort(groupArray((name, toString(uuid), rows, hash_of_all_files)))),
    toString((SELECT arraySort(groupArray((toString(uuid), engine_full, create_table_query)))
              FROM system.tables WHERE database = {at:String} AND name = {of:String})),
    toString((SELECT arraySort(groupArray((mutation_id, command, is_done)))
              FROM system.mutations WHERE database = {at:String} AND table = {of:String}))
))))
FROM system.parts
WHERE database = {at:String} AND table = {of:String} AND active
  AND ({whole:UInt8} OR startsWith(partition_id, 'patch-')
       OR partition_id IN (SELECT partitionId(arrayJoin({names:Array(String)}))))
"""
"""Files are hashed by their content: a name that a part of before had is told apart. Patch parts,
which are what lightweight updates and deletes write, stand in partitions of their own."""

_ELSEWHERE = ("Replicated", "Shared")


def state_of(asking: Asking, place: Place, bound: dict[str, Any]) -> str:
    """Return what is the same as long as nothing is written to these owners' rows.

    `bound` has their `names`. Empty where it cannot be told. Raises StoreError.
    """
    table = place.table
    alone = asking.cluster is None and not table.engine.startswith(_ELSEWHERE)
    if not (alone and table.engine.endswith("MergeTree")):
        return ""
    own = table.partition_key == place.column.name and place.column.type == "String"
    more = {"at": table.database, "of": table.name, "whole": int(not own)}
    try:
        parts, state = asking.row("looking for writes", _STATE, {**bound, **more})
    except StoreDenied:
        return ""
    return text_of(state) if parts else ""
