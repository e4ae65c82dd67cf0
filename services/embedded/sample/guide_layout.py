"""A bit of the isolation guide's own layout, as some deployments have it. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from services.embedded.sample.patterns import VECTOR_SIZE, point
from services.embedded.write.dataset import Collection, Entry, KeyType, Point

_TENANTS = ("soylent", "globex")
_SHARED = "kato_vectors"
_OWNERS = ("globex",) * 5 + ("soylent",) * 3 + ("massive-dynamic",) * 2 + (None,)
_SHARED_POINTS = 66


def entries(*, random: Random, now: datetime) -> Iterator[Entry]:
    """Yield keys `tenant:{tenant}:session:{id}` and `tenant:{tenant}:cache:…`."""
    for tenant in _TENANTS:
        for number in range(3):
            yield _session(tenant, random, now - timedelta(minutes=7 * number + 2))
        for name in ("cache:profile", "cache:top-patterns", "settings"):
            yield Entry(f"tenant:{tenant}:{name}", KeyType.STRING, json.dumps({"v": 1, "of": name}))


def _session(tenant: str, random: Random, created: datetime) -> Entry:
    session_id = random.randbytes(8).hex()
    held = {"user": "ops", "created_at": created.isoformat(), "stm": []}
    return Entry(
        f"tenant:{tenant}:session:{session_id}", KeyType.STRING, json.dumps(held), 7_200_000
    )


def collections(*, random: Random) -> Iterator[Collection]:
    """Yield a collection of one tenant, and one that tenants share by payload."""
    own = tuple(_point(random, f"soylent/{i}", {"text": f"note {i}"}) for i in range(12))
    yield Collection("kato_tenant_soylent", VECTOR_SIZE, "Cosine", own)
    shared = tuple(_shared_point(random, i) for i in range(_SHARED_POINTS))
    yield Collection(_SHARED, VECTOR_SIZE, "Cosine", shared)


def _shared_point(random: Random, number: int) -> Point:
    """Return a point of a tenant; one in eleven says nothing of whose it is."""
    owner = _OWNERS[number % len(_OWNERS)]
    payload: dict[str, object] = {"text": f"note {number}"}
    if owner is not None:
        payload["tenant_id"] = owner
    return _point(random, f"{_SHARED}/{number}", payload)


def _point(random: Random, name: str, payload: dict[str, object]) -> Point:
    return point(random, payload, name)
