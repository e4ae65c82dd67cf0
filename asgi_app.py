"""The server: the Streamlit app, with its services started and stopped along with it.

Without this, `streamlit run streamlit_app.py` starts them at the first visit, and no usage is
recorded before.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
import streamlit as st

from services.errors import KatoTenantsError


@asynccontextmanager
async def _with_services(_: st.App) -> AsyncIterator[None]:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.to_thread.run_sync, _start)
        yield
    await anyio.to_thread.run_sync(_stop)


def _start() -> None:
    from dashboard import runtime  # noqa: PLC0415  its caches want the server to be there

    try:
        runtime.services()
    except KatoTenantsError as exc:
        print(f"kato-tenants: {exc}", flush=True)


def _stop() -> None:
    from dashboard import runtime  # noqa: PLC0415  as above

    with suppress(KatoTenantsError):  # it never started
        runtime.services().close()


app = st.App(Path(__file__).with_name("streamlit_app.py"), lifespan=_with_services)
