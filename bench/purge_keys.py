"""Looking for and erasing the keys of tenants in a whole fleet's keyspace, beside a bare pass.

    python -m bench.purge_keys [--keys 1000000 --each 1000] [--repeat 5]

Prints ratios of medians, all of one run: the cases take turns on the same server.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Iterator

import redis

from bench.keys import bare_pass, slowlog
from bench.measure import (
    Command,
    fill,
    fill_keyspace,
    kb_commands,
    median,
    seconds,
    spread,
    valkey,
    verdict,
)
from services.purging.models import Surface
from services.stores.key_erasing import KeyErasing


def surface_of(tenants: int) -> Surface:
    """The surface of the first few of the tenants that come and go."""
    return Surface(
        kb_ids=frozenset(f"tenant_gone{at:03d}_kato" for at in range(tenants)),
        nodes=frozenset(f"tenant:gone{at:03d}" for at in range(tenants)),
    )


def commands(surface: Surface, each: int) -> Iterator[Command]:
    """Yield the commands that write so many keys for every kb_id, in KATO's proportions."""
    chance = random.Random(11)
    for kb_id in sorted(surface.kb_ids):
        yield from kb_commands(kb_id, each, chance)


def main() -> int:
    """Run everything; 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--each", type=int, default=1_000)
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    with valkey() as server, redis.Redis(port=server.port) as client:
        fill_keyspace(server.port, keys=options.keys, knowledge_bases=5_000, tenants=1_000)
        erasing = KeyErasing(client, service="kato", scan_count=options.count, pass_seconds=600)
        met = [
            verdict_met
            for tenants, most in ((1, 1.5), (100, 2.0))
            for verdict_met in section(client, erasing, tenants, most, options)
        ]
    return 0 if all(met) else 1


def section(
    client: redis.Redis,
    erasing: KeyErasing,
    tenants: int,
    most: float,
    options: argparse.Namespace,
) -> list[bool]:
    """Look and erase, beside a bare pass over the same keys."""
    port, surface = client.get_connection_kwargs()["port"], surface_of(tenants)
    times: dict[str, list[float]] = {"bare": [], "look": [], "erase": []}
    slowest: list[float] = []
    cases: dict[str, Callable[[], object]] = {
        "bare": lambda: bare_pass(port, options.count),
        "look": lambda: erasing.look(surface, lambda node: node in surface.nodes),
        "erase": lambda: erasing.erase(surface, lambda node: node in surface.nodes, lambda _: None),
    }
    for _ in range(options.repeat):
        fill(port, commands(surface, options.each))
        keys = client.dbsize()
        for name, run in cases.items():
            times[name].append(seconds(run))
        assert client.dbsize() == keys - tenants * options.each
    fill(port, commands(surface, options.each))
    for name in ("look", "erase"):
        with slowlog(client, slowest):
            cases[name]()
    for name, found in times.items():
        print(f"     {tenants} tenants: {name:<8} {spread(found)}")
    bare, look, erase = (median(times[name]) for name in times)
    return [
        verdict(f"look of {tenants} tenants / bare pass", look / bare, at_most=most),
        verdict(f"erase of {tenants} tenants / bare pass", erase / bare, at_most=most),
        verdict("slowest command on the server", max(slowest), at_most=5, unit="ms"),
    ]


if __name__ == "__main__":
    sys.exit(main())
