"""Wires jobs: purges, and those of every other kind."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from services.made_once import made_once
from services.wiring.reading import Reading

if TYPE_CHECKING:
    from services.apart.service import ApartService
    from services.apart.tools import Tools as ApartTools
    from services.archive.before_purge import BeforePurge
    from services.archive.service import ArchiveService
    from services.archive.tools import Tools as ArchiveTools
    from services.imports.service import ImportService
    from services.isolation.audit import IsolationService
    from services.jobs.models import Job as AnyJob
    from services.jobs.service import JobsService, Kinds
    from services.move.service import MoveService
    from services.move.tools import Tools as MoveTools
    from services.parking.service import ParkingService
    from services.parking.tools import Tools as ParkingTools
    from services.purge.job import Job
    from services.purge.later_looks import LaterLooks
    from services.purge.look import Erasers
    from services.purge.service import PurgeService
    from services.purge.tools import Tools
    from services.purge.worker import PurgeWorker
    from services.restore.service import RestoreService
    from services.restore.source import Tools as RestoreTools
    from services.sessions.care import Route
    from services.settings.environment import Settings
    from services.wiring.looking import Looking
    from services.wiring.retaining import Retaining
    from services.wiring.serving import Serving


class Working(Reading):
    """What erases, writes and takes its time, each in a journaled job."""

    @made_once
    def erasers(self) -> Erasers:
        """What erases in the stores."""
        from services.purge.look import Erasers

        stores, seconds = self.stores, self.settings.pass_seconds
        return Erasers(stores.pattern_erasing, stores.key_erasing, stores.vector_erasing, seconds)

    @made_once
    def serving(self) -> Serving:
        """Which KATO serves which tenant."""
        from services.wiring.serving import Serving

        return Serving(self)

    def _route(self) -> Route:
        return self.serving.route()

    @made_once
    def _purge_tools(self) -> Tools:
        from services.purge.tools import Tools

        return Tools(
            erasers=self.erasers,
            kato=self.serving.every_kato(),
            jobs=self.jobs,
            saw=self.saw,
            ownership=self.usage.ownership,
            holds=self.card_book.holds,
            versions=self.versions,
            settle_seconds=self.settings.settle_seconds,
            plan_seconds=self.settings.plan_minutes * 60,
            learns=self.embedded is None,
            archiver=self.before_purge,
        )

    @property
    def before_purge(self) -> BeforePurge:
        """What takes an archive before anything is erased, and says why it cannot."""
        from services.archive.before_purge import BeforePurge
        from services.wiring.archiving import place_of

        return BeforePurge(lambda: self.archive, check=lambda: place_of(self.settings, ""))

    def saw(self, seen: Mapping[str, str]) -> None:
        """Record node_ids that were seen now, with where each was."""
        self.state.record_nodes(seen, self.now())

    def versions(self) -> Mapping[str, str]:
        """Name the version of this product, and of each store that answers."""
        from importlib.metadata import version

        checks = self.health.check()
        answered = {check.store: check.health.version for check in checks if check.health}
        return {"kato-tenants": version("kato-tenants"), **answered}

    @made_once
    def purge(self) -> PurgeService:
        """What plans and begins purges."""
        from services.purge.service import PurgeService

        return PurgeService(self._purge_tools, worker=self.purge_worker)

    @made_once
    def archive_tools(self) -> ArchiveTools:
        """What archives need."""
        from services.wiring.archiving import archive_tools

        return archive_tools(self)

    @made_once
    def archive(self) -> ArchiveService:
        """What takes archives, proves them and keeps track of them."""
        from services.archive.service import ArchiveService

        return ArchiveService(self.archive_tools, self.work)

    @made_once
    def restore_tools(self) -> RestoreTools:
        """What restores need."""
        from services.wiring.restoring import restore_tools

        return restore_tools(self)

    @made_once
    def restore(self) -> RestoreService:
        """What writes archives back."""
        from services.restore.service import RestoreService

        return RestoreService(self.restore_tools, self.work)

    @made_once
    def looking(self) -> Looking:
        """What looks for a long time, beside all other work, once it is started."""
        from services.wiring.looking import Looking

        return Looking(self)

    @made_once
    def imports(self) -> ImportService:
        """What writes data for a tenant out of a file."""
        from services.wiring.importing import import_service

        return import_service(self)

    @made_once
    def _parking_tools(self) -> ParkingTools:
        from services.wiring.parking import parking_tools

        return parking_tools(self)

    @made_once
    def parking(self) -> ParkingService:
        """What parks tenants, and brings them back."""
        from services.parking.service import ParkingService

        return ParkingService(self._parking_tools, self.work)

    def elsewhere(self, settings: Settings) -> Working:
        """Open another deployment; its records and stores are open then."""
        raise NotImplementedError

    @made_once
    def _move_tools(self) -> MoveTools:
        from services.wiring.moving import move_tools

        return move_tools(self)

    @made_once
    def move(self) -> MoveService:
        """What moves tenants to another deployment."""
        from services.move.service import MoveService

        return MoveService(self._move_tools, self.work)

    @made_once
    def _apart_tools(self) -> ApartTools:
        from services.wiring.aparting import apart_tools

        return apart_tools(self)

    @made_once
    def apart(self) -> ApartService:
        """What takes shared kb_ids apart."""
        from services.apart.service import ApartService

        return ApartService(self._apart_tools, self.work)

    @made_once
    def work(self) -> JobsService:
        """What runs jobs of every kind but purges, once its worker is started."""
        from services.apart.work import ApartWork
        from services.archive.run import ArchiveWork
        from services.jobs.service import JobsService
        from services.move.models import KIND as MOVE
        from services.move.run import MoveWork
        from services.restore.run import RestoreWork
        from services.wiring.parking import kinds as parking

        kinds: Kinds = {
            "archive": lambda job: ArchiveWork(self.archive_tools, self.job_book, job),
            "restore": lambda job: RestoreWork(self.restore_tools, self.job_book, job),
            "import": lambda job: self.imports.work(job, self.job_book),
            "apart": lambda job: ApartWork(self._apart_tools, job),
            **dict([self.retaining.kind]),
            **parking(lambda: self._parking_tools),
            MOVE: lambda job: MoveWork(self._move_tools, job),
        }
        service = JobsService(self.job_book, kinds, on_run=self._job_ran)
        self.closing.callback(service.worker.stop)
        return service

    def _job_ran(self, job: AnyJob) -> None:
        """Follow each run of a job: figures are read anew, and the log gets its end."""
        self.read_anew()
        self.retaining.ran(job)

    @made_once
    def retaining(self) -> Retaining:
        """Retention."""
        from services.wiring.retaining import Retaining

        return Retaining(self)

    @made_once
    def purge_worker(self) -> PurgeWorker:
        """What runs their jobs, once it is started."""
        from services.purge.worker import PurgeWorker

        worker = PurgeWorker(self._purge_tools, on_end=self._purge_ran)
        self.closing.callback(worker.stop)
        return worker

    @made_once
    def _later_looks(self) -> LaterLooks:
        from services.purge.later_looks import LaterLooks

        return LaterLooks(self.jobs)

    def _purge_ran(self, job: Job) -> None:
        """Follow each run of a job: figures are read anew, and the log gets its end."""
        from services.purge.log_ends import log_purge

        self.read_anew()
        log_purge(self.logbook, self.jobs, job)

    @property
    def isolation(self) -> IsolationService:
        """What audits; what takes archives asks it for the last audit."""
        raise NotImplementedError

    def read_anew(self) -> None:
        """Have all figures read anew, soon: here nobody collects, another process does."""

    def tend_records(self) -> None:
        """Add to the log the ends of purges that it has not, and remove plans and looks of before.

        Raises nothing: what cannot be done now is done the next time.
        """
        from services.audit_log.service import warning
        from services.jobs.looks import KEPT
        from services.purge.log_ends import add_missing_ends

        now = self.now()
        add_missing_ends(self.logbook, self.jobs, now=now)
        with warning("plans that expired could not be removed"):
            self.jobs.drop_plans(now)
        with warning("looks that ended could not be removed"):
            expired = now - timedelta(minutes=self.settings.plan_minutes)
            self.job_book.drop_looks(before=expired, newest_before=now - KEPT)
