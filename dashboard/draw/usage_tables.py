"""Owners and what they use, as table rows. Pure. A cell is None where its figure is not known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from dashboard.draw.formatting import moment, visible
from dashboard.draw.measures import COLUMNS
from services.figures import Measure, Usage
from services.tenancy.claims import CLAIM_WORDS
from services.tenancy.kb_ids import TenantKey
from services.tenancy.names import Confirmation, Origin, Source
from services.usage.readings import SessionRecord
from services.usage.snapshot import KbUsage, Snapshot, TenantUsage
from services.usage.sums import add_usages

NUMBERS = tuple(COLUMNS)


def usage_cells(usage: Usage) -> dict[str, int | None]:
    """Return the numbers of one owner as table cells; None where not known."""
    return {name: column.cell(usage) for name, column in COLUMNS.items()}


def table(rows: Iterable[Mapping[str, object]], columns: Iterable[str]) -> pd.DataFrame:
    """Return rows as a frame whose numbers stay whole where some are not known."""
    frame = pd.DataFrame(list(rows), columns=list(columns))
    for name in frame.columns.intersection(list(NUMBERS)):
        frame[name] = frame[name].astype("Int64")
    return frame


HELD = "Knowledge bases"
TENANT_COLUMNS = ("Tenant", "Ownership", *NUMBERS, HELD, "Last write")


def tenants_frame(tenants: Iterable[TenantUsage], *, whole: bool = True) -> pd.DataFrame:
    """Return one row a tenant; unless the `whole` was read, how many kb_ids it has is unknown."""
    frame = table(
        (
            {
                "Tenant": visible(str(tenant.tenant)),
                "Ownership": CLAIM_WORDS[tenant.claim],
                HELD: len(tenant.kb_ids) + len(tenant.shared) if whole else None,
                **usage_cells(tenant.usage),
                "Last write": tenant.last_write,
            }
            for tenant in tenants
        ),
        TENANT_COLUMNS,
    )
    frame[HELD] = frame[HELD].astype("Int64")
    return frame


SHARED, UNOWNED, TOTAL, OTHERS = "(shared)", "(unowned)", "(total)", "(other tenants)"
"""Rows of a file that are no tenant: no tenant's name begins with a bracket."""


def adding_up(shown: pd.DataFrame, snapshot: Snapshot) -> pd.DataFrame:
    """Return tenants' rows with those that make them add up to what each store holds.

    These are the tenants that are not among the rows, what is shared, and what nobody owns. What
    is not known in one of them is not known.
    """
    here = set(shown["Tenant"])
    others = [t.usage for t in snapshot.tenants if visible(str(t.tenant)) not in here]
    patterns, keys, vectors, sessions = (snapshot.stores[m].total for m in Measure)
    sums: list[tuple[str, Usage]] = [
        *([(OTHERS, add_usages(others))] if others else []),
        *(
            [(SHARED, add_usages(part.usage for part in snapshot.shared))]
            if snapshot.shared
            else []
        ),
        (UNOWNED, snapshot.unattributed.usage),
        (TOTAL, Usage(patterns, keys, vectors, sessions)),
    ]
    added = table(({"Tenant": name, **usage_cells(usage)} for name, usage in sums), TENANT_COLUMNS)
    added["Last write"] = pd.to_datetime(added["Last write"], utc=True)
    added[HELD] = added[HELD].astype("Int64")
    return pd.concat([shown, added], ignore_index=True)


NONE = "–"
"""What a cell says without a value. A word is cut in a narrow column: `unknown` to `known`."""

TIMES = ("First write", "Last write")


def unknown_columns(frame: pd.DataFrame) -> tuple[str, ...]:
    """Return the columns of which some cells are not known.

    A time is without a value, and not unknown, where there are no patterns.
    """
    missing = {name: frame[name].isna() for name in (*NUMBERS, HELD) if name in frame}
    for name in (each for each in TIMES if each in frame):
        missing[name] = frame[name].isna() & ~frame["Patterns"].eq(0).fillna(False).astype(bool)
    return tuple(name for name, cells in missing.items() if cells.any())


def by(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return the rows by a column, the largest first; by name where all of it is unknown."""
    if column == "Tenant" or frame[column].isna().all():
        return frame.sort_values("Tenant", kind="stable")
    return frame.sort_values(column, ascending=False, na_position="last", kind="stable")


def part_name(part: KbUsage) -> str:
    """Return a kb_id, or what the guide layout has instead."""
    return visible(part.name) if part.is_kb else f"{visible(part.name)}:… (guide layout)"


KB_COLUMNS = ("kb_id", "Ownership", *NUMBERS, "First write", "Last write")
KB_SHOWN = ("kb_id", "Ownership", "Memory", "Patterns", "Vectors", "Sessions", "Last write")


def kb_frame(parts: Iterable[KbUsage]) -> pd.DataFrame:
    """Return one row a kb_id."""
    return table(
        (
            {
                "kb_id": part_name(part),
                "Ownership": CLAIM_WORDS[part.claim.state],
                **usage_cells(part.usage),
                "First write": part.first_write,
                "Last write": part.last_write,
            }
            for part in parts
        ),
        KB_COLUMNS,
    )


def tenants_in(frame: pd.DataFrame, snapshot: Snapshot) -> list[TenantKey]:
    """Return the tenants of a frame's rows, which have their visible names."""
    named = {visible(str(each.tenant)): each.tenant for each in snapshot.tenants}
    return [named[name] for name in frame["Tenant"]]


SHARED_COLUMNS = ("kb_id", "Shared by", *NUMBERS)
SHARED_SHOWN = ("kb_id", "Shared by", "Memory", "Patterns", "Vectors", "Sessions")


def shared_frame(parts: Iterable[KbUsage]) -> pd.DataFrame:
    """Return one row a shared kb_id, with everyone who holds it."""
    return table(
        (
            {
                "kb_id": visible(part.name),
                "Shared by": [visible(str(tenant)) for tenant in part.claim.tenants],
                **usage_cells(part.usage),
            }
            for part in parts
        ),
        SHARED_COLUMNS,
    )


SESSION_COLUMNS = ("Session", "Node", "Created", "Last access", "Expires in", "STM", "Memory")


def sessions_frame(sessions: Iterable[SessionRecord]) -> pd.DataFrame:
    """Return one row a session."""
    frame = table(
        (
            {
                "Session": visible(session.session_id),
                "Node": visible(session.owner.name),
                "Created": session.created_at,
                "Last access": session.last_accessed,
                "Expires in": session.expires_in,
                "STM": session.stm_length,
                "Memory": session.bytes,
            }
            for session in sessions
        ),
        SESSION_COLUMNS,
    )
    frame["STM"] = frame["STM"].astype("Int64")
    return frame


def kinds_frame(kinds: Mapping[str, int]) -> pd.DataFrame:
    """Return one row a kind of key, the most frequent first."""
    ordered = sorted(kinds.items(), key=lambda kind: (-kind[1], kind[0]))
    return pd.DataFrame({"Kind": [k for k, _ in ordered], "Keys": [n for _, n in ordered]})


CLAIM_COLUMNS = (
    "kb_id", "node_ids seen", "Evidence", "Since", "Source", "Confirmed",
    "Could also be",
)  # fmt: skip

SOURCE_WORDS = {
    Source.SESSION: "a session",
    Source.POINTER: "a pointer to a session",
    Source.KATO: "KATO's status",
    Source.IMPORTED: "import",
    Source.HERE: "a session created here",
    Source.OVER: "a session created here, on older data",
    Source.CAME: "a client that came to older data",
    Source.CANARY: "the canary test",
    Source.OTHER: "another version of this product",
}


def source_words(origin: Origin | None) -> str:
    """Say from where a node_id is known, and who imported it; empty where none was seen."""
    if origin is None:
        return ""
    by = f" by {visible(origin.by)}" if origin.by else ""
    return f"{SOURCE_WORDS[origin.source]}{by}"


def confirmed_words(word: Confirmation | None) -> str:
    """Say for whom an admin confirmed a kb_id, who did, when, and why; empty where nobody did."""
    if word is None:
        return ""
    whose, who = visible(str(word.tenant)), visible(word.who)
    return f"{whose}, by {who} at {moment(word.at)}: {visible(word.why)}"


def claims_frame(parts: Iterable[KbUsage]) -> pd.DataFrame:
    """Return one row a kb_id: the node_ids seen on it, and how its owner is known."""
    by_name = {part.name: part for part in parts}  # a shared one stands twice: keep the shared
    rows = (
        {
            "kb_id": part_name(part),
            "node_ids seen": [visible(node) for node in part.nodes],
            "Evidence": visible(part.claim.why),
            "Since": part.claim.origin.since if part.claim.origin else None,
            "Source": source_words(part.claim.origin),
            "Confirmed": confirmed_words(part.claim.confirmation),
            "Could also be": [visible(str(tenant)) for tenant in part.claim.others],
        }
        for part in by_name.values()
    )
    frame = table(rows, CLAIM_COLUMNS)
    frame["Since"] = pd.to_datetime(frame["Since"], utc=True)
    return frame
