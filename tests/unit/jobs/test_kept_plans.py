"""A plan that was made in the background is read back from the records as it was made."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

from services.apart import formats as apart
from services.apart.models import Cost, Plan as ApartPlan, Share, Words
from services.apart.spoken import spoken, time_of
from services.errors import Fault, Problem
from services.figures import Measure
from services.move import formats as moving
from services.move.models import Plan as Move
from services.parking import formats as parking
from services.parking.models import Plan as Park
from services.purge import planning as purging
from services.purge.formats import request_of
from services.purge.models import Item, LeftOut, Plan, Request, Surface, Target
from services.retention import formats as retention
from services.tenancy.kb_ids import TenantKey
from tests.unit.access.keeping import KEEPING

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


def test_what_somebody_said_of_tenants_is_read_back_as_it_was_said() -> None:
    other = TenantKey("org", "b")
    at = datetime(2026, 1, 31, 12, 0, 0, 5, tzinfo=UTC)
    words = Words({TENANT: at, other: None}, {TENANT: HOSTILE})
    assert apart.words_read(json.loads(json.dumps(apart.words_json(words)))) == words
    for each in (at, None):
        assert time_of(spoken(each)) == each


def test_a_plan_to_take_apart_is_begun_by_the_digest_that_it_had() -> None:
    at = datetime(2026, 1, 31, tzinfo=UTC)
    share = Share(TENANT, (HOSTILE,), at, at, node_id=f"{HOSTILE}2", kb_id="k")
    plan = ApartPlan(HOSTILE, (share,), (), (), Cost(), (HOSTILE,))
    kept = apart.plan_of(json.loads(json.dumps(apart.plan_json(plan))))
    assert (kept, kept.digest) == (plan, plan.digest)


def test_what_policies_would_do_is_read_back_with_what_was_not_read() -> None:
    kept = json.loads(json.dumps(retention.plan_kept(KEEPING)))
    assert retention.plan_of(kept) == KEEPING


def test_a_plan_of_a_purge_is_of_just_what_was_asked_for() -> None:
    asked = Request(Target(TENANT), included=frozenset({HOSTILE, "b"}), trim_streams=True)
    about = json.loads(json.dumps(purging.about(asked)))
    assert request_of(about) == asked
    assert about == json.loads(json.dumps(purging.about(request_of(about))))
    others = [replace(asked, trim_streams=False), replace(asked, archive_first=True),
              replace(asked, target=Target(TENANT, node_id="n"))]  # fmt: skip
    assert all(purging.about(each) != purging.about(asked) for each in others)


def test_all_of_it_but_names_of_single_keys() -> None:
    move = Move(TENANT, HOSTILE, PURGE, (HOSTILE,), {"redis": "8"})
    kept = json.loads(json.dumps(moving.plan_kept(move)))
    assert moving.plan_of(kept) == replace(move, purge=SAMPLELESS)
    park = Park(TENANT, PURGE, (HOSTILE,))
    kept = json.loads(json.dumps(parking.plan_kept(park)))
    assert parking.plan_of(kept) == replace(park, purge=SAMPLELESS)
    assert "symbol" not in json.dumps(kept)
