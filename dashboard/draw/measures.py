"""How each measure is called and coloured, the same on every page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from services.figures import PREDICTIONS, Measure, Usage
from services.history.models import PREDICTION_BYTES, quantities_of

Color = Literal["orange", "red", "violet", "green"]


@dataclass(frozen=True, slots=True)
class Words:
    """The words and colours of one measure.

    `title` is what it is called above a figure, `rows` what a purge counts, `choice` how it is
    picked, `store` where it lies. `color` is a name of Streamlit's, `shade` the same in charts,
    legible on light and on dark. `noun` is one of what is counted, `where` follows its size.
    """

    title: str
    rows: str
    choice: str
    store: str
    color: Color
    shade: str
    noun: str
    where: str = " in memory"


WORDS: Mapping[Measure, Words] = {
    Measure.PATTERNS: Words(
        "Patterns", "ClickHouse rows", "Patterns (ClickHouse)", "ClickHouse", "orange", "#a8641f",
        "pattern", " on disk",
    ),
    Measure.KEYS: Words(
        "Redis keys", "Redis keys", "Keys (Redis)", "Redis", "red", "#a84a5c", "key"
    ),
    Measure.VECTORS: Words(
        "Vectors", "Qdrant points", "Vectors (Qdrant)", "Qdrant", "violet", "#6b5bb0", "vector", ""
    ),
    Measure.SESSIONS: Words(
        "Sessions", "Sessions", "Sessions (Redis)", "Redis", "green", "#2f7d74", "session"
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """A figure of owners: the count of a measure, or its bytes, or those of predictions alone."""

    measure: Measure
    help: str
    is_size: bool = False
    of_predictions: bool = False

    @property
    def quantity(self) -> str:
        """What usage over time calls it."""
        both = quantities_of(self.measure)
        return PREDICTION_BYTES if self.of_predictions else both[self.is_size]

    def cell(self, usage: Usage) -> int | None:
        """Return what one owner has in it; None where that is not known."""
        amount = usage.of(PREDICTIONS if self.of_predictions else self.measure)
        if amount is None:
            return None
        return amount.bytes if self.is_size else amount.count


COLUMNS: Mapping[str, Column] = {
    "Patterns": Column(Measure.PATTERNS, "In ClickHouse, each once however often it is stored"),
    "Disk": Column(Measure.PATTERNS, "ClickHouse, bytes on disk", is_size=True),
    "Keys": Column(Measure.KEYS, "Redis keys, sessions apart"),
    "Memory": Column(Measure.KEYS, "Redis, MEMORY USAGE", is_size=True),
    "Vectors": Column(Measure.VECTORS, "Points in Qdrant"),
    "Sessions": Column(Measure.SESSIONS, "Live session records"),
}
"""The columns of measures, in their order in every table of owners."""

OVER_TIME: Mapping[str, Column] = {
    **COLUMNS,
    "Prediction memory": Column(
        Measure.KEYS, "Redis, MEMORY USAGE of the keys of predictions, which never expire",
        is_size=True, of_predictions=True,
    ),
}  # fmt: skip
"""The figures that are drawn over time."""
