"""What the Find page says: who has it, how well it fits, and where was looked. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import pandas as pd

from dashboard.draw import pattern_tables
from dashboard.draw.formatting import few, moment, plural, visible
from dashboard.draw.usage_tables import table
from services.browse.models import PatternRow
from services.find.models import (
    Answer,
    Looked,
    Place,
    TenantHit,
)
from services.purge.job import Tombstone
from services.tenancy.schemes import NamingSchemes
from services.usage.snapshot import Snapshot

LOOKED_COLUMNS = ("Store", "Looked for", "Result", "Read")
Erasures = Mapping[str, Tombstone]
"""The newest tombstone of each kb_id that was erased."""

_EXAMPLES_FROM = 200


def last_erased(places: Sequence[Place], erased: Erasures) -> str:
    """Say when the last of some places was erased; empty where one of them never was."""
    stones = [erased[place.name] for place in places if place.name in erased]
    if not stones or len(stones) < len(places):
        return ""
    return moment(max(stone.erased_at for stone in stones))


def erasures(stones: Iterable[Tombstone]) -> Erasures:
    """Return the tombstones by their kb_id."""
    return {stone.kb_id: stone for stone in stones}


def erased_words(stones: Iterable[Tombstone]) -> str:
    """Say of each tenant when something that was looked for was erased, visible."""
    newest: dict[str, Tombstone] = {}
    for stone in stones:
        known = newest.get(stone.tenant)
        if known is None or known.erased_at < stone.erased_at:
            newest[stone.tenant] = stone
    words = [f"{visible(t)}: erased on {moment(newest[t].erased_at)}" for t in sorted(newest)]
    return few(words)


def patterns_frame(rows: Iterable[PatternRow], holders: Mapping[str, str]) -> pd.DataFrame:
    """Return one row a pattern, grouped by who holds its kb_id, else in the order of the rows."""
    ordered = sorted(rows, key=lambda row: holders[row.kb_id])
    frame = pattern_tables.patterns_frame(ordered)
    frame.insert(0, "Tenant", [holders[row.kb_id] for row in ordered])
    return frame


def holders_of(hits: Iterable[TenantHit]) -> dict[str, str]:
    """Return the kb_ids of what was found, by tenant, each with who holds it, as is shown."""
    found: dict[str, list[str]] = {}
    for hit in hits:
        for place in hit.places:
            if place.is_kb:
                found.setdefault(place.name, []).append(visible(str(hit.tenant)))
    return {kb_id: " and ".join(names) for kb_id, names in found.items()}


def looked_frame(looked: Iterable[Looked]) -> pd.DataFrame:
    """Return one row for everything that was looked at, or could not be."""
    rows = (
        {
            "Store": look.store,
            "Looked for": look.what if look.count is None else f"{look.count:,} {look.what}",
            "Result": visible(str(look.reason)) if look.reason else "searched",
            "Read": moment(look.at) if look.at and not look.reason else "",
        }
        for look in looked
    )
    return table(rows, LOOKED_COLUMNS)


def summary(answer: Answer) -> str:
    """Say in how many tenants it was found, and as what: `user in 3 tenants`."""
    words = " and ".join(_kinds(answer))
    if not answer.hits:
        return f"{words} of no tenant"
    return f"{words} in {plural(len(answer.hits), 'tenant')}"


def _kinds(answer: Answer) -> tuple[str, ...]:
    return tuple(dict.fromkeys(match.what for match in answer.matches))


def ambiguities(answer: Answer) -> Iterator[str]:
    """Say what about the answer could be read in another way."""
    if len(_kinds(answer)) > 1 and not answer.question.contains:
        yield f"This can mean different things: {', '.join(_kinds(answer))}. All are shown."
    if any(match.others for match in answer.matches):
        yield "Some names could also be other tenants': see “Could also be”."


def unasked(answer: Answer) -> tuple[str, ...]:
    """Return the stores that should have been looked at and could not be."""
    return tuple(dict.fromkeys(look.store for look in answer.unknown if not look.absent))


def examples_frame(snapshot: Snapshot, schemes: NamingSchemes) -> pd.DataFrame:
    """Return what can be typed, with examples out of this fleet where it has any."""
    node, kb_id, user = _example_node(snapshot, schemes)
    session = next((each.session_id for each in snapshot.sessions or () if each.readable), "")
    rows = [
        ("A user id", user, "every tenant that the user is in"),
        ("A node_id", node, "its tenant, and who else is on its kb_id"),
        ("A tenant's id", _tenant(node, schemes), "the tenant, as a whole"),
        ("A session id", session, "the tenant of the node_id in its record"),
        ("A kb_id", kb_id, "every tenant that holds it"),
        ("A pattern name", "40 hex digits", "every kb_id that learnt this pattern"),
        ("A Redis key", kb_id and f"{kb_id}:symbols:freq", "whether it is there, and whose it is"),
        ("A Qdrant collection", kb_id and f"vectors_{kb_id}", "whose it is"),
    ]
    frame = pd.DataFrame(rows, columns=["What can be typed", "For example", "What comes out"])
    frame["For example"] = frame["For example"].map(visible)
    return frame if node or session else frame.drop(columns="For example")


def _tenant(node: str, schemes: NamingSchemes) -> str:
    reading = schemes.read(node)
    return str(reading.tenant) if reading else ""


def _example_node(snapshot: Snapshot, schemes: NamingSchemes) -> tuple[str, str, str]:
    """Return a node_id of the fleet with its kb_id and its user, empty where there is none."""
    for tenant in snapshot.tenants[:_EXAMPLES_FROM]:
        for part in tenant.parts:
            for node in part.nodes:
                reading = schemes.read(node)
                if reading is not None and "user" in reading.values and node.isprintable():
                    return node, part.name, reading.values["user"]
    return "", "", ""
