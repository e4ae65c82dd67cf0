"""Who holds something, and how that is known: by node_ids, by an admin's word, by a text. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from services.tenancy.kb_ids import TenantKey
from services.tenancy.names import Confirmation, Origin, Source


class ClaimState(StrEnum):
    """How the ownership of data is known."""

    KNOWN = "known"
    CONFIRMED = "confirmed"
    INFERRED = "inferred"
    SHARED = "shared"
    UNATTRIBUTED = "unattributed"

    @property
    def doubt(self) -> int:
        """How much is to be doubted: 0 for what is known; more, the less sure."""
        return _SUREST_FIRST.index(self)


_SUREST_FIRST = tuple(ClaimState)


CLAIM_WORDS: Mapping[ClaimState, str] = {
    ClaimState.KNOWN: "seen",
    ClaimState.CONFIRMED: "confirmed",
    ClaimState.INFERRED: "guessed from the name",
    ClaimState.SHARED: "shared",
    ClaimState.UNATTRIBUTED: "unowned",
}
"""What people are told of each: the words of the glossary, everywhere. JSON has the states."""

UNOWNED = CLAIM_WORDS[ClaimState.UNATTRIBUTED]


@dataclass(frozen=True, slots=True)
class Claim:
    """Who holds something, and how that is known.

    `tenants` are the holders: one when known, confirmed or inferred, several when shared, none
    when unattributed. `why` is one sentence for the screen. `others` are tenants that the same text
    could also name: the reading is not the only one. `alike` is whether names of tenants that
    were never seen would read the same, since KATO writes `-`, `.` and the like as `_`. `origin`
    is since when, and from where, the first of its node_ids is known, None where none was seen.
    `confirmation` is an admin's word about it, also where what was seen speaks against it.
    """

    state: ClaimState
    tenants: tuple[TenantKey, ...]
    why: str
    others: tuple[TenantKey, ...] = ()
    alike: bool = False
    origin: Origin | None = None
    confirmation: Confirmation | None = None

    @property
    def tenant(self) -> TenantKey | None:
        """The one holder, or None when there is not exactly one."""
        return self.tenants[0] if len(self.tenants) == 1 else None

    @property
    def alone(self) -> bool:
        """Whether what is inferred could be nobody else's, seen or not."""
        inferred = self.state is ClaimState.INFERRED
        return inferred and len(self.tenants) == 1 and not self.others and not self.alike


def unproven(claim: Claim, text: Claim, fitting: Iterable[TenantKey]) -> Claim:
    """Return what is known of a kb_id by one tenant's node_ids, which came late to its data.

    What came later proves nothing: it is shared with the known tenants that its text is `fitting`,
    each of whom could have written it, and else what `text` says. Where a client came back to what
    nobody else known could have written, it is known: most often that is its own past.
    """
    why = "its data was there before the first node_id on it was seen"
    could = tuple(dict.fromkeys((*claim.tenants, *fitting)))
    if len(could) > 1:
        why += ", and each of these tenants could have written it"
        return replace(claim, state=ClaimState.SHARED, tenants=could, why=why)
    if claim.origin is None or claim.origin.source is not Source.OVER:
        return claim
    every = dict.fromkeys((*claim.others, *text.others))
    return replace(
        claim, state=ClaimState.INFERRED, why=f"{why}, and nothing proves whose it is",
        others=tuple(each for each in every if each not in claim.tenants), alike=text.alike,
    )  # fmt: skip


def confirmed_by(claim: Claim, word: Confirmation, *, seen: frozenset[TenantKey]) -> Claim:
    """Return what is known of a kb_id with an admin's word; `seen` are the tenants of its node_ids.

    The word stands against what only a text could mean, and never against what was seen.
    """
    if claim.state is ClaimState.KNOWN and claim.tenants == (word.tenant,):
        return replace(claim, others=(), confirmation=word)
    if claim.state is not ClaimState.KNOWN and seen <= {word.tenant}:
        why, of = "an admin confirmed whose it is", (word.tenant,)
        return Claim(ClaimState.CONFIRMED, of, why, origin=claim.origin, confirmation=word)
    tenants = tuple(dict.fromkeys((*claim.tenants, word.tenant)))
    why = f"an admin confirmed it to be of {word.tenant}, and node_ids of others were seen"
    return replace(claim, state=ClaimState.SHARED, tenants=tenants, why=why, confirmation=word)
