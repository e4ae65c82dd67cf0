"""A process that is watched while it serves: memory, threads, sockets, files, processor time."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
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
    """A server's process; `sizes` is the file in which it says what it holds."""

    def __init__(self, pid: int, sizes: Path) -> None:
        self._process, self._sizes = psutil.Process(pid), sizes
        self._began = time.monotonic()
        self.looks: list[Look] = []

    def look(self) -> Look:
        """Look at it now, and keep what was seen."""
        with self._process.oneshot():
            spent = self._process.cpu_times()
            memory = self._process.memory_info().rss / MEBIBYTE
            threads = self._process.num_threads()
        sizes: dict[str, int] = {}
        with suppress(OSError, ValueError):
            sizes = json.loads(self._sizes.read_text())
        look = Look(
            time.monotonic() - self._began, memory, threads,
            len(self._process.net_connections()), self._process.num_fds(),
            spent.user + spent.system, sizes,
        )  # fmt: skip
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
