"""How each measure is called and coloured, the same on every page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from services.figures import Measure

Color = Literal["orange", "red", "violet", "green"]


@dataclass(frozen=True, slots=True)
class Words:
    """The words and colours of one measure.

    `title` is what it is called above a figure, `rows` what a purge counts, `choice` how it is
    picked, `store` where it lies. `color` is a name of Streamlit's, `shade` the same in charts,
    legible on light and on dark.
    """

    title: str
    rows: str
    choice: str
    store: str
    color: Color
    shade: str


WORDS: Mapping[Measure, Words] = {
    Measure.PATTERNS: Words(
        "Patterns", "ClickHouse rows", "Patterns (ClickHouse)", "ClickHouse", "orange", "#a8641f"
    ),
    Measure.KEYS: Words("Redis keys", "Redis keys", "Keys (Redis)", "Redis", "red", "#a84a5c"),
    Measure.VECTORS: Words(
        "Vectors", "Qdrant points", "Vectors (Qdrant)", "Qdrant", "violet", "#6b5bb0"
    ),
    Measure.SESSIONS: Words(
        "Sessions", "Sessions", "Sessions (Redis)", "Redis", "green", "#2f7d74"
    ),
}

MEASURE_OF = {
    "Patterns": Measure.PATTERNS, "Disk": Measure.PATTERNS, "Keys": Measure.KEYS,
    "Memory": Measure.KEYS, "Vectors": Measure.VECTORS, "Sessions": Measure.SESSIONS,
}  # fmt: skip
"""Which measure a column of a table of tenants has the count or the bytes of."""
