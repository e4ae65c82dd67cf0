"""What is written for a tenant out of a file, row by row, and what came of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from services.errors import KatoTenantsError
from services.tenancy.kb_ids import TenantKey
from services.tenancy.layout import Layout

LONGEST_FILE = 2 << 30
"""Bytes of a file that is taken."""

MOST_ROWS = 5_000_000
LONGEST_ROW = 8 << 20
"""Bytes of one row of text."""

LONGEST_KEY = 1_024
"""Characters of the name of a key, session or pattern."""

STAGING = "kato_tenants_import_"
"""How the names of ClickHouse's staging tables begin."""

TOLD = 1_000
"""How many refused rows are told one by one; all are counted."""

TTL_MOST = 10 * 365 * 24 * 3600
"""The longest time to live, in seconds: ten years."""


class ImportRefused(KatoTenantsError):
    """A file of data that cannot be read, or not be written for a tenant."""


class Kind(StrEnum):
    """What the rows of a file are."""

    PATTERNS = "patterns"
    KEYS = "keys"
    SESSIONS = "sessions"
    VECTORS = "vectors"


class Form(StrEnum):
    """How a file is written."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


class Existing(StrEnum):
    """What becomes of a row whose name is there already."""

    STOP = "stop"  # nothing of the file is written
    SKIP = "skip"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be written, for whom, and where.

    `node_id` says whose memory it is, in KATO's layout. `table` is the one for patterns,
    `collection` a shared one for vectors, empty for the tenant's own. `ttl_seconds` is for keys
    and sessions whose row has none. With `leave_out` rows that are refused are left out; without
    it one of them keeps all of the file from being written.
    """

    tenant: TenantKey
    kind: Kind
    layout: Layout
    form: Form
    node_id: str = ""
    table: str = "patterns_data"
    collection: str = ""
    existing: Existing = Existing.STOP
    ttl_seconds: int | None = None
    leave_out: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """Where an order's rows go: `name` is the kb_id, or the tenant's id in the guide layout.

    `kb_id` is the one of patterns; `prefix` what keys begin with; `collection` the vectors' own.
    """

    name: str
    kb_id: str
    prefix: str
    collection: str


class Why(StrEnum):
    """Why a row is not taken."""

    UNREADABLE = "the row cannot be read"
    TOO_LONG = "the row is longer than 8 MiB"
    NOT_UTF8 = "it has text that is not UTF-8"
    NO_VALUE = "it lacks a value"
    UNKNOWN_COLUMN = "there is no such column"
    UNFIT = "the value does not fit"
    ANOTHERS = "it names another owner"
    TWICE = "the name stands in the file already"
    THERE = "the name is there already"
    TAKEN = "the name is taken by another owner"
    NO_SUCH_KIND = "KATO has no keys of this kind"
    WRONG_SIZE = "the vector is of another size"
    NO_TTL = "a session takes a time to live"
    OVER = "its time is over already"


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that is not taken: `number` counts rows from 1, `about` is a column or a name."""

    number: int
    why: Why
    about: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """A row as it is written: by its `key` it is told apart, `body` is JSON for its store."""

    number: int
    key: str
    body: Mapping[str, object]


class State(StrEnum):
    """How far an import is."""

    CHECKED = "checked"
    WRITING = "writing"
    DONE = "done"
    UNDONE = "undone"  # it failed, and what was written was taken back
    HALF = "half"  # it failed or was cut off, and not all could be taken back yet
    GIVEN_UP = "given up"  # somebody ended it: what was written and not taken back stays


@dataclass(frozen=True, slots=True)
class Preview:
    """What writing a file would come to; nothing is written.

    `fresh` are new names, `there` those that are there already. `lacking` are columns of the table
    that the file has not: they get ClickHouse's default. `digest` stands for file and order.
    """

    run: str
    order: Order
    target: Target
    rows: int
    fresh: int
    there: int
    refused: int
    told: tuple[Refused, ...]
    digest: str
    lacking: tuple[str, ...] = ()

    @property
    def obstacle(self) -> str:
        """Why nothing of it would be written; empty where it would be."""
        if self.refused and not self.order.leave_out:
            return "some rows are refused, and the file is written whole or not at all"
        if self.there and self.order.existing is Existing.STOP:
            return "some names are there already"
        if not self.will_write:
            return "no row of it would be written"
        return ""

    @property
    def will_write(self) -> int:
        """How many rows would be written."""
        return self.fresh + (self.there if self.order.existing is Existing.REPLACE else 0)


@dataclass(frozen=True, slots=True)
class Progress:
    """How many of the rows are written."""

    done: int
    whole: int


@dataclass(frozen=True, slots=True)
class GivenUp:
    """By whom and why an import was given up, and what stays of it.

    `begun` is whether it may have written, at least `at_least` of `rows`, both None where it is not
    known. With `taken_back` all of it was taken back, but under `left` names, where others wrote
    since. `tables` is whether ClickHouse may have tables of its own: they begin with STAGING and
    its id.
    """

    by: str
    reason: str
    begun: bool = False
    at_least: int | None = None
    rows: int | None = None
    taken_back: bool = False
    left: int = 0
    tables: bool = False


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """An import whose rows are not on this machine: nobody here can write it or take it back.

    `machine` is where they were staged, empty where that is not known, as `kind` is None then.
    `attended` is whether a process there works on it now; `problem` says why it halted.
    """

    id: str
    tenant: TenantKey
    kind: Kind | None
    machine: str
    by: str
    at: datetime
    attended: bool
    problem: str
    progress: Progress
    given_up: GivenUp | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One import: who began it when, how far it is, and what came of it.

    `written` and `replaced` are counts of rows; `problem` says what went wrong, empty where nothing
    did. `given_up` is what stays of one that was given up. The counts hold where `is_counted`.
    """

    id: str
    order: Order
    state: State
    by: str = ""
    at: datetime | None = None
    progress: Progress = field(default_factory=lambda: Progress(0, 0))
    written: int = 0
    replaced: int = 0
    problem: str = ""
    given_up: GivenUp | None = None

    @property
    def is_counted(self) -> bool:
        """Whether it is known how much it wrote: not while it goes, nor of what halted half-way."""
        told = self.given_up
        if told is not None:
            return told.taken_back or not (told.begun or told.tables)
        return self.state not in (State.WRITING, State.HALF)
