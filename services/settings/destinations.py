"""The settings of another deployment, out of the file that stands for its environment.

What its file does not say is not taken from here, but for what belongs to this product as it runs
here: its archives, which both sides have to read, and where it keeps what it knows.
"""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from services.errors import SettingsError
from services.settings.deployment_settings import Elsewhere, deployment_of, deployments_of
from services.settings.environment import Settings, load_settings
from services.settings.outward import MOVE_TO
from services.settings.sign_in import DEPLOYMENTS
from services.settings.variables import read_text

_FOLDER = "destinations"


def names_of(here: Settings) -> tuple[str, ...]:
    """Name the deployments to which tenants can move: the other ones of this dashboard too."""
    named = tuple(here.destinations)
    if here.deployments is None:
        return named
    others = (each.name for each in deployments_of(load_settings()))
    return (*named, *(name for name in others if name not in {here.deployment, *named}))


def settings_of(here: Settings, name: str) -> Settings:
    """Read the settings of the deployment that is called so here, each time anew.

    Raises SettingsError for a name that is not set, and for a file that cannot be read, has a
    wrong value, names no store, or names the records of this deployment.
    """
    path = here.destinations.get(name)
    variable = DEPLOYMENTS if path is None else MOVE_TO
    found = _beside(here, name) if path is None else _in_file(here, name, path)
    if found.embedded:
        raise SettingsError(variable, f"what it has of {name} names no store")
    if found.read_only:
        raise SettingsError(variable, f"what it has of {name} says that it is read only")
    return found


def _in_file(here: Settings, name: str, path: Path) -> Settings:
    values = dotenv_values(stream=StringIO(read_text(MOVE_TO, path)), interpolate=False)
    given = {variable: value for variable, value in values.items() if value}
    try:
        found = Elsewhere.of(given)
    except SettingsError as exc:
        reason = f"in the file of {name}, {exc.variable}: {exc.reason}"
        raise SettingsError(MOVE_TO, reason) from None
    if found.state_url is not None and found.state_url == here.state_url:
        raise SettingsError(MOVE_TO, f"the file of {name} names the records of this deployment")
    folder = here.data / _FOLDER / name.encode().hex()
    return found.model_copy(update={"data": folder, "move_to": "", **_ours(here)})


def _beside(here: Settings, name: str) -> Settings:
    """Return another deployment of this dashboard: its records are where it has them."""
    found = None if here.deployments is None else deployment_of(name)
    if found is None or name == here.deployment:
        raise SettingsError(MOVE_TO, f"names no deployment that is called {name}")
    if found.settings is None:
        raise SettingsError(DEPLOYMENTS, f"{name} has no settings: {found.problem}")
    return found.settings.model_copy(update=_ours(here))


def _ours(here: Settings) -> dict[str, Any]:
    return {
        "archives": here.archives, "archives_options": here.archives_options,
        "archive_recipients": here.archive_recipients, "settle_seconds": 0,
        "archive_identities": here.archive_identities, "history_url": None,
        "anchor_file": None, "anchor_url": None, "alert_routes": None,
    }  # fmt: skip
