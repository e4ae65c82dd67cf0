"""A Prometheus for tests, and promtool, which judges rules, configurations and metrics."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.servers.sockets import free_port

START_SECONDS = 60
CONFIG = """
global: {{scrape_interval: 3s, scrape_timeout: 3s, evaluation_interval: 1s}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: kato-tenants
    authorization: {{credentials_file: "{token}"}}
    static_configs: [{{targets: ["{target}"]}}]
"""


def find() -> Path | None:
    """Return the server, or None; Debian's package has promtool beside it."""
    found = shutil.which("prometheus") if shutil.which("promtool") else None
    return Path(found) if found else None


def promtool(*arguments: str | Path, given: bytes = b"") -> str:
    """Have promtool look at something, and return what it says. Raises AssertionError."""
    done = subprocess.run(
        ["promtool", *map(str, arguments)], input=given, capture_output=True, check=False
    )
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    return said


@contextmanager
def running(folder: Path, *, target: str, token: Path, rules: Path) -> Iterator[httpx.Client]:
    """Start one that scrapes a target often, and yield a client of its API."""
    address, config = f"127.0.0.1:{free_port()}", folder / "prometheus.yml"
    config.write_text(CONFIG.format(target=target, token=token, rules=rules))
    options = (f"--config.file={config}", f"--web.listen-address={address}",
               f"--storage.tsdb.path={folder / 'data'}")  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(["prometheus", *options], stdout=log, stderr=log)
    try:
        with httpx.Client(base_url=f"http://{address}/api/v1", timeout=60) as client:
            _wait(client, process)
            yield client
    finally:
        process.terminate()
        process.wait(timeout=START_SECONDS)


def _wait(client: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + START_SECONDS
    while True:
        assert process.poll() is None, "Prometheus ended: see its log"
        assert time.monotonic() < ends, "Prometheus did not start"
        try:
            if client.get("/status/runtimeinfo").is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)


def value(client: httpx.Client, query: str) -> float | None:
    """Return the value of a query that has one series; None where it has none."""
    found = client.get("/query", params={"query": query}).json()["data"]["result"]
    return float(found[0]["value"][1]) if found else None


def awaited(client: httpx.Client, query: str, *, seconds: float = 240) -> float:
    """Return the value of a query as soon as it has one."""
    ends = time.monotonic() + seconds
    while (found := value(client, query)) is None:
        assert time.monotonic() < ends, client.get("/targets").text
        time.sleep(0.1)
    return found
