"""What is found in one tenant as table rows and texts. Pure. A cell is None where not known."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from dashboard.draw.formatting import number, plural, visible
from services.browse.models import (
    Holding,
    KeyValue,
    KindSummary,
    Point,
    ReadCost,
    SizedKey,
    SpaceFacts,
)
from services.tenancy.layout import OwnerKind, text_of

_HEX_BYTES = 4096


def cost_text(cost: ReadCost) -> str:
    """Say how much of the table a query reads at most."""
    if cost.all_rows is None or cost.all_parts is None:
        return f"Reads at most {plural(cost.rows, 'row')} in {plural(cost.parts, 'part')}."
    return (
        f"Reads at most {number(cost.rows)} of {plural(cost.all_rows, 'row')} and "
        f"{number(cost.parts)} of {plural(cost.all_parts, 'part')} of the table."
    )


def events_frame(events: Sequence[Sequence[str]]) -> pd.DataFrame:
    """Return one row an event, its symbols as a list."""
    rows = [(at, [visible(symbol) for symbol in event]) for at, event in enumerate(events, 1)]
    return pd.DataFrame(rows, columns=["Event", "Symbols"])


def kinds_frame(kinds: Iterable[KindSummary]) -> pd.DataFrame:
    """Return one row a kind of key."""
    columns = ["Kind", "Keys", "Memory", "Expiring", "Shortest TTL", "Longest TTL"]
    rows = [
        (each.kind, each.count, each.bytes, each.with_ttl, each.shortest_ttl, each.longest_ttl)
        for each in kinds
    ]
    frame = pd.DataFrame(rows, columns=columns)
    frame["Memory"] = frame["Memory"].astype("Int64")
    return frame.astype({"Shortest TTL": "float64", "Longest TTL": "float64"})


def largest_frame(keys: Iterable[SizedKey]) -> pd.DataFrame:
    """Return one row a key, the largest first."""
    rows = [(visible(each.key), each.kind, each.bytes, each.ttl) for each in keys]
    frame = pd.DataFrame(rows, columns=["Key", "Kind", "Memory", "TTL"])
    return frame.astype({"TTL": "float64"})


def members_frame(value: KeyValue) -> pd.DataFrame:
    """Return one row a member of a value that is no string."""
    columns = _MEMBER_COLUMNS.get(value.type, ["Member"])
    rows = [[visible(text_of(part)) for part in member] for member in value.members]
    return pd.DataFrame(rows, columns=columns)


_MEMBER_COLUMNS = {
    "hash": ["Field", "Value"],
    "zset": ["Member", "Score"],
    "stream": ["Entry", "Fields"],
}


def value_text(value: bytes) -> tuple[str, str]:
    """Return a string's value as text, and the language it is in: JSON is set out in lines.

    What is not UTF-8 comes as a hex dump.
    """
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return hex_dump(value[:_HEX_BYTES]), "hex"
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=True), "json"
    except (ValueError, RecursionError):
        return visible(text), "text"


def hex_dump(value: bytes) -> str:
    """Return bytes as lines of offset, hex digits and what can be printed."""
    lines = []
    for at in range(0, len(value), 16):
        part = value[at : at + 16]
        shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)  # noqa: PLR2004 - ASCII
        lines.append(f"{at:08x}  {part.hex(' '):<47}  {shown}")
    return "\n".join(lines)


def spaces_frame(found: Iterable[tuple[SpaceFacts, Holding]]) -> pd.DataFrame:
    """Return one row a collection."""
    columns = ["Collection", "Points", "Dimension", "Distance", "State", "Indexed", "Confined by",
               "Aliases"]  # fmt: skip
    rows = [
        (
            visible(facts.space.collection), facts.points, facts.size, facts.distance,
            facts.status, facts.indexed,
            "collection" if facts.space.tenant_id is None else "payload tenant_id",
            ", ".join(map(visible, facts.space.aliases)),
        )
        for facts, _ in found
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns).astype({"Dimension": "Int64", "Indexed": "Int64"})


def points_frame(points: Iterable[Point]) -> pd.DataFrame:
    """Return one row a point, its payload as JSON."""
    found = list(points)
    frame = pd.DataFrame(
        [(str(each.id), each.score, payload_text(each.payload)) for each in found],
        columns=["Point", "Score", "Payload"],
    )
    return frame if any(each.score is not None for each in found) else frame.drop(columns="Score")


def payload_text(payload: Mapping[str, object]) -> str:
    """Return a payload as one line of JSON, in which every character can be seen."""
    text = json.dumps(payload, ensure_ascii=False, sort_keys=True, default=str)
    return "".join(each if each.isprintable() else visible(each) for each in text)


def shared_words(holding: Holding) -> str:
    """Say with whom something is held, or nothing where with nobody."""
    return " and ".join(visible(str(tenant)) for tenant in holding.shared_with)


def holding_words(holding: Holding) -> str:
    """Name a holding, and with whom it is shared."""
    name = visible(holding.name) if holding.name else "(empty)"
    layout = "" if holding.owner.kind is OwnerKind.KB else ":… (guide layout)"
    shared = f" · shared with {shared_words(holding)}" if holding.shared_with else ""
    return f"{name}{layout}{shared}"
