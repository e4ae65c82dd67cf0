"""Setting up a tenant as JSON. `docs/setup.md` describes it; keys stay. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from services.setup.advice import SOURCES, Advice
from services.setup.models import Clash, Preview, Step
from services.setup.words import clash_words, reason_words
from services.usage.formats import Json


def preview_json(preview: Preview) -> Json:
    """Return what setting up would do; `unread` says which figures nobody could look through."""
    landing = preview.landing
    return {
        "tenant": str(landing.tenant), "node_id": landing.node_id, "kb_id": landing.kb_id,
        "refusal": landing.refusal or None, "warning": landing.warning or None,
        "clashes": [_clash(each) for each in preview.clashes],
        "unread": {measure.value: str(why) for measure, why in preview.unread.items()},
        "advice": advice_json(preview.advice),
        "steps": steps_json(preview.steps),
    }  # fmt: skip


def steps_json(steps: Iterable[Step]) -> list[Json]:
    """Return each step with its state, why it was not done, and the request that waits."""
    return [
        {
            "step": each.name.value, "about": each.what, "state": each.state.value,
            "problem": None if each.problem is None else str(each.problem),
            "request": each.request or None,
        }
        for each in steps
    ]  # fmt: skip


def advice_json(advice: Advice) -> Json:
    """Return the place that suits, each reason with its source, and the fleet that it goes by."""
    fleet = advice.fleet
    return {
        "place": advice.place.value,
        "reasons": [
            {"reason": each.value, "words": reason_words(each), "source": SOURCES[each] or None}
            for each in advice.reasons
        ],
        "fleet": {
            "tenants_with_vectors": fleet.tenants, "usual_points": fleet.usual,
            "largest_points": fleet.largest, "collections": fleet.collections,
            "kb_ids": fleet.kb_ids,
        },
    }  # fmt: skip


def _clash(clash: Clash) -> Json:
    return {
        "clash": clash.kind.value, "words": clash_words(clash),
        "tenants": [str(each) for each in clash.tenants], "kb_ids": list(clash.kb_ids),
    }  # fmt: skip
