"""The settings of alerts, read by `settings.environment`; `services.alerts` reads the routes."""

from __future__ import annotations

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from services.settings import addresses

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
