"""What a purge asks of a whole fleet's Redis: looking, erasing and proving, beside a bare pass.

    python -m bench.purge [--keys 1000000 --kb-ids 5000 --tenants 1000 --each 1000] [--repeat 5]

Prints ratios of medians, all of one run: the cases take turns on the same server. A purge goes
three times through all keys: the survey, the sweep, and the look after it; what the survey holds
is looked at and erased by name.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import redis

from bench.keys import bare_pass, slowlog
from bench.measure import (
    Command,
    PeakMemory,
    fill,
    fill_keyspace,
    kb_commands,
    median,
    seconds,
    spread,
    valkey,
    verdict,
)
from services.jobs.models import Progress
from services.purge.models import KeySurvey, Surface
from services.stores.redis.erase import KeyErasing
from services.tenancy.layout import bytes_of

PASSES = ("survey", "sweep", "settle look")
"""What goes through all keys."""


def surface_of(tenants: int) -> Surface:
    """The surface of the first few of the tenants that come and go."""
    return Surface(
        kb_ids=frozenset(f"tenant_gone{at:03d}_kato" for at in range(tenants)),
        nodes=frozenset(f"tenant:gone{at:03d}" for at in range(tenants)),
    )


def commands(surface: Surface, each: int) -> Iterator[Command]:
    """Yield the commands that write so many keys for every kb_id, and a session for every node."""
    chance = random.Random(11)
    for kb_id in sorted(surface.kb_ids):
        yield from kb_commands(kb_id, each, chance)
    for node in sorted(surface.nodes):
        name = b"session-gone-%b" % bytes_of(node)
        content = b'{"session_id":"%b","node_id":"%b"}' % (name, bytes_of(node))
        yield b"SET", b"kato:session:" + name, content, b"EX", b"86400"
        yield b"SADD", b"kato:session:_active_index", name


@dataclass(slots=True)
class RedisPurge:
    """One purge, step by step, as far as Redis goes; `survey` is what its plan has seen."""

    erasing: KeyErasing
    surface: Surface
    survey: KeySurvey | None = field(default=None, init=False)

    def wants(self, node: str) -> bool:
        """Whether a node_id is the target's."""
        return node in self.surface.nodes

    def steps(self) -> dict[str, Callable[[], object]]:
        """Return the steps in their order, each to be run once."""
        return {
            "survey": self._survey,
            "plan's look": lambda: self.erasing.look(self.surface, self.wants, self.survey),
            "end sessions": lambda: self.erasing.erase_sessions(
                self.surface, self.wants, self.survey
            ),
            "erase": lambda: self.erasing.erase(self.surface, self.wants, _silent, self.survey),
            "sweep": lambda: self.erasing.sweep(self.surface, self.wants, _silent),
            "settle look": lambda: self.erasing.look(self.surface, self.wants),
        }

    def _survey(self) -> None:
        self.survey = self.erasing.survey(self.surface.kb_ids.__contains__)


def _silent(_: Progress) -> None:
    """Take no note of progress."""


def main() -> int:
    """Run everything; 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--kb-ids", type=int, default=5_000)
    parser.add_argument("--tenants", type=int, default=1_000)
    parser.add_argument("--each", type=int, default=1_000)
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    with valkey() as server, redis.Redis(port=server.port) as client:
        fill_keyspace(
            server.port, keys=options.keys, knowledge_bases=options.kb_ids, tenants=options.tenants
        )
        erasing = KeyErasing(client, service="kato", scan_count=options.count, pass_seconds=600)
        met = [memory_section(erasing)]
        for tenants, most in ((1, 3.5), (100, 4.0)):
            met += redis_section(client, erasing, tenants, most, options)
    return 0 if all(met) else 1


def memory_section(erasing: KeyErasing) -> bool:
    """A survey that holds nobody's keys, the first pass of the process."""
    with PeakMemory() as memory:
        erasing.survey(lambda _: False)
    return verdict("peak memory of a survey above idle", memory.above_idle, at_most=100, unit="MiB")


def redis_section(
    client: redis.Redis,
    erasing: KeyErasing,
    tenants: int,
    most: float,
    options: argparse.Namespace,
) -> list[bool]:
    """Purge so many tenants again and again, each time beside a bare pass over the same keys."""
    port, surface = client.get_connection_kwargs()["port"], surface_of(tenants)
    times: dict[str, list[float]] = {"bare": []}
    sums, slowest = list[float](), list[float]()
    keys = client.dbsize()
    for _ in range(options.repeat):
        fill(port, commands(surface, options.each))
        times["bare"].append(seconds(lambda: bare_pass(port, options.count)))
        steps = RedisPurge(erasing, surface).steps()
        took = {name: seconds(run) for name, run in steps.items()}
        for name, one in took.items():
            times.setdefault(name, []).append(one)
        sums.append(sum(took.values()))
        assert client.dbsize() == keys
    fill(port, commands(surface, options.each))
    with slowlog(client, slowest):
        for run in RedisPurge(erasing, surface).steps().values():
            run()
    for name, found in times.items():
        print(f"     {tenants} tenants: {name:<14} {spread(found)}")
    bare = median(times["bare"])
    return [
        *(
            verdict(f"{name} of {tenants} / bare pass", median(times[name]) / bare, at_most=1.1)
            for name in PASSES
        ),
        verdict(f"a purge of {tenants} in Redis / bare pass", median(sums) / bare, at_most=most),
        verdict("slowest command on the server", slowest[0], at_most=5, unit="ms"),
    ]


if __name__ == "__main__":
    sys.exit(main())
