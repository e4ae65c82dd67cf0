"""Proving archives in the background: all of one is read back, which may take minutes."""

from __future__ import annotations

from dataclasses import replace

from pydantic import TypeAdapter

from services.archive.hearing import hearing
from services.archive.service import ArchiveService
from services.archive.verify import Proof
from services.jobs.looks import About, LookBook, LookWork
from services.jobs.models import Job, Result
from services.jobs.ports import Jobs, Said
from services.jobs.run import Stops
from services.jobs.service import JobsService

KIND = "verify archive"

_PROOF = TypeAdapter(Proof)


def about(archive_id: str) -> About:
    """Say what a proof is of; with the stores or not, it is the newest that is shown."""
    return {"archive": archive_id}


def book(work: JobsService) -> LookBook[Proof]:
    """Return the proofs that were asked for; they name no chunks."""
    return LookBook(KIND, work, lambda found: _PROOF.validate_python(found["proof"]))


def work(service: ArchiveService, jobs: Jobs, job: Job) -> LookWork:
    """Return what such a job does."""

    def looks(said: Said, stops: Stops) -> Result:
        proof = service.verify(
            str(job.plan["archive"]), stores=bool(job.plan["stores"]), hears=hearing(said, stops)
        )
        return {"proof": _PROOF.dump_python(_without_chunks(proof), mode="json")}

    return LookWork(jobs, job, looks)


def _without_chunks(proof: Proof) -> Proof:
    if proof.manifest is None:
        return proof
    return replace(proof, manifest=replace(proof.manifest, chunks=()))
