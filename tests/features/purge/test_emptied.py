"""Collections that a purge emptied and kept: dropped later, where no KATO can have used them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import redis
from qdrant_client import QdrantClient, models

from services.bootstrap import Services
from services.errors import PurgeRefused, StoreError
from services.figures import Measure
from services.purge.context import presence_of
from services.purge.job import Job, Outcome
from services.purge.models import Request, Surface, Target
from services.purge.ports import KatoState, Presence
from services.stores.kato.api import KatoApi
from services.stores.qdrant.erase import VectorErasing
from services.usage.readings import ProcessorReading
from tests.engines.erasing import MINE, silent
from tests.engines.qdrant.qdrant_collections import add_alias, fill
from tests.features.purge.test_purge import ACME, WHY, purge, services
from tests.servers.deployment import Deployment

__all__ = ["services"]  # a fixture

OWN = f"vectors_{MINE}"
NODE = "tenant:acme:user:bob"


def there(client: QdrantClient) -> set[str]:
    return {each.name for each in client.get_collections().collections}


class TestEngine:
    @pytest.fixture
    def erasing(self, qdrant: QdrantClient) -> VectorErasing:
        """An adapter over two collections of the target that were emptied, and one of another."""
        for name in (OWN, "kato_tenant_acme", "vectors_other_kato"):
            fill(qdrant, name, ["a"])
        VectorErasing(qdrant).erase(self.SURFACE, silent, keep=True)
        assert there(qdrant) == {OWN, "kato_tenant_acme", "vectors_other_kato"}
        return VectorErasing(qdrant)

    SURFACE = Surface(collections=frozenset({OWN, "kato_tenant_acme", "vectors_gone_kato"}))

    def test_what_is_empty_goes(self, erasing: VectorErasing, qdrant: QdrantClient) -> None:
        qdrant.delete("vectors_other_kato", models.Filter())
        assert set(erasing.drop_emptied(self.SURFACE)) == {OWN, "kato_tenant_acme"}
        assert there(qdrant) == {"vectors_other_kato"}
        assert erasing.drop_emptied(self.SURFACE) == ()

    def test_what_holds_a_point_stays(self, erasing: VectorErasing, qdrant: QdrantClient) -> None:
        qdrant.upsert(OWN, [models.PointStruct(id=7, vector=[0.5, 0.5])])
        assert erasing.drop_emptied(self.SURFACE) == ("kato_tenant_acme",)
        assert qdrant.count(OWN).count == 1

    def test_what_others_reach_stays(self, erasing: VectorErasing, qdrant: QdrantClient) -> None:
        add_alias(qdrant, "vectors_other_too_kato", OWN)
        assert erasing.drop_emptied(self.SURFACE) == ("kato_tenant_acme",)
        assert OWN in there(qdrant)

    def test_an_alias_goes_with_what_it_reaches(
        self, erasing: VectorErasing, qdrant: QdrantClient
    ) -> None:
        """The name that KATO asks for is none of a collection that is gone."""
        qdrant.delete_collection(OWN)
        fill(qdrant, "moved", ["a"])
        qdrant.delete("moved", models.Filter())
        add_alias(qdrant, OWN, "moved")
        assert set(erasing.drop_emptied(self.SURFACE)) == {"moved", "kato_tenant_acme"}
        assert qdrant.get_aliases().aliases == []


@pytest.fixture
def restarted(services: Services, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let KATO say that it was started so many seconds from now; so it is where nothing is said."""
    said: list[float] = []

    def presence(_: KatoApi) -> Presence:
        began = datetime.now(UTC) + timedelta(seconds=said[-1]) if said else None
        return Presence(KatoState.RUNNING, began)

    assert presence_of(services.purge._tools) is not None
    monkeypatch.setattr(KatoApi, "presence", presence)
    return said


@pytest.fixture
def ended(services: Services, restarted: list[float], kato: Deployment) -> Job:
    """A purge during which KATO ran: its collections are there, and empty."""
    assert restarted == []
    job = purge(services, Target(ACME))
    assert job.outcome is Outcome.ERASED
    assert vectors(kato).count(OWN).count == 0
    return job


def vectors(kato: Deployment) -> QdrantClient:
    assert kato.targets.qdrant is not None
    return kato.targets.qdrant


UNHEARD = ProcessorReading(unanswered=1)


def test_they_are_dropped_once_kato_was_restarted_and_not_before(
    services: Services, kato: Deployment, restarted: list[float], ended: Job,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Those of the purge, and no others.

    One keeps them that does not say when it started, or says long before, that answers sometimes,
    or cannot be asked what it holds, or of which a worker does not say it while its siblings answer
    and have nothing of it in memory.
    """
    before = there(vectors(kato))

    def keeps(refusal: type[Exception], match: str) -> None:
        with pytest.raises(refusal, match=match):
            services.purge.drop_emptied(ended.id)
        assert there(vectors(kato)) == before

    keeps(PurgeRefused, "started after")
    restarted.append(-3600)
    keeps(PurgeRefused, "started after")
    began = datetime.now(UTC)
    with monkeypatch.context() as patch:
        patch.setattr(KatoApi, "presence", lambda _: Presence(KatoState.UNSTEADY, began))
        keeps(PurgeRefused, "started after")
    restarted.append(0)
    kato.fail("kato", "dropped")
    keeps(StoreError, "KATO")
    kato.heal()
    with monkeypatch.context() as patch:
        patch.setattr(KatoApi, "cached_processors", lambda _: UNHEARD)
        keeps(PurgeRefused, "does not say what it has in memory")
    assert OWN in services.purge.drop_emptied(ended.id)
    gone = before - there(vectors(kato))
    assert OWN in gone
    assert gone <= ended.plan.surface.collections
    assert services.purge.drop_emptied(ended.id) == ()
    assert services.purge.look_again(ended.id).back == 0


def test_a_stopped_kato_uses_none(
    services: Services, kato: Deployment, ended: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(KatoApi, "presence", lambda _: Presence(KatoState.STOPPED))
    kato.fail("kato", "down")
    assert OWN in services.purge.drop_emptied(ended.id)
    assert OWN not in there(vectors(kato))


def test_what_is_used_again_stays(
    services: Services, kato: Deployment, valkey: redis.Redis, restarted: list[float], ended: Job
) -> None:
    """A session that came since may have made KATO open its collection, though it is empty."""
    restarted.append(0)
    session = services.sessions.create(NODE, ttl_seconds=900, metadata={}, word="back", again=True)
    with pytest.raises(PurgeRefused, match="uses names of this purge again"):
        services.purge.drop_emptied(ended.id)
    services.usage.collect()
    services.purge._tools.kato.delete(session.session_id)
    assert not valkey.exists(f"kato:session:{session.session_id}")
    with pytest.raises(PurgeRefused, match="or did since"):  # it may be in a worker's memory
        services.purge.drop_emptied(ended.id)
    assert OWN in there(vectors(kato))


def test_a_purge_that_has_not_ended_or_had_no_vectors_drops_none(
    services: Services, kato: Deployment, restarted: list[float]
) -> None:
    restarted.append(3600)
    stores = frozenset({Measure.KEYS})
    points = vectors(kato).count(OWN).count
    job = purge(services, Target(ACME), stores=stores)
    assert vectors(kato).count(OWN).count == points > 0  # nor does its own last look
    vectors(kato).delete(OWN, models.Filter())
    assert services.purge.drop_emptied(job.id) == ()
    plan = services.purge.plan(Request(Target(ACME)))
    running = services.purge.begin(plan.digest, confirm=str(ACME), reason=WHY, asked_by="ada")
    with pytest.raises(PurgeRefused, match="has not ended"):
        services.purge.drop_emptied(running.id)
    assert OWN in there(vectors(kato))
