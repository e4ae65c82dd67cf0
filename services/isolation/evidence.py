"""What each kb_id holds over all stores, and findings about kb_ids: what several rules share. Pure.

The same kb_id can stand in several parts of a snapshot, as its sessions name their tenant where
its rows do not: here it is one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.figures import Measure
from services.isolation.about import About, Evidence, Fact, Value, these
from services.isolation.models import SAMPLES, CannotTell, Deed, DeedKind, Finding, Seen, once
from services.isolation.severity import Severity
from services.tenancy.claims import CLAIM_WORDS, UNOWNED
from services.tenancy.kb_ids import TenantKey, sanitise
from services.tenancy.layout import KB_KINDS, bytes_of
from services.tenancy.ownership import Claim, ClaimState
from services.usage.snapshot import PASSING, KbUsage

MANY = 100
"""Above so many kb_ids with one defect it is the fleet's: one finding says so, not thousands."""

SETTLING = timedelta(minutes=1)
"""A kb_id that was written to so shortly before the stores were read may differ between them."""

_FEW_TENANTS = 3


@dataclass(slots=True)
class Held:
    """What one kb_id holds; a count is None where its store's figures are not known."""

    name: str
    counts: dict[Measure, int | None]
    kinds: dict[str, int] = field(default_factory=dict)
    last_write: datetime | None = None

    @property
    def frequencies(self) -> int:
        """How many of its patterns have a frequency in Redis."""
        return self.kinds.get("frequency", 0)

    def count(self, measure: Measure) -> int:
        """Return the count of a measure, 0 where it is not known."""
        return self.counts[measure] or 0

    def by_kato(self, suffixes: tuple[str, ...]) -> bool:
        """Whether KATO wrote it: by the end of its name, or by keys that only KATO writes.

        In the guide layout a kb_id is the raw node_id and has no such keys.
        """
        return self.name.endswith(suffixes) or not KB_KINDS.isdisjoint(self.kinds)

    def add(self, part: KbUsage) -> None:
        """Add what a part of the snapshot has of it."""
        for measure in Measure:
            amount = part.usage.of(measure)
            if amount is not None:
                self.counts[measure] = self.count(measure) + amount.count
        for kind, keys in (part.usage.keys_by_kind or {}).items():
            self.kinds[kind] = self.kinds.get(kind, 0) + keys
        self.last_write = max(filter(None, (self.last_write, part.last_write)), default=None)


@once
def holdings(seen: Seen) -> tuple[Held, ...]:
    """Return what each kb_id holds, by name."""
    found: dict[str, Held] = {}
    for part in seen.snapshot.parts:
        if part.is_kb:
            held = found.get(part.name)
            if held is None:
                held = found[part.name] = Held(part.name, dict.fromkeys(Measure))
            held.add(part)
    return tuple(sorted(found.values(), key=lambda held: bytes_of(held.name)))


def counted_whole(seen: Seen, *measures: Measure) -> None:
    """Raise CannotTell unless these figures are counts of the whole store."""
    for measure in measures:
        if seen.snapshot.stores[measure].precision in PASSING:
            raise CannotTell(f"the {measure.value} are not counted to the end yet")


def unsettled(seen: Seen, *measures: Measure) -> Callable[[Held], bool]:
    """Return whether a kb_id was written to while these were counted, or shortly before.

    The stores are not read at one moment, so that what they have of such a kb_id may differ.
    """
    figures = [seen.snapshot.stores[measure] for measure in measures]
    began = min(
        (f.collected_at or seen.snapshot.collected_at) - timedelta(seconds=f.seconds or 0)
        for f in figures
    )
    since = began - SETTLING
    return lambda held: held.last_write is not None and held.last_write >= since


def about_kb(
    seen: Seen, kb_id: str, *, code: str, severity: Severity, what: str,
    evidence: Mapping[str, Value],
) -> Finding:  # fmt: skip
    """Make a finding about one kb_id and nothing else. `what` is said of it: `has 3 keys`."""
    claim = seen.ownership.kb(kb_id)
    deeds = tuple(Deed(DeedKind.TENANT, str(tenant)) for tenant in claim.tenants)
    what = f"{kb_id} ({whose(claim)}) {what}."
    seen_of_it = {word: these(said) for word, said in evidence.items()}
    return Finding(code, kb_id, severity, what, claim.tenants, (kb_id,), seen_of_it, deeds=deeds)


def of_store(code: str, store: str, severity: Severity, what: str, evidence: Evidence) -> Finding:
    """Make a finding about a whole store."""
    deeds = (Deed(DeedKind.SYSTEM, store),)
    return Finding(code, store, severity, what, evidence=evidence, deeds=deeds)


def whose(claim: Claim) -> str:
    """Say who holds something, and whether that is guessed from the name, confirmed or shared."""
    if not claim.tenants:
        return UNOWNED
    names = few(map(str, claim.tenants), limit=_FEW_TENANTS)
    if claim.state is ClaimState.SHARED:
        return f"shared by {names}"
    unsure = claim.state in (ClaimState.INFERRED, ClaimState.CONFIRMED)
    return f"{names}, {CLAIM_WORDS[claim.state]}" if unsure else names


def few(names: Iterable[str], *, limit: int) -> str:
    """Join the first names, and say how many more there are."""
    every = list(names)
    shown, more = ", ".join(every[:limit]), len(every) - limit
    return f"{shown} and {more:,} more" if more > 0 else shown


def gathered(found: Sequence[Finding], said: str) -> tuple[Finding, ...]:
    """Return findings about kb_ids as they are, or as one where there are more than MANY."""
    if len(found) <= MANY:
        return tuple(found)
    kb_ids = tuple(kb_id for finding in found for kb_id in finding.kb_ids)
    one = Finding(
        code=found[0].code,
        subject="many kb_ids",
        severity=min((finding.severity for finding in found), key=lambda each: each.rank),
        what=f"{len(found):,} kb_ids {said}.",
        tenants=tuple(dict.fromkeys(tenant for finding in found for tenant in finding.tenants)),
        kb_ids=kb_ids,
        evidence={
            "number of kb_ids": Fact(len(found), About.KBS_COUNTED),
            "kb_ids": Fact(kb_ids[:SAMPLES], About.KBS),
        },
    )
    return (one,)


def counted(count: int, noun: str) -> str:
    """Say a count of something, in the singular or with an s."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def raw_kb(held: Held) -> bool:
    """Whether a kb_id is a raw node_id, as in the guide layout: KATO stores none unsanitised."""
    return sanitise(held.name) != held.name


def wholly_read(seen: Seen, *measures: Measure) -> None:
    """Raise CannotTell where one of these was not read, or only in part; without any, all."""
    for measure in measures or Measure:
        why = seen.snapshot.stores[measure].unread
        if why is not None:
            raise CannotTell(f"the names in the store of {measure.value} are not all known: {why}")


def kb_ids_of(seen: Seen) -> tuple[str, ...]:
    """Return every kb_id that anything is stored under or that a seen node_id falls on."""
    return in_order(seen.snapshot.kb_ids.union(seen.ownership.nodes_by_kb))


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Return names in the order of their bytes."""
    return tuple(sorted(names, key=bytes_of))


def samples(names: Iterable[str]) -> tuple[str, ...]:
    """Return the first few names, in their order."""
    return in_order(names)[:SAMPLES]


def listed(tenants: Iterable[TenantKey]) -> str:
    """Say who, in one line: all of a few tenants, the first of many."""
    names = sorted(map(str, tenants))
    if len(names) <= _NAMED:
        return " and ".join(names)
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED:,} more"


_NAMED = 3
