"""What taking kb_ids apart needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from services.apart.ports import Book, Keys, KeyWriter, Points, PointWriter, Rows
from services.cards.holds import Holds
from services.jobs.ports import Jobs
from services.tenancy.ownership import Ownership


@dataclass(frozen=True, slots=True)
class Tools:
    """The stores, the records, and what else is asked.

    `flush` has ClickHouse write what it holds back. `saw` notes node_ids with where they were seen,
    `holder` names the job that has one of some names. `settle_seconds` is how long a call of KATO's
    that is under way is waited for after sessions ended.
    """

    rows: Rows
    keys: Keys
    points: Points
    key_writer: KeyWriter
    point_writer: PointWriter
    flush: Callable[[], None]
    ownership: Callable[[], Ownership]
    saw: Callable[[Mapping[str, str]], None]
    holds: Holds
    book: Book
    jobs: Jobs
    settle_seconds: float
    now: Callable[[], datetime]
