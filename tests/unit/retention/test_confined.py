"""What a viewer of some tenants sees of retention: nothing that is about others."""

from __future__ import annotations

from services.access.viewer import Role, TenantPattern, Viewer
from services.cards.models import Label
from services.retention.confined import confined_job, confined_plan, confined_policies
from services.retention.models import Left
from tests.unit.access.keeping import ACME, COUNTED, KEEPING, POLICIES, RUN

ANN = Viewer("ann", Role.OPERATOR, frozenset({TenantPattern("tenant", "acme")}))
ALL = Viewer("bob", Role.ADMIN)
LABELS: frozenset[Label] = frozenset()
"""Those of tenants that ann sees."""


def test_who_sees_all_sees_it_as_it_is() -> None:
    assert confined_policies(POLICIES, ALL, LABELS) == POLICIES
    assert confined_plan(KEEPING, ALL, LABELS) == KEEPING
    assert confined_job(RUN, ALL) == RUN


def test_nothing_names_or_counts_others() -> None:
    """Decided by field: neither who set and ran it, nor why."""
    seen = (
        confined_policies(POLICIES, ANN, LABELS), confined_plan(KEEPING, ANN, LABELS),
        confined_job(RUN, ANN),
    )  # fmt: skip
    assert "zed" not in repr(seen)
    assert str(COUNTED) not in repr(seen)


def test_their_own_is_there() -> None:
    plan, job = confined_plan(KEEPING, ANN, LABELS), confined_job(RUN, ANN)
    assert [line.tenant for line in plan.lines] == [ACME]
    assert [left.why for left in plan.left_out] == [Left.HOLD]
    assert job.receipt is not None
    assert [line["tenant"] for line in job.receipt["lines"]] == ["tenant/acme"]
    kept = confined_policies(POLICIES, ANN, LABELS)
    assert [str(each.policy.scope) for each in kept] == ["*", "tenant/acme"]


def test_a_policy_of_a_label_or_kind_is_seen_by_whom_it_may_hold_for() -> None:
    kept = confined_policies(POLICIES, ANN, frozenset({Label("owner", "zed")}))
    assert [str(each.policy.scope) for each in kept] == ["*", "label:owner=zed", "tenant/acme"]
