"""What plans and journals keep of names, and what they keep when a target was erased. Pure.

It works on what they are as JSON, so that records of an earlier version can be changed by it too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from services.stores.records.name_hashes import NODE_ID, SESSION, Marks

Found = dict[str, Any]

_SESSIONS = "sessions"  # the store whose items have node_ids for owners; and a part of a result


def text_of(found: Mapping[str, Any]) -> str:
    """Write JSON as plans are kept: canonical, and in ASCII."""
    return json.dumps(found, ensure_ascii=True, sort_keys=True)


def without_samples(plan: Found) -> Found:
    """Return a plan without the names of single keys, rows, points and sessions."""
    items = [{**item, "samples": []} for item in plan["items"]]
    return {**plan, "items": items}


def words_for(
    plan: Found, results: Iterable[Found], nodes: Iterable[str], marks: Marks
) -> dict[str, str]:
    """Return what stands for each node_id and session id that a plan and its journal name.

    A node_id that is a kb_id too, as in the guide layout, stays: by kb_ids the receipt goes.
    """
    surface = plan["surface"]
    found = {*nodes, *surface["nodes"]}
    pairs = [tuple(pair) for pair in surface.get("sessions", ())]
    for result in results:
        sessions = result.get(_SESSIONS)
        pairs += sessions.items() if isinstance(sessions, dict) else ()
    found |= {node for _, node in pairs}
    found -= set(surface["kb_ids"])
    ids = {session: marks.word(SESSION, session) for session, _ in pairs}
    return {**ids, **{node: marks.word(NODE_ID, node) for node in found}}


def forgotten_plan(plan: Found, words: Mapping[str, str], marks: Marks) -> Found:
    """Return a plan that names no node_id but its target, no session and no sample."""
    plan = without_samples(plan)
    items = [
        {**item, "owner": _owner(item["store"], item["owner"], words, marks)}
        for item in plan["items"]
    ]
    surface = {**plan["surface"], "nodes": [], "sessions": []}
    whose = {words.get(owner, owner): tenant for owner, tenant in plan.get("whose", {}).items()}
    return {
        **plan, "items": items, "surface": surface, "blockers": [], "problems": {}, "whose": whose,
    }  # fmt: skip


def forgotten_result(result: Found, words: Mapping[str, str], marks: Marks) -> Found:
    """Return what a step found without its sessions and blockers, and with words for names."""
    kept = {name: value for name, value in result.items() if name != _SESSIONS}
    if "blockers" in kept:
        kept["blockers"] = []
    if isinstance(kept.get("items"), list):
        kept["items"] = [_item(item, words, marks) for item in kept["items"]]
    return {name: _worded(value, words) for name, value in kept.items()}


def _item(item: object, words: Mapping[str, str], marks: Marks) -> object:
    """An item of a journal is a list: its store, its owner, its kind, how many."""
    if not isinstance(item, list) or len(item) < 2:  # noqa: PLR2004  a store and an owner
        return item
    store, owner, *rest = item
    return [store, _owner(store, owner, words, marks), *rest]


def _owner(store: object, owner: str, words: Mapping[str, str], marks: Marks) -> str:
    if owner in words:
        return words[owner]
    return marks.word(NODE_ID, owner) if store == _SESSIONS else owner


def _worded(value: object, words: Mapping[str, str]) -> object:
    """Put words for names, wherever one stands alone."""
    if isinstance(value, str):
        return words.get(value, value)
    if isinstance(value, Mapping):
        return {words.get(name, name): _worded(each, words) for name, each in value.items()}
    if isinstance(value, Sequence):
        return [_worded(each, words) for each in value]
    return value
