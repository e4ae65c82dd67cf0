"""Asking every store that a purge is about, at once: for names, for what is there, for rights."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from services.ask_stores import Emit, Pass, ask_all
from services.errors import Problem
from services.figures import Measure, StoreState
from services.purge.models import KeySurvey, Look, Names, Request, Surface, VectorNames
from services.purge.plan import Looks, merged
from services.purge.ports import KeyEraser, MayBe, PatternEraser, VectorEraser, WantsNode
from services.tenancy.layout import OwnerKind, read_collection

REDIS = (Measure.KEYS, Measure.SESSIONS)
"""What one look at Redis is about."""

Asks = dict[str, Callable[[Emit], Any]]


@dataclass(frozen=True, slots=True)
class Erasers:
    """The stores as a purge uses them. A whole look may take `pass_seconds`."""

    patterns: PatternEraser
    keys: KeyEraser
    vectors: VectorEraser
    pass_seconds: float

    def names(self, may_be: MayBe, survey: KeySurvey | None = None) -> Names:
        """Read every name that the stores hold; of Redis not again where a survey is given."""
        results = self._ask({
            "patterns": lambda _: self.patterns.names(),
            "keys": lambda _: survey or self.keys.survey(may_be),
            "vectors": lambda _: self.vectors.names(),
        })  # fmt: skip
        rows, keys, vectors = (results[name].reading for name in ("patterns", "keys", "vectors"))
        surveyed = keys if isinstance(keys, KeySurvey) else None
        found = vectors if isinstance(vectors, VectorNames) else VectorNames({})
        return Names(
            kb_ids=_counts(rows or {}, surveyed, found),
            nodes=dict.fromkeys(surveyed.nodes if surveyed else (), "session"),
            vectors=found,
            survey=surveyed,
            problems={m: why for name, why in _failed(results).items() for m in _measures(name)},
        )

    def look(
        self, request: Request, surface: Surface, wants: WantsNode, *,
        survey: KeySurvey | None = None, keep: bool = False, weigh: bool = False,
    ) -> Looks:  # fmt: skip
        """Look at the chosen stores, all at once. Nothing is written.

        The memory of Redis keys is asked for only with `weigh`.
        """
        asks: Asks = {}
        if not request.stores.isdisjoint(REDIS):
            asks["keys"] = lambda _: self.keys.look(surface, wants, survey, weigh=weigh)
        if Measure.PATTERNS in request.stores:
            asks["patterns"] = lambda _: self.patterns.look(surface)
        if Measure.VECTORS in request.stores:
            asks["vectors"] = lambda _: self.vectors.look(surface, keep=keep)
        results = self._ask(asks)
        looks = {name: r.reading for name, r in results.items() if isinstance(r.reading, Look)}
        absent = [m for name, r in results.items() if r.state is StoreState.NOT_CONFIGURED
                  for m in _chosen(name, request)]  # fmt: skip
        problems = {m: why for name, why in _failed(results).items()
                    for m in _chosen(name, request)}  # fmt: skip
        return merged(looks, problems, sorted(absent), request.stores)

    def lacking(self, request: Request) -> tuple[str, ...]:
        """Say what these users may not do in the chosen stores; nothing is changed."""
        trim = request.trim_streams
        asks: Asks = {"keys": lambda _: self.keys.rights(trim_streams=trim)}
        if Measure.PATTERNS in request.stores:
            asks["patterns"] = lambda _: self.patterns.rights()
        if Measure.VECTORS in request.stores:
            asks["vectors"] = lambda _: self.vectors.rights()
        results = self._ask(asks)
        unknown = [f"what may be done is not known: {why}" for why in _failed(results).values()]
        return (*(text for name in asks for text in results[name].reading or ()), *unknown)

    def _ask(self, asks: Asks) -> Mapping[str, Pass[Any]]:
        return ask_all(asks, deadline=self.pass_seconds)


def _failed(results: Mapping[str, Pass[Any]]) -> dict[str, Problem]:
    return {n: r.reason or Problem() for n, r in results.items() if r.state is StoreState.UNKNOWN}


def _measures(name: str) -> tuple[Measure, ...]:
    return REDIS if name == "keys" else (Measure(name),)


def _chosen(name: str, request: Request) -> list[Measure]:
    return [measure for measure in _measures(name) if measure in request.stores]


def _counts(
    rows: Mapping[str, int], survey: KeySurvey | None, vectors: VectorNames
) -> Mapping[str, Mapping[Measure, int]]:
    """Say how much there is of each kb_id, in each store that could be asked."""
    found: dict[str, dict[Measure, int]] = defaultdict(dict)
    for kb_id, number in rows.items():
        found[kb_id][Measure.PATTERNS] = number
    for kb_id, number in survey.kb_ids.items() if survey else ():
        found[kb_id][Measure.KEYS] = number
    named = {name: name for name in vectors.collections} | dict(vectors.aliases)
    for name, collection in named.items():
        owner = read_collection(name, vectors.shared).owner
        points = vectors.collections.get(collection, 0)
        if owner.kind is OwnerKind.KB and points:  # one that a purge emptied says nothing of it
            found[owner.name][Measure.VECTORS] = points
    return dict(found)
