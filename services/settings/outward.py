"""The settings of what leaves this deployment. Read by `settings.environment`.

Messages about alerts, archives, and tenants that move to another one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from services.settings import addresses
from services.settings.mappings import read_paths

MOVE_TO = "KATO_TENANTS_MOVE_TO"

_DAY, _YEAR = 1440, 525_600  # minutes


class AlertSettings(BaseSettings):
    """Who is told of alerts, and from when on."""

    alert_routes: SecretStr | None = Field(None, alias="KATO_TENANTS_ALERT_ROUTES")
    alert_store_minutes: float = Field(5, alias="KATO_TENANTS_ALERT_STORE_MINUTES", ge=0, le=_DAY)
    alert_snapshot_minutes: float = Field(
        15, alias="KATO_TENANTS_ALERT_SNAPSHOT_MINUTES", gt=0, le=_YEAR
    )
    alert_ahead_days: float = Field(7, alias="KATO_TENANTS_ALERT_AHEAD_DAYS", ge=0, le=90)
    url: str = Field("", alias="KATO_TENANTS_URL")

    @field_validator("url")
    @classmethod
    def _links_lead_here(cls, value: str) -> str:
        if value:
            addresses.check_http(value, example="https://kato.example.com")
            if any(sign in value for sign in "@?#"):
                raise ValueError("is where this dashboard is opened, as https://kato.example.com")
        return value.rstrip("/")


class ArchiveSettings(BaseSettings):
    """Where archives go, and who can open them."""

    archives: SecretStr | None = Field(None, alias="KATO_TENANTS_ARCHIVES")
    archives_options: SecretStr | None = Field(None, alias="KATO_TENANTS_ARCHIVES_OPTIONS")
    archive_recipients: str = Field("", alias="KATO_TENANTS_ARCHIVE_RECIPIENTS")
    archive_identities: SecretStr | None = Field(None, alias="KATO_TENANTS_ARCHIVE_IDENTITIES")

    @field_validator("archives_options")
    @classmethod
    def _options_are_an_object(cls, value: SecretStr | None) -> SecretStr | None:
        if value:
            options_of(value)
        return value


class MoveSettings(BaseSettings):
    """Where tenants can move to: the name of each deployment, and the file of its settings."""

    move_to: str = Field("", alias=MOVE_TO)

    @field_validator("move_to")
    @classmethod
    def _names_files(cls, value: str) -> str:
        read_paths(value)
        return value

    @property
    def destinations(self) -> Mapping[str, Path]:
        """The file of each deployment's settings, by the name that it is called here."""
        return read_paths(self.move_to)


def options_of(value: SecretStr | None) -> Mapping[str, Any]:
    """Return the options of the place for archives, as fsspec takes them. Raises ValueError."""
    if not value:
        return {}
    try:
        found = json.loads(value.get_secret_value())
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ValueError(  # noqa: TRY004  pydantic wants it
            'has to be a JSON object, as {"key": "…", "secret": "…"}'
        )
    return found
