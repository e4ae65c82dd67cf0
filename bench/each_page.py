"""Every page of a large fleet, one after another: processor time of the server for a rerun.

    python -m bench.each_page [--tenants 10000] [--repeat 10] [--beside CHECKOUT] [--confined]

One person alone, each page warm: what all reruns take, of people who come while figures are the
same. By the clock too, which another's work on this machine is in.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

from bench.measure import fill_keyspace, median, valkey, verdict
from bench.people import HEADER, HERE, KEYS_EACH, PAGES, serving, token
from bench.person import Click, Person
from bench.watched import Watched

MOST_MS = 250.0
_CONFINED, _ADMIN = 5, 4  # by the number of a person, see `token`


async def _visits(
    port: int, watched: Watched, repeat: int, number: int
) -> Mapping[str, list[float]]:
    """Return for each page the processor's milliseconds of its runs, and those by the clock."""
    clicks: list[Click] = []
    person = Person(number, port, clicks.append, {HEADER: token(number)})
    await person.open()
    found: dict[str, list[float]] = {}
    for page, queries in dict.fromkeys(PAGES):
        for query in queries:
            query = query.format(12 + 3 * number * 25)
            name = f"{page or 'overview'}?{query}" if query else page or "overview"
            for _ in range(3):
                await person.visit(page, query)
            clicks.clear()
            before = watched.look().processor
            for _ in range(repeat):
                await person.visit(page, query)
            await asyncio.sleep(0.1)
            spent = watched.look().processor - before
            times = sorted(click.seconds for click in clicks)
            found.setdefault(name, [spent / repeat * 1e3, median(times) * 1e3,
                                    clicks[-1].size / 1024, sum(bool(c.error) for c in clicks)])  # fmt: skip
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
        settings = {"REDIS_URL": f"redis://127.0.0.1:{server.port}/0"}
        for build in filter(None, (options.beside and options.beside.resolve(), HERE)):
            with serving(build, options.tenants, settings) as (port, watched):
                number = _CONFINED if options.confined else _ADMIN
                found.append(asyncio.run(_visits(port, watched, options.repeat, number)))
    now, before = found[-1], found[0]
    for name, (spent, took, size, errors) in sorted(now.items(), key=lambda each: -each[1][0]):
        beside = f" ({before[name][0]:.0f} before)" if options.beside else ""
        print(f"     {name:<44} {spent:>5.0f} ms of a processor{beside}, {took:>5.0f} ms, "
              f"{size:>5.0f} KiB{f', {errors:.0f} ERRORS' if errors else ''}")  # fmt: skip
    mean = sum(each[0] for each in now.values()) / len(now)
    print(f"     mean {mean:.1f} ms of a processor"
          + (f" ({sum(e[0] for e in before.values()) / len(before):.1f} before)"
             if options.beside else ""))  # fmt: skip
    slowest = max(each[0] for each in now.values())
    return 0 if verdict("the slowest page", slowest, at_most=MOST_MS, unit="ms") else 1


if __name__ == "__main__":
    sys.exit(main())
