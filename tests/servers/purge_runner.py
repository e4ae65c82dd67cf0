"""A process that takes the lease of a purge job and writes to its journal until it may no more."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from services.errors import LeaseLost, StoreUnavailable
from services.jobs.models import Progress
from services.purge.steps import StepName
from services.stores.records.database import open_database
from services.stores.records.purges.jobs import PurgeJobs


def main(data: str, url: str, job_id: str) -> None:
    """Print `ready`, wait for a line, take the lease and print its number.

    With the line `at once` it writes without a pause, else after another line; in the end it
    prints how often it wrote.
    """
    print("ready", flush=True)
    word = sys.stdin.readline().strip()
    jobs = PurgeJobs(open_database(Path(data), url or None, seconds=20))
    now = datetime.now(UTC)
    lease = jobs.lease(job_id, "runner", at=now, until=now + timedelta(seconds=1))
    assert lease is not None
    print(lease, flush=True)
    if word != "at once":
        sys.stdin.readline()
    print(_write(jobs, job_id, lease), flush=True)


def _write(jobs: PurgeJobs, job_id: str, lease: int) -> int:
    number = 0
    while True:
        try:
            at = datetime.now(UTC)
            jobs.say(job_id, Progress("the runner's", number, number), lease=lease)
            result = {"runner": number}
            jobs.end_step(job_id, StepName.CHECK, at, lease=lease, result=result)
            number += 1
        except StoreUnavailable:
            pass  # the server gave up on who was paused: as a run would, it tries again
        except LeaseLost:
            return number


if __name__ == "__main__":
    main(*sys.argv[1:])
