"""The only reader of the environment.

The names of the stores' settings are those that KATO's own deployment uses, so that this drops
into KATO's compose network unchanged. `docs/settings.md` lists all of them.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from platformdirs import user_data_path
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from services.errors import EncryptionError, NamingError
from services.settings import addresses
from services.settings.outward import OutwardSettings
from services.settings.sign_in import Names, SignInSettings
from services.settings.variables import Variables, at_fault
from services.tenancy.schemes import NamingSchemes

if TYPE_CHECKING:
    from services.settings.encryption import Encryption

APP_NAME = "kato-tenants"

_LOG_KEY_LENGTH = 32
_SCHEMA = re.compile(r"[A-Za-z0-9_.-]*")
_ELSEWHERE = {
    "clickhouse_host": "a port goes into CLICKHOUSE_PORT, and https:// is CLICKHOUSE_SECURE=true",
    "qdrant_host": "a port goes into QDRANT_PORT, and a whole address into QDRANT_URL",
}
_EXAMPLES = {
    "qdrant_url": "http://qdrant:6333",
    "kato_api_url": "http://kato:8000",
    "anchor_url": "https://log.example.com/anchors",
}
_DAY, _YEAR = 86_400, 525_600  # in seconds, in minutes


class Settings(SignInSettings, OutwardSettings):
    """Everything that can be set, with its default. Times are in seconds."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the environment our way, after what tests hand in."""
        del env_settings, dotenv_settings, file_secret_settings
        return init_settings, Variables(settings_cls)

    clickhouse_host: str | None = Field(None, alias="CLICKHOUSE_HOST")
    clickhouse_port: int = Field(8123, alias="CLICKHOUSE_PORT", ge=1, le=65535)
    clickhouse_user: str = Field("default", alias="CLICKHOUSE_USER")
    clickhouse_password: SecretStr = Field(SecretStr(""), alias="CLICKHOUSE_PASSWORD")
    clickhouse_db: str = Field("kato", alias="CLICKHOUSE_DB", min_length=1)
    clickhouse_cluster: str | None = Field(None, alias="CLICKHOUSE_CLUSTER")
    clickhouse_secure: bool = Field(False, alias="CLICKHOUSE_SECURE")
    redis_url: SecretStr | None = Field(None, alias="REDIS_URL")
    redis_tls: bool = Field(False, alias="REDIS_TLS")
    qdrant_url: SecretStr | None = Field(None, alias="QDRANT_URL")
    qdrant_host: str | None = Field(None, alias="QDRANT_HOST")
    qdrant_port: int = Field(6333, alias="QDRANT_PORT", ge=1, le=65535)
    qdrant_https: bool = Field(False, alias="QDRANT_HTTPS")
    qdrant_api_key: SecretStr | None = Field(None, alias="QDRANT_API_KEY")
    qdrant_peers: Names = Field((), alias="QDRANT_PEERS")
    kato_api_url: SecretStr | None = Field(None, alias="KATO_API_URL")
    service_name: str = Field("kato", alias="SERVICE_NAME", min_length=1, max_length=40)

    data: Path = Field(default_factory=lambda: user_data_path(APP_NAME), alias="KATO_TENANTS_DATA")
    state_url: SecretStr | None = Field(None, alias="KATO_TENANTS_STATE_URL")
    state_schema: str = Field("", alias="KATO_TENANTS_STATE_SCHEMA", max_length=63)
    state_seconds: float = Field(1.5, alias="KATO_TENANTS_STATE_SECONDS", gt=0, le=60)
    deployment_color: Literal["gray", "blue", "green", "orange", "red", "violet"] = Field(
        "gray", alias="KATO_TENANTS_DEPLOYMENT_COLOR"
    )
    fill: Literal["sample", "empty"] = Field("empty", alias="KATO_TENANTS_FILL")
    schemes: Names = Field((), alias="KATO_TENANTS_SCHEMES")
    shared_collections: Names = Field(("kato_vectors",), alias="KATO_TENANTS_SHARED_COLLECTIONS")
    refresh_seconds: float = Field(60, alias="KATO_TENANTS_REFRESH_SECONDS", ge=1, le=_DAY)
    whole_pass_minutes: float = Field(60, alias="KATO_TENANTS_WHOLE_PASS_MINUTES", ge=0, le=_YEAR)
    timeout_seconds: float = Field(10, alias="KATO_TENANTS_TIMEOUT_SECONDS", gt=0, le=600)
    pass_seconds: float = Field(300, alias="KATO_TENANTS_PASS_SECONDS", gt=0, le=_DAY)
    memory_budget: int = Field(2_000_000, alias="KATO_TENANTS_MEMORY_BUDGET", ge=0)
    memory_sample: float = Field(0.05, alias="KATO_TENANTS_MEMORY_SAMPLE", gt=0, le=1)
    memory_every: float = Field(3600, alias="KATO_TENANTS_MEMORY_EVERY", ge=0, le=_YEAR)
    value_bytes: int = Field(64_000_000, alias="KATO_TENANTS_VALUE_BYTES", ge=1, le=10**12)
    scan_count: int = Field(1000, alias="KATO_TENANTS_SCAN_COUNT", ge=10, le=10_000)

    plan_minutes: float = Field(60, alias="KATO_TENANTS_PLAN_MINUTES", gt=0, le=_YEAR)
    audit_minutes: float = Field(10, alias="KATO_TENANTS_AUDIT_MINUTES", gt=0, le=_YEAR)
    history_url: SecretStr | None = Field(None, alias="KATO_TENANTS_HISTORY_URL")
    history_hours_days: float = Field(90, alias="KATO_TENANTS_HISTORY_HOURS_DAYS", ge=2, le=3660)
    history_days: float = Field(1826, alias="KATO_TENANTS_HISTORY_DAYS", ge=2, le=36_600)
    limit_near: int = Field(80, alias="KATO_TENANTS_LIMIT_NEAR", ge=1, le=100)
    limit_back: int = Field(5, alias="KATO_TENANTS_LIMIT_BACK", ge=0, le=99)
    limit_sessions: Literal["warn", "refuse"] = Field("warn", alias="KATO_TENANTS_LIMIT_SESSIONS")
    prices: Path | None = Field(None, alias="KATO_TENANTS_PRICES")
    bill_zone: str = Field("UTC", alias="KATO_TENANTS_BILL_ZONE")
    settle_seconds: float | None = Field(None, alias="KATO_TENANTS_SETTLE_SECONDS", ge=0, le=3600)

    metadata_keys: SecretStr | None = Field(None, alias="KATO_TENANTS_METADATA_KEYS")

    log_key: SecretStr | None = Field(None, alias="KATO_TENANTS_LOG_KEY")
    anchor_minutes: float = Field(10, alias="KATO_TENANTS_ANCHOR_MINUTES", gt=0, le=1440)
    anchor_file: Path | None = Field(None, alias="KATO_TENANTS_ANCHOR_FILE")
    anchor_url: SecretStr | None = Field(None, alias="KATO_TENANTS_ANCHOR_URL")

    @field_validator("metadata_keys")
    @classmethod
    def _keys_are_keys(cls, value: SecretStr | None) -> SecretStr | None:
        if value:
            from services.settings.encryption import Encryption  # noqa: PLC0415  for few

            try:
                Encryption(_keys_in(value))
            except EncryptionError as exc:
                raise ValueError(str(exc)) from None
        return value

    @field_validator("clickhouse_host", "qdrant_host")
    @classmethod
    def _hosts_are_hosts(cls, value: str | None, field: ValidationInfo) -> str | None:
        if value:
            addresses.check_host(value, elsewhere=_ELSEWHERE[str(field.field_name)])
        return value

    @field_validator("deployment")
    @classmethod
    def _name_can_be_read(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("every character of the name has to be printable")
        return value.strip()

    @field_validator("state_schema")
    @classmethod
    def _is_a_schema(cls, value: str) -> str:
        if not _SCHEMA.fullmatch(value):
            raise ValueError("a schema's name has letters, digits and _.- alone")
        return value

    @field_validator("bill_zone")
    @classmethod
    def _zone_is_known(cls, value: str) -> str:
        try:
            return ZoneInfo(value).key
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("is no zone of the IANA database, as Europe/Berlin") from None

    @field_validator("redis_url")
    @classmethod
    def _redis_has_an_address(cls, value: SecretStr | None) -> SecretStr | None:
        if value:
            addresses.check_redis(value.get_secret_value())
        return value

    @field_validator("qdrant_api_key")
    @classmethod
    def _fits_a_header(cls, value: SecretStr | None) -> SecretStr | None:
        key = value.get_secret_value() if value else ""
        if not (key.isascii() and key.isprintable()):
            raise ValueError("has a character that cannot be sent: a key is one line of ASCII")
        return value

    @field_validator("qdrant_peers")
    @classmethod
    def _peers_have_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            if "@" in each:
                raise ValueError("takes no user and password: the key is QDRANT_API_KEY")
            addresses.check_http(each, example="http://qdrant-0:6333,http://qdrant-1:6333")
        return value

    @field_validator("limit_back")
    @classmethod
    def _leaves_near(cls, value: int, info: ValidationInfo) -> int:
        if value >= info.data.get("limit_near", 100):
            raise ValueError("has to be less than KATO_TENANTS_LIMIT_NEAR")
        return value

    @field_validator("log_key")
    @classmethod
    def _log_keys_are_long(cls, value: SecretStr | None) -> SecretStr | None:
        if any(len(key) < _LOG_KEY_LENGTH for key in _keys_in(value)):
            raise ValueError(f"a key has at least {_LOG_KEY_LENGTH} characters")
        return value

    @field_validator("qdrant_url", "kato_api_url", "anchor_url")
    @classmethod
    def _addresses_are_addresses(
        cls, value: SecretStr | None, field: ValidationInfo
    ) -> SecretStr | None:
        if value:
            example = _EXAMPLES[str(field.field_name)]
            bare = field.field_name == "kato_api_url"
            addresses.check_http(value.get_secret_value(), example=example, path=not bare)
        return value

    @field_validator("history_url")
    @classmethod
    def _is_not_katos(cls, value: SecretStr | None, field: ValidationInfo) -> SecretStr | None:
        if value:
            from services.settings.history_place import check_place  # noqa: PLC0415  for few

            check_place(value.get_secret_value(), field.data)
        return value

    @field_validator("schemes")
    @classmethod
    def _schemes_make_sense(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            NamingSchemes.of(value)
        except NamingError as exc:
            raise ValueError(str(exc)) from None
        return value

    @property
    def embedded(self) -> bool:
        """Whether no store is configured, so that the embedded engines take their place."""
        stores = (self.clickhouse_host, self.redis_url, self.qdrant_url, self.qdrant_host)
        return not any((*stores, self.kato_api_url))

    @property
    def address(self) -> str:
        """Where this deployment is opened, with its name where this dashboard has several."""
        several = self.url and self.deployments and self.deployment
        return f"{self.url}?deployment={self.deployment}" if several else self.url

    @property
    def over_tls(self) -> dict[str, bool]:
        """Whether each store that is reached over a network is reached by TLS."""
        redis, qdrant, kato = map(_secret, (self.redis_url, self.qdrant_url, self.kato_api_url))
        found = {}
        if self.clickhouse_host:
            found["clickhouse"] = self.clickhouse_secure
        if redis and not redis.startswith("unix://"):
            found["redis"] = self.redis_tls or redis.startswith("rediss")
        if qdrant or self.qdrant_host:
            found["qdrant"] = qdrant.startswith("https://") if qdrant else self.qdrant_https
        if kato:
            found["kato"] = kato.startswith("https://")
        return found

    @property
    def naming(self) -> NamingSchemes:
        """The guide's naming schemes and this deployment's own."""
        return NamingSchemes.of(self.schemes)

    @property
    def encryption(self) -> Encryption:
        """What encrypts sensitive metadata, with the keys that are set."""
        from services.settings.encryption import Encryption  # noqa: PLC0415  for who encrypts

        return Encryption(_keys_in(self.metadata_keys))

    @property
    def log_keys(self) -> tuple[str, ...]:
        """The keys that seal the audit log: the first seals, all verify."""
        return tuple(_keys_in(self.log_key))


def _secret(value: SecretStr | None) -> str:
    return value.get_secret_value() if value is not None else ""


def _keys_in(value: SecretStr | None) -> list[str]:
    return [key.strip() for key in _secret(value).split(",") if key.strip()]


def load_settings() -> Settings:
    """Read the environment, when it has changed since. Raises SettingsError.

    That names the first variable at fault.
    """
    return _read(frozenset(getattr(os.environ, "_data", os.environ).items()))  # not decoded: slow


@lru_cache(maxsize=2)
def _read(environment: frozenset[tuple[object, object]]) -> Settings:
    del environment  # what the cache goes by: everyone who does anything is looked up by settings
    try:
        return Settings()
    except ValidationError as exc:
        raise at_fault(exc) from None
