"""Plans and receipts as JSON: how they are kept, and what scripts read. Pure.

The text is canonical, and ASCII whatever the names hold: equal values give equal text.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from services.cards.models import Held, Hold
from services.errors import Problem
from services.figures import Measure
from services.purge.job import Asked, Conserved, LaterLook, Line, Receipt
from services.purge.models import Item, LeftKind, LeftOut, Plan, Request, Surface, Target
from services.purge.summary import summary_of
from services.tenancy.kb_ids import TenantKey

_FIGURES = ("planned", "deleted", "absent", "failed", "left")


def plan_json(plan: Plan) -> str:
    """Write a plan for scripts: what could not be asked, and what erasing costs, in words.

    With the tenants whose data would go, and what has to be said to confirm it.
    """
    said = {"tenants": list(plan.tenants), "confirm": plan.confirmation}
    held = {"held": _held(plan)}
    return _text({**_plan(plan), **said, **held, "streams": list(plan.streams)})


def plan_record(plan: Plan) -> str:
    """Write a plan as it is kept, so that `plan_of` reads it back the same."""
    found = _plan(plan)
    problems = {store.value: why.kept for store, why in plan.problems.items()}
    items = [{**_item(item), "plain": item.plain} for item in plan.items]
    streams = {"streams": list(plan.streams)} if plan.streams else {}  # earlier ones have none
    held = {"held": _held(plan)} if plan.held else {}
    return _text({**found, "problems": problems, "items": items, **streams, **held})


def sampleless(plan: Plan) -> Plan:
    """Return a plan without samples: names of keys hold symbols, which are for the screen alone."""
    return replace(plan, items=tuple(replace(item, samples=()) for item in plan.items))


def plan_kept(plan: Plan) -> dict[str, Any]:
    """Return a plan as a part of another thing keeps it: as JSON, and without samples."""
    found: dict[str, Any] = json.loads(plan_record(sampleless(plan)))
    return found


def request_kept(request: Request) -> dict[str, object]:
    """Return what is asked for as it is kept: the same for equal requests."""
    target = request.target
    return {
        "target": {
            "tenant": None if target.tenant is None else str(target.tenant),
            "node_id": target.node_id,
            "user": target.user,
            "many": list(map(str, target.many)),
        },
        "stores": _stores(request.stores),
        "included": sorted(request.included),
        "include_inferred": request.include_inferred,
        "passed_over": sorted(request.passed_over),
        "trim_streams": request.trim_streams,
        "drop_collections": request.drop_collections,
        **({"archive_first": True} if request.archive_first else {}),
    }


def _plan(plan: Plan) -> dict[str, object]:
    surface = plan.surface
    return {
        **request_kept(plan.request),
        "surface": {
            "kb_ids": sorted(surface.kb_ids),
            "tenant_ids": sorted(surface.tenant_ids),
            "nodes": sorted(surface.nodes),
            "collections": sorted(surface.collections),
            "shared_collections": sorted(surface.shared_collections),
            "sessions": [list(pair) for pair in surface.sessions],
            "passed_over": sorted(surface.passed_over),
        },
        "items": [_item(item) for item in plan.items],
        "left_out": _left_out(plan.left_out),
        "disclosed": list(plan.disclosed),
        "blockers": list(plan.blockers),
        "problems": {store.value: str(why) for store, why in plan.problems.items()},
        "absent": [store.value for store in plan.absent],
        "created_at": _time(plan.created_at),
        "digest": plan.digest,
        "taken": _left_out(plan.taken),
        "whose": dict(plan.whose),
    }


def plan_of(text: str) -> Plan:
    """Read what `plan_record` wrote, in this version or an earlier one, which said less."""
    return plan_of_kept(json.loads(text))


def plan_of_kept(found: Mapping[str, Any]) -> Plan:
    """Read what `plan_kept` returned."""
    return Plan(
        request=request_of(found),
        surface=_surface(found["surface"]),
        items=tuple(map(_item_of, found["items"])),
        left_out=tuple(map(_left_out_of, found["left_out"])),
        disclosed=tuple(found["disclosed"]),
        blockers=tuple(found["blockers"]),
        problems={Measure(store): Problem.of_kept(why) for store, why in found["problems"].items()},
        absent=tuple(map(Measure, found["absent"])),
        created_at=datetime.fromisoformat(found["created_at"]),
        digest=found["digest"],
        taken=tuple(map(_left_out_of, found.get("taken", ()))),
        whose=found.get("whose", {}),
        streams=tuple(found.get("streams", ())),
        held=tuple(map(_held_of, found.get("held", ()))),
    )


def _held(plan: Plan) -> list[dict[str, str]]:
    return [
        {
            "tenant": str(each.tenant), "reason": each.hold.reason, "by": each.hold.by,
            "since": _time(each.hold.since),
        }
        for each in plan.held
    ]  # fmt: skip


def _held_of(found: Mapping[str, str]) -> Held:
    since = datetime.fromisoformat(found["since"])
    return Held(TenantKey.written(found["tenant"]), Hold(found["reason"], found["by"], since))


def receipt_json(receipt: Receipt) -> str:
    """Write a receipt. What is not known is null, and never 0."""
    return _text({
        "job": receipt.job_id,
        "target": receipt.target,
        "outcome": receipt.outcome.value,
        "asked_by": receipt.asked_by,
        "reason": receipt.reason,
        "digest": receipt.digest,
        "planned_at": _time(receipt.planned_at),
        "started_at": _time(receipt.started_at),
        "ended_at": _time(receipt.ended_at),
        "stores": {store.value: receipt.sums(store)._asdict() for store in receipt.stores},
        "lines": [_line(line) for line in receipt.lines],
        "left_out": _left_out(receipt.left_out),
        "disclosed": list(receipt.disclosed),
        "problems": list(receipt.problems),
        "seconds": dict(receipt.seconds),
        "versions": dict(receipt.versions),
        "conserved": [_conserved(each) for each in receipt.conserved],
        "tenants": list(receipt.tenants),
        **({"servers": [_asked(each) for each in receipt.servers]} if receipt.servers else {}),
    })  # fmt: skip


def versions_of(receipt: str) -> Mapping[str, str]:
    """Return the stores' versions out of what `receipt_json` wrote."""
    found: dict[str, str] = json.loads(receipt).get("versions", {})
    return found


def _conserved(each: Conserved) -> dict[str, object]:
    return {
        "store": each.store, "before": each.before, "after": each.after, "deleted": each.deleted,
        "others": each.others, "unexplained": each.unexplained,
    }  # fmt: skip


def _asked(each: Asked) -> dict[str, object]:
    return {"store": each.store, "server": each.server, "left": each.left}


def _line(line: Line) -> dict[str, object]:
    figures = {figure: getattr(line, figure) for figure in _FIGURES}
    return {"store": line.store.value, "owner": line.owner, "kind": line.kind, **figures}


def _item(item: Item) -> dict[str, object]:
    return {
        "store": item.store.value, "owner": item.owner, "kind": item.kind, "count": item.count,
        "bytes": item.bytes, "samples": list(item.samples), "how": item.how,
    }  # fmt: skip


def _item_of(found: Mapping[str, Any]) -> Item:
    values = {**found, "store": Measure(found["store"]), "samples": tuple(found["samples"])}
    return Item(**values)


def _left_out(left_out: Collection[LeftOut]) -> list[dict[str, object]]:
    return [
        {
            "kb_id": each.kb_id, "why": each.why, "losers": list(map(str, each.losers)),
            "kind": each.kind.value, "alone": each.alone, "place": each.place,
            "counts": {store.value: count for store, count in each.counts.items()},
        }
        for each in left_out
    ]  # fmt: skip


def _left_out_of(found: Mapping[str, Any]) -> LeftOut:
    return LeftOut(
        found["kb_id"], found["why"], _tenants(found["losers"]),
        kind=LeftKind(found.get("kind", LeftKind.SHARED)),
        alone=found.get("alone", False),
        place=found.get("place", ""),
        counts={Measure(store): count for store, count in found.get("counts", {}).items()},
    )  # fmt: skip


def with_later_looks(
    text: str, receipt: Receipt, looks: Sequence[LaterLook], *, tenant: str | None = None
) -> str:
    """Return a receipt's JSON with the later looks at what it is about, oldest first.

    And with what it comes to by now, in words. Of one tenant, it has that one's numbers. `text`
    may be an earlier version's, which did not name the tenants.
    """
    summary = summary_of(receipt, looks, tenant=tenant)
    found = json.loads(text) | {"tenants": list(receipt.tenants), "summary": summary}
    found["later_looks"] = [
        {
            "first_at": _time(look.first_at or look.at),
            "at": _time(look.at),
            "kb_ids_back": look.back_of(tenant),
            "asked_by": look.asked_by,
        }
        for look in looks
    ]
    return _text(found)


def _tenants(texts: Iterable[str]) -> tuple[TenantKey, ...]:
    return tuple(map(TenantKey.written, texts))


def _tenant(text: str | None) -> TenantKey | None:
    return None if text is None else TenantKey.written(text)


def _stores(stores: Collection[Measure]) -> list[str]:
    return [store.value for store in Measure if store in stores]


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _text(value: Mapping[str, object]) -> str:
    return json.dumps(value, ensure_ascii=True, sort_keys=True)


def request_of(found: Mapping[str, Any]) -> Request:
    """Read what `request_kept` returned, or what a plan has of it."""
    target = found["target"]
    return Request(
        Target(
            _tenant(target["tenant"]), target["node_id"], target["user"],
            _tenants(target.get("many", ())),
        ),
        frozenset(map(Measure, found["stores"])),
        frozenset(found["included"]),
        trim_streams=found["trim_streams"],
        include_inferred=found.get("include_inferred", False),
        passed_over=frozenset(found.get("passed_over", ())),
        drop_collections=found.get("drop_collections", False),
        archive_first=found.get("archive_first", False),
    )  # fmt: skip


def _surface(found: Mapping[str, Any]) -> Surface:
    names = {
        name: frozenset(found[name])
        for name in ("kb_ids", "tenant_ids", "nodes", "collections", "shared_collections")
    }
    sessions = tuple((session, node) for session, node in found.get("sessions", ()))
    return Surface(**names, sessions=sessions, passed_over=frozenset(found.get("passed_over", ())))
