"""A process that takes the lease of a purge job and writes to its journal until it may no more."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from services.errors import LeaseLost
from services.purging.models import Progress, StepName
from services.stores.database import open_database
from services.stores.purge_jobs import PurgeJobs


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
    for number in count():
        try:
            at = datetime.now(UTC)
            jobs.say(job_id, Progress("the runner's", number, number), lease=lease)
            jobs.end_step(job_id, StepName.CHECK, at, lease=lease, result={"runner": number})
        except LeaseLost:
            return number
        time.sleep(0.001)
    raise AssertionError


if __name__ == "__main__":
    main(*sys.argv[1:])
