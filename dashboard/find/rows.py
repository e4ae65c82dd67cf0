"""What was found as rows: one a name at a place, with what lies there and where to go on. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from dashboard.app import state_keys
from dashboard.draw import limits
from dashboard.draw.formatting import visible
from dashboard.draw.usage_tables import NUMBERS, table, usage_cells
from dashboard.find.tables import Erasures, last_erased
from services.figures import Usage
from services.find.models import SESSION, WHOLE, Answer, Certainty, Match, Place, TenantHit
from services.limits.models import Standing, Standings, State
from services.tenancy.claims import CLAIM_WORDS, UNOWNED, ClaimState
from services.tenancy.kb_ids import TenantKey
from services.usage.snapshot import Snapshot

COLUMNS = (
    "Tenant", "Name", "Found as", "Ownership", *NUMBERS, "kb_id", "Match", "Evidence",
    "Could also be",
)  # fmt: skip
MATCH_WORDS = {
    Certainty.EXACT: "exact",
    Certainty.INFERRED: CLAIM_WORDS[ClaimState.INFERRED],
    Certainty.CONTAINS: "holds the text",
}
NO_LIMITS = Standings()
_UNKNOWN = Usage(None, None, None, None)


@dataclass(frozen=True, slots=True)
class Row:
    """One name that was found at one place, as everything that it can be (`kinds`).

    `usage` is what its tenant has there; None for what belongs to nobody. `places` are where that
    lies.
    """

    match: Match
    kinds: tuple[str, ...]
    usage: Usage | None
    places: tuple[Place, ...]

    @property
    def tenant(self) -> str:
        """Its tenant as it is shown."""
        return visible(str(self.match.tenant)) if self.match.tenant else UNOWNED

    @property
    def kb_id(self) -> str:
        """The kb_id under which its data lies, empty where that is none or not told."""
        place = self.match.place
        return place.name if place is not None and place.is_kb else ""

    def is_untold(self, snapshot: Snapshot) -> bool:
        """Whether its figures are kept from the viewer: none is told, though a store was read."""
        read = any(figures.total is not None for figures in snapshot.stores.values())
        return read and self.usage == _UNKNOWN

    def standings(self, standings: Standings) -> tuple[Standing, ...]:
        """Return where its tenant stands to its limits, the gravest first."""
        return () if self.match.tenant is None else standings.of(self.match.tenant)

    @property
    def title(self) -> str:
        """How it is called among others."""
        return f"{self.tenant} · {visible(self.match.found)}"


def rows_of(answer: Answer) -> tuple[Row, ...]:
    """Return every name found with a tenant, once a place, and those of nobody after them."""
    owned = [row for hit in answer.hits for row in _rows(hit.matches, hit)]
    return (*owned, *_rows(answer.nobodys, None))


def _rows(matches: Iterable[Match], hit: TenantHit | None) -> Iterable[Row]:
    together: dict[object, list[Match]] = {}
    for match in matches:
        together.setdefault((match.found, match.place), []).append(match)
    for first, *more in together.values():
        kinds = tuple(dict.fromkeys(match.what for match in (first, *more)))
        yield Row(first, kinds, None if hit is None else _usage(first, hit), _places(first, hit))


def _usage(match: Match, hit: TenantHit) -> Usage:
    if match.place is None:
        return hit.usage if match.what in WHOLE else _UNKNOWN
    return hit.at.get(match.place, _UNKNOWN)


def _places(match: Match, hit: TenantHit | None) -> tuple[Place, ...]:
    if match.place is not None:
        return (match.place,)
    return hit.places if hit is not None and match.what in WHOLE else ()


def found_frame(
    rows: Sequence[Row], erased: Erasures, standings: Standings = NO_LIMITS
) -> pd.DataFrame:
    """Return one row a name: whose, what lies there, how well it fits.

    When it was erased is there where any was, and limits where any tenant is near or over one.
    """
    asking = (State.OVER, State.NEAR)
    limited = any(each.shown in asking for row in rows for each in row.standings(standings))
    columns = (*COLUMNS, *(("Erased",) if erased else ()), *((limits.STATE,) if limited else ()))
    return table((_cells(row, erased, standings) for row in rows), columns)


def shown_columns(frame: pd.DataFrame) -> list[str]:
    """Return the columns that stand in a page of 1400; the others are in the table's menu.

    When something was erased, and whose it could be else, come before figures.
    """
    others = ["Could also be"] if frame["Could also be"].map(bool).any() else []
    told = [*(name for name in ("Erased", limits.STATE) if name in frame), *others]
    figures = [name for name in ("Patterns", "Memory", "Sessions") if name in frame]
    return [
        "Tenant",
        "Open",
        "Name",
        "Found as",
        "Ownership",
        *told,
        *figures[: max(0, 3 - 2 * len(told))],
    ]


def _cells(row: Row, erased: Erasures, standings: Standings) -> Mapping[str, object]:
    match = row.match
    return {
        "Tenant": row.tenant,
        "Name": visible(match.found),
        "Found as": ", ".join(row.kinds),
        "Ownership": CLAIM_WORDS[match.state],
        "kb_id": visible(match.place.name) if match.place else "",
        "Match": MATCH_WORDS[match.certainty],
        "Evidence": visible(match.how),
        "Could also be": [visible(str(tenant)) for tenant in match.others],
        "Erased": last_erased(row.places, erased),
        limits.STATE: limits.state(next(iter(row.standings(standings)), None)),
        **(usage_cells(row.usage) if row.usage else {}),
    }


def tenants_of(rows: Iterable[Row]) -> tuple[TenantKey, ...]:
    """Return the tenants of rows, each once."""
    found = (row.match.tenant for row in rows)
    return tuple(dict.fromkeys(tenant for tenant in found if tenant is not None))


def session_query(row: Row) -> Mapping[str, str] | None:
    """Return where the one session is that was found, or the sessions that lie at the place."""
    if SESSION in row.kinds and row.match.found.startswith("session-"):
        return {state_keys.SESSION: visible(row.match.found)}
    if row.match.tenant is None:
        return None
    place = row.match.place
    narrowed = {state_keys.SESSIONS_KB: visible(place.name)} if place else {}
    return {state_keys.SESSIONS_TENANT: row.tenant, **narrowed}


def patterns_query(row: Row) -> Mapping[str, str] | None:
    """Return where a row's patterns are, the newest first; None where it has no kb_id."""
    if row.match.tenant is None or not (row.kb_id or row.match.what in WHOLE):
        return None
    narrowed = {state_keys.KB: visible(row.kb_id)} if row.kb_id else {}
    return {state_keys.TENANT: row.tenant, state_keys.TAB: state_keys.BROWSE, **narrowed}
