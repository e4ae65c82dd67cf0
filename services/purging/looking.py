"""Looking at every store that a purge is about, at once, for plan, check and proof."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from services.figures import Measure, StoreState
from services.passes import Emit, ask_all
from services.purging.models import Look, Request, Surface
from services.purging.planning import Looks, merged
from services.purging.sources import KeyEraser, PatternEraser, VectorEraser, WantsNode

_REDIS = (Measure.KEYS, Measure.SESSIONS)


@dataclass(frozen=True, slots=True)
class Erasers:
    """The stores as a purge uses them. A whole look may take `pass_seconds`."""

    patterns: PatternEraser
    keys: KeyEraser
    vectors: VectorEraser
    pass_seconds: float

    def look(self, request: Request, surface: Surface, wants: WantsNode) -> Looks:
        """Look at the chosen stores, all at once. Nothing is written."""
        asks: dict[str, Callable[[Emit], Look]] = {}
        if Measure.PATTERNS in request.stores:
            asks["patterns"] = lambda _: self.patterns.look(surface)
        if request.stores & set(_REDIS):
            asks["keys"] = lambda _: self.keys.look(surface, wants)
        if Measure.VECTORS in request.stores:
            asks["vectors"] = lambda _: self.vectors.look(surface)
        results = ask_all(asks, deadline=self.pass_seconds)
        looks, problems, absent = list[Look](), dict[Measure, str](), list[Measure]()
        for name, result in results.items():
            about = [m for m in _measures(name) if m in request.stores]
            if isinstance(result.reading, Look):
                looks.append(result.reading)
            elif result.state is StoreState.NOT_CONFIGURED:
                absent += about
            else:
                problems |= dict.fromkeys(about, str(result.reason))
        return merged(looks, problems, sorted(absent), request.stores)


def _measures(name: str) -> tuple[Measure, ...]:
    return _REDIS if name == "keys" else (Measure(name),)
