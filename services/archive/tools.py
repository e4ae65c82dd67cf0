"""What taking and reading archives need of everything else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from services.archive.models import Part, Piece
from services.archive.ports import Book, KeySource, PartSource, Place, RowSource
from services.archive.seal import Identity, Recipient
from services.cards.holds import Holds
from services.purge.look import Erasers
from services.purge.models import KeySurvey, Plan
from services.purge.ports import SessionEnder
from services.tenancy.kb_ids import TenantKey
from services.tenancy.ownership import Ownership


@dataclass(frozen=True, slots=True)
class Planned:
    """What an archive is to take, found as a purge finds it.

    `survey` holds the keys in this process alone; `ownership` is what it was judged by.
    """

    plan: Plan
    survey: KeySurvey | None
    ownership: Ownership


@dataclass(frozen=True, slots=True)
class Tools:
    """What archives need.

    `own` yields what this product's own records have of what is planned. `place` opens a place by
    its URL, the one that is set for an empty one, and raises ArchiveError where none is.
    `recipients` and `identities` are asked for when they are used: both are settings. `saw`
    records node_ids with where each was seen, `holds` returns who is on legal hold, `parked_in` the
    id of the archive that a tenant is parked in, empty of one that is not. `as_parquet`
    writes the rows of a part as a file, and returns how many. `product` is this product's version.
    """

    erasers: Erasers
    kato: SessionEnder
    patterns: RowSource
    keys: KeySource
    vectors: PartSource
    own: Callable[[Planned], Iterator[Piece]]
    ownership: Callable[[], Ownership]
    saw: Callable[[Mapping[str, str]], None]
    versions: Callable[[], Mapping[str, str]]
    recipients: Callable[[], tuple[Recipient, ...]]
    identities: Callable[[], tuple[Identity, ...]]
    place: Callable[[str], Place]
    book: Book
    holds: Holds
    parked_in: Callable[[TenantKey], str]
    as_parquet: Callable[[Part, Iterable[bytes], BinaryIO], int]
    product: str
    now: Callable[[], datetime]
