"""A process that writes to the audit log, as soon as it is told to."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from services.access.viewer import Action, Role, Viewer
from services.settings.environment import Settings
from services.tenancy.kb_ids import TenantKey
from tests.servers.logbooks import opened


def main(data: str, url: str, who: str, count: str) -> None:
    """Print `ready`, wait for a line, do so many actions; print the last one's request id.

    With the line `stay` the last one only begins, and it stays until it is killed.
    """
    settings = Settings.model_validate({"data": Path(data), "state_url": url or None})
    with opened(settings) as logbook:
        print("ready", flush=True)
        word = sys.stdin.readline().strip()
        viewer, request = Viewer(who, Role.ADMIN), ""
        for number in range(int(count)):
            tenant = TenantKey("tenant", f"t{number}")
            request = logbook.begin(viewer, Action.RUN_PURGE, tenants=[tenant])
            if word == "stay":
                print(request, flush=True)
                time.sleep(600)
            logbook.end(request)
        print(request, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
