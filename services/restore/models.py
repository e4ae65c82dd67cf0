"""A restore: what would be written, and what came of it. Frozen values. Pure.

Counts are of rows, keys, points or records. Names are as KATO has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Unfit(StrEnum):
    """Why a part of an archive cannot be written where it is to go."""

    NO_TABLE = "there is no such table"
    ENGINE = "its engine takes no partitions of another table"
    COLUMN = "it has no such column"
    TYPE = "its column is of another type"
    OWNER = "it has no column that says whose a row is"
    VECTORS = "its vectors are configured otherwise"
    TYPE_OF_KEY = "it has a key of a type that no other server is sure to take"
    FORMAT = "it is written in a format that cannot be written back"
    STORE = "no address was given for its store"


@dataclass(frozen=True, slots=True)
class Misfit:
    """One thing that does not fit; `what` is the name of the column or key, or empty."""

    part: str
    why: Unfit
    what: str = ""


@dataclass(frozen=True, slots=True)
class KeysWritten:
    """What came of writing keys: how many were written, and the names of those that were not.

    `there` had the name before, `expired` are over by the server's own time. `field_ends_lost` are
    hashes that were written without the ends of their fields, which that server does not know.
    """

    written: int = 0
    there: tuple[str, ...] = ()
    expired: tuple[str, ...] = ()
    field_ends_lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RowsWritten:
    """What came of writing a table's rows.

    `written` were attached now; `there` stood in partitions that had exactly these rows before.
    Of `kept` partitions, of so many rows of the archive, nothing was written: other rows of these
    owners are in them.
    """

    written: int = 0
    there: int = 0
    kept: int = 0


@dataclass(frozen=True, slots=True)
class PointsWritten:
    """What came of writing points: those that were written, and ids of others that were there."""

    written: int = 0
    there: tuple[str, ...] = ()
