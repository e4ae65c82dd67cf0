"""What a viewer who is confined to tenants sees, and who holds what an action concerns. Pure.

Everything of the modules beside this one, by one name. A page shows a confined viewer only what
went through here; use cases and the gate go by the whole.
"""

from __future__ import annotations

from services.access.confining_findings import confined_report, confined_tombstones, sees_finding
from services.access.confining_finds import confined_answer
from services.access.confining_fleet import confined, confined_check
from services.access.confining_names import (
    ConfinedOwnership,
    confined_landing,
    confined_ownership,
    visible_nodes,
)
from services.access.confining_plans import confined_job, confined_plan, confined_request
from services.access.holders import (
    holders_of_collection,
    holders_of_finding,
    holders_of_holding,
    holders_of_kb,
    holders_of_key,
    holders_of_landing,
    holders_of_node,
    holders_of_plan,
    holders_of_session,
)

__all__ = [
    "ConfinedOwnership",
    "confined",
    "confined_answer",
    "confined_check",
    "confined_job",
    "confined_landing",
    "confined_ownership",
    "confined_plan",
    "confined_report",
    "confined_request",
    "confined_tombstones",
    "holders_of_collection",
    "holders_of_finding",
    "holders_of_holding",
    "holders_of_kb",
    "holders_of_key",
    "holders_of_landing",
    "holders_of_node",
    "holders_of_plan",
    "holders_of_session",
    "sees_finding",
    "visible_nodes",
]
