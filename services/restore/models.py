"""A restore: what would be written, and what came of it. Frozen values. Pure.

Counts are of rows, keys, points or records. Names are as KATO has them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from services.errors import KatoTenantsError
from services.figures import Measure
from services.purge.models import Target
from services.tenancy.kb_ids import TenantKey

STAGING = "kato_tenants_restore_"
"""How the names of ClickHouse's staging tables begin."""


class RestoreRefused(KatoTenantsError):
    """A restore that cannot be planned, begun or found."""


class Unfit(StrEnum):
    """Why a part of an archive cannot be written where it is to go."""

    NO_TABLE = "there is no such table"
    ENGINE = "its engine takes no partitions of another table"
    SHARDS = "its rows are spread over several shards"
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


class Outcome(StrEnum):
    """What a restore came to: by a comparison of everything with the archive, or by somebody."""

    RESTORED = "restored"
    PARTIAL = "partial"
    GIVEN_UP = "given up"


@dataclass(frozen=True, slots=True)
class PartPlan:
    """What would be written of one part.

    `into` is the collection or table. `there` is how many of these owners' rows, of these keys or
    of these points are there already, which stay as they are; None where nobody could tell.
    `left_out` is how many do not come back under another name: sessions that live on under their
    ids, and caches. As sessions come and go by the minute, it is no part of a plan's digest.
    """

    part: str
    archived: int
    there: int | None
    into: str = ""
    left_out: int = field(default=0, repr=False)


@dataclass(frozen=True, slots=True)
class Held:
    """A kb_id, as it is to be called, that others hold too, or whose text may name them.

    `tenants` are those of them whom the viewer may know of.
    """

    kb_id: str
    tenants: tuple[TenantKey, ...]


@dataclass(frozen=True, slots=True)
class Unborne:
    """A new node_id that no session may be created with, and why."""

    node_id: str
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a restore would do, and what stands in its way.

    `url` is where the archive is and `manifest` the SHA-256 of what it says of itself; `named` is
    the tenant as which it comes back, None for the same. `tenants`, `kb_ids` and `nodes` are the
    names afterwards. `unread` cannot be told in the new name, and `clashes` are new names that two
    old ones would have. `left_out` is how much the archive itself left out, None
    for who is not told, `changed` how much was otherwise after it was taken than before. `held`
    are names that others than `tenants` have as well: as another tenant nothing comes back under
    these, as the same it is said. `unborne` are new names that KATO does not bear. `tenant_ids`
    are raw ids as the guide layout writes them, and `holds` tenants that come back on legal hold.
    `field_ends_lost` is how many hashes have fields that end, where the server lets none end.
    """

    url: str
    archive_id: str
    manifest: str
    taken_at: datetime
    target: Target
    named: TenantKey | None
    tenants: tuple[TenantKey, ...]
    kb_ids: tuple[str, ...]
    nodes: tuple[str, ...]
    parts: tuple[PartPlan, ...]
    tenant_ids: tuple[str, ...] = ()
    holds: tuple[TenantKey, ...] = ()
    misfits: tuple[Misfit, ...] = ()
    unread: tuple[str, ...] = ()
    clashes: tuple[str, ...] = ()
    left_out: int | None = 0
    changed: int = 0
    held: tuple[Held, ...] = ()
    unborne: tuple[Unborne, ...] = ()
    field_ends_lost: int = 0

    @property
    def digest(self) -> str:
        """A SHA-256 of what it would do, the same for whoever is shown it."""
        held = tuple(each.kb_id for each in self.held)
        doing = (self.manifest, str(self.named), self.kb_ids, self.parts, self.misfits, held)
        return hashlib.sha256(repr(doing).encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def can_run(self) -> bool:
        """Whether nothing stands in its way."""
        taken = self.held if self.named else ()
        return not (self.misfits or self.unread or self.clashes or taken or self.unborne)


@dataclass(frozen=True, slots=True)
class PartResult:
    """How one part is after a restore, compared with the archive.

    `before` is what was there of it before anything was written. `differing` is how many are not
    as they are in the archive, and `names` some of them: keys, ids of points; of rows the number
    that is there says how many. `expired` are keys whose time was over, and `left_out` those that
    did not come back under another name.
    """

    part: str
    archived: int
    before: int | None
    differing: int
    names: tuple[str, ...] = ()
    expired: int = 0
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class GivenUp:
    """By whom and why a restore was given up, how far it was, and what stays.

    `begun` are the steps that may have written, in their order; without any nothing was written.
    `there` is by store how much there is under these names now, whoever wrote it, None where the
    store could not be asked. `dropped` is how many staging tables were removed, None where that
    could not be done: they are still there.
    """

    by: str
    reason: str
    begun: tuple[str, ...] = ()
    there: Mapping[Measure, int | None] = field(default_factory=dict)
    dropped: int | None = 0


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a restore came to. Of one that was given up, nothing was compared: it has no `parts`.

    `field_ends_lost` are hashes whose fields end nowhere, since that server lets none end;
    `mentions` is how many rows name in their text what has another name now. `kept_limits` are
    limits that are set otherwise here, and `kept` by part what else of this product's own records
    is otherwise here: both stayed as they were. `holds` are tenants that had a legal hold in the
    archive, and so are on one.
    """

    outcome: Outcome
    archive_id: str
    url: str
    target: Target
    named: TenantKey | None
    tenants: tuple[TenantKey, ...]
    at: datetime
    parts: tuple[PartResult, ...]
    mentions: int = 0
    field_ends_lost: tuple[str, ...] = ()
    kept_limits: int = 0
    kept: Mapping[str, int] = field(default_factory=dict)
    holds: tuple[TenantKey, ...] = ()
    given_up: GivenUp | None = None


@dataclass(frozen=True, slots=True)
class Brought:
    """What came of this product's own records: by part how many stayed as they are here.

    `holds` are tenants that had a legal hold in the archive.
    """

    kept: Mapping[str, int]
    holds: tuple[TenantKey, ...] = ()
