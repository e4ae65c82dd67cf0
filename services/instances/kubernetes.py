"""An instance as manifests of Kubernetes, in a Namespace of its own. Pure.

Secrets are references to one Secret, which somebody puts into the Namespace. A NetworkPolicy lets
nobody reach KATO, which has no authentication, but Namespaces that have the label for it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from services.instances.compose import USER
from services.instances.environment import environment_of, stores_of
from services.instances.models import INSIDE, Instance, Part, Site, Stores
from services.instances.plan import CLICKHOUSE_PASSWORD, QDRANT_API_KEY, REDIS_PASSWORD, REDIS_URL
from services.instances.stateful import store_manifests
from services.instances.written import cpus_words, size_words
from services.visible import visible

Values = dict[str, Any]

REACHES, MANAGES = "kato-tenants/reaches", "kato-tenants/manages"
"""The labels of Namespaces whose Pods may reach KATO of an instance, and its own stores besides:
its clients', and this dashboard's. The value is the name of the instance."""

_APP, _NAME = "app.kubernetes.io/component", "app.kubernetes.io/name"
_DNS = 53


def manifests_of(instance: Instance, site: Site) -> list[Values]:
    """Return every manifest of an instance, in the order in which they are applied."""
    found = [_namespace(instance), _settings(instance, site)]
    if instance.stores is Stores.OWN:
        found += store_manifests(instance, site, labels_of(instance))
    return [*found, _deployment(instance, site), _service(instance), *_policies(instance, site)]


def labels_of(instance: Instance, part: Part = Part.KATO) -> Mapping[str, str]:
    """Return by what a part is found again. Whose it is, which may be any text, is no label."""
    return {
        _NAME: "kato", _APP: part.value, "app.kubernetes.io/instance": instance.name,
        "app.kubernetes.io/managed-by": "kato-tenants",
    }  # fmt: skip


def _meta(instance: Instance, name: str, part: Part = Part.KATO) -> Values:
    return {
        "name": name, "namespace": instance.name, "labels": dict(labels_of(instance, part)),
        "annotations": {"kato-tenants/tenant": visible(str(instance.tenant))},
    }  # fmt: skip


def _namespace(instance: Instance) -> Values:
    """Return its Namespace; the images of the stores begin as root, which KATO's does not."""
    level = "baseline" if instance.stores is Stores.OWN else "restricted"
    meta = _meta(instance, instance.name)
    del meta["namespace"]
    meta["labels"] |= {"pod-security.kubernetes.io/enforce": level}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}


def _settings(instance: Instance, site: Site) -> Values:
    return {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": _meta(instance, "kato-settings"),
        "data": environment_of(instance, site),
    }  # fmt: skip


def _deployment(instance: Instance, site: Site) -> Values:
    resources, meta = instance.resources, _meta(instance, "kato")
    limits = {"cpu": cpus_words(resources.cpus), "memory": size_words(resources.memory)}
    container: Values = {
        "name": "kato",
        "image": instance.images[Part.KATO],
        "ports": [{"name": "http", "containerPort": INSIDE[Part.KATO], "protocol": "TCP"}],
        "envFrom": [{"configMapRef": {"name": "kato-settings"}}],
        "env": _secrets(instance, site),
        "resources": {"limits": limits, "requests": {
            "cpu": cpus_words(max(50, resources.cpus // 4)), "memory": limits["memory"],
        }},
        "securityContext": {
            "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]},
        },
        "startupProbe": _probe(period=5, failures=60),
        "readinessProbe": _probe(period=10, failures=3),
        "livenessProbe": _probe(period=30, failures=5),
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108  its own
    }  # fmt: skip
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta,
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": _selected(instance)},
            "template": {
                "metadata": {"labels": meta["labels"], "annotations": meta["annotations"]},
                "spec": {
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "securityContext": {
                        "runAsNonRoot": True, "runAsUser": USER, "runAsGroup": USER,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [container],
                    "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}],
                },
            },
        },
    }  # fmt: skip


def _selected(instance: Instance, part: Part = Part.KATO) -> dict[str, str]:
    return {_APP: part.value, "app.kubernetes.io/instance": instance.name}


def _secrets(instance: Instance, site: Site) -> list[Values]:
    own = instance.stores is Stores.OWN
    keys = (CLICKHOUSE_PASSWORD, QDRANT_API_KEY)
    found = [_secret(site, key, needed=own) for key in keys]
    if not own:
        return [_secret(site, REDIS_URL), *found]
    url = f"redis://:$({REDIS_PASSWORD})@{Part.REDIS.value}:6379/0"
    return [_secret(site, REDIS_PASSWORD), {"name": REDIS_URL, "value": url}, *found]


def _secret(site: Site, key: str, *, needed: bool = True) -> Values:
    reference = {"name": site.secret, "key": key, "optional": not needed}
    return {"name": key, "valueFrom": {"secretKeyRef": reference}}


def _probe(*, period: int, failures: int) -> Values:
    return {
        "httpGet": {"path": "/health", "port": "http"}, "timeoutSeconds": 5,
        "periodSeconds": period, "failureThreshold": failures,
    }  # fmt: skip


def _service(instance: Instance) -> Values:
    return {
        "apiVersion": "v1", "kind": "Service", "metadata": _meta(instance, "kato"),
        "spec": {
            "type": "ClusterIP", "selector": _selected(instance),
            "ports": [{"name": "http", "port": INSIDE[Part.KATO], "targetPort": "http",
                       "protocol": "TCP"}],
        },
    }  # fmt: skip


def _policies(instance: Instance, site: Site) -> list[Values]:
    """Return who may reach what: all else is closed, in both directions."""
    clients, us = (
        {"namespaceSelector": {"matchLabels": {label: instance.name}}}
        for label in (REACHES, MANAGES)
    )
    ports = [{"protocol": "TCP", "port": INSIDE[Part.KATO]}]
    found = [
        _policy(instance, "closed", {}, ingress=[], egress=[]),
        _policy(instance, "kato", _selected(instance),
                ingress=[{"from": [clients, us], "ports": ports}], egress=_outward(instance, site)),
    ]  # fmt: skip
    if instance.stores is Stores.OWN:
        kato = {"podSelector": {"matchLabels": _selected(instance)}}
        found += [
            _policy(
                instance, part.value, _selected(instance, part), egress=[], ingress=[
                    {"from": [kato, us],
                     "ports": [{"protocol": "TCP", "port": INSIDE[part]}]}
                ],
            )
            for part in Part if part is not Part.KATO
        ]  # fmt: skip
    return found


def _policy(
    instance: Instance, name: str, selected: Mapping[str, str], *, ingress: list[Values],
    egress: list[Values],
) -> Values:  # fmt: skip
    return {
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": _meta(instance, name),
        "spec": {
            "podSelector": {"matchLabels": dict(selected)} if selected else {},
            "policyTypes": ["Ingress", "Egress"], "ingress": ingress, "egress": egress,
        },
    }  # fmt: skip


def _outward(instance: Instance, site: Site) -> list[Values]:
    """Return where KATO may go: to DNS and its stores. A name can be anywhere, an address not."""
    dns = [{"protocol": protocol, "port": _DNS} for protocol in ("UDP", "TCP")]
    found: list[Values] = [{"ports": dns}]
    for part, store in stores_of(instance, site).items():
        if part is Part.KATO or not store.port:
            continue
        rule: Values = {"ports": [{"protocol": "TCP", "port": store.port}]}
        if instance.stores is Stores.OWN:
            rule["to"] = [{"podSelector": {"matchLabels": _selected(instance, part)}}]
        elif block := _block(store.host):
            rule["to"] = [{"ipBlock": {"cidr": block}}]
        found.append(rule)
    return found


def _block(host: str) -> str:
    try:
        return str(ipaddress.ip_network(host.strip("[]")))
    except ValueError:
        return ""
