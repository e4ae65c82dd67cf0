"""One slow store, one dead store, browsers that never read: whether anybody else notices.

    python -m bench.neighbours [--clicks 20] [--tenants 10000]

One person clicks, in turns with and without that somebody else has to do with what is bad. Printed
are the ratio of medians, and what the server's memory grew by.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets import Subprotocol
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from bench.measure import fill_keyspace, free_port, median, spread, valkey, verdict
from bench.people import HEADER, HERE, KEYS_EACH, serving, token
from bench.person import Click, Person
from bench.watched import Watched

BESIDE = 4
"""So many others look into keys, or never read."""

SLOW_SECONDS = 2.0
PAUSE = 0.5
KEYS_OF = "tenant=tenant%2Ft0{:04d}&tab=Browse&look_into=Keys"
PAGES = ("", "tenants", "limits", "alerts", "purge")
_QUIET, _OTHERS = 4, 101  # people by their numbers: an admin, and admins and operators


class Redis:
    """What stands before Redis: as fast as that, slow, or dead."""

    def __init__(self, port: int) -> None:
        self._behind = port
        self.port = free_port()
        self.slow = self.dead = False

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Pass everything on in the block."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        try:
            yield
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, ahead = await asyncio.open_connection("127.0.0.1", self._behind)
        there = self._pass(reader, ahead, wait=False)
        await asyncio.gather(there, self._pass(behind, writer, wait=True))

    async def _pass(
        self, source: asyncio.StreamReader, to: asyncio.StreamWriter, *, wait: bool
    ) -> None:
        with suppress(OSError):
            while data := await source.read(1 << 16):
                if wait and self.slow:
                    await asyncio.sleep(SLOW_SECONDS)
                if self.dead:
                    break
                to.write(data)
                await to.drain()
        to.close()


async def clicks(person: Person, told: list[Click], count: int) -> list[float]:
    """Return the seconds of so many clicks of the one who is to notice nothing."""
    told.clear()
    for at in range(count):
        await person.visit(PAGES[at % len(PAGES)])
        await asyncio.sleep(PAUSE)
    failed = [click.error for click in told if click.error]
    assert not failed, failed[0]
    return [click.seconds for click in told]


@asynccontextmanager
async def lookers(port: int) -> AsyncIterator[None]:
    """Have others look into tenants' keys again and again."""

    async def look(number: int) -> None:
        chance, told = random.Random(number), list[Click]()
        person = Person(number, port, told.append, {HEADER: token(number)})
        await person.open()
        try:
            while True:
                await person.visit("tenant", KEYS_OF.format(chance.randrange(12, 9_999, 3)))
                await asyncio.sleep(PAUSE)
        finally:
            await person.close()

    tasks = [asyncio.create_task(look(_OTHERS + at)) for at in range(BESIDE)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def never_read(port: int) -> AsyncIterator[None]:
    """Have others ask for pages, and take nothing of what comes."""
    sockets = [await _deaf(port, _OTHERS + at) for at in range(BESIDE)]
    asked = BackMsg()
    asked.rerun_script.page_name = "backups"
    message = asked.SerializeToString()

    async def ask(link: ClientConnection) -> None:
        with suppress(WebSocketException, OSError):
            while True:
                await link.send(message)
                await asyncio.sleep(1)

    tasks = [asyncio.create_task(ask(link)) for link in sockets]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for link in sockets:
            link.transport.abort()


async def _deaf(port: int, number: int) -> ClientConnection:
    """Open a connection of which nothing is read any more, not even that it is to be closed."""
    link = await connect(
        f"ws://127.0.0.1:{port}/_stcore/stream", compression=None, max_size=None, max_queue=1,
        subprotocols=[Subprotocol("streamlit")], ping_interval=None,
        additional_headers={HEADER: token(number)},
    )  # fmt: skip
    link.transport.pause_reading()
    return link


async def measured(port: int, redis: Redis, watched: Watched, count: int) -> bool:
    """Measure each of the bad cases between two good ones."""
    told: list[Click] = []
    person = Person(_QUIET, port, told.append, {HEADER: token(_QUIET)})
    met = True
    async with redis.listening():
        await person.open()
        await clicks(person, told, 2 * len(PAGES))
        for name, begin, beside in cases(port, redis):
            good = await clicks(person, told, count)
            before = watched.look().memory
            begin()
            async with beside:
                await asyncio.sleep(5)
                bad = await clicks(person, told, count)
            grew = watched.look().memory - before
            redis.slow = redis.dead = False
            await asyncio.sleep(2)
            good += await clicks(person, told, count)
            print(f"     {name}: {spread(bad)}, else {spread(good)}")
            met &= verdict(f"a click beside {name}", median(bad) / median(good), at_most=2)
            met &= verdict(f"memory that {name} cost", grew, at_most=100, unit="MiB")
        await person.close()
    return met


def cases(
    port: int, redis: Redis
) -> Sequence[tuple[str, Callable[[], None], AbstractAsyncContextManager[None]]]:
    """Return what is bad: its name, what makes it so, and who has to do with it."""

    def slow() -> None:
        redis.slow = True

    def dead() -> None:
        redis.dead = True

    return (
        ("others who look into keys", lambda: None, lookers(port)),
        ("others at a slow Redis", slow, lookers(port)),
        ("others at a dead Redis", dead, lookers(port)),
        (f"{BESIDE} browsers that never read", lambda: None, never_read(port)),
    )


def main() -> int:
    """Run everything; 1 when somebody noticed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clicks", type=int, default=20)
    parser.add_argument("--tenants", type=int, default=10_000)
    options = parser.parse_args()
    with valkey() as server:
        fill_keyspace(server.port, keys=options.tenants * (KEYS_EACH + 1) + 1,
                      knowledge_bases=options.tenants, tenants=options.tenants)  # fmt: skip
        redis = Redis(server.port)
        settings = {"REDIS_URL": f"redis://127.0.0.1:{redis.port}/0"}
        with serving(HERE, options.tenants, settings) as (port, watched):
            met = asyncio.run(measured(port, redis, watched, options.clicks))
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
