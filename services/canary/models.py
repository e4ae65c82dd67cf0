"""The canary test's values: who the throwaway tenants are, and what came of a run. Frozen. Pure.

Times are aware datetimes in UTC, durations seconds.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from services.tenancy.kb_ids import TenantKey

SOURCE = "canary"
"""The word that begins where a throwaway node_id was seen, in this product's own records."""

_FORM = re.compile(r"tenant:canary(?:-[0-9a-f]{8}-[ab]|_[0-9a-f]{8}_a):user:probe")
_PATTERNS, _POINTS, _VECTOR_SIZE = 2, 2, 4


def is_canary(node_id: str) -> bool:
    """Whether a node_id has exactly the form of a throwaway one; that alone proves nothing."""
    return _FORM.fullmatch(node_id) is not None


def node_ids(word: str) -> tuple[str, str, str]:
    """Return the node_ids of a run, by 8 hex digits: two tenants, and one that collides.

    The third is sanitised to the same text as the first.
    """
    names = (f"canary-{word}-a", f"canary-{word}-b", f"canary_{word}_a")
    first, second, third = (f"tenant:{name}:user:probe" for name in names)
    return first, second, third


@dataclass(frozen=True)
class Canary:
    """A throwaway tenant with one node_id. `token` is in all that it owns, and nowhere else."""

    node_id: str
    tenant: TenantKey
    kb_id: str
    token: str

    @property
    def symbol(self) -> str:
        """A symbol of its patterns that is a secret."""
        return f"secret-{self.token}"

    @property
    def collection(self) -> str:
        """Its collection in Qdrant."""
        return f"vectors_{self.kb_id}"

    @cached_property
    def patterns(self) -> tuple[str, ...]:
        """The names of its patterns."""
        return tuple(self._sha1(f"pattern {number}") for number in range(_PATTERNS))

    @cached_property
    def vector_names(self) -> tuple[str, ...]:
        """The names of its vectors, as its patterns hold them."""
        return tuple(f"VCTR|{self._sha1(f'vector {number}')}" for number in range(_POINTS))

    @cached_property
    def points(self) -> tuple[str, ...]:
        """The ids of its points."""
        return tuple(str(uuid.uuid5(uuid.NAMESPACE_DNS, name)) for name in self.vector_names)

    @cached_property
    def vectors(self) -> tuple[tuple[float, ...], ...]:
        """Its vectors, which nobody else has."""
        digests = (hashlib.sha1(name.encode(), usedforsecurity=False).digest()
                   for name in self.vector_names)  # fmt: skip
        return tuple(tuple(byte / 256 for byte in digest[:_VECTOR_SIZE]) for digest in digests)

    @property
    def marks(self) -> tuple[str, ...]:
        """What tells that something is its own: in nobody else's answer one of these may be."""
        return (
            self.token, self.node_id, self.kb_id, str(self.tenant), self.tenant.id,
            *self.patterns, *self.vector_names, *self.points,
        )  # fmt: skip

    def _sha1(self, what: str) -> str:
        return hashlib.sha1(f"{self.token} {what}".encode(), usedforsecurity=False).hexdigest()


class Outcome(StrEnum):
    """What came of one question."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"
    NOT_CONFIGURED = "not configured"


class Verdict(StrEnum):
    """What came of a whole run."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Probe:
    """One question that was asked.

    `tenant` is in whose name it was asked, `about` whose data was not to come back. `leaked`
    names what did, `reason` says why it is not known.
    """

    asked: str
    tenant: str
    about: str
    outcome: Outcome
    leaked: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen of how KATO itself behaves, in words, with what it was seen by.

    `known` is False where it could not be looked at; then `seen` says why.
    """

    about: str
    seen: str
    evidence: Mapping[str, str] = field(default_factory=dict)
    known: bool = True


@dataclass(frozen=True, slots=True)
class CanaryReport:
    """What a run found. `left` names what it could not clean up, or could not look for.

    `kato` is what answered as KATO, by its own words: its behaviour is what was observed.
    """

    started: datetime
    seconds: float
    by: str
    kato: str
    probes: tuple[Probe, ...]
    observations: tuple[Observation, ...]
    left: tuple[str, ...]

    @property
    def cleaned(self) -> bool:
        """Whether it was seen that nothing of a run is there any more."""
        return not self.left

    @property
    def verdict(self) -> Verdict:
        """Passed only when every question could be asked, none leaked, and all is cleaned up."""
        outcomes = {probe.outcome for probe in self.probes}
        if Outcome.FAILED in outcomes:
            return Verdict.FAILED
        if Outcome.UNKNOWN in outcomes or Outcome.PASSED not in outcomes or self.left:
            return Verdict.UNKNOWN
        return Verdict.PASSED


@dataclass(frozen=True, slots=True)
class CanaryState:
    """What the service has and does.

    `report` is this process's last, None before the first. `step` is what is being done, in
    words. `problem` says why the last run came to no report.
    """

    report: CanaryReport | None = None
    running_since: datetime | None = None
    step: str = ""
    problem: str | None = None
