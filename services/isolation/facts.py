"""What the audit asks of each store besides the snapshot. Frozen values. Pure.

None means that the store does not say it, or not to us. `open` is whether it lets anyone in who
has no password or key, as seen from this machine; None where that does not apply (the embedded
engines) or could not be tried.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Grant:
    """Rights on something, as ClickHouse's SHOW GRANTS says them: `SELECT`, on `kato.*`."""

    rights: tuple[str, ...]
    on: str
    may_grant: bool = False


@dataclass(frozen=True, slots=True)
class PatternFacts:
    """ClickHouse.

    `vector_tokens` counts, for each kb_id, the different tokens in its patterns that name a
    vector (`VCTR|…`). `parts_limits` are the server's own: `parts_to_delay_insert` and the like,
    by name. `grants` are those of the user that this product is, and None where they could not
    be listed. `database` is KATO's, empty where its name is not known. `clustered` is whether a
    cluster is set; then `users` are as whom each of its servers was asked, by their names.
    `unasked` has the tables with replicas that are not asked: how many there are, and how many are.
    """

    vector_tokens: Mapping[str, int] = field(default_factory=dict)
    most_parts: Mapping[str, int] = field(default_factory=dict)
    parts_limits: Mapping[str, int] = field(default_factory=dict)
    database: str = ""
    user: str = ""
    grants: tuple[Grant, ...] | None = None
    open: bool | None = None
    clustered: bool = False
    users: Mapping[str, str] = field(default_factory=dict)
    unasked: Mapping[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """Redis.

    `streams` has each `stm:*` stream with its number of entries. `max_memory` is in bytes, 0 for
    no limit; `eviction` is the policy by its name. `saves` is whether anything is written to
    disk: snapshots by a schedule, or the append-only file.
    """

    streams: Mapping[str, int] = field(default_factory=dict)
    max_memory: int | None = None
    eviction: str | None = None
    saves: bool | None = None
    open: bool | None = None


@dataclass(frozen=True, slots=True)
class TenantIndex:
    """How a shared collection's payload field `tenant_id` is indexed: `keyword`, or None for not.

    `is_tenant` is whether Qdrant was told that it separates tenants, and stores them so.
    """

    type: str | None
    is_tenant: bool = False


@dataclass(frozen=True, slots=True)
class VectorFacts:
    """Qdrant.

    `tenant_indexes` has every collection that is shared by payload. `full_snapshots` are the
    names of snapshots of the whole storage, each with the time of its making in seconds since
    1970, None where the server does not say it. `unasked` are peers of a cluster that could not be
    asked for theirs, with why.
    """

    tenant_indexes: Mapping[str, TenantIndex] = field(default_factory=dict)
    full_snapshots: Mapping[str, float | None] = field(default_factory=dict)
    open: bool | None = None
    unasked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KatoFacts:
    """KATO's API."""

    open: bool | None = None
