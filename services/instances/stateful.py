"""The own stores of an instance as manifests of Kubernetes: each with what it keeps on. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.instances.models import INSIDE, Instance, Part, Site
from services.instances.plan import CLICKHOUSE_PASSWORD, QDRANT_API_KEY, REDIS_PASSWORD
from services.instances.written import size_words
from services.visible import visible

Values = dict[str, Any]

_APP, _SCHEMA = "app.kubernetes.io/component", "kato-schema"


@dataclass(frozen=True, slots=True)
class _Kind:
    """Where a store keeps its data, by which variable it takes its secret, and how it is asked."""

    folder: str
    variable: str
    key: str
    alive: Values
    memory: str


_KINDS = {
    Part.CLICKHOUSE: _Kind(
        "/var/lib/clickhouse", CLICKHOUSE_PASSWORD, CLICKHOUSE_PASSWORD,
        {"httpGet": {"path": "/ping", "port": INSIDE[Part.CLICKHOUSE]}}, "4Gi",
    ),
    Part.REDIS: _Kind(
        "/data", REDIS_PASSWORD, REDIS_PASSWORD, {"tcpSocket": {"port": INSIDE[Part.REDIS]}},
        "2Gi",
    ),
    Part.QDRANT: _Kind(
        "/qdrant/storage", "QDRANT__SERVICE__API_KEY", QDRANT_API_KEY,
        {"httpGet": {"path": "/readyz", "port": INSIDE[Part.QDRANT]}}, "2Gi",
    ),
}  # fmt: skip


def store_manifests(instance: Instance, site: Site, labels: Mapping[str, str]) -> list[Values]:
    """Return each store's claim on a volume, its Deployment and its Service; `labels` are KATO's.

    ClickHouse makes KATO's tables when it begins on an empty volume.
    """
    found: list[Values] = [{
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": _meta(instance, _SCHEMA, labels),
        "data": {"init.sql": site.schema},
    }]  # fmt: skip
    for part, kind in _KINDS.items():
        mine = {**labels, _APP: part.value}
        found += [
            _claim(instance, part, mine), _deployment(instance, site, part, kind, mine),
            _service(instance, part, mine),
        ]  # fmt: skip
    return found


def _meta(instance: Instance, name: str, labels: Mapping[str, str]) -> Values:
    return {
        "name": name, "namespace": instance.name, "labels": dict(labels),
        "annotations": {"kato-tenants/tenant": visible(str(instance.tenant))},
    }  # fmt: skip


def _claim(instance: Instance, part: Part, labels: Mapping[str, str]) -> Values:
    storage = {"requests": {"storage": size_words(instance.resources.storage)}}
    return {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": _meta(instance, f"{part.value}-data", labels),
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": storage},
    }  # fmt: skip


def _deployment(
    instance: Instance, site: Site, part: Part, kind: _Kind, labels: Mapping[str, str]
) -> Values:
    reference = {"name": site.secret, "key": kind.key, "optional": False}
    mounts: list[Values] = [{"name": "data", "mountPath": kind.folder}]
    volumes: list[Values] = [
        {"name": "data", "persistentVolumeClaim": {"claimName": f"{part.value}-data"}}
    ]
    container: Values = {
        "name": part.value, "image": instance.images[part],
        "ports": [{"containerPort": INSIDE[part], "protocol": "TCP"}],
        "env": [{"name": kind.variable, "valueFrom": {"secretKeyRef": reference}}],
        "resources": {"limits": {"memory": kind.memory}, "requests": {"memory": kind.memory}},
        "securityContext": {"allowPrivilegeEscalation": False},
        "readinessProbe": {**kind.alive, "periodSeconds": 10, "timeoutSeconds": 5},
        "volumeMounts": mounts,
    }  # fmt: skip
    if part is Part.CLICKHOUSE:
        container["env"].append({"name": "CLICKHOUSE_DB", "value": instance.database})
        mounts.append({"name": "schema", "mountPath": "/docker-entrypoint-initdb.d"})
        volumes.append({"name": "schema", "configMap": {"name": _SCHEMA}})
    if part is Part.REDIS:
        container["command"] = [
            "redis-server", "--requirepass", f"$({REDIS_PASSWORD})", "--appendonly", "yes",
            "--maxmemory-policy", "noeviction",
        ]  # fmt: skip
    selected = {name: labels[name] for name in (_APP, "app.kubernetes.io/instance")}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": _meta(instance, part.value, labels),
        "spec": {
            "replicas": 1, "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": selected},
            "template": {
                "metadata": {"labels": dict(labels)},
                "spec": {
                    "automountServiceAccountToken": False, "enableServiceLinks": False,
                    "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
                    "containers": [container], "volumes": volumes,
                },
            },
        },
    }  # fmt: skip


def _service(instance: Instance, part: Part, labels: Mapping[str, str]) -> Values:
    selected = {name: labels[name] for name in (_APP, "app.kubernetes.io/instance")}
    return {
        "apiVersion": "v1", "kind": "Service", "metadata": _meta(instance, part.value, labels),
        "spec": {
            "type": "ClusterIP", "selector": selected,
            "ports": [{"port": INSIDE[part], "targetPort": INSIDE[part], "protocol": "TCP"}],
        },
    }  # fmt: skip
