"""The capture's kb_id that two tenants share, with vectors, and what of it is whose."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from qdrant_client import models

from services.apart.evidence import MARGIN
from services.apart.models import Words
from services.embedded.write import rows as writing
from services.embedded.write.dataset import Row
from services.tenancy.kb_ids import TenantKey
from tests.servers.deployment import Deployment

KB = "tenant_acme_corp_user_bob_kato"
FIRST, SECOND = TenantKey("tenant", "acme-corp"), TenantKey("tenant", "acme_corp")
BEGAN = datetime(2026, 11, 23, 6, 23, 5, tzinfo=UTC)
"""When the capture's second tenant wrote first."""

WORDS = Words(began={SECOND: BEGAN + MARGIN})
EARLY, BOTH, LATE = (letter * 40 for letter in "def")
VECTORS = ("VCTR|early", "VCTR|both", "VCTR|late")
COLLECTION = f"vectors_{KB}"


def add_vectors(kato: Deployment) -> None:
    """Three patterns learnt once with vectors: one before the second tenant began."""
    client, qdrant, redis = kato.targets.clickhouse, kato.targets.qdrant, kato.targets.redis
    assert client is not None
    assert qdrant is not None
    assert redis is not None
    early, late = BEGAN - timedelta(seconds=5), BEGAN + timedelta(seconds=1)
    rows = (
        (EARLY, early, ["VCTR|early", "VCTR|both"]), (BOTH, late, ["VCTR|both"]),
        (LATE, late, ["VCTR|late"]),
    )  # fmt: skip
    writing.write(client, kato.targets.database, iter([
        Row("patterns_data", (KB, name, [[t] for t in tokens], len(tokens), tokens, len(tokens),
                              [1], [2], tokens[0], tokens[-1], at, at))
        for name, at, tokens in rows
    ]), merge=True)  # fmt: skip
    for name, _, tokens in rows:
        redis.set(f"{KB}:frequency:{name}", 1)
        redis.set(f"{KB}:emotives:{name}", '[{"joy": 1}]')
        redis.incr(f"{KB}:global:total_unique_patterns")
        redis.incr(f"{KB}:global:total_pattern_frequencies")
        redis.incrby(f"{KB}:global:total_symbols_in_patterns_frequencies", len(tokens))
        for token in tokens:
            redis.hincrby(f"{KB}:symbols:freq", token, 1)
            redis.hincrby(f"{KB}:symbols:pmf", token, 1)
            redis.sadd(f"{KB}:symbol_to_patterns:{token}", name)
    size = models.VectorParams(size=2, distance=models.Distance.EUCLID)
    qdrant.create_collection(COLLECTION, vectors_config=size)
    qdrant.upsert(COLLECTION, [
        models.PointStruct(id=number, vector=[number, 1.0], payload={"vctr_name": name})
        for number, name in enumerate(VECTORS)
    ])  # fmt: skip
