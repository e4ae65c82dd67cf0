"""All that is asked of the stores, each adapter made over its engine when it is first asked for.

An adapter's module is imported where it is made: most commands need few of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING

from services.figures import Measure
from services.made_once import made_once
from services.settings.environment import Settings
from services.stores.absent import over
from services.stores.open import Started, engines_of

if TYPE_CHECKING:
    from services.health.check import Pingable
    from services.stores.canary import CanaryKeys, CanaryPoints, CanaryRows
    from services.stores.clickhouse.audit import PatternAudit
    from services.stores.clickhouse.erase import PatternErasing
    from services.stores.clickhouse.pages import PatternPages
    from services.stores.clickhouse.usage import PatternStore
    from services.stores.kato.api import KatoApi
    from services.stores.kato.audit import KatoAudit
    from services.stores.kato.canary import OwnSession
    from services.stores.kato.workers import KatoWorkers
    from services.stores.qdrant.audit import VectorAudit
    from services.stores.qdrant.erase import VectorErasing
    from services.stores.qdrant.pages import VectorPages
    from services.stores.qdrant.usage import VectorStore
    from services.stores.redis.audit import KeyAudit
    from services.stores.redis.erase import KeyErasing
    from services.stores.redis.frequencies import Frequencies
    from services.stores.redis.pages import KeyPages
    from services.stores.redis.session_detail import SessionRecords
    from services.stores.redis.session_writes import SessionWrites
    from services.stores.redis.usage import KeyspaceStore
    from services.stores.writers import TenantWriters
    from services.usage.ports import Source


class Stores:
    """The adapters of every store. Those of a store that is not configured say so when asked.

    Engines that were `started` serve this process alone, so that there is no door to try. Raises
    StoreMisconfigured or SettingsError for an address that cannot be used; nothing is sent yet.
    """

    def __init__(self, settings: Settings, started: Started | None = None) -> None:
        with ExitStack() as stack:
            self.engines = engines_of(settings, started, stack)
            self._settings = settings
            self._embedded = started is not None
            self._shared = frozenset(settings.shared_collections)
            self._closing = stack.pop_all()

    def close(self) -> None:
        """Close every connection that was opened here."""
        self._closing.close()

    @property
    def pingable(self) -> Mapping[str, Pingable]:
        """What says how each store is."""
        return {
            "clickhouse": self.patterns, "redis": self.keys, "qdrant": self.vectors,
            "kato": self.kato,
        }  # fmt: skip

    @property
    def single_pass(self) -> Mapping[Measure, Source]:
        """What counts the stores whose one pass says all there is to say."""
        return {Measure.VECTORS: self.vectors}

    @made_once
    def writers(self) -> TenantWriters:
        """What writes for one tenant."""
        from services.stores.writers import TenantWriters

        return TenantWriters(self.engines, self._settings)

    # --- ClickHouse ---

    @made_once
    def patterns(self) -> PatternStore:
        """Usage, and whose a pattern is."""
        from services.stores.clickhouse.usage import PatternStore

        return over(self.engines.clickhouse, PatternStore)

    @made_once
    def pattern_pages(self) -> PatternPages:
        """One tenant's patterns."""
        from services.stores.clickhouse.pages import PatternPages

        return over(self.engines.clickhouse, PatternPages)

    @made_once
    def pattern_audit(self) -> PatternAudit:
        """How patterns are kept."""
        from services.stores.clickhouse.audit import PatternAudit
        from services.stores.open_doors import clickhouse_door, no_door

        door = no_door if self._embedded else clickhouse_door(self._settings)
        return over(self.engines.clickhouse, PatternAudit, door=door)

    @made_once
    def pattern_erasing(self) -> PatternErasing:
        """What erases patterns."""
        from services.stores.clickhouse.erase import PatternErasing

        return over(
            self.engines.clickhouse,
            PatternErasing,
            seconds=self._settings.pass_seconds,
        )

    @made_once
    def canary_rows(self) -> CanaryRows:
        """What writes patterns for the canary test."""
        from services.stores.canary import CanaryRows

        return over(self.engines.clickhouse, CanaryRows)

    # --- Redis ---

    @made_once
    def keys(self) -> KeyspaceStore:
        """Usage, sessions, and which keys are there."""
        from services.stores.redis.usage import KeyspaceStore

        return over(
            self.engines.redis,
            KeyspaceStore,
            service=self._settings.service_name,
            scan_count=self._settings.scan_count,
            memory_budget=self._settings.memory_budget,
            memory_sample=self._settings.memory_sample,
            memory_every=self._settings.memory_every,
            pass_seconds=self._settings.pass_seconds,
        )

    @made_once
    def key_pages(self) -> KeyPages:
        """One owner's keys."""
        from services.stores.redis.pages import KeyPages

        return over(
            self.engines.redis,
            KeyPages,
            service=self._settings.service_name,
            scan_count=self._settings.scan_count,
            pass_seconds=self._settings.pass_seconds,
            most_bytes=self._settings.value_bytes,
        )

    @made_once
    def frequencies(self) -> Frequencies:
        """How often patterns were seen."""
        from services.stores.redis.frequencies import Frequencies

        seconds = self._settings.pass_seconds
        return over(self.engines.redis, Frequencies, pass_seconds=seconds)

    @made_once
    def session_records(self) -> SessionRecords:
        """Records of sessions, read."""
        from services.stores.redis.session_detail import SessionRecords

        return over(
            self.engines.redis,
            SessionRecords,
            service=self._settings.service_name,
            scan_count=self._settings.scan_count,
            seconds=self._settings.pass_seconds,
        )

    @made_once
    def session_writes(self) -> SessionWrites:
        """Records of sessions, written to."""
        from services.stores.redis.session_writes import SessionWrites

        count, seconds = self._settings.scan_count, self._settings.pass_seconds
        return over(self.engines.redis, SessionWrites, scan_count=count, seconds=seconds)

    @made_once
    def key_audit(self) -> KeyAudit:
        """How keys are kept."""
        from services.stores.open_doors import no_door, redis_door
        from services.stores.redis.audit import KeyAudit

        engine, patience = self.engines.redis, self._settings.timeout_seconds
        door = no_door if self._embedded else redis_door(engine, seconds=patience)
        return over(engine, KeyAudit, pass_seconds=self._settings.pass_seconds, door=door)

    @made_once
    def key_erasing(self) -> KeyErasing:
        """What erases keys."""
        from services.stores.redis.erase import KeyErasing

        return over(
            self.engines.redis,
            KeyErasing,
            service=self._settings.service_name,
            scan_count=self._settings.scan_count,
            pass_seconds=self._settings.pass_seconds,
        )

    @made_once
    def canary_keys(self) -> CanaryKeys:
        """What writes keys for the canary test."""
        from services.stores.canary import CanaryKeys

        return over(self.engines.redis, CanaryKeys)

    # --- Qdrant ---

    @made_once
    def vectors(self) -> VectorStore:
        """Usage."""
        from services.stores.qdrant.usage import VectorStore

        return over(self.engines.qdrant, VectorStore, shared_collections=self._shared)

    @made_once
    def vector_pages(self) -> VectorPages:
        """One tenant's vectors."""
        from services.stores.qdrant.pages import VectorPages

        return over(self.engines.qdrant, VectorPages)

    @made_once
    def vector_audit(self) -> VectorAudit:
        """How vectors are kept."""
        from services.stores.open_doors import no_door, qdrant_door
        from services.stores.qdrant.audit import VectorAudit

        engine, patience = self.engines.qdrant, self._settings.timeout_seconds
        door = no_door if self._embedded else qdrant_door(engine, seconds=patience)
        return over(engine, VectorAudit, shared_collections=self._shared, door=door)

    @made_once
    def vector_erasing(self) -> VectorErasing:
        """What erases vectors."""
        from services.stores.qdrant.erase import VectorErasing

        seconds = self._settings.pass_seconds
        return over(
            self.engines.qdrant, VectorErasing, seconds=seconds, shared_collections=self._shared
        )

    @made_once
    def canary_points(self) -> CanaryPoints:
        """What writes vectors for the canary test."""
        from services.stores.canary import CanaryPoints

        return over(self.engines.qdrant, CanaryPoints)

    # --- KATO ---

    @made_once
    def kato(self) -> KatoApi:
        """Its API."""
        from services.stores.kato.api import KatoApi

        return over(self.engines.kato, KatoApi, alone=self._embedded)

    @made_once
    def kato_workers(self) -> KatoWorkers:
        """How its workers are."""
        from services.stores.kato.workers import KatoWorkers

        return over(self.engines.kato, KatoWorkers, alone=self._embedded)

    @made_once
    def kato_audit(self) -> KatoAudit:
        """Whether it lets anyone in."""
        from services.stores.kato.audit import KatoAudit
        from services.stores.open_doors import kato_door, no_door

        engine, patience = self.engines.kato, self._settings.timeout_seconds
        door = no_door if self._embedded else kato_door(engine, seconds=patience)
        return over(engine, lambda _: KatoAudit(door=door))

    @made_once
    def own_session(self) -> OwnSession:
        """The calls that only the canary test makes."""
        from services.stores.kato.canary import OwnSession

        return over(self.engines.kato, OwnSession)
