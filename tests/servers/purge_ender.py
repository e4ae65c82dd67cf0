"""A process that ends a purge job, and is killed before the audit log has that."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from services.purge.job import Outcome
from services.stores.records.database import open_database
from services.stores.records.purges.jobs import PurgeJobs
from tests.servers.purger import begun, leased


def main(data: str, url: str) -> None:
    """Print `ready`, wait for a line, end a job, print its id, and stay until it is killed."""
    print("ready", flush=True)
    sys.stdin.readline()
    jobs = PurgeJobs(open_database(Path(data), url or None, seconds=20))
    job = begun(jobs, "tenant/acme")
    jobs.end(job.id, Outcome.ERASED, "{}", datetime.now(UTC), (), lease=leased(jobs, job))
    print(job.id, flush=True)
    time.sleep(600)


if __name__ == "__main__":
    main(*sys.argv[1:])
