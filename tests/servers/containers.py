"""What stands for `docker` and `kubectl`: they really start KATO's stand-in, and stop it.

Each is a program on the path. It keeps what it was called with, and a process for each instance.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

from tests.servers import ROOT

_PROGRAM = """#!/bin/sh
PYTHONPATH={root} exec {python} -m tests.servers.containers {kept} {name} "$@"
"""
_SERVE = "serve"
_SECONDS = 60.0


@contextmanager
def tools(folder: Path, port: int) -> Iterator[Path]:
    """Put them into a folder, and end whatever they began.

    `port` is at which what `kubectl` starts serves.
    """
    kept = folder / "kept"
    kept.mkdir(parents=True)
    (kept / "port").write_text(str(port))
    for name in ("docker", "kubectl"):
        program = folder / name
        program.write_text(_PROGRAM.format(root=ROOT, python=sys.executable, kept=kept, name=name))
        program.chmod(0o755)
    try:
        yield folder
    finally:
        for file in kept.glob("*.pid"):
            _end(file)


def calls(folder: Path) -> list[list[str]]:
    """Return what they were called with, in order."""
    file = folder / "kept" / "calls"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def main(kept: Path, name: str, words: list[str]) -> int:
    """Do what a tool is called for, as far as instances call one."""
    with (kept / "calls").open("a") as file:
        file.write(json.dumps([name, *words]) + "\n")
    if (kept / "broken").exists():
        print("Cannot connect to the daemon")
        return 1
    return _compose(kept, words) if name == "docker" else _kubectl(kept, words)


def _compose(kept: Path, words: list[str]) -> int:
    import yaml

    if words == ["compose", "version"]:
        return 0
    file = Path(words[words.index("--file") + 1])
    compose = yaml.safe_load(file.read_text("utf-8"))
    pid = kept / f"{compose['name']}.pid"
    secrets = dict(
        line.split("=", 1)
        for line in Path(words[words.index("--env-file") + 1]).read_text().splitlines()
    )
    kato = compose["services"]["kato"]
    if "up" in words:
        port = int(kato["ports"][0].split(":")[1])
        return _start(pid, port, secrets["REDIS_URL"], kato["environment"]["SERVICE_NAME"])
    if "down" in words:
        _end(pid)
        return 0
    print(f"NAME SERVICE STATUS\n{compose['name']} kato {'running' if pid.exists() else 'exited'}")
    return 0


def _kubectl(kept: Path, words: list[str]) -> int:
    import yaml

    if words[0] == "version" or "rollout" in words:
        return 0
    if words[0] == "apply":
        file = Path(words[words.index("--filename") + 1])
        documents = list(yaml.safe_load_all(file.read_text("utf-8")))
        name = documents[0]["metadata"]["name"]
        (settings,) = (each["data"] for each in documents if each["kind"] == "ConfigMap")
        port = int((kept / "port").read_text())
        return _start(
            kept / f"{name}.pid", port, (kept / "redis").read_text(), settings["SERVICE_NAME"]
        )
    name = words[words.index("--namespace") + 1]
    if "scale" in words:
        _end(kept / f"{name}.pid")
    print(f"deployment.apps/kato in {name}")
    return 0


def _start(pid: Path, port: int, redis_url: str, service: str) -> int:
    """Start a stand-in that goes on by itself, and wait until it is well."""
    if pid.exists():
        return 0
    environment = {**os.environ, "REDIS": redis_url}  # no secret on a command line
    child = os.spawnve(
        os.P_NOWAIT, sys.executable,
        [sys.executable, "-m", "tests.servers.containers", _SERVE, str(port), service], environment,
    )  # fmt: skip
    pid.write_text(str(child))
    ends = time.monotonic() + _SECONDS
    while time.monotonic() < ends:
        with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
            return 0
        time.sleep(0.02)
    print("it did not get well")
    return 1


def _end(pid: Path) -> None:
    if pid.exists():
        with suppress(ProcessLookupError):
            os.kill(int(pid.read_text()), signal.SIGKILL)
        pid.unlink()


def serve(port: int, service: str) -> None:
    """Serve KATO's session API until this process is ended."""
    import redis
    import uvicorn

    from services.embedded.kato.server import app

    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # who started it waits for nobody who holds these
        os.dup2(null, stream)
    client = redis.Redis.from_url(os.environ["REDIS"])
    uvicorn.run(
        app(client, service=service), host="127.0.0.1", port=port, log_config=None, lifespan="off",
        access_log=False,
    )  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1] == _SERVE:
        serve(int(sys.argv[2]), sys.argv[3])
    else:
        raise SystemExit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
