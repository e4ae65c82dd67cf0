"""An instance as a compose file of Docker's. Pure.

A secret is a variable that `docker compose` takes from elsewhere, and refuses to start without.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.instances.environment import environment_of
from services.instances.models import INSIDE, Instance, Part, Site, Stores
from services.instances.plan import CLICKHOUSE_PASSWORD, QDRANT_API_KEY, REDIS_PASSWORD, REDIS_URL
from services.visible import visible

Values = dict[str, Any]

INIT, _NETWORK = "init.sql", "instance"
USER = 10_001
"""The user that KATO is inside of its container, so that it is not root."""

_HEALTHY = "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health', timeout=5).read()"


def compose_of(instance: Instance, site: Site) -> Values:
    """Return what a compose file says of an instance."""
    own = instance.stores is Stores.OWN
    found: Values = {
        "name": instance.name,
        "services": {Part.KATO.value: _kato(instance, site)},
        "networks": {
            _NETWORK: {} if own else {"name": _plain(site.network), "external": True}
        },
    }  # fmt: skip
    if own:
        found["services"] |= {
            Part.CLICKHOUSE.value: _clickhouse(instance), Part.REDIS.value: _redis(instance),
            Part.QDRANT.value: _qdrant(instance),
        }  # fmt: skip
        found["volumes"] = {f"{part.value}-data": {} for part in Part if part is not Part.KATO}
    return found


def _kato(instance: Instance, site: Site) -> Values:
    own, resources = instance.stores is Stores.OWN, instance.resources
    url = f"redis://:{_needed(REDIS_PASSWORD)}@redis:6379/0" if own else _needed(REDIS_URL)
    secrets = {
        REDIS_URL: url, CLICKHOUSE_PASSWORD: _needed(CLICKHOUSE_PASSWORD, or_empty=not own),
        QDRANT_API_KEY: _needed(QDRANT_API_KEY, or_empty=not own),
    }  # fmt: skip
    plain = {name: _plain(value) for name, value in environment_of(instance, site).items()}
    found = _part(instance, Part.KATO) | {
        "container_name": instance.name,
        "user": f"{USER}:{USER}",
        "environment": plain | secrets,
        "healthcheck": _health(["CMD", "python", "-c", _HEALTHY], start="30s"),
        "tmpfs": ["/tmp"],  # noqa: S108  a container's own
        "deploy": {"resources": {"limits": {
            "cpus": f"{resources.cpus / 1000:g}", "memory": f"{resources.memory >> 20}m",
            "pids": 1024,
        }}},
    }  # fmt: skip
    if own:
        ready = {"clickhouse": "service_healthy", "redis": "service_healthy",
                 "qdrant": "service_started"}  # fmt: skip
        found["depends_on"] = {name: {"condition": how} for name, how in ready.items()}
    return found


def _clickhouse(instance: Instance) -> Values:
    return _part(instance, Part.CLICKHOUSE, capabilities=True) | {
        "environment": {
            "CLICKHOUSE_DB": instance.database,
            CLICKHOUSE_PASSWORD: _needed(CLICKHOUSE_PASSWORD),
        },
        "volumes": [
            f"{Part.CLICKHOUSE.value}-data:/var/lib/clickhouse",
            f"./{INIT}:/docker-entrypoint-initdb.d/{INIT}:ro",
        ],
        "healthcheck": _health(["CMD", "wget", "-q", "--spider", "http://127.0.0.1:8123/ping"]),
        "ulimits": {"nofile": {"soft": 262_144, "hard": 262_144}},
    }  # fmt: skip


def _redis(instance: Instance) -> Values:
    command = (  # a $ twice is one, that the shell inside of the container sees
        f'exec redis-server --requirepass "$${REDIS_PASSWORD}" --appendonly yes '
        "--maxmemory-policy noeviction"
    )
    ping = f'redis-cli -a "$${REDIS_PASSWORD}" --no-auth-warning ping'
    return _part(instance, Part.REDIS, capabilities=True) | {
        "command": ["sh", "-c", command],
        "environment": {REDIS_PASSWORD: _needed(REDIS_PASSWORD)},
        "volumes": [f"{Part.REDIS.value}-data:/data"],
        "healthcheck": _health(["CMD-SHELL", ping]),
    }


def _qdrant(instance: Instance) -> Values:
    return _part(instance, Part.QDRANT, capabilities=True) | {
        "environment": {"QDRANT__SERVICE__API_KEY": _needed(QDRANT_API_KEY)},
        "volumes": [f"{Part.QDRANT.value}-data:/qdrant/storage"],
    }


def _part(instance: Instance, part: Part, *, capabilities: bool = False) -> Values:
    """Return what each part has; the stores' own images begin as root, and let go of it."""
    found: Values = {
        "image": _plain(instance.images[part]),
        "restart": "unless-stopped",
        "init": True,
        "security_opt": ["no-new-privileges:true"],
        "labels": {label: _plain(text) for label, text in labels_of(instance).items()},
        "networks": [_NETWORK],
    }
    if not capabilities:
        found["cap_drop"] = ["ALL"]
    if part in instance.ports:
        found["ports"] = [f"127.0.0.1:{instance.ports[part]}:{INSIDE[part]}"]
    return found


def labels_of(instance: Instance) -> Mapping[str, str]:
    """Return by what containers of an instance are found again."""
    return {
        "kato-tenants.instance": instance.name, "kato-tenants.tenant": visible(str(instance.tenant))
    }  # fmt: skip


def _health(test: list[str], *, start: str = "10s") -> Values:
    return {
        "test": test, "interval": "30s", "timeout": "10s", "retries": 3, "start_period": start
    }  # fmt: skip


def _needed(variable: str, *, or_empty: bool = False) -> str:
    """Return a secret by its name; one that is needed stops everything where it is not given."""
    return f"${{{variable}:-}}" if or_empty else f"${{{variable}:?is not given}}"


def _plain(text: str) -> str:
    """Return a text as compose takes it, which takes a $ for the beginning of a variable."""
    return text.replace("$", "$$")
