"""Which policy holds, and what is left as it is: on hold, shared, only inferred, busy."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from services.access.viewer import TenantPattern
from services.cards.models import Label, LabelsOf
from services.cards.scope import LabelScope, Scope
from services.retention.judge import Holding, Judge, Policies
from services.retention.models import Left, LeftOut, Matter, Policy
from services.settings.environment import Settings
from services.tenancy.kb_ids import TenantKey, kb_id_of
from services.tenancy.ownership import Ownership

ACME, CORP, BIG = (TenantKey("tenant", "acme"), TenantKey("tenant", "acme-corp"),
                   TenantKey("org", "bigco"))  # fmt: skip
COUNT, IDLE, AGE = "predictions:count", "predictions:idle", "patterns:age"
EVERY = TenantPattern("*", "*")
GOLD, EU = LabelScope(Label("plan", "gold")), LabelScope(Label("region", "eu"))
NODE = "tenant:acme:user:bob"
KB = kb_id_of(NODE)


def policy(scope: Scope, most: int | None, quantity: str = COUNT) -> Policy:
    return Policy(scope, quantity, most)


def labels_of(labels: Mapping[TenantKey, Mapping[str, str]]) -> LabelsOf:
    return lambda tenant: labels.get(tenant, {})


def ownership(*nodes: str) -> Ownership:
    return Ownership(nodes or (NODE,), schemes=Settings().naming)


def judge(*policies: Policy, owned: Ownership | None = None, **more: object) -> Judge:
    return Judge(Policies(policies), policies, owned or ownership(), **more)  # type: ignore[arg-type]


class TestWhichHolds:
    def test_the_most_specific_does(self) -> None:
        wide, kind = policy(EVERY, 1), policy(TenantPattern("tenant", "*"), 2)
        label, own = policy(GOLD, 3), policy(TenantPattern("tenant", "acme"), 4)
        labels = {ACME: {"plan": "gold"}, CORP: {"plan": "gold"}}
        every = Policies((wide, kind, label, own), labels_of(labels))
        assert every.of(ACME, COUNT) == own
        assert every.of(CORP, COUNT) == label
        assert every.of(TenantKey("tenant", "x"), COUNT) == kind
        assert every.of(BIG, COUNT) == wide
        assert every.of(BIG, IDLE) is None

    @pytest.mark.parametrize("most", [9, None])
    def test_of_two_labels_the_one_that_keeps_more(self, most: int | None) -> None:
        """None keeps all."""
        less, more = policy(GOLD, 3), policy(EU, most)
        labels = {ACME: {"plan": "gold", "region": "eu"}}
        assert Policies((less, more), labels_of(labels)).of(ACME, COUNT) == more
        assert Policies((more, less), labels_of(labels)).of(ACME, COUNT) == more

    def test_a_policy_that_keeps_all_bounds_nothing(self) -> None:
        every = Policies((policy(EVERY, 1), policy(TenantPattern("tenant", "acme"), None)))
        assert every.bounding(ACME, Matter.PREDICTIONS) == ()
        assert len(every.bounding(CORP, Matter.PREDICTIONS)) == 1


class TestWhatMayGo:
    def test_a_known_kb_id_with_its_bounds_and_where_they_come_from(self) -> None:
        found = judge(policy(EVERY, 5), policy(EVERY, 60, IDLE)).kb(KB, Matter.PREDICTIONS)
        assert isinstance(found, Holding)
        assert found.tenant == ACME
        assert (found.bounds.count, found.bounds.idle, found.bounds.ttl) == (5, 60, None)
        assert found.sources == {COUNT: "*", IDLE: "*"}

    def test_only_what_is_to_run_does_and_others_still_outrank_it(self) -> None:
        wide, own = policy(EVERY, 1), policy(TenantPattern("tenant", "acme"), 4)
        found = Judge(Policies((wide, own), {}), (wide,), ownership())
        assert found.kb(KB, Matter.PREDICTIONS) is None

    def test_nothing_of_who_has_no_policy(self) -> None:
        assert judge(policy(TenantPattern("org", "*"), 1)).kb(KB, Matter.PREDICTIONS) is None
        assert judge(policy(EVERY, 60, AGE)).kb(KB, Matter.PREDICTIONS) is None

    def test_what_two_tenants_share_stays(self) -> None:
        owned = ownership("tenant:acme-corp:user:bob", "tenant:acme_corp:user:bob")
        (kb_id,) = owned.nodes_by_kb
        found = judge(policy(EVERY, 1), owned=owned).kb(kb_id, Matter.PREDICTIONS)
        assert isinstance(found, LeftOut)
        assert found.why is Left.SHARED

    @pytest.mark.parametrize("kb_id", ["tenant_globex_user_al_kato", "no_scheme_kato"])
    def test_what_is_only_inferred_stays(self, kb_id: str) -> None:
        found = judge(policy(EVERY, 1)).kb(kb_id, Matter.PREDICTIONS)
        assert isinstance(found, LeftOut)
        assert found.why is Left.INFERRED

    def test_a_kb_id_of_its_own_goes_where_a_policy_names_it(self) -> None:
        own = policy(TenantPattern("kb", "no_scheme_kato"), 1)
        assert isinstance(judge(own).kb("no_scheme_kato", Matter.PREDICTIONS), Holding)

    def test_what_is_on_hold_or_busy_stays(self) -> None:
        held = judge(policy(EVERY, 1), holds=frozenset({ACME}))
        busy = [judge(policy(EVERY, 1), busy=n.__eq__) for n in (f"kb_id {KB}", str(ACME))]
        for each, why in ((held, Left.HOLD), *((one, Left.BUSY) for one in busy)):
            found = each.kb(KB, Matter.PREDICTIONS)
            assert isinstance(found, LeftOut)
            assert found.why is why

    def test_a_kb_id_called_as_other_keys_begin_stays(self) -> None:
        owned = Ownership((), schemes=Settings().naming)
        own = policy(TenantPattern("kb", "stm"), 1)
        found = judge(own, owned=owned).kb("stm", Matter.PREDICTIONS)
        assert isinstance(found, LeftOut)
        assert found.why is Left.NAME

    def test_a_session_is_of_the_tenant_that_its_node_id_names(self) -> None:
        idle = policy(EVERY, 60, "sessions:idle")
        found = judge(idle).node(NODE)
        assert isinstance(found, Holding)
        assert found.tenant == ACME
        held = judge(idle, holds=frozenset({ACME})).node(NODE)
        assert isinstance(held, LeftOut)

    def test_what_is_everybodys_stays_while_anybody_is_on_hold(self) -> None:
        length = policy(EVERY, 60, "streams:length")
        assert isinstance(judge(length).everybodys(Matter.STREAMS), Holding)
        held = judge(length, holds=frozenset({BIG})).everybodys(Matter.STREAMS)
        assert isinstance(held, LeftOut)
        assert held.why is Left.HOLD_ELSEWHERE
