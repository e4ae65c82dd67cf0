"""Wires what needs this product's own records alone."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from services.made_once import made_once
from services.wiring.logged import Logged

if TYPE_CHECKING:
    from services.bill.service import BillService
    from services.cards.models import LabelsOf
    from services.cards.service import Cards, CardService
    from services.history.ports import HistoryStore
    from services.history.read import HistoryService
    from services.history.record import HistoryRecorder, Retention
    from services.limits.service import LimitsService
    from services.move.models import Moved
    from services.parking.models import Parked
    from services.stores.clickhouse.history import ClickHouseHistory
    from services.stores.records.apart import ApartBook
    from services.stores.records.cards import CardBook
    from services.stores.records.events import EventRecords
    from services.stores.records.history_made_up import MadeUpHistory
    from services.stores.records.instances import InstanceBook
    from services.stores.records.jobs.jobs import JobBook
    from services.stores.records.purges.jobs import PurgeJobs
    from services.stores.records.retention import PolicyBook
    from services.stores.records.tenant_book import TenantBook
    from services.wiring.alerting import Alerting


class OwnRecords(Logged):
    """All that is kept in the database: jobs, cards, limits, usage over time, besides the log."""

    def let_go(self) -> None:
        """Let go of the jobs under way: each stays as its journal has it, and runs.

        Whoever takes it up goes on with the step that was begun, once its lease is over.
        """
        for book in ("jobs", "job_book"):
            if book in vars(self):
                getattr(self, book).let_go()

    @made_once
    def history(self) -> HistoryService:
        """What tells how much of what there was when."""
        from services.history.read import HistoryService

        return HistoryService(
            self.history_records, retention=self._retention, now=self.now,
            made_up_until=self._made_up_until,
        )  # fmt: skip

    @made_once
    def events(self) -> EventRecords:
        """What happened to the fleet and its tenants."""
        from services.stores.records.events import EventRecords

        return EventRecords(self.database)

    @made_once
    def history_recorder(self) -> HistoryRecorder:
        """What records each snapshot."""
        from services.history.record import HistoryRecorder

        settings = self.settings
        gap = timedelta(seconds=3 * settings.refresh_seconds + settings.pass_seconds)
        return HistoryRecorder(self.history_records, gap=gap, retention=self._retention)

    @made_once
    def history_records(self) -> HistoryStore:
        """Where usage over time is kept."""
        if self.history_place is not None:
            return self.history_place
        from services.stores.records.history import HistoryRecords

        if not self.settings.embedded:  # what was tried out before is not this deployment's
            self.made_up_history.forget()
        return HistoryRecords(self.database)

    @made_once
    def history_place(self) -> ClickHouseHistory | None:
        """The ClickHouse for usage over time, if one is set; nothing is sent yet."""
        if self.settings.history_url is None:
            return None
        from services.stores.history_place import history_at

        url = self.settings.history_url.get_secret_value()
        return history_at(url, self.settings, self.database, self.closing)

    @made_once
    def bill(self) -> BillService:
        """What reckons what a month costs."""
        from services.bill.price_file import terms_in
        from services.bill.service import BillService

        zone = ZoneInfo(self.settings.bill_zone)
        bill = BillService(
            self.history, terms=lambda: terms_in(self._prices), zone=zone, now=self.now,
            labels=self._labels,
        )  # fmt: skip
        self.closing.callback(bill.close)
        return bill

    @property
    def _prices(self) -> Path | None:
        """Where the price file is: as it is set, else that of the sample fleet."""
        from services.embedded.sample.prices import FILE

        settings = self.settings
        sample = settings.data / FILE
        made_up = settings.prices is None and settings.embedded and sample.is_file()
        return sample if made_up else settings.prices

    @made_once
    def made_up_history(self) -> MadeUpHistory:
        """The past of the sample fleet."""
        from services.stores.records.history_made_up import MadeUpHistory

        return MadeUpHistory(self.database)

    def _made_up_until(self) -> int | None:
        return None if self.history_place is not None else self.made_up_history.until()

    @property
    def _retention(self) -> Retention:
        from services.history.record import Retention

        settings = self.settings
        return Retention(
            timedelta(days=settings.history_hours_days), timedelta(days=settings.history_days)
        )

    @made_once
    def limits(self) -> LimitsService:
        """Limits, and who is near or over."""
        from services.limits.models import Thresholds
        from services.limits.service import LimitsService
        from services.stores.records.limits import LimitBook

        thresholds = Thresholds(self.settings.limit_near, self.settings.limit_back)
        return LimitsService(
            LimitBook(self.database), thresholds=thresholds, now=self.now, cards=self.cards
        )

    @made_once
    def cards(self) -> CardService:
        """Cards, and which tenants are on hold."""
        from services.apart import doings as aparting
        from services.archive import doings as archiving
        from services.cards.service import CardService
        from services.move import doings as moving
        from services.parking import doings as parking
        from services.purge import doings as purging
        from services.stores.records.archives import ArchiveBook

        archives = ArchiveBook(self.database)
        doings = (
            lambda: purging.doings_of(self.jobs), lambda: archiving.doings_of(archives),
            lambda: parking.doings_of(self.parking_book),
            lambda: moving.doings_of(self.job_book, self.move_book),
            lambda: aparting.doings_of(self.job_book),
        )  # fmt: skip
        return CardService(self.card_book, now=self.now, doings=doings)

    def _cards(self) -> Cards:
        """Return cards; made when they are asked for, since the records may not answer."""
        return self.cards.cards()

    def _labels(self) -> LabelsOf:
        return self.cards.labels()

    @made_once
    def card_book(self) -> CardBook:
        """Where cards are kept; `holds` of it is what every deed that erases asks."""
        from services.stores.records.cards import CardBook

        return CardBook(self.database)

    @made_once
    def parking_book(self) -> TenantBook[Parked]:
        """Which tenants are parked."""
        from services.parking.models import parked_of, parked_text
        from services.stores.records.life_tables import PARKED
        from services.stores.records.tenant_book import TenantBook

        return TenantBook(self.database, PARKED, text=parked_text, read=parked_of)

    @made_once
    def move_book(self) -> TenantBook[Moved]:
        """Which tenants are in another deployment."""
        from services.move.models import moved_of, moved_text
        from services.stores.records.life_tables import MOVED
        from services.stores.records.tenant_book import TenantBook

        return TenantBook(self.database, MOVED, text=moved_text, read=moved_of)

    @made_once
    def instance_book(self) -> InstanceBook:
        """Which KATO serves which tenant."""
        from services.stores.records.instances import InstanceBook

        return InstanceBook(self.database)

    @made_once
    def apart_book(self) -> ApartBook:
        """Which shared kb_ids were taken apart."""
        from services.stores.records.apart import ApartBook

        return ApartBook(self.database)

    @made_once
    def policies(self) -> PolicyBook:
        """Retention policies."""
        from services.stores.records.retention import PolicyBook

        return PolicyBook(self.database)

    @made_once
    def jobs(self) -> PurgeJobs:
        """Plans and jobs of purges."""
        from services.audit_log.chain import LogKeys
        from services.stores.records.purges.jobs import PurgeJobs

        return PurgeJobs(self.database, LogKeys(self.settings.log_keys))

    @made_once
    def job_book(self) -> JobBook:
        """Jobs of every kind but purges."""
        from services.stores.records.jobs.jobs import JobBook

        return JobBook(self.database)

    @made_once
    def alerting(self) -> Alerting:
        """Alerts, and who is told of them."""
        from services.wiring.alerting import Alerting

        return Alerting(
            self.settings, self.database, self.closing, now=self.now, wake=self._wake_alerts
        )

    def _wake_alerts(self) -> None:
        """Have messages sent at once: here nobody sends, another process does."""
