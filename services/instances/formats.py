"""Instances as JSON: what is kept, and what is printed. `docs/instances.md` describes it. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from pydantic import TypeAdapter

from services.instances.models import Instance, Plan, Ran, Vital
from services.usage.formats import Json, stamp

_KEPT = TypeAdapter(Instance)


def kept_text(instance: Instance) -> str:
    """Write what the records keep of one; names are JSON's escapes."""
    return json.dumps(_KEPT.dump_python(instance, mode="json"), ensure_ascii=True)


def kept_of(text: str) -> Instance:
    """Read what `kept_text` wrote."""
    return _KEPT.validate_python(json.loads(text))


def instance_json(each: Instance, vital: Vital | None = None) -> Json:
    """Return one; `health` null was not asked."""
    return {
        "name": each.name, "tenant": str(each.tenant), "state": each.state.value,
        "url": each.url or None, "service": each.service, "database": each.database,
        "stores": each.stores.value, "deployment": each.elsewhere or None,
        "tool": each.tool.value, "kb_id": each.kb_id or None,
        "images": {part.value: image for part, image in each.images.items()},
        "ports": {part.value: port for part, port in each.ports.items()},
        "since": stamp(each.since), "by": each.by or None, "why": each.why or None,
        "health": None if vital is None else vital_json(vital),
    }  # fmt: skip


def vital_json(vital: Vital) -> Json:
    """Return how one is; `version` null is not known, and `problem` says why."""
    return {
        "version": vital.version, "seconds": vital.latency, "detail": vital.detail or None,
        "problem": None if vital.problem is None else str(vital.problem),
    }  # fmt: skip


def listed_json(instances: Iterable[Instance], vitals: Mapping[str, Vital] | None = None) -> Json:
    """Return every one that is given."""
    known = vitals or {}
    return {"instances": [instance_json(each, known.get(each.name)) for each in instances]}


def plan_json(plan: Plan) -> Json:
    """Return what would be made."""
    resources = plan.instance.resources
    return {
        **instance_json(plan.instance), "obstacles": list(plan.obstacles),
        "notes": list(plan.notes), "busy": list(plan.busy), "secrets": list(plan.secrets),
        "resources": {
            "cpus": resources.cpus / 1000, "memory": resources.memory,
            "workers": resources.workers, "storage": resources.storage,
        },
    }  # fmt: skip


def ran_json(instance: Instance, ran: Iterable[Ran], vital: Vital | None = None) -> Json:
    """Return what commands came to; `code` null was not run."""
    return {
        "instance": instance_json(instance, vital),
        "commands": [
            {"command": list(each.command), "code": each.code, "output": each.output,
             "why_not": each.why_not or None}
            for each in ran
        ],
    }  # fmt: skip
