"""What is asked of the table of usage over time, and rows of many holders as they come out of it.

Times are seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from services.history.columns import FleetRows, columns_of
from services.history.models import Grain, Holder, OwnerKind
from services.stores.clickhouse.history_table import TABLE
from services.tenancy.layout import text_of

_SEEN = "write <= {until:UInt64} AND write NOT IN {without:Array(UInt64)}"
_HOUR = Grain.HOUR.seconds
_AT = "toDateTime64({%s:Int64}, 0, 'UTC')"
ROWS = f"""
SELECT kind, tenant, toInt64(start), row FROM {{home:Identifier}}.{TABLE}
WHERE grain = {{grain:UInt32}} AND start >= {_AT % "began"} AND start < {_AT % "ended"}
  AND {_SEEN}
"""  # noqa: S608  constants are put in, here and below
OF_ONE = " AND kind = {kind:String} AND tenant = unhex({tenant:String})"
IN_ORDER = " ORDER BY start, write"
BY_HOLDER = " ORDER BY kind, tenant, start, write"  # as they stand
# First which rows they are, by what is small: of the newest of each grain the finest is newest.
# Where days are rolled up, they say what hours before these say.
BEFORE = f"""
SELECT kind, tenant, row FROM {{home:Identifier}}.{TABLE}
WHERE (grain, kind, tenant, start) IN (
    SELECT argMin(grain, grain), kind, tenant, argMin(latest, grain) FROM (
        SELECT grain, kind, tenant, max(start) AS latest FROM {{home:Identifier}}.{TABLE}
        WHERE start <= {_AT % "at"} - grain AND (grain != {_HOUR} OR start >= {_AT % "hours"})
          AND {_SEEN} %s GROUP BY grain, kind, tenant)
    GROUP BY kind, tenant)
  AND {_SEEN}
ORDER BY write
"""  # noqa: S608
OF_THESE = "AND tenant IN {tenants:Array(String)}"
_NEVER_COUNTED = "write IN {without:Array(UInt64)}"
COUNT = f"SELECT count() FROM {{home:Identifier}}.{TABLE} WHERE {_NEVER_COUNTED}"  # noqa: S608
DELETE = f"ALTER TABLE {{home:Identifier}}.{TABLE} DELETE WHERE {_NEVER_COUNTED}"


_KINDS = {kind.value.encode(): kind for kind in OwnerKind}


def holder_of(kind: bytes, tenant: bytes) -> Holder:
    """Return whose a row is."""
    return Holder(_KINDS[kind], text_of(tenant))


def fleet_of(found: Mapping[tuple[bytes, bytes, int], bytes], wanted: frozenset[str]) -> FleetRows:
    """Read rows as they are kept, by whose they are and where they begin."""
    places: dict[tuple[bytes, bytes], int] = {}
    whose = [places.setdefault((kind, tenant), len(places)) for kind, tenant, _ in found]
    return FleetRows(
        [holder_of(*each) for each in places], np.array(whose, np.int64),
        np.array([start for _, _, start in found], np.int64),
        columns_of(list(found.values()), wanted),
    )  # fmt: skip
