"""The settings of what leaves this deployment. Read by `settings.environment`.

Messages about alerts, archives, tenants that move to another one, and KATOs of single tenants.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from services.settings import addresses
from services.settings.mappings import read_paths, read_texts

MOVE_TO = "KATO_TENANTS_MOVE_TO"

_DAY, _YEAR = 1440, 525_600  # minutes
PARTS = ("kato", "clickhouse", "redis", "qdrant")
"""What an instance is made of, as the settings call it."""

_IMAGE = re.compile(
    r"[a-z0-9]+([._/-]+[a-z0-9]+)*(:\d{1,5}/[a-z0-9]+([._/-]+[a-z0-9]+)*)?"
    r"(:(?P<tag>\w[\w.-]{0,127}))?(@(?P<digest>sha256:[0-9a-f]{64}))?", re.ASCII,
)  # fmt: skip
_RANGE = re.compile(r"(\d{1,5})\s*-\s*(\d{1,5})")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_LEAST_PORT, _MOST_PORT = 1024, 65_535


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


class InstanceSettings(BaseSettings):
    """Which images instances are made of, what runs them, and where their ports and secrets are."""

    instance_tool: str = Field("", alias="KATO_TENANTS_INSTANCE_TOOL", max_length=200)
    instance_images: str = Field("", alias="KATO_TENANTS_INSTANCE_IMAGES")
    instance_ports: str = Field("8100-8199", alias="KATO_TENANTS_INSTANCE_PORTS")
    instance_network: str = Field("kato_kato-network", alias="KATO_TENANTS_INSTANCE_NETWORK")
    instance_secret: str = Field("kato-stores", alias="KATO_TENANTS_INSTANCE_SECRET")
    instance_secrets: Path | None = Field(None, alias="KATO_TENANTS_INSTANCE_SECRETS")
    instance_schema: Path | None = Field(None, alias="KATO_TENANTS_INSTANCE_SCHEMA")

    @field_validator("instance_tool")
    @classmethod
    def _calls_a_tool(cls, value: str) -> str:
        words = tool_words(value)
        if words and not (Path(words[0]).name == "kubectl" or words[-1].endswith("compose")):
            raise ValueError("is docker compose, or kubectl, or the path of one of them")
        return value

    @field_validator("instance_images")
    @classmethod
    def _images_stay_the_same(cls, value: str) -> str:
        read_images(value)
        return value

    @field_validator("instance_ports")
    @classmethod
    def _is_a_range(cls, value: str) -> str:
        read_range(value)
        return value

    @field_validator("instance_network", "instance_secret")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        if not _NAME.fullmatch(value):
            raise ValueError("has letters, digits, _, . and - only")
        return value

    @field_validator("instance_secrets", "instance_schema")
    @classmethod
    def _is_a_whole_path(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_absolute():
            raise ValueError("is the absolute path of a file")
        return value


class OutwardSettings(AlertSettings, ArchiveSettings, MoveSettings, InstanceSettings):
    """All of these."""


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


def tool_words(text: str) -> tuple[str, ...]:
    """Return the words of a command, as a shell would take them apart. Raises ValueError."""
    return tuple(shlex.split(text))


def read_images(text: str) -> Mapping[str, str]:
    """Read `kato = ghcr.io/sevakavakians/kato:3.10.1` lines, one a part. Raises ValueError."""
    found = read_texts(text)
    for part, image in found.items():
        if part not in PARTS:
            raise ValueError(f"names {part}, which is none of {', '.join(PARTS)}")
        match = _IMAGE.fullmatch(image)
        if match is None:
            raise ValueError(f"gives {part} what is no image, as ghcr.io/sevakavakians/kato:3.10.1")
        if match["digest"] is None and match["tag"] in (None, "latest"):
            raise ValueError(
                f"gives {part} an image without a tag other than latest, or a digest: what runs "
                "has to be known"
            )
    return found


def read_range(text: str) -> tuple[int, int]:
    """Read `8100-8199`: the first port and the last. Raises ValueError."""
    found = _RANGE.fullmatch(text.strip())
    first, last = (int(found[1]), int(found[2])) if found else (0, 0)
    if not _LEAST_PORT <= first <= last <= _MOST_PORT:
        raise ValueError(f"is written 8100-8199, from {_LEAST_PORT:,} to {_MOST_PORT:,}")
    return first, last
