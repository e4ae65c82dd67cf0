"""What a throwaway tenant owns, in KATO's layout. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from services.canary.models import Canary

COLUMNS = (
    "kb_id", "name", "pattern_data", "length", "token_set", "token_count", "minhash_sig",
    "lsh_bands", "first_token", "last_token", "created_at", "updated_at",
)  # fmt: skip
"""The columns of `patterns_data`, in the order of a row's values."""

KEYS_LIVE = 3600
"""Seconds after which Redis drops the keys by itself, if nobody has cleaned up by then."""


@dataclass(frozen=True, slots=True)
class Belongings:
    """Everything of one throwaway tenant but its sessions.

    `rows` are of `patterns_data`. Keys are texts, hashes and sets. A point is its id, vector and
    payload.
    """

    rows: tuple[tuple[object, ...], ...]
    texts: Mapping[str, str]
    hashes: Mapping[str, Mapping[str, str]]
    sets: Mapping[str, tuple[str, ...]]
    collection: str
    points: tuple[tuple[str, tuple[float, ...], Mapping[str, object]], ...]

    @property
    def keys(self) -> int:
        """How many Redis keys they are."""
        return len(self.texts) + len(self.hashes) + len(self.sets)


def belongings(canary: Canary, *, guest: bool = False) -> Belongings:
    """Return what a tenant owns; a guest in another's knowledge base has no totals of its own."""
    hashes = {} if guest else {f"{canary.kb_id}:symbols:freq": {canary.symbol: "2"}}
    return Belongings(
        rows=tuple(_row(canary, number) for number in range(len(canary.patterns))),
        texts={**_texts(canary), **({} if guest else _totals(canary))},
        hashes=hashes,
        sets={f"{canary.kb_id}:symbol_to_patterns:{canary.symbol}": canary.patterns},
        collection=canary.collection,
        points=tuple(
            (point, vector, {"vctr_name": name, "canary": canary.token})
            for point, vector, name in zip(
                canary.points, canary.vectors, canary.vector_names, strict=True
            )
        ),
    )


def events_of(canary: Canary, number: int) -> tuple[tuple[str, ...], ...]:
    """Return the events of one of its patterns."""
    return ("canary", canary.symbol), (canary.vector_names[number],)


def _row(canary: Canary, number: int) -> tuple[object, ...]:
    events = events_of(canary, number)
    tokens = [token for event in events for token in event]
    now = datetime.now(UTC).replace(microsecond=0)
    return (
        canary.kb_id, canary.patterns[number], [list(event) for event in events], len(tokens),
        tokens, len(tokens), [], [], tokens[0], tokens[-1], now, now,
    )  # fmt: skip


def _texts(canary: Canary) -> dict[str, str]:
    kb, found = canary.kb_id, dict[str, str]()
    for name in canary.patterns:
        found[f"{kb}:frequency:{name}"] = "1"
        found[f"{kb}:emotives:{name}"] = "[]"
        found[f"{kb}:metadata:{name}"] = json.dumps({"canary": [canary.symbol]})
    found[f"{kb}:prediction:{canary.symbol}"] = json.dumps({"canary": canary.symbol})
    return found


def _totals(canary: Canary) -> dict[str, str]:
    names = ("unique_patterns", "pattern_frequencies", "symbols_in_patterns_frequencies")
    return {f"{canary.kb_id}:global:total_{name}": "2" for name in names}
