"""What an import of node_ids comes to, and what may be confirmed: frozen values. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from services.tenancy.kb_ids import TenantKey


class Format(StrEnum):
    """How names are written in a file."""

    TEXT = "text"  # one node_id a line
    CSV = "csv"
    JSONL = "jsonl"


@dataclass(frozen=True, slots=True)
class Line:
    """A node_id as a file has it, with the number of its line; `since` has a time zone."""

    number: int
    node_id: str
    tenant: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that cannot be taken, and why."""

    number: int
    why: str


class Verdict(StrEnum):
    """What a line of an import would come to. What conflicts or is refused is not imported."""

    NEW = "new"  # it would become known
    KNOWN = "known"  # it is known already
    SHARED = "shared"  # it would become known, on a kb_id that is another tenant's too
    CONFLICTING = "conflicting"  # the file names another tenant than the node_id does
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Judged:
    """A line with what it would come to.

    `tenant` is who the node_id names, `others` who else the kb_id is of. `earlier` is whether a
    node_id that is known already would be known since an earlier time. `why` says what is wrong.
    """

    number: int
    verdict: Verdict
    node_id: str = ""
    tenant: TenantKey | None = None
    since: datetime | None = None
    others: tuple[TenantKey, ...] = ()
    earlier: bool = False
    why: str = ""

    @property
    def taken(self) -> bool:
        """Whether it is imported, and changes something."""
        return self.verdict in (Verdict.NEW, Verdict.SHARED) or self.earlier


@dataclass(frozen=True)
class Preview:
    """What an import would come to, or came to, line by line."""

    lines: tuple[Judged, ...]

    @cached_property
    def counts(self) -> Mapping[Verdict, int]:
        """How many lines come to what."""
        found = Counter(line.verdict for line in self.lines)
        return {verdict: found[verdict] for verdict in Verdict}

    @property
    def earlier(self) -> int:
        """How many that are known already would be known since an earlier time."""
        return sum(line.earlier for line in self.lines)

    @property
    def taken(self) -> int:
        """How many lines change something."""
        return sum(line.taken for line in self.lines)

    @property
    def whole(self) -> bool:
        """Whether no line is left out."""
        return not (self.counts[Verdict.CONFLICTING] or self.counts[Verdict.REFUSED])

    def of(self, verdict: Verdict) -> tuple[Judged, ...]:
        """Return the lines that come to this."""
        return tuple(line for line in self.lines if line.verdict is verdict)


@dataclass(frozen=True, slots=True)
class Exported:
    """A node_id as it is exported: whom it names, and since when it is known."""

    node_id: str
    tenant: TenantKey
    since: datetime


@dataclass(frozen=True, slots=True)
class Candidate:
    """A kb_id whose owner may be confirmed to be a tenant.

    `alone` is whether nobody else could hold it, seen or not.
    """

    kb_id: str
    tenant: TenantKey
    alone: bool
