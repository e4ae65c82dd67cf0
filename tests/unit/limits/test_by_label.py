"""Limits by label: whom they hold for goes by the cards of now, and who is confined sees theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace

from services.access.viewer import Role, TenantPattern
from services.cards.models import Label, Labels, each_label
from services.cards.scope import LabelScope, scope_of, scope_written
from services.limits.models import Kept, Rule, Thresholds
from services.limits.preview import Changes
from services.limits.service import LimitsService
from services.tenancy.kb_ids import TenantKey
from tests.unit.access.desks import World, viewer_of
from tests.unit.history.snapshots import snapshot

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
GOLD, FREE = LabelScope(Label("plan", "gold")), LabelScope(Label("plan", "free"))
ACME, ZED = TenantKey("tenant", "acme"), TenantKey("tenant", "zed")
SNAPSHOT = snapshot(1_700_000_000, {"acme": 5, "zed": 5})


class Cards:
    """Cards that change."""

    def __init__(self) -> None:
        self.number, self.said = 0, dict[TenantKey, Labels]()

    def put(self, tenant: TenantKey, labels: Labels) -> None:
        self.number, self.said = self.number + 1, {**self.said, tenant: labels}

    def version(self) -> int:
        return self.number

    def labels_within(self, sees: Callable[[TenantKey], bool]) -> frozenset[Label]:
        mine = (labels for tenant, labels in self.said.items() if sees(tenant))
        return frozenset(label for labels in mine for label in each_label(labels))

    def labels(self) -> partial[Labels]:
        return partial(_of, dict(self.said))


def _of(said: Mapping[TenantKey, Labels], tenant: TenantKey) -> Labels:
    return said.get(tenant, {})


def service(cards: Cards, *rules: Rule) -> LimitsService:
    kept = tuple(Kept(rule, "zoe", NOW) for rule in rules)
    records = SimpleNamespace(version=lambda: 7, rules=lambda: kept, held=dict)
    return LimitsService(records, thresholds=Thresholds(), now=lambda: NOW, cards=cards)  # type: ignore[arg-type]


def test_a_label_that_comes_or_goes_changes_whom_a_limit_holds_for() -> None:
    """At once, and everybody who keeps anything by the version is told."""
    cards = Cards()
    limits = service(cards, Rule(GOLD, "patterns", 4), Rule(TenantPattern("*", "*"), "patterns", 9))

    def sources() -> dict[str, str]:
        return {str(e.tenant): str(e.source) for e in limits.standings(SNAPSHOT).every}

    assert sources() == {"tenant/acme": "*", "tenant/zed": "*"}
    before = limits.version()
    cards.put(ACME, {"plan": "gold"})
    assert limits.version() != before
    assert sources() == {"tenant/acme": "label:plan=gold", "tenant/zed": "*"}
    changes = Changes((Rule(GOLD, "patterns", 5),))
    assert [str(e.tenant) for e in limits.preview(SNAPSHOT, changes).standings] == ["tenant/acme"]
    cards.put(ACME, {"plan": "free"})
    assert sources() == {"tenant/acme": "*", "tenant/zed": "*"}


def test_who_is_confined_sees_rules_of_labels_in_scope(tmp_path: Path) -> None:
    """Those that tenants in scope have; that there are others is not told."""
    cards, world = Cards(), World(tmp_path)
    cards.put(ACME, {"plan": "gold"})
    cards.put(ZED, {"plan": "free"})
    world.limits = service(cards, Rule(GOLD, "keys", 4), Rule(FREE, "keys", 3))
    rules = world.desk(lambda: viewer_of(Role.VIEWER, "tenant/acme")).limits.rules()
    assert [(str(each.rule.scope), each.by) for each in rules] == [("label:plan=gold", "")]
    assert len(world.desk(lambda: viewer_of(Role.VIEWER)).limits.rules()) == 2
    world.close()


def test_a_tenant_is_never_taken_for_a_label() -> None:
    """A kind that begins so has a slash behind it, which no label has."""
    odd = TenantPattern("label:plan=gold", "x")
    assert scope_of(str(odd)) == scope_written(str(odd)) == odd
    assert scope_of("label:plan=gold") == scope_written("label:plan=gold") == GOLD
