"""Many people at once, on all pages of a large fleet: how long a click takes, and what is used.

    python -m bench.people [--people 32,64,100] [--minutes 10] [--pause 5] [--tenants 10000]
    python -m bench.people --people 100 --pause 0.5 --beside CHECKOUT --rounds 3
    python -m bench.people --people 100 --processes 2

Everyone is signed in by a proxy's token, has a browser's connection, and does something every few
seconds: goes to a page, changes what is chosen on it, downloads a table. What pages do by
themselves goes on meanwhile. One in five sees some tenants alone.

With `--beside` another checkout of this product is measured in turns with this one, and the ratio
of what both get done is printed: with a short pause, they are asked for more than they can do.
Several processes are behind nginx as `deploy/` configures it, on one PostgreSQL.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import jwt

from bench import sticky
from bench.measure import fill_keyspace, free_port, median, valkey, verdict
from bench.pages import wait_until_up
from bench.person import Click, Person
from bench.watched import Watched
from tests.servers.postgres import running

HERE = Path(__file__).parents[1]
HEADER, SECRET, ISSUER, AUDIENCE = "X-Token", "a secret of the benchmark, long enough", "i", "a"
SETTINGS = {
    "KATO_TENANTS_AUTH": "proxy", "KATO_TENANTS_PROXY_HEADER": HEADER,
    "KATO_TENANTS_PROXY_SECRET": SECRET, "KATO_TENANTS_PROXY_ISSUER": ISSUER,
    "KATO_TENANTS_PROXY_AUDIENCE": AUDIENCE, "KATO_TENANTS_ROLE_CLAIM": "groups",
    "KATO_TENANTS_ROLES": json.dumps({name: name for name in ("admin", "operator", "support")}),
    "KATO_TENANTS_DEFAULT_ROLE": "viewer", "KATO_TENANTS_TENANTS_CLAIM": "tenants",
    "KATO_TENANTS_SESSIONS_PER_ADDRESS": "400", "KATO_API_URL": "http://127.0.0.1:9",
}  # fmt: skip
ROLES = ("admin", "operator", "support", "viewer")
KEYS_EACH = 20
LOOK_EVERY, SETTLE_SECONDS = 5.0, 25.0

_TENANT = "tenant=tenant%2Ft0{:04d}"
PAGES: Sequence[tuple[str, tuple[str, ...]]] = (
    ("", ("",)), ("", ("",)), ("", ("",)),
    ("tenants", ("", "q=t00", "page=7", "sort=Disk")), ("tenants", ("",)),
    ("tenant", (_TENANT, f"{_TENANT}&tab=Usage", f"{_TENANT}&tab=Sessions",
                f"{_TENANT}&tab=History", f"{_TENANT}&tab=Browse&look_into=Keys")),
    ("tenant", (_TENANT,)), ("usage", ("",)), ("limits", ("",)), ("bill", ("",)),
    ("isolation", ("",)), ("alerts", ("",)), ("find", ("", "find=t00012", "find=nobody")),
    ("sessions", ("",)), ("new_session", ("",)), ("setup", ("",)), ("imports", ("",)),
    ("purge", ("",)), ("archive", ("",)), ("backups", ("",)), ("retention", ("",)),
    ("audit_log", ("",)), ("system", ("",)),
)  # fmt: skip
"""Where people go, and with what in the address; what is there more often is gone to more often."""


@dataclass(slots=True)
class Stage:
    """What so many people did in a time."""

    people: int
    clicks: list[Click] = field(default_factory=list)
    repeats: int = 0
    repeat_errors: int = 0
    seconds: float = 0.0
    processor: float = 0.0
    client: float = 0.0

    @property
    def rate(self) -> float:
        """Clicks a second that came to their end."""
        return sum(not click.error for click in self.clicks) / self.seconds

    def part(self, share: float) -> float:
        """Return the seconds within which this share of the clicks were done."""
        times = sorted(click.seconds for click in self.clicks)
        return times[min(len(times) - 1, int(len(times) * share))] if times else 0.0

    @property
    def errors(self) -> int:
        """Clicks and runs by themselves that failed."""
        return sum(bool(click.error) for click in self.clicks) + self.repeat_errors

    @property
    def each(self) -> float:
        """Seconds of processors that the server took for a run of a page."""
        return self.processor / max(1, len(self.clicks) + self.repeats)

    def say(self) -> None:
        """Print it."""
        print(
            f"     {self.people:>4} people: {self.rate:5.1f} clicks/s and "
            f"{self.repeats / self.seconds:4.1f} runs/s by themselves; p50 {self.part(0.5):.2f}, "
            f"p95 {self.part(0.95):.2f}, p99 {self.part(0.99):.2f} s; {self.errors} errors; "
            f"server {self.processor / self.seconds:.2f} processors, {self.each * 1e3:.0f} ms a run"
            f" (a click alone {self.processor / max(1, len(self.clicks)) * 1e3:.0f} ms), "
            f"client {self.client / self.seconds:.2f}"
        )  # fmt: skip
        for error, count in Counter(f"{c.page}: {c.error}" for c in self.clicks if c.error).items():
            print(f"          {count} x {error}")

    def say_pages(self) -> None:
        """Print how long the clicks on each page took, the slowest first."""
        pages = defaultdict[str, list[Click]](list)
        for click in self.clicks:
            pages[f"{click.page} ({click.kind})"].append(click)
        slowest = sorted(pages, key=lambda name: -median([c.seconds for c in pages[name]]))
        for name in slowest:
            times = [click.seconds for click in pages[name]]
            size = statistics.mean(click.size for click in pages[name]) / 1024
            print(f"          {name:<24} {len(times):>5} x {median(times) * 1e3:>6.0f} ms, "
                  f"{size:>6.0f} KiB")  # fmt: skip


# --- servers --------------------------------------------------------------------------------


@contextmanager
def serving(
    build: Path, tenants: int, settings: Mapping[str, str], *, processes: int = 1
) -> Iterator[tuple[int, Watched]]:
    """Serve a build, and yield the port to ask at and its processes, once they answer.

    Several processes are behind a proxy, and share their records in a PostgreSQL.
    """
    with ExitStack() as stack:
        shared = dict(settings)
        if processes > 1:
            postgres = stack.enter_context(running())
            shared["KATO_TENANTS_STATE_URL"] = postgres.new_database()
        servers = [stack.enter_context(_served(build, tenants, shared)) for _ in range(processes)]
        watched = Watched({process.pid: sizes for _, process, sizes in servers})
        ports = [port for port, _, _ in servers]
        yield (ports[0] if processes == 1 else stack.enter_context(sticky.before(ports))), watched


@contextmanager
def _served(
    build: Path, tenants: int, settings: Mapping[str, str]
) -> Iterator[tuple[int, subprocess.Popen[bytes], Path]]:
    port = free_port()
    with tempfile.TemporaryDirectory() as data:
        command = [sys.executable, "-P", str(HERE / "bench" / "people_server.py"),
                   str(port), str(tenants), data]  # fmt: skip
        environment = {**os.environ, **SETTINGS, "KATO_TENANTS_DATA": data,
                       "PYTHONPATH": str(build), **settings}  # fmt: skip
        # Streamlit says on its output what failed
        process = subprocess.Popen(command, env=environment, stdout=sys.stderr.fileno())
        try:
            wait_until_up(port, process)
            _wait_for_figures(Path(data, "sizes.json"))
            yield port, process, Path(data, "sizes.json")
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for_figures(sizes: Path) -> None:
    """Wait until there are figures, and what follows the first of them is done."""
    while not (sizes.exists() and json.loads(sizes.read_text()).get("figures")):
        time.sleep(0.5)
    time.sleep(SETTLE_SECONDS)


def token(number: int) -> str:
    """Return what the proxy sends along for somebody: one in five sees some tenants alone."""
    some = [f"tenant/t{at:05d}" for at in range(12 + number * 75, 12 + number * 75 + 75, 3)]
    claims = {
        "iss": ISSUER, "aud": AUDIENCE, "email": f"person{number}@example.com",
        "exp": time.time() + 24 * 3600, "groups": [ROLES[number % len(ROLES)]],
        "tenants": ["*"] if number % 5 else some,
    }  # fmt: skip
    return jwt.encode(claims, SECRET, algorithm="HS256")


# --- people ---------------------------------------------------------------------------------


async def live(person: Person, pause: float, ends: float) -> None:
    """Do something again and again, `pause` seconds apart on average, until it is time."""
    chance = random.Random(person.number)
    await asyncio.sleep(chance.random() * pause)
    await person.open()
    await visit(person, chance)
    while (left := ends - time.monotonic()) > 0:
        await asyncio.sleep(min(left, pause * chance.uniform(0.5, 1.5)))
        does = chance.random()
        if not (
            (does < 0.4 and await person.change()) or (does > 0.95 and await person.download())
        ):
            await visit(person, chance)
    await person.close()


async def visit(person: Person, chance: random.Random) -> None:
    """Go to a page, of one tenant where it is a tenant's."""
    page, queries = chance.choice(PAGES)
    await person.visit(page, chance.choice(queries).format(chance.randrange(12, 9_999, 3)))


async def crowd(port: int, number: int, minutes: float, pause: float, watched: Watched) -> Stage:
    """Have so many people at once for a time, after half a minute that does not count."""
    warm = min(30.0, minutes * 20)
    stage = Stage(number)
    people = [Person(at, port, stage.clicks.append, {HEADER: token(at)}) for at in range(number)]
    ends = time.monotonic() + warm + minutes * 60
    living = [asyncio.create_task(live(person, pause, ends)) for person in people]
    await asyncio.sleep(warm)
    stage.clicks.clear()
    began, client, before = time.monotonic(), time.process_time(), watched.look()
    repeats = sum(person.repeats for person in people)
    while (left := ends - time.monotonic()) > 0:
        await asyncio.sleep(min(LOOK_EVERY, left))
        watched.look()
    stage.seconds, stage.client = time.monotonic() - began, time.process_time() - client
    stage.processor = watched.looks[-1].processor - before.processor
    stage.repeats = sum(person.repeats for person in people) - repeats
    await asyncio.gather(*living)
    stage.repeat_errors = sum(person.repeat_errors for person in people)
    return stage


def stages(build: Path, options: argparse.Namespace, settings: Mapping[str, str]) -> list[Stage]:
    """Serve a build to more and more people, and say how that went."""
    done = []
    with serving(build, options.tenants, settings, processes=options.processes) as (port, watched):
        for number in options.people:
            first = len(watched.looks)
            stage = asyncio.run(crowd(port, number, options.minutes, options.pause, watched))
            stage.say()
            if options.pages:
                stage.say_pages()
            looks = watched.looks[first:]
            after = next((at for at, each in enumerate(looks) if each.at > looks[0].at + 60), 0)
            for name in ("memory", "threads", "sockets", "files"):
                values = [float(getattr(each, name)) for each in looks[after:]]
                print(f"          {name}: {values[0]:,.0f} to {values[-1]:,.0f}, "
                      f"{min(values):,.0f} at least and {max(values):,.0f} at most")  # fmt: skip
            print(f"          holds {looks[-1].sizes}")
            done.append(stage)
    return done


def main() -> int:
    """Run everything; 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=lambda text: [int(each) for each in text.split(",")],
                        default=[32, 64, 100])  # fmt: skip
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--pause", type=float, default=5)
    parser.add_argument("--tenants", type=int, default=10_000)
    parser.add_argument("--beside", type=Path)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--pages", action="store_true", help="say each page's clicks")
    options = parser.parse_args()
    with valkey() as server:
        fill_keyspace(server.port, keys=options.tenants * (KEYS_EACH + 1) + 1,
                      knowledge_bases=options.tenants, tenants=options.tenants)  # fmt: skip
        settings = {"REDIS_URL": f"redis://127.0.0.1:{server.port}/0"}
        if options.beside is None:
            last = stages(HERE, options, settings)[-1]
            met = verdict("p95 of a click", last.part(0.95), at_most=1, unit="s")
            return 0 if verdict("errors", last.errors, at_most=0, unit="") and met else 1
        rates = defaultdict[Path, list[Stage]](list)
        for _ in range(options.rounds):
            for build in (options.beside.resolve(), HERE):
                print(f"     {build.name}")
                rates[build].append(stages(build, options, settings)[-1])
    before, now = rates.values()
    verdict("processor time of a run, before over now",
            median([s.each for s in before]) / median([s.each for s in now]))  # fmt: skip
    ratio = median([s.rate for s in now]) / median([s.rate for s in before])
    return 0 if verdict("clicks done a second, over before", ratio, at_least=3) else 1


if __name__ == "__main__":
    sys.exit(main())
