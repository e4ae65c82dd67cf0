"""What an instance would be: its name, its ports, and what stands in its way. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

from services.instances.models import (
    Instance,
    InstanceRefused,
    Part,
    Plan,
    Resources,
    Site,
    State,
    Stores,
    Tool,
    Wish,
)
from services.instances.naming import check_service, clash, name_of
from services.tenancy.kb_ids import TenantKey, service_suffix

KATOS_DATABASE = "kato"
"""Where KATO 3.10.1 writes, whatever its CLICKHOUSE_DB says: that one only its filters read."""

REDIS_URL, CLICKHOUSE_PASSWORD, QDRANT_API_KEY = (
    "REDIS_URL",
    "CLICKHOUSE_PASSWORD",
    "QDRANT_API_KEY",
)
REDIS_PASSWORD = "REDIS_PASSWORD"  # noqa: S105  a name

_LEAST = Resources(cpus=100, memory=256 << 20, workers=1, storage=1 << 30)
_MOST = Resources(cpus=256_000, memory=4 << 40, workers=64, storage=1 << 50)
CALLED = {
    Part.KATO: "KATO", Part.CLICKHOUSE: "ClickHouse", Part.REDIS: "Redis", Part.QDRANT: "Qdrant",
}  # fmt: skip


def plan_of(
    wish: Wish, site: Site, known: Sequence[Instance], *, listens: Callable[[int], bool],
    now: datetime, by: str,
) -> Plan:  # fmt: skip
    """Return the instance that a wish comes to. `known` are all that are kept, of every tenant.

    `listens` says whether anything on this machine listens at a port. What cannot be is an
    obstacle; nothing is raised for it.
    """
    service = wish.service or site.service
    name = name_of(wish.tenant, (each.name for each in known))
    wanted = _parts(wish) if wish.tool is Tool.COMPOSE else ()
    ports, busy = allocated(
        wanted, range(site.first_port, site.last_port + 1), known, listens=listens
    )
    own = wish.stores is Stores.OWN
    instance = Instance(
        name, wish.tenant, State.PLANNED, address(name, wish.tool, ports.get(Part.KATO)), service,
        KATOS_DATABASE if own else site.database, now, by, wish.why, wish.tool, wish.stores,
        name if own else "", _images(wish, site), ports, wish.resources, wish.kb_id,
    )  # fmt: skip
    obstacles = [*_obstacles(instance, site, known)]
    if len(ports) < len(wanted):
        obstacles.append(
            f"only {len(ports)} of {len(wanted)} ports are free from {site.first_port} to "
            f"{site.last_port}: set KATO_TENANTS_INSTANCE_PORTS, or forget instances that ended"
        )
    return Plan(instance, tuple(obstacles), tuple(_notes(instance, site, known)), busy,
                secrets_of(instance))  # fmt: skip


def _parts(wish: Wish) -> tuple[Part, ...]:
    return tuple(Part) if wish.stores is Stores.OWN else (Part.KATO,)


def _images(wish: Wish, site: Site) -> dict[Part, str]:
    return {part: site.images[part] for part in _parts(wish) if part in site.images}


def address(name: str, tool: Tool, port: int | None) -> str:
    """Return where the API of an instance is for this machine; empty where that is not known."""
    if tool is Tool.KUBERNETES:
        return f"http://kato.{name}.svc:8000"
    return "" if port is None else f"http://127.0.0.1:{port}"


def allocated(
    parts: Iterable[Part], among: Iterable[int], known: Iterable[Instance], *,
    listens: Callable[[int], bool],
) -> tuple[dict[Part, int], tuple[int, ...]]:  # fmt: skip
    """Return the lowest ports that are kept for nobody and at which nothing listens, one a part.

    With those that were passed over because something listens there. What is kept of an instance
    that ended keeps its ports too. A part that none is left for is not in what is returned.
    """
    taken = {port for each in known for port in each.ports.values()}
    found, busy = list[int](), list[int]()
    wanted = tuple(parts)
    for port in among:
        if len(found) == len(wanted):
            break
        if port not in taken:
            (busy if listens(port) else found).append(port)
    return dict(zip(wanted, found, strict=False)), tuple(busy)


def secrets_of(instance: Instance) -> tuple[str, ...]:
    """Name what has to be given to it besides, and stands in no file that is rendered."""
    if instance.stores is Stores.OWN:
        return (REDIS_PASSWORD, CLICKHOUSE_PASSWORD, QDRANT_API_KEY)
    return (REDIS_URL, CLICKHOUSE_PASSWORD, QDRANT_API_KEY)


def check_resources(resources: Resources) -> None:
    """Raise InstanceRefused for what no machine has, or KATO does not start with."""
    for what in ("cpus", "memory", "workers", "storage"):
        value = getattr(resources, what)
        if not getattr(_LEAST, what) <= value <= getattr(_MOST, what):
            raise InstanceRefused(
                f"{what} has to be from {getattr(_LEAST, what):,} to {getattr(_MOST, what):,}"
            )


def services_beside(known: Iterable[Instance], tenant: TenantKey, *, shared: str) -> frozenset[str]:
    """Return each SERVICE_NAME that somebody else has, or had, over this deployment's stores."""
    theirs = (each.service for each in known if each.is_here and each.tenant != tenant)
    return frozenset({shared, *theirs})


def clashing(service: str) -> str:
    """Say that a SERVICE_NAME cannot be, and not whose the other is."""
    return (
        f"kb_ids that end with {service_suffix(service)} could be those of another KATO over the "
        "same stores: take another SERVICE_NAME"
    )


def _obstacles(instance: Instance, site: Site, known: Sequence[Instance]) -> Iterator[str]:
    own = instance.stores is Stores.OWN
    for part in Part if own else (Part.KATO,):
        if part not in instance.images:
            yield f"no image of {CALLED[part]} is set: KATO_TENANTS_INSTANCE_IMAGES"
    planned = [e for e in known if e.tenant == instance.tenant and e.state is State.PLANNED]
    if planned:
        yield f"{planned[0].name} is planned for it already: render that one, or forget it"
    try:
        check_service(instance.service)
        check_resources(instance.resources)
    except InstanceRefused as exc:
        yield str(exc)
    yield from _of_own(instance, site) if own else _of_shared(instance, site, known)


def _of_own(instance: Instance, site: Site) -> Iterator[str]:
    """Yield what stands in the way of an instance with stores of its own."""
    if not site.schema:
        yield (
            "an own ClickHouse needs KATO's tables: set KATO_TENANTS_INSTANCE_SCHEMA to the "
            "config/clickhouse/init.sql of KATO's release"
        )
    if instance.service != site.service:
        yield (
            f"a tenant moves with its names: an instance with stores of its own takes the "
            f"SERVICE_NAME {site.service}"
        )


def _of_shared(instance: Instance, site: Site, known: Sequence[Instance]) -> Iterator[str]:
    """Yield what stands in the way of an instance over this deployment's stores."""
    others = services_beside(known, instance.tenant, shared=site.service)
    if clash(instance.service, others):
        yield clashing(instance.service)
    elif instance.service != site.service and instance.service in others:
        yield f"another tenant's instance has the SERVICE_NAME {instance.service}"
    for part, called in CALLED.items():
        if part is not Part.KATO and part not in site.shared:
            yield f"the address of {called} is not set here, and KATO needs it"


def _notes(instance: Instance, site: Site, known: Sequence[Instance]) -> Iterator[str]:
    now = [each.name for each in known if each.tenant == instance.tenant and each.is_serving]
    if now:
        yield f"it is served by {', '.join(now)} until another is registered"
    if instance.stores is Stores.OWN:
        yield (f"its stores begin empty: move it there with kato-tenants move plan "
               f"{instance.tenant} --to {instance.name}")  # fmt: skip
        return
    if instance.service != site.service:
        yield (f"its memory begins empty there: what it has lies under kb_ids that end with "
               f"{service_suffix(site.service)}, and stays its own")  # fmt: skip
    if instance.kb_id:
        yield (f"once it has written, say whose {instance.kb_id} is: kato-tenants names confirm "
               f"{instance.kb_id} {instance.tenant}")  # fmt: skip
    if instance.database != KATOS_DATABASE:
        yield (f"KATO 3.10.1 writes to the database {KATOS_DATABASE} whatever CLICKHOUSE_DB says, "
               f"and reads {instance.database}")  # fmt: skip
    for part, store in site.shared.items():
        if _is_loopback(store.host):
            yield (f"the address of {CALLED[part]} is this machine's own ({store.host}): a "
                   "container does not reach it there")  # fmt: skip


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
