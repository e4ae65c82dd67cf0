"""Every page of a large fleet, one after another: processor time of the server for a rerun.

    python -m bench.each_page [--tenants 10000] [--repeat 10] [--beside CHECKOUT] [--confined]

One person alone, each page warm: what a rerun takes of people who come while figures are the same.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.measure import fill_keyspace, valkey, verdict
from bench.people import HEADER, HERE, KEYS_EACH, PAGES, serving, token
from bench.person import Click, Person
from bench.watched import Watched

MOST_MS = 250.0
_CONFINED, _ADMIN = 5, 4  # by the number of a person, see `token`


@dataclass(frozen=True, slots=True)
class Cost:
    """What a rerun of a page takes: milliseconds of a processor, KiB sent, and how many failed."""

    spent: float
    size: float
    errors: int


async def _visits(port: int, watched: Watched, repeat: int, number: int) -> Mapping[str, Cost]:
    """Return what a rerun of each page takes."""
    clicks: list[Click] = []
    person = Person(number, port, clicks.append, {HEADER: token(number)})
    await person.open()
    found: dict[str, Cost] = {}
    await person.visit("")
    for page, queries in dict.fromkeys(PAGES):
        for query in queries:
            asked = query.format(12 + 3 * number * 25)
            for _ in range(3):
                await person.visit(page, asked)
            clicks.clear()
            before = watched.look().processor
            for _ in range(repeat):
                await person.visit(page, asked)
                await asyncio.sleep(0.02)
            spent = (watched.look().processor - before) / repeat * 1e3
            errors = sum(bool(click.error) for click in clicks)
            found[f"{page or 'overview'} {asked}"] = Cost(spent, clicks[-1].size / 1024, errors)
    await person.close()
    return found


def main() -> int:
    """Run everything; 1 when a page is too slow."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tenants", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=10)
    parser.add_argument("--beside", type=Path)
    parser.add_argument("--confined", action="store_true")
    options = parser.parse_args()
    found = []
    with valkey() as server:
        fill_keyspace(server.port, keys=options.tenants * (KEYS_EACH + 1) + 1,
                      knowledge_bases=options.tenants, tenants=options.tenants)  # fmt: skip
        settings = {"REDIS_URL": f"redis://127.0.0.1:{server.port}/0",
                    "KATO_TENANTS_MESSAGES_PER_SECOND": "1000"}  # fmt: skip
        for build in filter(None, (options.beside and options.beside.resolve(), HERE)):
            with serving(build, options.tenants, settings) as (port, watched):
                number = _CONFINED if options.confined else _ADMIN
                found.append(asyncio.run(_visits(port, watched, options.repeat, number)))
    now, before = found[-1], found[0]
    for name, cost in sorted(now.items(), key=lambda each: -each[1].spent):
        beside = f" ({before[name].spent:.0f} before)" if options.beside else ""
        print(f"     {name:<50} {cost.spent:>5.0f} ms of a processor{beside}, {cost.size:>5.0f} KiB"
              + (f", {cost.errors} ERRORS" if cost.errors else ""))  # fmt: skip
    means = [sum(each.spent for each in build.values()) / len(build) for build in found]
    print(f"     mean {means[-1]:.1f} ms" + (f" ({means[0]:.1f} before)" if options.beside else ""))
    slowest = max(each.spent for each in now.values())
    return 0 if verdict("the slowest page", slowest, at_most=MOST_MS, unit="ms") else 1


if __name__ == "__main__":
    sys.exit(main())
