"""The server: the Streamlit app, guarded, with its services started and stopped along with it.

Without this, `streamlit run streamlit_app.py` starts them at the first visit, and no usage is
recorded before; nor are the server's metrics and other hosts' names kept from strangers.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import streamlit as st
from starlette.middleware import Middleware

from dashboard.app import files, hardening
from dashboard.app.guard import Guard
from dashboard.app.metrics import Metrics, rules_of
from services.errors import KatoTenantsError, SettingsError
from services.settings.deployment_settings import deployments_of
from services.settings.environment import Settings, load_settings
from services.wiring import alerting

if TYPE_CHECKING:
    from services.metrics.models import Exposition

EXIT_SETTINGS = 2


RETRY_SECONDS = 10.0
"""How long after a start that failed the next is tried."""

_stopping = threading.Event()


@asynccontextmanager
async def _with_services(_: st.App) -> AsyncIterator[None]:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.to_thread.run_sync, _start)
        try:
            yield
        finally:
            _stopping.set()
    await anyio.to_thread.run_sync(_stop)


def _start() -> None:
    """Start the services, again and again where that fails; say each reason once."""
    from dashboard.app import runtime  # noqa: PLC0415  its caches want the server to be there

    said = ""
    while not _stopping.is_set():
        try:
            runtime.begin()
        except KatoTenantsError as exc:
            if str(exc) != said:
                said = str(exc)
                print(f"kato-tenants: {said}", file=sys.stderr, flush=True)
        else:
            return
        _stopping.wait(RETRY_SECONDS)


def _stop() -> None:
    from dashboard.app import runtime  # noqa: PLC0415  as above

    runtime.stop()


def _expose() -> Callable[[str], Exposition] | None:
    """Return what answers a scrape, as whoever may scrape; None before the services are there."""
    from dashboard.app import runtime  # noqa: PLC0415  as above

    if _settings.deployments is not None:
        from dashboard.app.scraped import expose_every  # noqa: PLC0415  for who has several

        return expose_every
    services = runtime.started()
    if services is None:
        return None
    from services.desk import Desk  # noqa: PLC0415  as above
    from services.metrics.access import SCRAPER  # noqa: PLC0415  as above

    return Desk(services, lambda: SCRAPER).metrics.expose


def _failure() -> str:
    from dashboard.app import runtime  # noqa: PLC0415  as above

    return runtime.failure()


def _checked() -> Settings:
    """Read the settings; end in one line with exit code 2 where they must not be used."""
    try:
        settings = load_settings()
        hardening.check(settings)
        hardening.check_secrets(settings)
        alerting.check(settings)
        if settings.deployments is not None:
            deployments_of(settings)
    except SettingsError as exc:
        print(f"kato-tenants: {exc}", file=sys.stderr, flush=True)
        raise SystemExit(EXIT_SETTINGS) from None
    return settings


_settings = _checked()
app = st.App(
    Path(__file__).with_name("streamlit_app.py"),
    secrets=hardening.secrets(_settings),
    lifespan=_with_services,
    middleware=[
        Middleware(
            Guard, _settings, failure=_failure, metrics=Metrics(rules_of(_settings), _expose)
        )
    ],
)
files.keep_here(app)
