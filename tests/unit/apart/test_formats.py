"""Plans and what came of them, kept as text: names of any bytes come back as they were."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from unittest.mock import Mock

from services.apart.doings import doings_of
from services.apart.formats import (
    apart_json,
    apart_of,
    apart_text,
    plan_json,
    plan_of,
    receipt_json,
    receipt_of,
)
from services.apart.models import Apart, By, Cost, Goes, Plan, Receipt, Share
from services.figures import Measure
from services.jobs.ports import Jobs
from services.tenancy.kb_ids import TenantKey
from tests.unit.access.taken_apart import ACME, JOB

ODD = "\udcff'\\ ö\x00\ud800"
TENANT = TenantKey("tenant", ODD)
SHARES = (Share(TENANT, (ODD,), None, node_id=f"{ODD}2", kb_id=ODD),)
RECEIPT = Receipt((Goes(Measure.SESSIONS, TENANT, 1, By.RECORD),), (), {ODD: f"{ODD}3"}, 1, 2)


def test_names_of_any_bytes_come_back() -> None:
    plan = Plan(ODD, SHARES, RECEIPT.goes, (), Cost(1, 2, 3), ("no",))
    apart = Apart(ODD, datetime(2026, 6, 1, tzinfo=UTC), "j", "ann", "OPS-1", SHARES, RECEIPT)
    assert plan_of(json.loads(json.dumps(plan_json(plan)))) == plan
    assert receipt_of(json.loads(json.dumps(receipt_json(RECEIPT)))) == RECEIPT
    assert apart_of(apart_text(apart)) == apart
    assert apart_json(apart)["receipt"]["sessions"] == {ODD: f"{ODD}3"}


def test_one_is_said_of_its_tenants_however_many_were_begun_since() -> None:
    jobs = Mock(spec=Jobs)
    jobs.unended.return_value, jobs.all.return_value = (JOB,), ()
    assert {who: doing.job for who, (doing,) in doings_of(jobs).items()} == {ACME: JOB.id}
