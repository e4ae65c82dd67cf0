"""Wires what looks for a long time in the background: plans, and proofs of archives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.made_once import made_along, made_once

if TYPE_CHECKING:
    from services.apart.planning import Planned as Apart
    from services.archive.verify import Proof
    from services.jobs.looks import LookBook
    from services.jobs.service import JobsService, Kinds
    from services.move.models import Plan as Moving
    from services.parking.models import Plan as Parking
    from services.purge.models import Plan as Purging
    from services.restore.models import Plan as Restoring
    from services.retention.models import Plan as Retention
    from services.wiring.working import Working


class Looking:
    """Looks of every kind; what reads archives, which may take hours, keeps no other waiting."""

    def __init__(self, services: Working) -> None:
        self._services = services
        made_along(self, services)

    def start(self) -> None:
        """Begin to run them, in threads of their own."""
        self._archives.worker.start()
        self._stores.worker.start()

    @made_once
    def restore(self) -> LookBook[Restoring]:
        """Plans of restores."""
        from services.restore.planning import book

        return book(self._archives)

    @made_once
    def proofs(self) -> LookBook[Proof]:
        """Proofs of archives."""
        from services.archive.proving import book

        return book(self._archives)

    @made_once
    def move(self) -> LookBook[Moving]:
        """Plans of moves."""
        from services.move.planning import book

        return book(self._stores)

    @made_once
    def parking(self) -> LookBook[Parking]:
        """Plans of parking."""
        from services.parking.planning import book

        return book(self._stores)

    @made_once
    def apart(self) -> LookBook[Apart]:
        """Plans of taking shared kb_ids apart, each with what was said for it."""
        from services.apart.planning import book

        return book(self._stores)

    @made_once
    def retention(self) -> LookBook[Retention]:
        """Plans of retention."""
        from services.retention.planning import book

        return book(self._stores)

    @made_once
    def purge(self) -> LookBook[Purging]:
        """Plans of purges."""
        from services.purge.planning import book

        return book(self._stores, self._services.purge.whole)

    @made_once
    def _archives(self) -> JobsService:
        from services.archive import proving
        from services.restore import planning as restore

        services, jobs = self._services, self._services.job_book
        return self._service("archive looks", {
            restore.KIND: lambda job: restore.work(services.restore_tools, jobs, job),
            proving.KIND: lambda job: proving.work(services.archive, jobs, job),
        })  # fmt: skip

    @made_once
    def _stores(self) -> JobsService:
        from services.apart import planning as apart
        from services.move import planning as move
        from services.parking import planning as parking
        from services.purge import planning as purge
        from services.retention import planning as retention

        services, jobs = self._services, self._services.job_book
        return self._service("looks", {
            move.KIND: lambda job: move.work(services.move, jobs, job),
            apart.KIND: lambda job: apart.work(services.apart, jobs, job),
            parking.KIND: lambda job: parking.work(services.parking, jobs, job),
            purge.KIND: lambda job: purge.work(services.purge, jobs, job),
            retention.KIND: lambda job: retention.work(services.retaining.service, jobs, job),
        })  # fmt: skip

    def _service(self, name: str, kinds: Kinds) -> JobsService:
        from services.jobs.service import JobsService

        service = JobsService(self._services.job_book, kinds, name=name)
        self._services.closing.callback(service.worker.stop)
        return service
