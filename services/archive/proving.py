"""Proving archives in the background: all of one is read back, which may take minutes."""

from __future__ import annotations

from dataclasses import replace

from pydantic import TypeAdapter

from services.archive.hearing import hearing
from services.archive.service import ArchiveService
from services.archive.verify import Proof
from services.jobs.looks import Look, LookBook, LookWork
from services.jobs.models import Job, Result
from services.jobs.ports import Jobs, Said
from services.jobs.run import Stops
from services.jobs.service import JobsService

KIND = "verify archive"

_PROOF = TypeAdapter(Proof)


class Proving:
    """Proofs that were asked for, each by its archive's id."""

    def __init__(self, work: JobsService) -> None:
        self._looks = LookBook(KIND, work)

    def ask(self, archive_id: str, *, stores: bool, by: str) -> Look:
        """Have one proven, soon, unless that is under way. Raises StoreUnavailable."""
        asked = {"archive": archive_id, "stores": stores}
        return self._looks.ask(archive_id, asked, by=by)

    def newest(self, archive_id: str) -> Look | None:
        """Return the newest of an archive, None where none was asked for."""
        return self._looks.newest(archive_id)

    def stop(self, archive_id: str) -> None:
        """Let the one that is under way end as soon as it can."""
        self._looks.stop(archive_id)


def work(service: ArchiveService, jobs: Jobs, job: Job) -> LookWork:
    """Return what such a job does."""

    def looks(said: Said, stops: Stops) -> Result:
        proof = service.verify(
            str(job.plan["archive"]), stores=bool(job.plan["stores"]), hears=hearing(said, stops)
        )
        return {"proof": _PROOF.dump_python(_without_chunks(proof), mode="json")}

    return LookWork(jobs, job, looks)


def found_in(look: Look) -> Proof | None:
    """Return the proof that a look came to, None where it came to none; it names no chunks."""
    return _PROOF.validate_python(look.found["proof"]) if look.found else None


def _without_chunks(proof: Proof) -> Proof:
    if proof.manifest is None:
        return proof
    return replace(proof, manifest=replace(proof.manifest, chunks=()))
