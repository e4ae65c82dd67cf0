"""KATO's collections behind aliases, on a whole deployment: every page sees what KATO sees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from qdrant_client import QdrantClient

from services import bootstrap
from services.bootstrap import Services
from services.browse.models import Space
from services.figures import Measure, Usage
from services.find.models import COLLECTION
from services.settings.environment import Settings
from services.stores.qdrant.audit import VectorAudit
from services.stores.qdrant.usage import VectorStore
from services.tenancy.kb_ids import TenantKey
from services.usage.snapshot import Snapshot
from tests.engines.qdrant.qdrant_collections import SHARED, add_alias, fill, move_behind_alias
from tests.servers.deployment import Deployment

ACME, BIGCO = TenantKey("tenant", "acme"), TenantKey("org", "bigco")
BOBS = "vectors_tenant_acme_user_bob_kato"


@pytest.fixture
def services(kato_settings: Settings) -> Iterator[Services]:
    built = bootstrap.build(kato_settings)
    yield built
    built.close()


def engine_of(kato: Deployment) -> QdrantClient:
    """The engine itself, behind the server."""
    assert kato.targets.qdrant is not None
    return kato.targets.qdrant


def vectors(snapshot: Snapshot) -> dict[str, int]:
    """The points of each owner."""
    named: list[tuple[str, Usage]] = [(str(t.tenant), t.usage) for t in snapshot.tenants]
    named += [(part.name, part.usage) for part in snapshot.shared]
    named.append(("nobody", snapshot.unattributed.usage))
    return {name: usage.vectors.count for name, usage in named if usage.vectors}


def test_figures_pages_and_find_are_the_same_behind_an_alias(
    services: Services, kato: Deployment
) -> None:
    """A migration of Qdrant that KATO does not notice, this product does not either."""
    before = services.usage.collect()
    points = engine_of(kato).count(BOBS).count
    assert points > 0
    move_behind_alias(engine_of(kato), BOBS, "moved")
    after = services.usage.collect()
    assert vectors(after) == vectors(before)
    assert after.stores[Measure.VECTORS].difference.count == 0
    (usage,) = (each for each in after.tenants if each.tenant == ACME)
    scope = services.inspection.scope(after, usage)
    space = Space("moved", None, (BOBS,))
    facts = services.inspection.space(scope, space)
    assert facts is not None
    assert facts.points == points
    assert len(services.inspection.points(scope, space).points) == points
    for typed in (BOBS, "moved"):
        answer = services.finding.find(typed, after)
        (hit,) = answer.hits
        assert (hit.tenant, hit.matches[0].what) == (ACME, COLLECTION)
        assert hit.usage.vectors is not None
        assert hit.usage.vectors.count == points


def test_the_audit_says_who_reaches_one_collection(services: Services, kato: Deployment) -> None:
    """And its points are in the figures of neither, once."""
    whole = sum(vectors(services.usage.collect()).values())
    add_alias(engine_of(kato), "vectors_org_bigco_dept_sales_user_x_kato", BOBS)
    snapshot = services.usage.collect()
    points = engine_of(kato).count(BOBS).count
    assert vectors(snapshot)[f"collection:{BOBS}"] == points
    assert sum(vectors(snapshot).values()) == whole
    report = services.isolation.audit(snapshot)
    (finding,) = (r.finding for r in report.records if r.finding.code == "shared.alias")
    assert set(finding.tenants) == {ACME, BIGCO}


def test_a_collection_that_is_shared_under_its_alias_is_split(qdrant: QdrantClient) -> None:
    """The settings name what programs ask for, and that may be the alias."""
    fill(qdrant, "v2", ["acme", "b", "b"])
    add_alias(qdrant, SHARED, "v2")
    store = VectorStore(qdrant, shared_collections=frozenset({SHARED}))
    (usage,) = (each for each in store.read().collections if each.name == "v2")
    assert (usage.points_by_tenant, usage.aliases) == ({"acme": 1, "b": 2}, (SHARED,))
    audit = VectorAudit(qdrant, shared_collections=frozenset({SHARED}))
    assert set(audit.facts().tenant_indexes) == {"v2"}
    add_alias(qdrant, "vectors_a_kato", "v2")
    (again,) = (each for each in store.read().collections if each.name == "v2")
    assert again == replace(usage, aliases=(SHARED, "vectors_a_kato"))
