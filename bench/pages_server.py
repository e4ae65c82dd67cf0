"""A dashboard of a made-up fleet, served by Streamlit as it is in production.

Everything from the services on is the real thing; only what the stores bring back is made up.

    python -m bench.pages_server PORT TENANTS DATA
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from streamlit.web import bootstrap as streamlit_bootstrap

from bench.readings import Fleet, fleet
from services import bootstrap
from services.bootstrap import Services
from services.figures import Amount, Measure
from services.find.search import FindService
from services.settings.environment import Settings
from services.stores.absent import absent
from services.stores.records.nodes import StateStore
from services.tenancy.schemes import NamingSchemes
from services.usage.collect import UsageService
from services.usage.kept import Owners
from services.usage.readings import KeyReading, PatternReading, ProcessorReading, VectorReading
from services.usage.refresh import Collector

ENTRY = Path(__file__).parents[1] / "streamlit_app.py"


@dataclass(frozen=True)
class Patterns:
    """Stands for ClickHouse."""

    reading: PatternReading

    def quick(self) -> PatternReading:
        """Return what was made up."""
        return self.reading

    def read(self, *, last: PatternReading | None = None) -> PatternReading:
        """Return what was made up."""
        del last
        return self.reading


@dataclass(frozen=True)
class Keys:
    """Stands for Redis."""

    reading: KeyReading

    def estimate(self, kb_ids: Sequence[str]) -> KeyReading:
        """Return what was made up."""
        del kb_ids
        return self.reading

    def read(
        self, *, memory: bool = True, progress: Callable[[KeyReading], None] | None = None,
        last: KeyReading | None = None,
    ) -> KeyReading:  # fmt: skip
        """Return what was made up."""
        del memory, progress, last
        return self.reading


@dataclass(frozen=True)
class Vectors:
    """Stands for Qdrant."""

    reading: VectorReading

    def read(self) -> VectorReading:
        """Return what was made up."""
        return self.reading


class Kato:
    """Stands for KATO, with nothing in its memory."""

    def cached_processors(self) -> ProcessorReading:
        """Return none."""
        return ProcessorReading()


def usage_of(made_up: Fleet, state: StateStore) -> UsageService:
    """Build the use case over made-up stores, with every node_id of the fleet on record."""
    readings = made_up.readings
    assert readings.patterns
    assert readings.keys
    assert readings.vectors
    state.record_nodes(dict.fromkeys(made_up.seen, "session"), datetime.now(UTC))
    return UsageService(
        patterns=Patterns(readings.patterns),
        keys=Keys(readings.keys),
        single_pass={Measure.VECTORS: Vectors(readings.vectors)},
        kato=Kato(),
        state=state,
        owners=Owners(state, schemes=NamingSchemes.of(), service="kato"),
    )


def services_of(tenants: int, data: Path) -> Services:
    """Wire the services of a made-up fleet with a week of history, its first refresh done.

    All but what reads the fleet is wired as it always is, over a store that is never asked.
    """
    settings = Settings(KATO_TENANTS_DATA=data, KATO_API_URL="http://127.0.0.1:9")
    built = bootstrap.build(settings)
    _record_a_week(built.state)
    usage = usage_of(fleet(tenants), built.state)
    built.usage = usage
    built.collector = Collector(usage, interval=3600, then=built.isolation.follow)
    built.collector.start()
    assert built.collector.wait(timeout=600)
    built.finding = FindService(
        patterns=absent("clickhouse", "CLICKHOUSE_HOST"),
        keys=absent("redis", "REDIS_URL"),
        ownership=usage.ownership,
        schemes=NamingSchemes.of(),
    )
    return built


def _record_a_week(state: StateStore) -> None:
    now = datetime.now(UTC)
    for hours in range(7 * 24, 0, -1):
        totals = {measure: Amount(1_000 * (200 - hours), 1_000_000) for measure in Measure}
        state.record_totals(totals, now - timedelta(hours=hours))


def main() -> None:
    """Serve until killed."""
    port, tenants, data = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    began = time.perf_counter()
    built = services_of(tenants, data)
    print(f"services with a snapshot of {tenants:,} tenants: {time.perf_counter() - began:.1f} s")
    bootstrap.build = lambda *_, **__: built
    streamlit_bootstrap.load_config_options({"server_port": port, "server_headless": True})
    streamlit_bootstrap.run(str(ENTRY), False, [], {})


if __name__ == "__main__":
    main()
