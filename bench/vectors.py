"""A shared collection's points by tenant: one facet call beside a filtered count per tenant.

    python -m bench.vectors [--tenants 1000] [--points 20000] [--asked 20] [--repeat 5]

No Qdrant server can be installed with pip, so this is what can be measured without one:

* Qdrant's local mode, which walks all points in Python for a facet and for a filtered count
  alike. It stands for the work: one walk beside one for each tenant. A server has an index on
  `tenant_id`, and makes both cheaper.
* A loopback server that answers at once, with nothing behind it. It stands for the way there:
  one request with a long answer beside one for each tenant. A network makes each dearer.
* The number of requests that this product sends, counted.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from qdrant_client import QdrantClient, models

from bench.measure import median, side_by_side, spread, verdict
from services.stores.qdrant.usage import VectorStore
from tests.servers.faults import Answer, HttpServer, Request
from tests.servers.qdrant_http import qdrant_http

NAME, TENANT = "kato_vectors", "tenant_id"
BATCH = 1000


def fill(client: QdrantClient, owners: Sequence[str]) -> None:
    """Write one point for each owner named."""
    vectors = models.VectorParams(size=4, distance=models.Distance.EUCLID)
    client.create_collection(NAME, vectors_config=vectors)
    for start in range(0, len(owners), BATCH):
        batch = enumerate(owners[start : start + BATCH], start)
        points = [
            models.PointStruct(id=at, vector=[0.1] * 4, payload={TENANT: owner})
            for at, owner in batch
        ]
        client.upsert(NAME, points)


def count(client: QdrantClient, tenant: str) -> int:
    """Count one tenant's points, as the isolation guide filters them."""
    match = models.FieldCondition(key=TENANT, match=models.MatchValue(value=tenant))
    return client.count(NAME, count_filter=models.Filter(must=[match]), exact=True).count


def facet(client: QdrantClient) -> dict[object, int]:
    """Count every tenant's points in one call."""
    return {hit.value: hit.count for hit in client.facet(NAME, TENANT, limit=100_000).hits}


@contextmanager
def answering_at_once(points: Counter[str]) -> Iterator[QdrantClient]:
    """Serve answers that were made beforehand."""
    hits = [{"value": name, "count": number} for name, number in points.items()]
    answers = {
        "facet": Answer.json({"result": {"hits": hits}, "status": "ok", "time": 0.0}),
        "count": Answer.json({"result": {"count": 20}, "status": "ok", "time": 0.0}),
    }

    def answer(request: Request) -> Answer:
        return answers[request.path.rpartition("/")[2]]

    with HttpServer(answer) as server:
        yield QdrantClient(url=server.url, check_compatibility=False)


def compare(
    where: str, client: QdrantClient, asked: Sequence[str], options: argparse.Namespace
) -> bool:
    """Print the ratio for one Qdrant."""
    cases = {
        "one facet call": lambda: facet(client),
        f"a filtered count for {len(asked)} tenants": lambda: [count(client, t) for t in asked],
    }
    times = side_by_side(cases, repeat=options.repeat)
    for name, found in times.items():
        print(f"     {where}: {name:<40} {spread(found)}")
    once, each = map(median, times.values())
    ratio = each * options.tenants / len(asked) / once
    return verdict(f"{where}: count per tenant / facet", ratio, at_least=500)


def requests_section(client: QdrantClient, tenants: int) -> list[bool]:
    """Count the requests of one pass over a server that has this collection."""
    with qdrant_http(client, indexed={NAME}) as server:
        over = QdrantClient(url=server.url, check_compatibility=False)
        reading = VectorStore(over, shared_collections=frozenset({NAME})).read()
        over.close()
        paths = Counter(request.path for request in server.calls)
    split = reading.collections[0].points_by_tenant
    assert split is not None
    assert len(split) == tenants
    print(f"     one pass asks for {', '.join(paths)}")
    return [
        verdict("requests of a whole pass", paths.total(), at_most=5, unit=""),
        verdict("requests of a count per tenant", tenants, unit=""),
    ]


def main() -> int:
    """Run everything; 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tenants", type=int, default=1_000)
    parser.add_argument("--points", type=int, default=20_000)
    parser.add_argument("--asked", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    chance = random.Random(11)
    names = [f"t{at:05d}" for at in range(options.tenants)]
    spare = max(0, options.points - len(names))
    owners = names + chance.choices(names, weights=range(1, len(names) + 1), k=spare)
    asked = chance.sample(names, min(options.asked, len(names)))
    client = QdrantClient(":memory:")
    fill(client, owners)
    points = Counter(owners)
    assert facet(client) == dict(points)
    assert all(count(client, name) == points[name] for name in asked)
    print(f"{len(owners):,} points of {len(names):,} tenants; counts of {len(asked)} multiplied")
    met = [compare("local mode", client, asked, options)]
    with answering_at_once(points) as near:
        met.append(compare("loopback", near, asked, options))
    met += requests_section(client, len(names))
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
