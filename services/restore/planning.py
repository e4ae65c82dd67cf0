"""Planning restores in the background: all of an archive is read for it, which may take minutes."""

from __future__ import annotations

from services.access.gate import digest_of_words
from services.archive.hearing import hearing
from services.jobs.looks import Look, LookBook, LookWork
from services.jobs.models import Job, Result
from services.jobs.ports import Jobs, Said
from services.jobs.run import Stops
from services.jobs.service import JobsService
from services.restore.formats import plan_json, plan_of
from services.restore.models import Plan
from services.restore.plan import plan
from services.restore.source import Tools
from services.tenancy.kb_ids import TenantKey

KIND = "plan restore"


class Planning:
    """Plans that were asked for, each by where its archive is, and as whom it is to come back."""

    def __init__(self, work: JobsService) -> None:
        self._looks = LookBook(KIND, work)

    def ask(self, url: str, named: TenantKey | None, *, by: str) -> Look:
        """Have it planned, soon, unless that is under way. Raises StoreUnavailable."""
        asked = {"url": url, "named": None if named is None else str(named)}
        return self._looks.ask(_about(url, named), asked, by=by)

    def newest(self, url: str, named: TenantKey | None) -> Look | None:
        """Return the newest, None where none was asked for."""
        return self._looks.newest(_about(url, named))

    def planned(self, url: str, named: TenantKey | None, digest: str) -> Plan | None:
        """Return one with this digest that is known."""
        found = (found_in(look) for look in self._looks.every(_about(url, named)))
        return next((each for each in found if each is not None and each.digest == digest), None)

    def stop(self, url: str, named: TenantKey | None) -> None:
        """Let the one that is under way end as soon as it can."""
        self._looks.stop(_about(url, named))


def work(tools: Tools, jobs: Jobs, job: Job) -> LookWork:
    """Return what such a job does."""
    url, name = str(job.plan["url"]), job.plan["named"]
    named = None if name is None else TenantKey.written(name)

    def looks(said: Said, stops: Stops) -> Result:
        return {"plan": plan_json(plan(tools, url, named, hearing(said, stops)))}

    return LookWork(jobs, job, looks)


def found_in(look: Look) -> Plan | None:
    """Return the plan that a look came to, None where it came to none."""
    return plan_of(look.found["plan"]) if look.found else None


def _about(url: str, named: TenantKey | None) -> str:
    return digest_of_words("plan a restore", url, "" if named is None else str(named))
