"""A refresh of a fleet that is written to takes its memory over from the last reading of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from services import bootstrap
from services.bootstrap import Services
from services.figures import Amount, Measure, Precision
from services.settings.environment import Settings
from services.stores.redis.usage import KeyspaceStore
from services.usage.snapshot import Snapshot
from services.usage.sums import total


@pytest.fixture
def services(kato_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """As of a large fleet, and without a sample, which may say otherwise by chance."""
    monkeypatch.setitem(KeyspaceStore.__init__.__kwdefaults__, "few", 0)  # type: ignore[index]
    built = bootstrap.build(kato_settings.model_copy(update={"memory_sample": 1e-12}))
    yield built
    built.close()


def parts_of(snapshot: Snapshot) -> Amount:
    """Return the sum of the keys of all who have any."""
    shared = (part.usage for part in snapshot.shared)
    every = (*(t.usage for t in snapshot.tenants), *shared, snapshot.unattributed.usage)
    return total([usage.keys for usage in every if usage.keys is not None])


def test_what_is_written_is_counted_and_memory_is_as_of_before(
    services: Services, valkey: redis.Redis
) -> None:
    """However often; who did not change has the very figure, and the sum is that of the parts."""
    before = services.usage.collect()
    assert before.stores[Measure.KEYS].precision is Precision.EXACT
    assert before.stores[Measure.KEYS].memory_at is None
    tenant, other = (each.tenant for each in before.tenants[:2])
    kb_id = before.tenants[0].kb_ids[0]
    for number in range(2):
        valkey.set(f"{kb_id}:frequency:{number:040x}", 1)
        after = services.usage.collect()
        was, now = (each.stores[Measure.KEYS] for each in (before, after))
        assert was.collected_at
        assert now.memory_at
        assert abs((now.memory_at - was.collected_at).total_seconds()) < 60
        assert now.precision is Precision.SAMPLED
        assert was.total
        assert now.total
        assert now.total.count == was.total.count + number + 1
        assert now.difference == Amount(0, 0)
        assert parts_of(after).bytes == now.total.bytes
        then, found = (each.tenant(other) for each in (before, after))
        assert then
        assert found
        assert found.usage.keys == then.usage.keys
        then, found = (each.tenant(tenant) for each in (before, after))
        assert then
        assert then.usage.keys
        assert found
        assert found.usage.keys
        assert found.usage.keys.count == then.usage.keys.count + number + 1
