"""Instances of KATO that serve one tenant each: what is kept of them, and what one would be. Pure.

Times are aware datetimes in UTC, sizes bytes, processors in thousandths of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from services.errors import KatoTenantsError, Problem
from services.tenancy.kb_ids import TenantKey


class InstanceRefused(KatoTenantsError):
    """An instance that may not be made, registered, started or stopped as things are now."""


class Tool(StrEnum):
    """What runs an instance: Docker's compose, Kubernetes, or whoever else runs it."""

    COMPOSE = "compose"
    KUBERNETES = "kubernetes"
    OTHER = "other"


class Stores(StrEnum):
    """Where an instance keeps what it learns: in this deployment's stores, or in its own."""

    SHARED = "shared"
    OWN = "own"


class State(StrEnum):
    """Where an instance is in its life. What is kept of one that ended says what lies where."""

    PLANNED = "planned"  # its ports are taken, and no session goes there
    SERVING = "serving"  # sessions of its tenant are created there
    ENDED = "ended"  # no session goes there any more; its ports stay taken until it is forgotten


class Part(StrEnum):
    """What an instance is made of; one over the shared stores is KATO alone."""

    KATO = "kato"
    CLICKHOUSE = "clickhouse"
    REDIS = "redis"
    QDRANT = "qdrant"


INSIDE: Mapping[Part, int] = {
    Part.KATO: 8000, Part.CLICKHOUSE: 8123, Part.REDIS: 6379, Part.QDRANT: 6333,
}  # fmt: skip
"""The TCP port of each inside of its container: KATO's own deployment uses these."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What KATO of an instance may take, and how much its own stores keep.

    `workers` are KATO's processes: each of them keeps up to 100 node_ids in memory.
    """

    cpus: int = 2_000
    memory: int = 2 << 30
    workers: int = 4
    storage: int = 20 << 30


@dataclass(frozen=True, slots=True)
class Instance:
    """One KATO of one tenant's.

    `name` is unique and fits DNS; `url` is where its API is, empty until that is known; `service`
    its SERVICE_NAME, by which its kb_ids end; `database` the one of ClickHouse that it reads.
    `elsewhere` is what the deployment of its own stores is called here
    (KATO_TENANTS_MOVE_TO), empty for one over this deployment's stores. `ports` are those of
    this machine that lead to its parts. `kb_id` is the one name under which an instance as the
    isolation guide has it stores everything, empty for KATO's own layout.
    """

    name: str
    tenant: TenantKey
    state: State
    url: str
    service: str
    database: str
    since: datetime
    by: str
    why: str = ""
    tool: Tool = Tool.OTHER
    stores: Stores = Stores.SHARED
    elsewhere: str = ""
    images: Mapping[Part, str] = field(default_factory=dict)
    ports: Mapping[Part, int] = field(default_factory=dict)
    resources: Resources = Resources()
    kb_id: str = ""

    @property
    def is_serving(self) -> bool:
        """Whether sessions of its tenant are created there."""
        return self.state is State.SERVING

    @property
    def is_here(self) -> bool:
        """Whether it keeps what it learns in this deployment's stores."""
        return self.stores is Stores.SHARED and not self.elsewhere


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for. An empty `service` is that of the KATO that all share.

    `kb_id` is the guide's KB_ID, for what runs as the guide has it.
    """

    tenant: TenantKey
    tool: Tool = Tool.COMPOSE
    stores: Stores = Stores.SHARED
    service: str = ""
    resources: Resources = Resources()
    why: str = ""
    kb_id: str = ""


@dataclass(frozen=True, slots=True)
class Store:
    """Where a store is that is not the instance's own; a secret is a name, and never a value."""

    host: str = ""
    port: int = 0
    secure: bool = False
    user: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """What all instances of this deployment have in common.

    `network` is the network of Docker's on which the shared stores are, `secret` the Secret of
    Kubernetes in which passwords are. `schema` are the statements that make KATO's tables, as its
    release has them, for an instance with stores of its own.
    """

    images: Mapping[Part, str]
    first_port: int
    last_port: int
    network: str
    secret: str
    service: str = "kato"
    database: str = "kato"
    shared: Mapping[Part, Store] = field(default_factory=dict)
    schema: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """An instance that would be made, what stands in its way, and what else is to be known.

    `busy` are ports of the range that are passed over although nobody here has them: something
    else on this machine listens there.
    """

    instance: Instance
    obstacles: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    busy: tuple[int, ...] = ()
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vital:
    """How an instance is: its version, and how long it took to answer, in seconds.

    `version` None is not known: `problem` says why.
    """

    version: str | None = None
    latency: float | None = None
    detail: str = ""
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Ran:
    """What running a command came to. `code` None: it was not run, and `why_not` says why."""

    command: tuple[str, ...]
    code: int | None = None
    output: str = ""
    why_not: str = ""

    @property
    def was_run(self) -> bool:
        """Whether it was run to its end."""
        return self.code is not None

    @property
    def failed(self) -> bool:
        """Whether it was run, and did not come to a good end."""
        return bool(self.code)
