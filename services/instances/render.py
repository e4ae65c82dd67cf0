"""The files of an instance, the same each time for the same instance. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml

from services.instances.compose import INIT, compose_of
from services.instances.kubernetes import manifests_of
from services.instances.models import INSIDE, Instance, InstanceRefused, Part, Site, Stores, Tool

COMPOSE, KUBERNETES, MOVE = "compose.yaml", "kubernetes.yaml", "move.env"

Files = Mapping[str, str]
"""The text of each file, by its name."""


def files_of(instance: Instance, site: Site) -> Files:
    """Return the files by which a tool makes an instance.

    Raises InstanceRefused for one that somebody else runs, or that lacks what it is made of.
    """
    own = instance.stores is Stores.OWN
    missing = [part for part in (Part if own else (Part.KATO,)) if part not in instance.images]
    if instance.tool is Tool.OTHER or missing:
        raise InstanceRefused(f"somebody else runs {instance.name}: there is nothing to render")
    found: dict[str, str] = {}
    if instance.tool is Tool.COMPOSE:
        found[COMPOSE] = _yaml([compose_of(instance, site)])
        if own:
            found[INIT] = site.schema
    else:
        found[KUBERNETES] = _yaml(manifests_of(instance, site))
    if own:
        found[MOVE] = _settings(instance)
    return found


def _yaml(documents: list[dict[str, Any]]) -> str:
    plain = json.loads(json.dumps(documents))  # or what stands twice would be an anchor
    return str(yaml.safe_dump_all(
        plain, sort_keys=False, width=10_000, explicit_start=len(documents) > 1
    ))  # fmt: skip


def _settings(instance: Instance) -> str:
    """Return what KATO_TENANTS_MOVE_TO names for it: the settings of a deployment of its own."""
    hosts = {
        part: ("127.0.0.1", instance.ports[part]) if part in instance.ports
        else (f"{part.value}.{instance.name}.svc", INSIDE[part]) for part in INSIDE
    }  # fmt: skip
    (house, port), (key, key_port), (vectors, vector_port) = (
        hosts[part] for part in (Part.CLICKHOUSE, Part.REDIS, Part.QDRANT)
    )
    return f"""\
# The deployment of {instance.name}, for KATO_TENANTS_MOVE_TO: {instance.name} = /path/of/this.file
# Nobody but this product's user is to read the files of its secrets. That of REDIS_URL has
# redis://:PASSWORD@{key}:{key_port}/0
CLICKHOUSE_HOST={house}
CLICKHOUSE_PORT={port}
CLICKHOUSE_DB={instance.database}
QDRANT_URL=http://{vectors}:{vector_port}
KATO_API_URL={instance.url}
SERVICE_NAME={instance.service}
#CLICKHOUSE_PASSWORD_FILE=/path/of/a.secret
#REDIS_URL_FILE=/path/of/a.secret
#QDRANT_API_KEY_FILE=/path/of/a.secret
"""
