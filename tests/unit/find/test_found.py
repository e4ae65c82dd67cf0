"""What the Find page says of what was found."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from dashboard.find import rows, tables
from services.figures import Usage
from services.find.models import Answer, Certainty, Match, Place, Question, TenantHit
from services.purge.job import Tombstone
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import ClaimState

ACME, OTHER = TenantKey("tenant", "a-b"), TenantKey("tenant", "a_b")


def test_where_other_tenants_stand_is_a_column_of_the_table() -> None:
    """By its name, which holds also where a column comes after it."""
    match = Match("user", "bob", Certainty.INFERRED, ACME, Place("a_b_kato"), ClaimState.INFERRED,
                  "a text", (OTHER,))  # fmt: skip
    hit = TenantHit(ACME, ClaimState.INFERRED, (match,), (Place("a_b_kato"),), (),
                    Usage(None, None, None, None))  # fmt: skip
    answer = Answer(Question("bob", ("bob",)), (hit,))
    stone = Tombstone("a_b_kato", str(ACME), "job", datetime.now(UTC))
    frame = rows.found_frame(rows.rows_of(answer), tables.erasures([stone]))
    (text,) = tables.ambiguities(answer)
    named = re.search("“(.+)”", text)
    assert named, text
    assert frame[named[1]].tolist() == [[str(OTHER)]]
    assert frame.columns[-1] == "Erased"
