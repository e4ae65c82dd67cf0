"""A process that uses an approval up, as soon as it is told to."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from services.stores.records.approvals import ApprovalStore
from services.stores.records.database import open_database


def main(data: str, url: str, request_id: str) -> None:
    """Print `ready`, wait for a line, and print whether this one used it."""
    engine = open_database(Path(data), url or None, seconds=20)
    print("ready", flush=True)
    sys.stdin.readline()
    print(ApprovalStore(engine).use(request_id, datetime.now(UTC)), flush=True)
    engine.dispose()


if __name__ == "__main__":
    main(*sys.argv[1:])
