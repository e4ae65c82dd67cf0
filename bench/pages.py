"""The pages of a fleet of 10,000 tenants: how long a rerun takes, and what it sends.

    python -m bench.pages [--tenants 10000] [--repeat 15]

A real Streamlit server over made-up readings, and a client on its websocket that counts every
byte. The time is from the client's request to the last frame of the run: the whole script,
Streamlit's own work around it, and the way over loopback. Nothing is taken from the client's
cache, so that each rerun sends everything there is on the page. Between runs the client waits for
a second, as a person does: Streamlit collects garbage after each run, which is measured apart.
"""

from __future__ import annotations

import argparse
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets import Subprotocol
from websockets.sync.client import ClientConnection, connect

from bench.measure import median, seconds, spread, verdict
from bench.pages_server import usage_of
from bench.readings import fleet
from services.stores.records.nodes import StateStore
from services.tenancy.ownership import Ownership
from services.tenancy.schemes import NamingSchemes
from services.usage.rollup import roll_up

KIBIBYTE = 1024
PATIENCE = 60.0
PAUSE = 1.0
_WHOLE = ForwardMsg.FINISHED_SUCCESSFULLY  # and not of a fragment, or ended for another run


@dataclass(frozen=True, slots=True)
class Page:
    """A page with the query that its address carries."""

    title: str
    name: str
    query: str = ""


PAGES = (
    Page("Overview", "overview"),
    Page("Tenants", "tenants"),
    Page("Tenants, searched", "tenants", "q=t00"),
)


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a page's script: seconds until its last frame, and the bytes of all frames."""

    seconds: float
    size: int


# --- the server and the wire ------------------------------------------------------------------


@contextmanager
def serving(tenants: int) -> Iterator[int]:
    """Run the server in a process of its own, and yield its port once it answers."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as data:
        command = [sys.executable, "-m", "bench.pages_server", str(port), str(tenants), data]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            wait_until_up(port, process)
            yield port
        finally:
            process.terminate()
            process.wait()


def wait_until_up(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until a server answers; exit where it ends before, or takes too long."""
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends and process.poll() is None:
        try:
            with urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the server did not start")


@contextmanager
def visiting(port: int, headers: Mapping[str, str] | None = None) -> Iterator[ClientConnection]:
    """Open a browser's connection, uncompressed; the headers are those that a proxy adds."""
    with connect(
        f"ws://127.0.0.1:{port}/_stcore/stream",
        subprotocols=[Subprotocol("streamlit")],
        compression=None,
        max_size=None,
        additional_headers=headers,
        open_timeout=PATIENCE,
    ) as link:
        yield link


def run_once(link: ClientConnection, page: Page) -> Run:
    """Ask for a run of a page's script and take in all it sends."""
    request = BackMsg()
    request.rerun_script.page_name = page.name
    request.rerun_script.query_string = page.query
    began, size = time.perf_counter(), 0
    link.send(request.SerializeToString())
    while True:
        frame = link.recv(timeout=PATIENCE)
        assert isinstance(frame, bytes)
        size += len(frame)
        message = ForwardMsg.FromString(frame)
        if message.WhichOneof("type") == "script_finished" and message.script_finished == _WHOLE:
            return Run(time.perf_counter() - began, size)


def rest(link: ClientConnection) -> None:
    """Do nothing for a while, and pass over what a page sends by itself meanwhile."""
    ends = time.monotonic() + PAUSE
    while (left := ends - time.monotonic()) > 0:
        with suppress(TimeoutError):
            link.recv(timeout=left)


# --- the figures ------------------------------------------------------------------------------


def page_section(port: int, repeat: int) -> list[bool]:
    """Rerun each page warm, taking turns, each in a visit of its own."""
    runs: dict[str, list[Run]] = {page.title: [] for page in PAGES}
    for at in range(repeat + 1):
        for page in PAGES:
            with visiting(port) as link:
                first = run_once(link, page)
                rest(link)
                again = run_once(link, page)
                rest(link)
            if at == 0:
                print(f"     {page.title}: {first.seconds * 1e3:,.0f} ms for the first visitor")
            else:
                runs[page.title].append(again)
    met = []
    for title, found in runs.items():
        times = [run.seconds for run in found]
        size = max(run.size for run in found) / KIBIBYTE
        print(f"     {title:<40} {spread(times)}")
        met.append(verdict(f"{title}: warm rerun", median(times) * 1e3, at_most=150, unit="ms"))
        met.append(verdict(f"{title}: sent by a rerun", size, at_most=500, unit="KiB"))
    return met


def rollup_section(tenants: int, repeat: int) -> list[bool]:
    """The making of a snapshot, which is no part of a rerun."""
    made_up = fleet(tenants)
    ownership = Ownership(made_up.seen, schemes=NamingSchemes.of())
    cold = seconds(lambda: roll_up(made_up.readings, ownership))
    warm = [seconds(lambda: roll_up(made_up.readings, ownership)) for _ in range(repeat)]
    with tempfile.TemporaryDirectory() as data:
        state = StateStore.open(Path(data))
        usage = usage_of(made_up, state)
        collects = [seconds(usage.collect) for _ in range(repeat)]
        state.close()
    return [
        verdict("roll-up, the first time", cold * 1e3, unit="ms"),
        verdict("roll-up", median(warm) * 1e3, unit="ms"),
        verdict("a whole collect, stores answering at once", median(collects) * 1e3, unit="ms"),
    ]


def main() -> int:
    """Run everything; 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tenants", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=15)
    options = parser.parse_args()
    print(f"{options.tenants:,} tenants, warm reruns: median of {options.repeat}")
    with serving(options.tenants) as port:
        met = page_section(port, options.repeat)
    met += rollup_section(options.tenants, max(5, options.repeat // 3))
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
