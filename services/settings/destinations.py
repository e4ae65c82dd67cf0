"""The settings of another deployment, out of the file that stands for its environment.

What its file does not say is not taken from here, but for what belongs to this product as it runs
here: its archives, which both sides have to read, and where it keeps what it knows.
"""

from __future__ import annotations

from io import StringIO
from typing import Any

from dotenv import dotenv_values
from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from services.errors import SettingsError
from services.settings.environment import Settings
from services.settings.outward import MOVE_TO
from services.settings.variables import Variables, at_fault, read_text

_FOLDER = "destinations"


class _Elsewhere(Settings):
    """The same settings, of which this process' environment says nothing."""

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource,
        *others: PydanticBaseSettingsSource, **more: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:  # fmt: skip
        """Take what was read from the file."""
        del settings_cls, others, more
        return (init_settings,)


def settings_of(here: Settings, name: str) -> Settings:
    """Read the settings of the deployment that is called so here, each time anew.

    Raises SettingsError for a name that is not set, and for a file that cannot be read, has a
    wrong value, names no store, or names the records of this deployment.
    """
    path = here.destinations.get(name)
    if path is None:
        raise SettingsError(MOVE_TO, f"names no deployment that is called {name}")
    values = dotenv_values(stream=StringIO(read_text(MOVE_TO, path)), interpolate=False)
    given = {variable: value for variable, value in values.items() if value}
    try:
        found = _Elsewhere(**Variables(Settings, given)())
    except ValidationError as exc:
        raise _of(name, at_fault(exc)) from None
    except SettingsError as exc:
        raise _of(name, exc) from None
    if found.embedded:
        raise SettingsError(MOVE_TO, f"the file of {name} names no store")
    if found.read_only:
        raise SettingsError(MOVE_TO, f"the file of {name} says that it is read only")
    if found.state_url is not None and found.state_url == here.state_url:
        raise SettingsError(MOVE_TO, f"the file of {name} names the records of this deployment")
    return found.model_copy(update=_ours(here, name))


def _ours(here: Settings, name: str) -> dict[str, Any]:
    folder = here.data / _FOLDER / name.encode().hex()
    return {
        "data": folder, "archives": here.archives, "archives_options": here.archives_options,
        "archive_recipients": here.archive_recipients, "settle_seconds": 0, "move_to": "",
        "archive_identities": here.archive_identities, "history_url": None,
        "anchor_file": None, "anchor_url": None, "alert_routes": None,
    }  # fmt: skip


def _of(name: str, exc: SettingsError) -> SettingsError:
    return SettingsError(MOVE_TO, f"in the file of {name}, {exc.variable}: {exc.reason}")
