"""One signed-in viewer does what he can with 30 tabs: how long another viewer's click takes then.

    python -m bench.flood [--clicks 15]

A real dashboard with a proxy's tokens, over embedded engines with the sample fleet. Each tab asks
for runs of a page as fast as it is read, takes in what comes, and comes again when it is closed.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import jwt
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets import Subprotocol
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from bench.measure import median, spread, verdict
from bench.pages import PAGES, PAUSE, Page, run_once, visiting, wait_until_up

TABS = 30
HEADER, SECRET, ISSUER, AUDIENCE = "X-Token", "a secret of the benchmark, long enough", "i", "a"
SETTINGS = {
    "KATO_TENANTS_AUTH": "proxy", "KATO_TENANTS_PROXY_HEADER": HEADER,
    "KATO_TENANTS_PROXY_SECRET": SECRET, "KATO_TENANTS_PROXY_ISSUER": ISSUER,
    "KATO_TENANTS_PROXY_AUDIENCE": AUDIENCE, "KATO_TENANTS_DEFAULT_ROLE": "viewer",
    "KATO_TENANTS_DEFAULT_TENANTS": "*",
}  # fmt: skip
PAGE = Page("Tenants", "tenants")
_STARTS = 5


def token(email: str) -> str:
    """Return what the proxy would send along for somebody."""
    claims = {"iss": ISSUER, "aud": AUDIENCE, "email": email, "exp": time.time() + 3600}
    return jwt.encode(claims, SECRET, algorithm="HS256")


@contextmanager
def serving(port: int) -> Iterator[None]:
    """Run the dashboard as it is run in production."""
    command = [sys.executable, "-m", "cli", "run", "--sample", "--headless", f"--port={port}"]
    with tempfile.TemporaryDirectory() as data:
        environment = {**os.environ, **SETTINGS, "KATO_TENANTS_DATA": data}
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        try:
            wait_until_up(port, process)
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()


def flood(port: int) -> None:
    """Open every tab that is let in, and ask for as much as is taken, until killed."""
    os.nice(10)  # what he does on his own machine slows nobody here

    async def all_tabs() -> None:
        await asyncio.gather(*(_tab(port, number) for number in range(TABS)))

    asyncio.run(all_tabs())


async def _tab(port: int, number: int) -> None:
    request = BackMsg()
    request.rerun_script.page_name = PAGES[number % len(PAGES)].name
    message = request.SerializeToString()
    while True:
        with suppress(OSError, WebSocketException):
            async with connect(
                f"ws://127.0.0.1:{port}/_stcore/stream", compression=None, max_size=None,
                subprotocols=[Subprotocol("streamlit")],
                additional_headers={HEADER: token("bob@example.com")},
            ) as link:  # fmt: skip
                taking = asyncio.create_task(_take_in(link))
                while not taking.done():
                    await link.send(message)
        await asyncio.sleep(0.1)


async def _take_in(link: object) -> None:
    async for _ in link:  # type: ignore[attr-defined]  # a connection yields its messages
        pass


def clicks(port: int, count: int) -> list[float]:
    """Return the seconds that so many clicks of another viewer take, one a second."""
    times = []
    with visiting(port, {HEADER: token("ann@example.com")}) as link:
        for _ in range(count + 1):
            times.append(run_once(link, PAGE).seconds)
            time.sleep(PAUSE)
    return times[1:]


def _warm(port: int) -> None:
    """Click until the engines are filled and the page is as fast as it gets."""
    for _ in range(_STARTS):
        with suppress(TimeoutError):
            clicks(port, 5)
            return
    raise SystemExit("the dashboard did not start")


def main() -> int:
    """Run everything; 1 when the target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clicks", type=int, default=15)
    parser.add_argument("--port", type=int, default=8597)
    options = parser.parse_args()
    with serving(options.port):
        _warm(options.port)
        idle = clicks(options.port, options.clicks)
        attacker = multiprocessing.Process(target=flood, args=(options.port,), daemon=True)
        attacker.start()
        try:
            busy = clicks(options.port, options.clicks)
        finally:
            attacker.kill()
        idle += clicks(options.port, options.clicks)  # a busy machine changes as time goes by
        print(f"     a click, nobody else there, before and after {spread(idle)}")
    print(f"     a click, {TABS} tabs asking all they can         {spread(busy)}")
    met = verdict("a click beside 30 flooding tabs", median(busy) / median(idle), at_most=3)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
