"""What is looked for, and which tenant has it and how that is known. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from services.errors import Problem
from services.figures import Usage
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import ClaimState
from services.visible import unseen

TENANT = "tenant"
NODE = "node_id"
KB = "kb_id"
SESSION = "session id"
PATTERN = "pattern name"
KEY = "Redis key"
COLLECTION = "Qdrant collection"
NAME = "display name"
LABEL = "label"
"""What a text can be, apart from a field of a naming scheme, which goes by its own name."""

WHOLE = frozenset({TENANT, NAME, LABEL})
"""What stands for all that a tenant has."""

CONCEALED = "what it reads and writes is not only of tenants in scope"
"""How the place of a match is known to a viewer from whom it is kept."""


class Certainty(StrEnum):
    """How well a name fits what was looked for."""

    EXACT = "exact"  # it is the very text
    INFERRED = "inferred"  # it is the text as far as a kb_id keeps it
    CONTAINS = "contains"  # the text is somewhere in it


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A kb_id or, in the guide layout, the name that stands for one (then `is_kb` is False)."""

    name: str
    is_kb: bool = True


@dataclass(frozen=True, slots=True)
class Match:
    """One thing that fits: `what` it is, and its name as stored (`found`).

    `tenant` is None for what belongs to nobody, or whose it is not known yet. `place` is where
    its data lies, None for a whole tenant. `state` is how the ownership is known, `how` one
    sentence for the screen, `others` tenants that the same name could also mean.
    """

    what: str
    found: str
    certainty: Certainty
    tenant: TenantKey | None
    place: Place | None
    state: ClaimState
    how: str
    others: tuple[TenantKey, ...] = ()


@dataclass(frozen=True, slots=True)
class TenantHit:
    """A tenant that has what was looked for.

    `usage` sums the places that match; a figure is None where its store is not known. `at` is
    what it has at each of them. `shared` names those that other tenants hold too: their figures
    stand with each holder.
    """

    tenant: TenantKey
    state: ClaimState
    matches: tuple[Match, ...]
    places: tuple[Place, ...]
    shared: tuple[str, ...]
    usage: Usage
    at: Mapping[Place, Usage] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Looked:
    """Something that was looked at, or could not be: then `reason` says why.

    `at` is when it was read. `absent` marks a store that no address was given for. `count` is
    how many there are in the whole fleet, where that was counted.
    """

    store: str
    what: str
    reason: Problem | None = None
    at: datetime | None = None
    absent: bool = False
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Every tenant that has what was looked for, as far as could be looked.

    `nobodys` are matches without a tenant. `illegible` counts kb_ids of no seen node_id whose
    name KATO cut, so that a field in them cannot be read.
    """

    question: Question
    hits: tuple[TenantHit, ...] = ()
    nobodys: tuple[Match, ...] = ()
    looked: tuple[Looked, ...] = ()
    illegible: int = 0

    @property
    def unknown(self) -> tuple[Looked, ...]:
        """What could not be looked at: there may be more than was found."""
        return tuple(look for look in self.looked if look.reason is not None)

    @property
    def matches(self) -> tuple[Match, ...]:
        """Every match, those of tenants first."""
        return (*(match for hit in self.hits for match in hit.matches), *self.nobodys)


MOST_WORDS = 8
"""A text of more words than these is a sentence, and looked for as a whole only."""

_JOINING = frozenset(
    ["a", "and", "at", "by", "for", "from", "in", "of", "on", "the", "their", "user", "tenant"]
)
"""Words that stand between names in a ticket: `the user bob of acme-corp`."""

_PATTERN_NAME = re.compile(r"(?:PTRN\|)?([0-9a-f]{40})\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Question:
    """What was typed, and the texts that it can stand for, the most literal first.

    `texts` is empty when nothing was typed. With `contains`, names that hold a text match too,
    in either case; without, only names that equal one. `words` are what was typed, split at its
    blanks: what all of them fit is found too. None where there are no blanks in it.
    """

    typed: str
    texts: tuple[str, ...]
    contains: bool = False
    words: tuple[Question, ...] = ()

    @property
    def pattern_names(self) -> tuple[str, ...]:
        """The pattern names (SHA-1 in hex, as KATO writes it) that it can stand for."""
        found = (_PATTERN_NAME.match(text) for text in self.texts)
        return tuple(dict.fromkeys(match[1].lower() for match in found if match))


def question_of(typed: str, *, contains: bool = False) -> Question:
    """Return what a typed text asks for.

    Space around it is ignored unless a name has it too, and what a page showed with escapes may
    be typed as it was shown: both the text as it is and the text that the escapes stand for count.
    """
    stripped = typed.strip()
    if not stripped:
        return Question(typed, (), contains)
    texts = dict.fromkeys((typed, stripped, unseen(typed), unseen(stripped)))
    words = (question_of(word, contains=contains) for word in _words(stripped))
    return Question(typed, tuple(texts), contains, tuple(words))


def _words(text: str) -> tuple[str, ...]:
    """Return the words of a text that is more than one, without those that only join names."""
    words = text.split()
    names = [word for word in words if word.casefold() not in _JOINING] or words
    found = dict.fromkeys(names)
    return tuple(found) if len(words) > 1 and len(found) <= MOST_WORDS else ()


@dataclass(frozen=True, slots=True)
class KeySight:
    """A key that is there. `expires_in` is in seconds, None for one that never expires."""

    key: bytes
    type: str
    expires_in: float | None
