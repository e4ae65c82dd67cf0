"""The dashboard of a made-up fleet, served as it is in production, for the people of `people`.

    python -P bench/people_server.py PORT TENANTS DATA

Whatever build PYTHONPATH leads to is served, so that two of them can be measured side by side.
Figures are made up and read anew every minute; Redis is a real server with each tenant's keys and
sessions, as its settings say. Once a second it writes to DATA/sizes.json what it holds.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from bench import pages_server
from bench.readings import fleet
from services import bootstrap
from services.bootstrap import Services

ROOT = Path(pages_server.__file__).parents[1]
EVERY = 1.0
_build = bootstrap.build


def services_of(tenants: int) -> Services:
    """Wire everything as it always is, with a week of history; what is read is made up."""
    from services.settings.environment import load_settings  # noqa: PLC0415  the build's own

    built = _build(load_settings())
    pages_server._record_a_week(built.state)  # noqa: SLF001  of a build before this one, too
    built.usage = pages_server.usage_of(fleet(tenants), built.state)
    return built


def sizes() -> Mapping[str, int]:
    """Return how much the product and Streamlit hold, by what it is."""
    from streamlit import runtime  # noqa: PLC0415  wants a server to be there
    from streamlit.runtime.caching import cache_resource_api  # noqa: PLC0415

    from dashboard.app import files, runtime as app_runtime  # noqa: PLC0415

    found: dict[str, int] = {"python_threads": threading.active_count(), "figures": 0}
    services = app_runtime.started()
    if services is not None:
        snapshot = services.collector.state.snapshot
        found["figures"] = int(snapshot is not None and snapshot.settled)
    if runtime.exists():
        manager = runtime.get_instance()._session_mgr  # noqa: SLF001
        found["sessions"] = manager.num_sessions()
        found["sessions_active"] = manager.num_active_sessions()
        references = runtime.get_instance().media_file_mgr
        found["deferred"] = len(references._deferred_callables)  # noqa: SLF001
    found["fetchable"] = len(files.files._files_by_id)  # noqa: SLF001
    by_scope = list(cache_resource_api._resource_caches._function_caches.values())  # noqa: SLF001
    caches = [each for scoped in by_scope for each in scoped.values()]
    found["cached"] = sum(len(each._mem_cache) for each in caches)  # noqa: SLF001
    return found


_collecting = {"began": 0.0, "took": 0.0}


def _collected(phase: str, _: object) -> None:
    """Add up the processor time in which Python looks for cycles."""
    if phase == "start":
        _collecting["began"] = time.thread_time()
    else:
        _collecting["took"] += time.thread_time() - _collecting["began"]


def _watch(place: Path) -> None:
    gc.callbacks.append(_collected)
    waits = threading.Event()
    while not waits.wait(EVERY):
        objects = sys.getallocatedblocks()  # to list all objects breaks tuples that are being made
        try:
            took = round(_collecting["took"] * 1e3)
            text = json.dumps({**sizes(), "objects": objects, "collecting_ms": took})
        except Exception as exc:  # noqa: BLE001  a watcher goes on watching
            text = json.dumps({"failed": repr(exc)})
        beside = place.with_suffix(".new")
        beside.write_text(text)
        beside.replace(place)


def main() -> int:
    """Serve until interrupted."""
    port, tenants, data = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    made = cache(lambda: services_of(tenants))
    bootstrap.build = lambda *_, **__: made()
    threading.Thread(target=_watch, args=(data / "sizes.json",), daemon=True).start()
    os.chdir(ROOT)  # where .streamlit is

    from dashboard.app import serve  # noqa: PLC0415  of that build

    return serve.main(["run", str(ROOT / "asgi_app.py"), f"--server.port={port}",
                       "--server.headless=true"])  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
