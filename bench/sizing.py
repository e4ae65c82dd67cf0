"""How long people wait for a page, by how many they are and how many processes serve them.

    python -m bench.sizing [--rerun 0.09] [--people 32 64 100 300 1000] [--processes 1 2 4 8 16]
                           [--think 5] [--cores 0]

A simulation, for what this machine cannot be: nothing is served. People click, wait for their
rerun, look for `--think` seconds on average, and click again. A rerun takes `--rerun` seconds of a
processor (`bench.people` measures it), as unequal as those measured: a gamma distribution of shape
2. Python runs one thread at a time, so a process is one processor at most, which all of its reruns
share evenly; people stay with their process, as a sticky proxy has them. `--cores` are those of the
machine, 0 for one each process. What it says of one process can be held beside `bench.people`.
"""

from __future__ import annotations

import argparse
import heapq
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

SECONDS = 600.0
WARM_UP = 60.0


@dataclass(slots=True)
class Process:
    """One server process: what of each rerun is left, in seconds of a processor."""

    left: dict[int, float] = field(default_factory=dict)

    def work(self, seconds: float, share: float) -> None:
        """Let time pass, of which this process has a share of one processor."""
        if self.left:
            done = seconds * share / len(self.left)
            self.left = {person: left - done for person, left in self.left.items()}

    def next_end(self, share: float) -> float:
        """Return in how many seconds the first rerun ends, if no other begins."""
        return min(self.left.values(), default=float("inf")) * len(self.left) / share


@dataclass(frozen=True, slots=True)
class Waits:
    """What people found: every wait in seconds, and how many reruns ended each second."""

    waits: Sequence[float]
    rate: float

    def at(self, part: float) -> float:
        """Return the wait that so many did not exceed."""
        return sorted(self.waits)[int(part * (len(self.waits) - 1))]


def simulate(
    people: int, processes: int, *, rerun: float, think: float, cores: int = 0, seed: int = 1,
    seconds: float = SECONDS,
) -> Waits:  # fmt: skip
    """Run it for so many seconds, the first minute of which does not count."""
    chance = random.Random(seed)
    servers = [Process() for _ in range(processes)]
    clicks = [(chance.uniform(0, think), person) for person in range(people)]
    heapq.heapify(clicks)
    began, waits, now = dict[int, float](), list[float](), 0.0
    while now < seconds:
        busy = sum(1 for server in servers if server.left)
        share = min(1.0, (cores or processes) / busy) if busy else 1.0
        ends = [server.next_end(share) if server.left else float("inf") for server in servers]
        first = min(range(processes), key=ends.__getitem__)
        until_click = clicks[0][0] - now if clicks else float("inf")
        passed = min(ends[first], until_click)
        for server in servers:
            server.work(passed, share)
        now += passed
        if until_click <= ends[first]:
            _, person = heapq.heappop(clicks)
            began[person] = now
            servers[person % processes].left[person] = chance.gammavariate(2, rerun / 2)
            continue
        person = min(servers[first].left, key=servers[first].left.__getitem__)
        del servers[first].left[person]
        if now > WARM_UP:
            waits.append(now - began[person])
        heapq.heappush(clicks, (now + chance.expovariate(1 / think), person))
    return Waits(waits, len(waits) / (seconds - WARM_UP))


def main() -> int:
    """Print a line for each number of people, with the p95 and the rate of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rerun", type=float, default=0.09)
    parser.add_argument("--think", type=float, default=5.0)
    parser.add_argument("--cores", type=int, default=0)
    parser.add_argument("--people", type=int, nargs="+", default=[32, 64, 100, 300, 1000])
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    options = parser.parse_args()
    print("p95 of the wait in seconds, and reruns a second, by people and processes")
    print("people" + "".join(f"{number:>18}" for number in options.processes))
    for people in options.people:
        cells = []
        for processes in options.processes:
            found = simulate(
                people, processes, rerun=options.rerun, think=options.think, cores=options.cores
            )
            cells.append(f"{found.at(0.95):>9.2f} s{found.rate:>6.0f}/s")
        print(f"{people:>6}" + "".join(cells), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
