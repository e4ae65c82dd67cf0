"""What crosses layers about sessions, beyond the record that a pass lists. Pure.

Times are aware datetimes in UTC, durations seconds, sizes bytes. `None` means *not known*.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from services.tenancy.layout import SESSION_PREFIX, text_of
from services.usage.readings import SessionRecord

KATO_PREFIX = text_of(SESSION_PREFIX)
SEALED_NAME = "encrypted_data"
"""The entry of a session's metadata that holds encrypted values, as the guide names it."""


@dataclass(frozen=True, slots=True)
class SessionDetail:
    """Everything in one session's record.

    `stm` is the short-term memory, one tuple of symbols an event, None where the record holds
    none that can be read. `predictions` are those of its last observation and `percept` what was
    perceived there, None where the record has none. `rest` is what has no place of its own here.
    `raw` is the record as text, for one that is not readable; `cut` says that it was longer than
    what is kept.
    """

    record: SessionRecord
    stm: tuple[tuple[str, ...], ...] | None = None
    emotives: tuple[object, ...] = ()
    metadata_seen: tuple[object, ...] = ()
    config: Mapping[str, object] = field(default_factory=dict)
    metadata: Mapping[str, object] = field(default_factory=dict)
    predictions: tuple[object, ...] | None = None
    percept: Mapping[str, object] | None = None
    rest: Mapping[str, object] = field(default_factory=dict)
    raw: str = ""
    cut: bool = False

    @property
    def sealed(self) -> str | None:
        """The encrypted metadata, from where KATO keeps it or from the guide's place."""
        return sealed_in(self.metadata, self.config)


def sealed_in(metadata: object, config: object) -> str | None:
    """Return the encrypted metadata in a record's `metadata` or `config.metadata`, or None."""
    nested = config.get("metadata") if isinstance(config, Mapping) else None
    for place in (metadata, nested):
        token = place.get(SEALED_NAME) if isinstance(place, Mapping) else None
        if isinstance(token, str):
            return token
    return None


def is_katos(record: SessionRecord) -> bool:
    """Whether a record is in KATO's layout, so that KATO's API knows it."""
    return record.key.startswith(KATO_PREFIX)


class Deed(StrEnum):
    """What can be done to sessions through KATO."""

    EXTEND = "extend"
    CLEAR_STM = "clear_stm"
    DELETE = "delete"


class Result(StrEnum):
    """How doing something to one session went. BACK is one that was ended and is there again."""

    DONE = "done"
    BACK = "back"
    GONE = "gone"
    FAILED = "failed"
    NOT_TRIED = "not_tried"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How doing something to one session went, and why when it did not."""

    record: SessionRecord
    result: Result
    reason: str = ""


@dataclass(frozen=True, slots=True)
class IndexCleaning:
    """What cleaning up KATO's index of active sessions did: ids looked at, and taken out."""

    members: int
    removed: int


@dataclass(frozen=True, slots=True)
class SealedRecord:
    """A record with encrypted metadata."""

    key: str
    token: str


@dataclass(frozen=True, slots=True)
class KeyRotationReport:
    """What a pass that re-encrypts metadata did: records, and those it could not, with why."""

    renewed: int
    current: int
    failed: Mapping[str, str]
