"""What the screen says about models: titles, notes, and what needs attention. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from dashboard.draw.formatting import age, few, number, plural, short, visible
from dashboard.draw.measures import WORDS
from services.figures import Measure, Precision, StoreState
from services.purge.came_back import came_back
from services.purge.job import Tombstone
from services.tenancy.ownership import ClaimState, Ownership
from services.usage.readings import SessionRecord
from services.usage.snapshot import Snapshot, StoreFigures, TenantUsage

CLAIM_COLORS = {
    ClaimState.KNOWN: "green",
    ClaimState.CONFIRMED: "blue",
    ClaimState.INFERRED: "gray",
    ClaimState.SHARED: "gray",
    ClaimState.UNATTRIBUTED: "gray",
}


class Level(StrEnum):
    """How much something asks for attention."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that needs attention: what, as a visible text, and the page that shows more.

    `query` are the parameters of that page's address.
    """

    level: Level
    text: str
    page: str
    query: Mapping[str, str | Sequence[str]] = field(default_factory=dict)


def sessions_of(
    sessions: Iterable[SessionRecord], tenant: TenantUsage, ownership: Ownership
) -> tuple[SessionRecord, ...]:
    """Return the sessions of one tenant."""
    return tuple(s for s in sessions if ownership.owner(s.owner).tenant == tenant.tenant)


def last_good(figures: StoreFigures, now: datetime | None = None) -> str:
    """Say what was last known of the whole of a measure, and how old that is."""
    if figures.state is StoreState.NOT_CONFIGURED or figures.last_good is None:
        return last_read(figures, now)
    return f"last known: {number(figures.last_good.count)}, {age(figures.collected_at, now)}"


def last_read(figures: StoreFigures, now: datetime | None = None) -> str:
    """Say how old the last known figures of a store are, where not the whole is meant."""
    if figures.state is StoreState.NOT_CONFIGURED:
        return "not configured"
    if figures.collected_at is None:
        return "never read so far"
    return f"last read {age(figures.collected_at, now)}"


def precision_note(figures: StoreFigures) -> str:
    """Say how a figure came about."""
    match figures.precision:
        case Precision.ESTIMATE if figures.measure is Measure.PATTERNS:
            return "from the catalogue, which still counts deleted rows; the exact pass is running"
        case Precision.ESTIMATE:
            return "at least this many, by KATO's own counters; the exact pass is running"
        case Precision.RUNNING:
            return f"from {figures.share:.0%} of the keyspace, 95 % interval; the pass is running"
        case Precision.SAMPLED if (at := figures.memory_at) is not None:
            return (
                f"memory as of {at.astimezone(UTC):%H:%M} UTC, that of keys that came or went since"
                " is estimated, 95 % interval; counts are exact"
            )
        case Precision.SAMPLED:
            return "memory is sampled, 95 % interval; counts are exact"
        case _:
            return f"exact; size {figures.bytes_note}" if figures.bytes_note else "exact"


def notices(
    snapshot: Snapshot, tombstones: Iterable[Tombstone] = (), *,
    audited: Iterable[Notice] = (), told: Mapping[str, Collection[str]] | None = None,
    guessed: int | None = None,
) -> tuple[Notice, ...]:  # fmt: skip
    """Return what needs attention, the gravest first.

    `audited` is what the isolation audit found, `told` the kb_ids that it speaks of, by area:
    nothing is said twice. `guessed` is how many tenants are, for who has counted them already.
    """
    told = told or {}
    guessed = guessed_in(snapshot) if guessed is None else guessed
    found = [
        *audited,
        *_came_back_notices(snapshot, tombstones, told.get("resurrected", ())),
        *_store_notices(snapshot),
        *_ownership_notices(snapshot, guessed, told.get("collision", ())),
        *_loose_notices(snapshot),
    ]
    order = list(Level)
    return tuple(sorted(found, key=lambda notice: order.index(notice.level)))


def _came_back_notices(
    snapshot: Snapshot, tombstones: Iterable[Tombstone], told: Collection[str]
) -> Iterable[Notice]:
    back = [stone for stone in came_back(snapshot, tombstones) if stone.kb_id not in told]
    if back:
        names = few([short(stone.kb_id) for stone in back])
        verb = "has" if len(back) == 1 else "have"
        text = f"{plural(len(back), 'kb_id')} that {verb} been purged came back: {names}."
        yield Notice(Level.WARNING, text, "purge")


def _store_notices(snapshot: Snapshot) -> Iterable[Notice]:
    for measure, figures in snapshot.stores.items():
        gap = figures.difference
        if figures.state is StoreState.OK and gap is not None and gap.count:
            off = f"{gap.count:+,}"
            text = f"{WORDS[measure].title}: the store's own total differs from the parts by {off}."
            yield Notice(Level.INFO, f"{text} It changed while it was read.", "system")
    if snapshot.kato_problem:
        text = f"{visible(str(snapshot.kato_problem))}: tenants that it knows may show as guessed."
        yield Notice(Level.WARNING, text[0].upper() + text[1:], "system")


def guessed_in(snapshot: Snapshot) -> int:
    """Return how many tenants are guessed from names alone."""
    return sum(tenant.claim is ClaimState.INFERRED for tenant in snapshot.tenants)


def _ownership_notices(
    snapshot: Snapshot, guessed: int, told: Collection[str]
) -> Iterable[Notice]:  # fmt: skip
    for part in snapshot.shared:
        if part.name in told:
            continue
        names = " and ".join(visible(str(tenant)) for tenant in part.claim.tenants)
        text = f"{names} share one memory: {short(part.name)}."
        yield Notice(Level.WARNING, text, "tenants")
    if guessed:
        verb = "is" if guessed == 1 else "are"
        text = f"{plural(guessed, 'tenant')} {verb} guessed from kb_id names: no node_id was seen."
        yield Notice(Level.INFO, text, "tenants")


def _loose_notices(snapshot: Snapshot) -> Iterable[Notice]:
    usage = snapshot.unattributed.usage
    loose = [
        plural(amount.count, words.noun)
        for measure, words in WORDS.items()
        if (amount := usage.of(measure)) is not None and amount.count
    ]
    if loose:
        yield Notice(Level.INFO, f"Unowned: {', '.join(loose)}.", "tenants")
    if snapshot.keys is not None and snapshot.keys.stale_members:
        stale = stale_words(snapshot.keys.stale_members)
        yield Notice(Level.INFO, stale, "sessions")


def stale_words(count: int) -> str:
    """Say how many sessions are over that KATO's index still has."""
    verb = "is" if count == 1 else "are"
    return f"{plural(count, 'expired session')} {verb} still counted as active by KATO."
