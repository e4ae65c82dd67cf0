"""Which other deployments tenants can move to. Read by `settings.environment`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from services.settings.mappings import read_paths

MOVE_TO = "KATO_TENANTS_MOVE_TO"


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
