"""Hours of a few people: what grows, by its slope.

    python -m bench.soak [--hours 8] [--people 10] [--pause 5] [--tenants 10000] [--gone 60]

People as in `people`, some of whom close their tab now and then and open another one. Every minute
it is noted what the server has: memory, threads, sockets, files, sessions, files to be fetched,
what is cached, and objects. At the end, and every ten minutes, the report is written to
bench/reports/soak.csv, and each figure's slope is said: by how much it grows an hour, once the
first tenth of the time is over (at least five minutes, in which caches fill).
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import random
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.measure import fill_keyspace, valkey, verdict
from bench.people import HEADER, HERE, KEYS_EACH, Stage, serving, token, visit
from bench.person import Person
from bench.watched import Watched, slope

REPORT = Path(__file__).parent / "reports" / "soak.csv"
EVERY, WRITTEN_EVERY = 60.0, 10
LEAST_WARM = 300.0
MOST: Mapping[str, float] = {
    "memory": 5, "threads": 0.5, "sockets": 0.5, "files": 1, "sessions": 1, "fetchable": 2,
    "deferred": 2, "cached": 5, "objects": 60_000,
}  # fmt: skip
"""By how much each may grow an hour: MiB of memory, else how many. Less cannot be told from noise
within an hour; eight hours tell an eighth of it."""


async def _stay(
    number: int, port: int, stage: Stage, *, pause: float, gone: float, ends: float
) -> None:
    """Be somebody who comes and goes, until it is time."""
    chance = random.Random(number)
    while (now := time.monotonic()) < ends:
        person = Person(number, port, stage.clicks.append, {HEADER: token(number)})
        leaves = min(ends, now + chance.expovariate(1 / (gone * 60)))
        await person.open()
        await visit(person, chance)
        while (left := leaves - time.monotonic()) > 0:
            await asyncio.sleep(min(left, pause * chance.uniform(0.5, 1.5)))
            does = chance.random()
            did = does < 0.4 and await person.change()
            if not did and not (does > 0.95 and await person.download()):
                await visit(person, chance)
        stage.repeats += person.repeats
        stage.repeat_errors += person.repeat_errors
        await person.close()


async def _soak(port: int, watched: Watched, options: argparse.Namespace) -> Stage:
    stage = Stage(options.people)
    began = time.monotonic()
    ends = began + options.hours * 3600
    staying = [
        asyncio.create_task(
            _stay(at, port, stage, pause=options.pause, gone=options.gone, ends=ends)
        )
        for at in range(options.people)
    ]
    while (left := ends - time.monotonic()) > 0:
        await asyncio.sleep(min(EVERY, left))
        watched.look()
        if len(watched.looks) % WRITTEN_EVERY == 0:
            report(watched)
            stage.seconds, stage.processor = time.monotonic() - began, watched.looks[-1].processor
            stage.say()
    await asyncio.gather(*staying)
    stage.seconds, stage.processor = time.monotonic() - began, watched.looks[-1].processor
    return stage


def report(watched: Watched) -> Mapping[str, Sequence[float]]:
    """Write down every look, and return the figures over time."""
    figures = watched.flat()
    with REPORT.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(figures)
        rows = zip(*figures.values(), strict=True)
        writer.writerows([round(value, 1) for value in row] for row in rows)
    return figures


def judged(figures: Mapping[str, Sequence[float]]) -> bool:
    """Say by how much each figure grows an hour; return whether none grows too much."""
    times = figures["at"]
    warm = max(LEAST_WARM, times[-1] / 10)
    first = next((at for at, when in enumerate(times) if when >= warm), 0)
    met = True
    for name, most in MOST.items():
        if name in figures:
            values = figures[name][first:]
            grows = slope(times[first:], values)
            print(f"     {name}: {values[0]:,.0f} to {values[-1]:,.0f}, at most {max(values):,.0f}")
            met &= verdict(f"{name} grows an hour by", grows, at_most=most, unit="")
    return met


def main() -> int:
    """Run everything; 1 when something grows, or failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=8)
    parser.add_argument("--people", type=int, default=10)
    parser.add_argument("--pause", type=float, default=5)
    parser.add_argument("--tenants", type=int, default=10_000)
    parser.add_argument(
        "--gone", type=float, default=60, help="minutes after which a tab is closed"
    )
    options = parser.parse_args()
    with valkey() as server:
        fill_keyspace(server.port, keys=options.tenants * (KEYS_EACH + 1) + 1,
                      knowledge_bases=options.tenants, tenants=options.tenants)  # fmt: skip
        settings = {"REDIS_URL": f"redis://127.0.0.1:{server.port}/0"}
        with serving(HERE, options.tenants, settings) as (port, watched):
            stage = asyncio.run(_soak(port, watched, options))
        stage.say()
    grew = judged(report(watched))
    return 0 if verdict("errors", stage.errors, at_most=0, unit="") and grew else 1


if __name__ == "__main__":
    sys.exit(main())
