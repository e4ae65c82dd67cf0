"""Processes that are watched while they serve: memory, threads, sockets, files, processor time."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Look:
    """What a process had at a time: seconds since it was first looked at, MiB, and how many."""

    at: float
    memory: float
    threads: int
    sockets: int
    files: int
    processor: float
    sizes: dict[str, int] = field(default_factory=dict)


class Watched:
    """Servers' processes together; each says what it holds in a file."""

    def __init__(self, servers: Mapping[int, Path]) -> None:
        """Watch the processes of these ids, which say what they hold in these files."""
        self._servers = [(psutil.Process(pid), sizes) for pid, sizes in servers.items()]
        self._began = time.monotonic()
        self.looks: list[Look] = []

    def look(self) -> Look:
        """Look at them now, and keep what was seen."""
        memory, threads, sockets, files, spent = 0.0, 0, 0, 0, 0.0
        sizes = Counter[str]()
        for process, told in self._servers:
            with process.oneshot():
                times = process.cpu_times()
                spent += times.user + times.system
                memory += process.memory_info().rss / MEBIBYTE
                threads += process.num_threads()
            sockets += len(process.net_connections())
            files += process.num_fds()
            with suppress(OSError, ValueError):
                sizes.update(json.loads(told.read_text()))
        at = time.monotonic() - self._began
        look = Look(at, memory, threads, sockets, files, spent, dict(sizes))
        self.looks.append(look)
        return look

    def flat(self) -> dict[str, Sequence[float]]:
        """Return every figure over time, by its name."""
        rows = [{**asdict(look), **look.sizes} for look in self.looks]
        names = dict.fromkeys(name for row in rows for name in row if name != "sizes")
        return {name: [float(row.get(name, 0)) for row in rows] for name in names}


def slope(times: Sequence[float], values: Sequence[float]) -> float:
    """Return by how much values grow an hour: the median of the slopes of pairs (Theil and Sen).

    A few looks that are far off, as at a moment with much to do, do not move it.
    """
    pairs = list(zip(times, values, strict=True))
    step = max(1, len(pairs) // 200)  # some 20,000 pairs are enough
    few = pairs[::step]
    slopes = sorted(
        (later - value) / (at - when)
        for index, (when, value) in enumerate(few) for at, later in few[index + 1 :] if at > when
    )  # fmt: skip
    return slopes[len(slopes) // 2] * 3600 if slopes else 0.0
