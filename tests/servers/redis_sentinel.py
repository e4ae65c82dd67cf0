"""A primary, its replica and a Sentinel that knows them, on loopback."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import redis
from redis.sentinel import MasterNotFoundError, Sentinel

from tests.servers.redis_cluster import PROGRAMS
from tests.servers.sockets import LOOPBACK, free_port
from tests.waiting import wait_until

NAME = "kato-primary"


@dataclass(eq=False)
class Server:
    """One process; with a configuration it is a Sentinel."""

    folder: Path
    program: Path
    options: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port, socket_timeout=20)

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                ["redis-server", *self.options, "--port", str(self.port), "--bind", LOOPBACK],
                executable=self.program, cwd=self.folder, stdout=log, stderr=log,
            )  # fmt: skip
        wait_until(self._answers)

    def _answers(self) -> bool:
        with suppress(redis.ConnectionError, redis.exceptions.BusyLoadingError):
            return bool(self.client.ping())
        return False

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


class Watched:
    """What a Sentinel watches over."""

    def __init__(self, primary: Server, replica: Server, sentinel: Server) -> None:
        self.primary, self.replica, self.sentinel = primary, replica, sentinel

    @property
    def url(self) -> str:
        """What REDIS_URL is for it: the first of the Sentinels is down."""
        return f"redis+sentinel://{LOOPBACK}:{free_port()},{LOOPBACK}:{self.sentinel.port}/{NAME}/0"

    def named(self) -> int | None:
        """The port of the primary that the Sentinel knows and finds well; None for none."""
        with suppress(MasterNotFoundError):
            found = Sentinel([(LOOPBACK, self.sentinel.port)]).discover_master(NAME)
            return int(found[1])
        return None

    def fail_over(self) -> None:
        """End the primary, and wait until the replica is it."""
        self.primary.kill()
        wait_until(lambda: self.named() == self.replica.port)
        wait_until(lambda: self.replica.client.info("replication")["role"] == "master")


def cut_off(primary: redis.Redis) -> None:
    """Keep a server's replicas from following it any further; it serves everybody else."""
    primary.execute_command("ACL", "SETUSER", "default", "-psync", "-sync")
    primary.execute_command("CLIENT", "KILL", "TYPE", "replica")


@contextmanager
def watched(folder: Path, name: str) -> Iterator[Watched]:
    """Start all three, of one of the programs of a cluster's."""
    program = PROGRAMS[name]()
    assert program is not None, "no Redis: run `make needs`"
    plain = ("--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0")
    with ExitStack() as stack:
        primary = Server(folder / "primary", program, plain)
        replica = Server(
            folder / "replica", program, (*plain, "--replicaof", LOOPBACK, str(primary.port))
        )
        conf = folder / "sentinel.conf"
        conf.write_text(
            f"sentinel monitor {NAME} {LOOPBACK} {primary.port} 1\n"
            f"sentinel down-after-milliseconds {NAME} 400\n"
            f"sentinel failover-timeout {NAME} 3000\n",
            "utf-8",
        )
        sentinel = Server(folder / "sentinel", program, (str(conf), "--sentinel"))
        for each in (primary, replica):
            stack.callback(each.kill)
            each.start()
        wait_until(lambda: replica.client.info("replication")["master_link_status"] == "up")
        stack.callback(sentinel.kill)
        sentinel.start()
        wait_until(lambda: sentinel.client.execute_command("SENTINEL", "REPLICAS", NAME))
        yield Watched(primary, replica, sentinel)
