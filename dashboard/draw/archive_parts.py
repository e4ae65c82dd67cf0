"""The parts of an archive, as people call them. Pure."""

from __future__ import annotations

from dashboard.app import outage
from dashboard.draw.formatting import visible

_WORDS = {
    "redis/keys": "Redis keys",
    "redis/sessions": "Sessions",
    "records/nodes": "node_ids seen",
    "records/owners": "Confirmed owners",
    "records/cards": "Card",
    "records/limits": "Limits",
    "records/history": "Usage over time",
}
_KINDS = {
    "clickhouse": f"{outage.CLICKHOUSE} table",
    "qdrant": f"{outage.QDRANT} collection",
}


def is_own(name: str) -> bool:
    """Whether a part is of this product's own records, and not of the stores."""
    return name.startswith("records/")


def part_words(name: str) -> str:
    """Say what a part is: `Qdrant collection vectors_acme_kato`; as it is, where it is none."""
    if name in _WORDS:
        return _WORDS[name]
    store, _, what = name.partition("/")
    return f"{_KINDS[store]} {visible(what)}" if what and store in _KINDS else visible(name)
