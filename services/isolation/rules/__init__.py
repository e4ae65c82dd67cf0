"""Every rule of the isolation audit, in the order in which they are shown. Pure."""

from __future__ import annotations

from services.isolation.models import Rule
from services.isolation.rules import (
    collision,
    exposure,
    hostile,
    layout,
    live_sessions,
    look_alike,
    older_data,
    orphan,
    prefix,
    resurrected,
    served,
    servers,
    shared,
    unowned,
)

RULES: tuple[Rule, ...] = (
    *collision.RULES,
    *live_sessions.RULES,
    *older_data.RULES,
    *look_alike.RULES,
    *resurrected.RULES,
    *served.RULES,
    *shared.RULES,
    *prefix.RULES,
    *orphan.RULES,
    *unowned.RULES,
    *layout.RULES,
    *servers.RULES,
    *exposure.RULES,
    *hostile.RULES,
)
