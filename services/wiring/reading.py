"""Wires the stores, and what reads them or one tenant's part of them."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from services.made_once import made_once
from services.stores.adapters import Stores
from services.stores.open import VARIABLES
from services.wiring.records import OwnRecords

if TYPE_CHECKING:
    from services.browse.service import InspectionService
    from services.embedded.engines import EmbeddedSet
    from services.find.search import FindService
    from services.health.check import HealthService, Pingable
    from services.isolation.ports import FactSources
    from services.sessions.care import Route, SessionCare
    from services.sessions.rotate import KeyRotation
    from services.usage.collect import UsageService
    from services.usage.snapshot import Snapshot
    from services.usage.turns import Turns


class Reading(OwnRecords):
    """The stores, and the use cases that ask them and nothing else.

    `turns` are those in which they are read beside other deployments of this process.
    """

    turns: Turns | None = None

    @made_once
    def embedded(self) -> EmbeddedSet | None:
        """The embedded engines, None where a store is configured."""
        if not self.settings.embedded:
            return None
        from services.embedded.engines import started  # an extra that need not be installed

        return started(self.settings, self.closing)

    @made_once
    def stores(self) -> Stores:
        """Every store."""
        stores = Stores(self.settings, self.embedded)
        self.closing.callback(stores.close)
        return stores

    @made_once
    def usage(self) -> UsageService:
        """What everyone uses, read anew."""
        from services.usage.collect import UsageService

        return UsageService(
            patterns=self.stores.patterns,
            keys=self.stores.keys,
            single_pass=self.stores.single_pass,
            kato=self.stores.kato,
            state=self.state,
            owners=self.owners,
            service=self.settings.service_name,
            shared_collections=frozenset(self.settings.shared_collections),
            deadline=self.settings.pass_seconds,
            whole_every=self.settings.whole_pass_minutes * 60,
            turn=self.turns.turn if self.turns is not None else nullcontext,
        )

    @made_once
    def health(self) -> HealthService:
        """How every store is."""
        from services.health.check import HealthService

        stores: dict[str, Pingable] = {**self.stores.pingable, "state store": self.state}
        variables = {**VARIABLES, "state store": "KATO_TENANTS_STATE_URL or KATO_TENANTS_DATA"}
        if self.history_place is not None:
            stores["history store"] = self.history_place
            variables["history store"] = "KATO_TENANTS_HISTORY_URL"
        seconds = self.settings.timeout_seconds + 1
        embedded = self.embedded
        notes = {} if embedded is None else {"redis": embedded.note}
        return HealthService(stores, variables=variables, timeout=seconds, notes=notes)

    def remember(self, snapshot: Snapshot) -> None:
        """Record a snapshot in usage over time. Raises StoreUnavailable."""
        self._year_before(snapshot)
        self.history_recorder.follow(snapshot)

    def _year_before(self, snapshot: Snapshot) -> None:
        """Have a sample fleet a year that leads to it, before it is recorded, and cards."""
        if self.embedded is None or not snapshot.settled or self._has_past or self.history_place:
            return
        from services.embedded.sample.fill import is_filled
        from services.embedded.sample.past import year_before

        self._has_past = True
        if is_filled(self.settings.data) and not self.history_records.head().number:
            self.made_up_history.keep(year_before(snapshot))
            self._fill_cards()

    def _fill_cards(self) -> None:
        """Have a sample fleet cards, where nobody wrote any."""
        from services.embedded.sample.cards import BY, EDITS, HELD, WHY

        if not self.cards.cards():
            self.cards.change(EDITS, by=BY)
            self.cards.hold([HELD], reason=WHY, by=BY)

    _has_past = False

    @made_once
    def finding(self) -> FindService:
        """Whose something is."""
        from services.find.search import FindService

        return FindService(
            patterns=self.stores.patterns,
            keys=self.stores.keys,
            ownership=self.usage.ownership,
            schemes=self.settings.naming,
            service=self.settings.service_name,
            shared_collections=frozenset(self.settings.shared_collections),
            timeout=self.settings.timeout_seconds + 1,
            cards=self._cards,
        )

    @made_once
    def inspection(self) -> InspectionService:
        """One tenant's patterns, keys and vectors."""
        from services.browse.service import InspectionService, Sources

        stores = self.stores
        sources = Sources(
            stores.pattern_pages, stores.frequencies, stores.key_pages, stores.vector_pages
        )
        return InspectionService(sources, service=self.settings.service_name)

    @made_once
    def care(self) -> SessionCare:
        """What looks at sessions, and extends, clears and ends them."""
        from services.sessions.care import SessionCare

        return SessionCare(
            self.stores.kato,
            records=self.stores.session_records,
            index=self.stores.session_writes,
            encryption=self.settings.encryption,
            route=self._route,
        )

    def _route(self) -> Route:
        """Return what says which KATO serves whom now."""
        kato = self.stores.kato
        return lambda _: kato

    @made_once
    def rotation(self) -> KeyRotation:
        """What encrypts metadata with the first key."""
        from services.sessions.rotate import KeyRotation

        return KeyRotation(
            records=self.stores.session_records,
            writes=self.stores.session_writes,
            encryption=self.settings.encryption,
        )

    @made_once
    def facts(self) -> FactSources:
        """What the audit asks of the stores besides the usage."""
        from services.isolation.ports import FactSources

        stores = self.stores
        return FactSources(
            stores.pattern_audit, stores.key_audit, stores.vector_audit, stores.kato_audit
        )
