"""Instances as lines for people. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence

from cli.printed import aligned
from services.instances.models import Instance, Plan, Ran, Vital
from services.instances.written import cpus_words, size_words
from services.usage.formats import stamp
from services.visible import visible


def listed_text(instances: Sequence[Instance], vitals: Mapping[str, Vital] | None = None) -> str:
    """Return one line an instance; how each is where that was asked."""
    if not instances:
        return "no instance is kept: the KATO that all share serves everybody"
    head = ("NAME", "TENANT", "STATE", "SINCE", "API", "SERVICE_NAME", "STORES", "TOOL", "BY")
    rows = [
        (each.name, visible(str(each.tenant)), each.state.value, stamp(each.since) or "",
         visible(each.url), visible(each.service), _stores(each), each.tool.value,
         visible(each.by))
        for each in instances
    ]  # fmt: skip
    if vitals is None:
        return aligned([head, *rows])
    told = [_told(vitals.get(each.name)) for each in instances]
    return aligned([(*head, "HEALTH"), *((*row, how) for row, how in zip(rows, told, strict=True))])


def _stores(each: Instance) -> str:
    return f"own: {visible(each.elsewhere)}" if each.elsewhere else each.stores.value


def _told(vital: Vital | None) -> str:
    if vital is None:
        return "not asked"
    if vital.version is None:
        return f"unknown: {visible(str(vital.problem))}"
    return (
        f"{visible(vital.version)} ({visible(vital.detail)}, {1000 * (vital.latency or 0):.0f} ms)"
    )


def plan_text(plan: Plan) -> str:
    """Return what would be made, and what stands in its way."""
    return "\n".join(_plan_lines(plan))


def _plan_lines(plan: Plan) -> Iterator[str]:
    each, resources = plan.instance, plan.instance.resources
    at_most = f"{cpus_words(resources.cpus)} processors, {size_words(resources.memory)} of memory"
    yield aligned([
        ("instance", each.name), ("tenant", visible(str(each.tenant))),
        ("run by", each.tool.value), ("stores", _stores(each)), ("API", each.url or "not known"),
        ("SERVICE_NAME", visible(each.service)), ("database", visible(each.database)),
        *((f"image of {part.value}", image) for part, image in each.images.items()),
        *((f"port of {part.value}", str(port)) for part, port in each.ports.items()),
        ("at most", at_most), ("workers", str(resources.workers)),
        ("secrets", ", ".join(plan.secrets)),
    ])  # fmt: skip
    if plan.busy:
        yield f"passed over, something listens there: {', '.join(map(str, plan.busy))}"
    yield from (f"note: {visible(note)}" for note in plan.notes)
    yield from (f"in the way: {visible(each)}" for each in plan.obstacles)


def ran_text(ran: Iterable[Ran], vital: Vital | None = None) -> str:
    """Return each command with what it came to, and how the instance is."""
    lines = [line for each in ran for line in _ran_lines(each)]
    if vital is not None:
        lines.append(f"API: {_told(vital)}")
    return "\n".join(lines)


def _ran_lines(each: Ran) -> Iterator[str]:
    command = visible(shlex.join(each.command))
    if not each.was_run:
        yield f"would run: {command}"
        yield f"  not run: {visible(each.why_not)}"
        return
    yield f"{'failed' if each.failed else 'done'}: {command}"
    if each.failed:
        yield f"  ended with {each.code}"
    yield from (f"  {visible(line)}" for line in each.output.splitlines())
