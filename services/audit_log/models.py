"""What the audit log is made of, and what verifying it comes to. Pure.

Names in it come from strangers: any bytes, any length. Neither secrets nor contents belong here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Self

from services.access.viewer import Outcome, TenantPattern
from services.tenancy.layout import bytes_of

GENESIS = "0" * 64
"""What the first entry has for the hash of the one before it."""

WHO_LIMIT, NAME_LIMIT, TEXT_LIMIT, DIGEST_LIMIT = 120, 300, 500, 128  # characters
TENANTS_LIMIT = 1_000
"""Most tenants that an entry names; the last stands for those beyond, with their digest."""

_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Event:
    """What somebody did, or was refused.

    `tenants` are those concerned, as `kind/id`. `request_id` is 16 hex digits, the same for the
    beginning and the end of one action. `digest` is that of what was done: a plan's, say.
    """

    at: datetime
    who: str
    role: str
    action: str
    tenants: tuple[str, ...] = ()
    target: str = ""
    outcome: Outcome = Outcome.DONE
    reason: str = ""
    request_id: str = ""
    digest: str = ""

    @classmethod
    def of(
        cls, *, at: datetime, who: str, role: str, action: str, tenants: Iterable[str],
        target: str, outcome: Outcome, reason: str, request_id: str, digest: str,
    ) -> Self:  # fmt: skip
        """Make one that is no longer than the limits: of what is cut, the digest stays."""
        return cls(
            at.astimezone(UTC), cut(who, WHO_LIMIT), cut(role, WHO_LIMIT), cut(action, WHO_LIMIT),
            _few(tenants), cut(target, TEXT_LIMIT), outcome, cut(reason, TEXT_LIMIT),
            cut(request_id, _DIGITS * 2), cut(digest, DIGEST_LIMIT),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """One link of the chain. `number` counts from 1 without gaps.

    `intact` is False for one that cannot be read any more, or whose hash is none; then only its
    number holds.
    """

    number: int
    event: Event
    previous: str = GENESIS
    hash: str = ""
    seal: str = ""
    intact: bool = True


@dataclass(frozen=True, slots=True)
class Index:
    """What is kept beside an entry to find it by; it has to say what the entry says."""

    at: datetime
    who: str
    action: str
    outcome: str
    request_id: str
    words: str
    tenants: frozenset[str]


@dataclass(frozen=True, slots=True)
class Kept:
    """An entry as the database has it, which somebody may have been at.

    `index` is None where what stands there is nothing that this product writes.
    """

    number: int
    text: str
    hash: str
    index: Index | None


@dataclass(frozen=True, slots=True)
class Anchor:
    """What the newest entry was at a time, kept where who can write the log cannot."""

    number: int
    hash: str
    at: datetime


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which entries; what is empty lets all pass.

    `text` is looked for in every name, in any case. `acts` leaves out that something began where
    another entry says how it ended. `scope` is whose entries may be seen at all,
    None for all: those that concern these tenants and nobody else.
    """

    text: str = ""
    who: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    tenant: str = ""
    since: datetime | None = None
    until: datetime | None = None
    unended: bool = False
    acts: bool = False
    scope: frozenset[TenantPattern] | None = None


@dataclass(frozen=True, slots=True)
class MissingEnd:
    """A purge that ended at a time, in the background, and whose end no entry has so far."""

    job_id: str
    who: str
    target: str
    at: datetime


class State(StrEnum):
    """What verifying came to."""

    OK = "ok"
    UNANCHORED = "unanchored"  # intact, but its end may be missing
    BROKEN = "broken"
    UNCHECKED = "unchecked"  # sealed with a key that is not set here


@dataclass(frozen=True, slots=True)
class Verification:
    """What verifying came to: `checked` entries are as they were written, up to `head`.

    `bad` is the number of the first that is not, and `why` says it in words, or why nothing can
    be said. `anchors` is how many were compared, `anchored_to` the highest of them that agrees.
    `unkeyed` entries at the beginning were written before a key was set.
    """

    state: State
    checked: int = 0
    head: str = GENESIS
    bad: int | None = None
    why: str = ""
    anchors: int = 0
    anchored_to: int = 0
    unkeyed: int = 0

    @property
    def words(self) -> str:
        """The result in a sentence or two."""
        if self.bad is not None:
            return f"Entry {self.bad:,} {self.why}."
        if self.why:
            return self.why
        if self.state is State.UNANCHORED:
            return (f"{self._intact()} No anchor was compared, so entries cut off its end "
                    "cannot be excluded.")  # fmt: skip
        newer = self.checked - self.anchored_to
        end = f" The last {newer:,} are newer than the last anchor." if newer else ""
        anchors = "1 anchor" if self.anchors == 1 else f"{self.anchors:,} anchors"
        return f"{self._intact()} It agrees with {anchors}.{end}"

    def _intact(self) -> str:
        if not self.checked:
            return "The log is empty."
        text = f"Every entry is as it was written, up to number {self.checked:,}."
        if self.unkeyed == self.checked:
            return f"{text} None is sealed with a key."
        return text + (f" The first {self.unkeyed:,} are without a key." if self.unkeyed else "")


def reason_with(why: str, came: str) -> str:
    """Return why something was done and what came of it, at most as long as a reason may be.

    A long why leaves at least half of the room to what came of it.
    """
    if why and came:
        room = max(TEXT_LIMIT - len(came) - len(": "), TEXT_LIMIT // 2)
        return cut(f"{cut(why, room)}: {came}", TEXT_LIMIT)
    return cut(why or came, TEXT_LIMIT)


def cut(text: str, limit: int) -> str:
    """Return a text of at most `limit` characters: of a longer one its beginning and digest."""
    text = json.loads(json.dumps(text))  # as it will be read back: two halves of a character join
    if len(text) <= limit:
        return str(text)
    return f"{text[: limit - _DIGITS - 1]}…{_digest(text)}"


def _few(tenants: Iterable[str]) -> tuple[str, ...]:
    names = sorted({cut(name, NAME_LIMIT) for name in tenants})
    if len(names) <= TENANTS_LIMIT:
        return tuple(names)
    rest = names[TENANTS_LIMIT - 1 :]
    return (*names[: TENANTS_LIMIT - 1], f"({len(rest):,} more)…{_digest(' '.join(rest))}")


def _digest(text: str) -> str:
    return hashlib.sha256(bytes_of(text)).hexdigest()[:_DIGITS]
