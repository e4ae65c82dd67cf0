"""Find what the tests need from the system; on Debian as root, install it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.browser import chromium
from tests.servers import postgres, prometheus, redis_server


@dataclass(frozen=True)
class Need:
    """Something that PyPI does not have: how to find it, Debian's package, what to say."""

    find: Callable[[], object]
    package: str
    advice: str


NEEDS = {
    "browser": Need(
        chromium.find,
        "chromium-headless-shell",
        "The browser tests need Chromium or Chrome on the PATH: install one.",
    ),
    "postgresql": Need(
        postgres.find,
        "postgresql",
        "The tests of the state store need PostgreSQL's initdb on the PATH: install its server.",
    ),
    "prometheus": Need(
        prometheus.find,
        "prometheus",
        "The tests of the metrics need prometheus and promtool on the PATH: install Prometheus.",
    ),
    "redis": Need(
        redis_server.find,
        "redis-tools",
        "The tests of erasing keys need redis-server on the PATH: install Redis 7 or newer.",
    ),
}


def install(packages: Sequence[str]) -> None:
    """Install packages of Debian's. Raises CalledProcessError."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        subprocess.run(["apt-get", "--quiet", *arguments], check=True, env=environment)


def main(names: list[str]) -> int:
    """Make sure that these needs are met; 1 with a line that says what to do for each that is not.

    What is missing is installed in one go.
    """
    missing = [need for need in map(NEEDS.__getitem__, names) if need.find() is None]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        install([need.package for need in missing])
    lacking = [need for need in missing if need.find() is None]
    for need in lacking:
        print(need.advice, file=sys.stderr)
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
