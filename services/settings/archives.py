"""The settings of archives, read by `settings.environment`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings


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


def options_of(value: SecretStr | None) -> Mapping[str, Any]:
    """Return the options of the place for archives, as fsspec takes them. Raises ValueError."""
    if not value:
        return {}
    try:
        found = json.loads(value.get_secret_value())
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ValueError(  # noqa: TRY004  pydantic wants it
            'has to be a JSON object, as {"key": "…", "secret": "…"}'
        )
    return found
