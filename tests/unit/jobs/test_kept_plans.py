"""A plan that was made in the background is read back from the records as it was made."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

from services.errors import Fault, Problem
from services.figures import Measure
from services.move import formats as moving
from services.move.models import Plan as Move
from services.parking import formats as parking
from services.parking.models import Plan as Park
from services.purge.models import Item, LeftOut, Plan, Request, Surface, Target
from services.tenancy.kb_ids import TenantKey

HOSTILE = "tenant:\x00'\u202e\udcff"
TENANT = TenantKey("tenant", HOSTILE)
PURGE = Plan(
    Request(Target(TENANT)), Surface(frozenset({HOSTILE}), nodes=frozenset({HOSTILE})),
    (Item(Measure.KEYS, HOSTILE, "keys", 3, None, samples=(f"{HOSTILE}:symbol",)),),
    (LeftOut(HOSTILE, "shared", (TENANT,)),), (), (HOSTILE,),
    {Measure.VECTORS: Problem("down", "qdrant", Fault.UNAVAILABLE, "looking")}, (),
    datetime(2026, 11, 1, tzinfo=UTC), "d", whose={HOSTILE: str(TENANT)},
)  # fmt: skip
SAMPLELESS = replace(PURGE, items=(replace(PURGE.items[0], samples=()),))


def test_all_of_it_but_names_of_single_keys() -> None:
    move = Move(TENANT, HOSTILE, PURGE, (HOSTILE,), {"redis": "8"})
    kept = json.loads(json.dumps(moving.plan_kept(move)))
    assert moving.plan_of(kept) == replace(move, purge=SAMPLELESS)
    park = Park(TENANT, PURGE, (HOSTILE,))
    kept = json.loads(json.dumps(parking.plan_kept(park)))
    assert parking.plan_of(kept) == replace(park, purge=SAMPLELESS)
    assert "symbol" not in json.dumps(kept)
