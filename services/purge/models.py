"""A purge before, while and after it runs: plan, job, receipt. Frozen values. Pure.

Counts are numbers of rows, keys, points or sessions; `bytes` are bytes, None where not known;
times are aware datetimes in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from services.cards.models import Held
from services.errors import Problem
from services.figures import Measure
from services.tenancy.kb_ids import TenantKey


@dataclass(frozen=True, slots=True)
class Target:
    """Whose data is to go: a whole tenant, one of its node_ids, one user of all tenants, or many.

    `tenant` is None for a user of all tenants, and for `many`: whole tenants in one job.
    `node_id`, `user` and `many` exclude each other.
    """

    tenant: TenantKey | None = None
    node_id: str | None = None
    user: str | None = None
    many: tuple[TenantKey, ...] = ()

    @property
    def tenants(self) -> tuple[TenantKey, ...]:
        """The tenants that are named; none for a user of all tenants."""
        return self.many or (() if self.tenant is None else (self.tenant,))

    @property
    def whole(self) -> tuple[TenantKey, ...]:
        """The tenants that are to go as a whole."""
        return self.tenants if self.node_id is None and self.user is None else ()

    @property
    def name(self) -> str:
        """Its name alone, which has to be typed to confirm unless a plan says more."""
        if self.many:
            return f"erase {len(self.many):,} tenants"
        if self.node_id is not None:
            return self.node_id
        return self.user if self.user is not None else str(self.tenant)

    def __str__(self) -> str:
        """Say it in words."""
        if self.node_id is not None:
            return f"the node_id {self.node_id} of {self.tenant}"
        if self.user is not None:
            return f"the user {self.user}" + (f" of {self.tenant}" if self.tenant else "")
        if self.many:
            return f"{len(self.many):,} tenants"
        return str(self.tenant)


@dataclass(frozen=True, slots=True)
class Request:
    """What an admin asks for.

    `stores` are the stores that are to be purged, `included` the kb_ids that are not surely the
    target's alone and are to go all the same, `include_inferred` whether every kb_id goes whose
    owner is only inferred and that could be nobody else's, `passed_over` the tables and
    collections whose rows and points of the target cannot be erased and are to stay,
    `trim_streams` whether KATO's `stm:*` streams are to be emptied, of everyone's observations,
    `drop_collections` whether collections go at once although a running KATO may have used them,
    `archive_first` whether an archive of the target is taken and proven before anything goes.
    """

    target: Target
    stores: frozenset[Measure] = frozenset(Measure)
    included: frozenset[str] = frozenset()
    trim_streams: bool = False
    include_inferred: bool = False
    passed_over: frozenset[str] = frozenset()
    drop_collections: bool = False
    archive_first: bool = False


@dataclass(frozen=True, slots=True)
class Surface:
    """The exact names that a purge goes by, and nothing else.

    `kb_ids` are erased whole; `tenant_ids` are raw ids as the guide layout writes them
    (`tenant:{id}:…`, `kato_tenant_{id}`, a point's payload `tenant_id`); `nodes` are the raw
    node_ids whose sessions end. `collections` of Qdrant are dropped whole, and of
    `shared_collections` only the points that carry one of `tenant_ids`. `sessions` are ids of
    KATO's sessions that a job has seen, with their node_ids: by these it finds what is cached of
    them when their records are gone. `passed_over` are tables and collections of which what
    cannot be erased stays, and is named.
    """

    kb_ids: frozenset[str] = frozenset()
    tenant_ids: frozenset[str] = frozenset()
    nodes: frozenset[str] = frozenset()
    collections: frozenset[str] = frozenset()
    shared_collections: frozenset[str] = frozenset()
    sessions: tuple[tuple[str, str], ...] = ()
    passed_over: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that is there: so much of one kind, of one owner, in one store.

    `owner` is a kb_id, a node_id or a tenant's raw id, as it is written; `kind` a table, a kind
    of key, a collection, or `session`. `how` says how it would be erased and what that costs;
    `plain` that it neither counts nor names anything.
    """

    store: Measure
    owner: str
    kind: str
    count: int
    bytes: int | None = None
    samples: tuple[str, ...] = ()
    how: str = ""
    plain: bool = False

    @property
    def key(self) -> tuple[Measure, str, str]:
        """What makes it the same thing in another look."""
        return self.store, self.owner, self.kind


def is_counted(kind: str) -> bool:
    """Whether a kind is of what a store counts: a member of a set is no key, a part no row."""
    return kind != "session_index" and not kind.startswith("detached parts of ")


class LeftKind(StrEnum):
    """Why a part of the target stays."""

    SHARED = "shared"
    INFERRED = "inferred"
    NOT_ERASABLE = "not erasable"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A part of the target that is not touched unless it is named.

    A kb_id that is not surely the target's alone; or, with `place`, what is there of an owner in
    a table or collection that cannot be erased from. `alone` is whether nobody else could hold
    it, `counts` how much of it is there, a store without a number where that is not known.
    """

    kb_id: str
    why: str
    losers: tuple[TenantKey, ...] = ()
    kind: LeftKind = LeftKind.SHARED
    alone: bool = False
    place: str = ""
    counts: Mapping[Measure, int | None] = field(default_factory=dict)

    @property
    def is_there(self) -> bool:
        """Whether anything of it is there, as far as that is known."""
        return any(count != 0 for count in self.counts.values()) or not self.counts


@dataclass(frozen=True, slots=True)
class Reckoning:
    """How much a store holds, of everyone, told in two ways at one time.

    `total` is what the store says of itself, `seen` what a look went through, one by one;
    `moved` is by how much the store's own total changed while it looked.
    """

    total: int
    seen: int
    moved: int = 0


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at one store found.

    `items` are erased, `blockers` say what is there and cannot be erased by this product, or not
    told from what is another's: with one, nothing is purged. `disclosed` is what is there and
    cannot be told apart by tenant, or cannot be looked at. `left` is what is the target's and
    stays, passed over by name. `everything` is about all of the store. `streams` are KATO's, which
    hold everyone's; they are disclosed too. `unsure` says why there may be more than was found: it
    is disclosed of a plan, and no proof. `servers` are a cluster's, with the rows that each has.
    """

    items: tuple[Item, ...] = ()
    blockers: tuple[str, ...] = ()
    disclosed: tuple[str, ...] = ()
    left: tuple[LeftOut, ...] = ()
    everything: Reckoning | None = None
    streams: tuple[str, ...] = ()
    servers: Mapping[str, int] = field(default_factory=dict)
    unsure: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeySurvey:
    """One pass over the whole keyspace of Redis, for everything that a plan asks of it.

    `kb_ids` has every kb_id with its number of keys, `nodes` every node_id that a session or a
    pointer names; `held` are the keys of who may be a target, for the eraser alone that made it.
    `unsure` are those of the kb_ids that only look like one, by the word behind them: each is one
    when something else says so too, as `services.usage.rollup` has it.
    """

    kb_ids: Mapping[str, int]
    nodes: frozenset[str]
    everything: Reckoning
    held: object = None
    unsure: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class VectorNames:
    """The collections of Qdrant with their points, which are shared by payload, and the aliases.

    `aliases` has the collection of each alias.
    """

    collections: Mapping[str, int]
    shared: frozenset[str] = frozenset()
    aliases: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a purge would do; nothing was written to make it.

    `left_out` stays, `taken` goes all the same, since it was asked for by name. `whose` is the
    tenant of each owner that items can have. `problems` has the stores that could not be asked,
    with the reason: such a plan cannot run. `absent` are the stores that are not configured.
    `streams` are KATO's that hold everyone's observations, emptied only where that is asked for.
    `held` are the legal holds in its way. `digest` is over everything but the time.
    """

    request: Request
    surface: Surface
    items: tuple[Item, ...]
    left_out: tuple[LeftOut, ...]
    disclosed: tuple[str, ...]
    blockers: tuple[str, ...]
    problems: Mapping[Measure, Problem]
    absent: tuple[Measure, ...]
    created_at: datetime
    digest: str
    taken: tuple[LeftOut, ...] = ()
    whose: Mapping[str, str] = field(default_factory=dict)
    streams: tuple[str, ...] = ()
    held: tuple[Held, ...] = ()

    @property
    def tenants(self) -> tuple[str, ...]:
        """The tenants whose data would go: those that are named, and those of what was found."""
        found = {self.whose[item.owner] for item in self.items if item.owner in self.whose}
        return tuple(dict.fromkeys((*map(str, self.request.target.tenants), *sorted(found))))

    @property
    def confirmation(self) -> str:
        """What has to be typed to confirm: of a user of all tenants, in how many that is."""
        target, number = self.request.target, len(self.tenants)
        if target.user is None or target.tenant is not None:
            return target.name
        return f"{target.user} in {number:,} {'tenant' if number == 1 else 'tenants'}"

    @property
    def obstacles(self) -> tuple[str, ...]:
        """Why this plan cannot run; empty when it can."""
        unasked = (f"{m.value} could not be asked: {why}" for m, why in self.problems.items())
        return (*unasked, *map(str, self.held), *self.blockers)

    def total(self, store: Measure) -> int:
        """Return how many of a store's rows, keys, points or sessions would go."""
        return sum(item.count for item in self.counted(store))

    def counted(self, store: Measure) -> tuple[Item, ...]:
        """Return what of a store's items are its rows, keys, points or sessions."""
        mine = (item for item in self.items if item.store is store)
        return tuple(item for item in mine if is_counted(item.kind))


@dataclass(frozen=True, slots=True)
class Names:
    """Every name that the stores hold, and the node_ids that speak of them, at one time.

    `kb_ids` says how much there is of each, store by store; `nodes` where each node_id was seen.
    `problems` has the stores whose names are not all known, with the reason.
    """

    kb_ids: Mapping[str, Mapping[Measure, int]] = field(default_factory=dict)
    nodes: Mapping[str, str] = field(default_factory=dict)
    vectors: VectorNames = field(default_factory=lambda: VectorNames({}))
    survey: KeySurvey | None = None
    problems: Mapping[Measure, Problem] = field(default_factory=dict)
