"""What KATO of an instance is told by its environment: addresses, and never a secret. Pure.

The names are those of KATO 3.10.1's own deployment; for what runs as the isolation guide has it,
those of the guide besides.
"""

from __future__ import annotations

from collections.abc import Mapping

from services.instances.models import INSIDE, Instance, Part, Site, Store, Stores


def environment_of(instance: Instance, site: Site) -> dict[str, str]:
    """Return the variables of KATO that are no secret, in a fixed order."""
    stores = stores_of(instance, site)
    clickhouse, qdrant = stores[Part.CLICKHOUSE], stores[Part.QDRANT]
    found = {
        "SERVICE_NAME": instance.service,
        "CLICKHOUSE_HOST": clickhouse.host, "CLICKHOUSE_PORT": str(clickhouse.port),
        "CLICKHOUSE_DB": instance.database, "CLICKHOUSE_USER": clickhouse.user,
        "CLICKHOUSE_SECURE": _word(clickhouse.secure),
        "QDRANT_HOST": qdrant.host, "QDRANT_PORT": str(qdrant.port),
        "QDRANT_HTTPS": _word(qdrant.secure),
        "REDIS_ENABLED": "true", "REDIS_TLS": _word(stores[Part.REDIS].secure),
        "LOG_LEVEL": "INFO", "SESSION_TTL": "3600", "SESSION_AUTO_EXTEND": "true",
        "KATO_WORKERS": str(instance.resources.workers), "KATO_LIMIT_CONCURRENCY": "100",
        "REQUEST_TIMEOUT": "120.0", "HOME": "/tmp",  # noqa: S108  a container's own
    }  # fmt: skip
    if instance.kb_id:
        found |= {
            "PROCESSOR_ID": instance.name, "KB_ID": instance.kb_id,
            "API_PORT": str(INSIDE[Part.KATO]),
        }  # fmt: skip
    return found


def stores_of(instance: Instance, site: Site) -> Mapping[Part, Store]:
    """Return where its stores are: its own by the names of its parts, or those that all share."""
    if instance.stores is Stores.OWN:
        users = {Part.CLICKHOUSE: "default"}
        return {
            part: Store(part.value, port, user=users.get(part, ""))
            for part, port in INSIDE.items() if part is not Part.KATO
        }  # fmt: skip
    absent = {part: Store() for part in INSIDE}
    return {**absent, **site.shared}


def _word(value: bool) -> str:
    return "true" if value else "false"
