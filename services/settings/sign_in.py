"""The settings of signing in, and what has to go together. Read by `settings.environment`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode

from services.access.viewer import PERMISSIONS, Action, Role
from services.errors import SettingsError
from services.settings import mappings as mapping

COOKIE_SECRET_LENGTH = 32
"""Shortest secret that cookies are signed with, in characters."""

DEPLOYMENTS = "KATO_TENANTS_DEPLOYMENTS"

BEARER_LENGTH = 20
"""Shortest token by which metrics are read, in characters."""

_BEARER = re.compile(rf"[A-Za-z0-9._~+/-]{{{BEARER_LENGTH},}}=*")  # RFC 6750, section 2.1

_HAS_IN_IT = {
    Action.PARK: Action.RUN_PURGE, Action.UNPARK: Action.RESTORE, Action.MOVE: Action.RUN_PURGE,
    Action.APART: Action.RUN_PURGE,
}  # fmt: skip
"""What does another action as a part of it, and waits for a second person where that does."""

_AT_ONCE = (Action.APPROVE, Action.STOP_PURGE, Action.STOP_JOB, Action.STOP_ARCHIVE)
"""What never waits for a second person: that person, and the way to end what goes wrong."""

_OIDC = {
    "client_id": "KATO_TENANTS_OIDC_CLIENT_ID",
    "client_secret": "KATO_TENANTS_OIDC_CLIENT_SECRET",
    "server_metadata_url": "KATO_TENANTS_OIDC_METADATA_URL",
    "redirect_uri": "KATO_TENANTS_OIDC_REDIRECT_URI",
    "cookie_secret": "KATO_TENANTS_OIDC_COOKIE_SECRET",
}


def listed(value: object) -> object:
    """Read a JSON list, or words between commas."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            raise ValueError("it begins like a JSON list, and is none") from None
    return [part.strip() for part in value.split(",") if part.strip()]


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(listed)]


class SignInSettings(BaseSettings):
    """Who may come in, how that is known, and what it makes of them."""

    deployments: Path | None = Field(None, alias=DEPLOYMENTS)
    deployments_at_once: int = Field(2, alias="KATO_TENANTS_DEPLOYMENTS_AT_ONCE", ge=1, le=100)
    deployment: str = Field("", alias="KATO_TENANTS_DEPLOYMENT", max_length=40)

    auth: Literal["local", "oidc", "proxy"] = Field("local", alias="KATO_TENANTS_AUTH")
    allow_open: bool = Field(False, alias="KATO_TENANTS_ALLOW_OPEN")
    allowed_hosts: Names = Field((), alias="KATO_TENANTS_ALLOWED_HOSTS")
    open_metrics: bool = Field(False, alias="KATO_TENANTS_OPEN_METRICS")
    metrics_token: SecretStr | None = Field(None, alias="KATO_TENANTS_METRICS_TOKEN")
    metrics_networks: Names = Field((), alias="KATO_TENANTS_METRICS_NETWORKS")
    metrics_tenants: int = Field(1000, alias="KATO_TENANTS_METRICS_TENANTS", ge=0, le=100_000)

    sessions_per_person: int = Field(20, alias="KATO_TENANTS_SESSIONS_PER_PERSON", ge=1)
    sessions_per_address: int = Field(200, alias="KATO_TENANTS_SESSIONS_PER_ADDRESS", ge=1)
    messages_per_second: float = Field(10, alias="KATO_TENANTS_MESSAGES_PER_SECOND", gt=0, le=1000)

    oidc_client_id: str = Field("", alias="KATO_TENANTS_OIDC_CLIENT_ID")
    oidc_client_secret: SecretStr | None = Field(None, alias="KATO_TENANTS_OIDC_CLIENT_SECRET")
    oidc_metadata_url: str = Field("", alias="KATO_TENANTS_OIDC_METADATA_URL")
    oidc_redirect_uri: str = Field("", alias="KATO_TENANTS_OIDC_REDIRECT_URI")
    oidc_cookie_secret: SecretStr | None = Field(None, alias="KATO_TENANTS_OIDC_COOKIE_SECRET")
    session_hours: float = Field(8, alias="KATO_TENANTS_SESSION_HOURS", gt=0, le=720)

    proxy_header: str = Field("", alias="KATO_TENANTS_PROXY_HEADER")
    proxy_jwks_url: str = Field("", alias="KATO_TENANTS_PROXY_JWKS_URL")
    proxy_secret: SecretStr | None = Field(None, alias="KATO_TENANTS_PROXY_SECRET")
    proxy_issuer: str = Field("", alias="KATO_TENANTS_PROXY_ISSUER")
    proxy_audience: Names = Field((), alias="KATO_TENANTS_PROXY_AUDIENCE")
    proxy_algorithms: Names = Field((), alias="KATO_TENANTS_PROXY_ALGORITHMS")

    read_only: bool = Field(False, alias="KATO_TENANTS_READ_ONLY")
    two_persons: Names = Field((), alias="KATO_TENANTS_TWO_PERSONS")
    approval_hours: float = Field(24, alias="KATO_TENANTS_APPROVAL_HOURS", gt=0, le=720)

    forward_token: bool = Field(False, alias="KATO_TENANTS_FORWARD_TOKEN")

    id_claim: str = Field("", alias="KATO_TENANTS_ID_CLAIM")
    role_claim: str = Field("", alias="KATO_TENANTS_ROLE_CLAIM")
    roles: str = Field("", alias="KATO_TENANTS_ROLES")
    default_role: Role | None = Field(None, alias="KATO_TENANTS_DEFAULT_ROLE")
    tenants_claim: str = Field("", alias="KATO_TENANTS_TENANTS_CLAIM")
    tenants: str = Field("", alias="KATO_TENANTS_TENANTS")
    default_tenants: Names = Field((), alias="KATO_TENANTS_DEFAULT_TENANTS")

    @field_validator("two_persons")
    @classmethod
    def _two_persons_write(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        writing = [action for action, takes in PERMISSIONS.items() if takes.writes]
        allowed = [action.value for action in writing if action not in _AT_ONCE]
        strange = [name for name in value if name not in allowed]
        if strange:
            raise ValueError(f"can only hold these: {', '.join(allowed)}")
        return value

    @field_validator("metrics_token")
    @classmethod
    def _tokens_are_tokens(cls, value: SecretStr | None) -> SecretStr | None:
        if not all(map(_BEARER.fullmatch, _tokens(value))):
            raise ValueError(f"a token has at least {BEARER_LENGTH} letters, digits or -._~+/=")
        return value

    @field_validator("metrics_networks")
    @classmethod
    def _networks_are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if value:
            from services.access.network import read_networks  # noqa: PLC0415  for few

            read_networks(value)
        return value

    @field_validator("roles")
    @classmethod
    def _roles_are_roles(cls, value: str) -> str:
        mapping.read_roles(value)
        return value

    @field_validator("tenants")
    @classmethod
    def _tenants_are_patterns(cls, value: str) -> str:
        mapping.read_tenants(value)
        return value

    @field_validator("default_tenants")
    @classmethod
    def _defaults_are_patterns(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        mapping.read_patterns(value)
        return value

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        """Raise SettingsError, which pydantic lets through, for what is missing beside another."""
        if self.auth == "oidc":
            self._check_oidc()
        if self.auth == "proxy":
            self._check_proxy()
        if self.auth != "local":
            self._check_rules()
            self._check_persons()
        else:
            self._check_local()
        return self

    def _check_persons(self) -> None:
        if self.two_persons and not self.id_claim:
            reason = ("not set, and KATO_TENANTS_TWO_PERSONS needs it: a claim that nobody can "
                      "change about themselves, as sub or oid")  # fmt: skip
            raise SettingsError("KATO_TENANTS_ID_CLAIM", reason)

    def _check_local(self) -> None:
        absent = {
            "KATO_TENANTS_TWO_PERSONS": "second person" if self.two_persons else "",
            "KATO_TENANTS_FORWARD_TOKEN": "token" if self.forward_token else "",
        }
        for variable, what in absent.items():
            if what:
                reason = f"with KATO_TENANTS_AUTH=local there is no {what}: set oidc or proxy"
                raise SettingsError(variable, reason)

    def _check_oidc(self) -> None:
        given = self.oidc_secrets
        missing = [name for name in _OIDC if name not in given]
        if missing and set(given) - {"cookie_secret"}:
            reason = "not set, and the others of KATO_TENANTS_OIDC_… are"
            raise SettingsError(_OIDC[missing[0]], reason)
        if 0 < len(given.get("cookie_secret", "")) < COOKIE_SECRET_LENGTH:
            reason = f"has to have at least {COOKIE_SECRET_LENGTH} characters"
            raise SettingsError(_OIDC["cookie_secret"], reason)
        if not missing and not self.oidc_redirect_uri.endswith("/oauth2callback"):
            raise SettingsError(_OIDC["redirect_uri"], "has to end in /oauth2callback")

    def _check_proxy(self) -> None:
        needed = {
            "KATO_TENANTS_PROXY_HEADER": self.proxy_header,
            "KATO_TENANTS_PROXY_ISSUER": self.proxy_issuer,
            "KATO_TENANTS_PROXY_AUDIENCE": self.proxy_audience,
        }
        for variable, value in needed.items():
            if not value:
                raise SettingsError(variable, "not set, and KATO_TENANTS_AUTH=proxy needs it")
        if bool(self.proxy_jwks_url) == (self.proxy_secret is not None):
            reason = "either this or KATO_TENANTS_PROXY_SECRET has to be set, and not both"
            raise SettingsError("KATO_TENANTS_PROXY_JWKS_URL", reason)
        from services.settings.rules import token_rules  # noqa: PLC0415  for few

        token_rules(self).check()

    def _check_rules(self) -> None:
        if self.of_several:  # each says it for itself
            return
        if not (self.roles and self.role_claim) and self.default_role is None:
            absent = "ROLES" if self.role_claim else "ROLE_CLAIM"
            reason = "not set, and nobody would have a role: set it, or KATO_TENANTS_DEFAULT_ROLE"
            raise SettingsError(f"KATO_TENANTS_{absent}", reason)
        named = self.tenants_claim or (self.tenants and self.role_claim)
        if not (named or self.default_tenants):
            reason = ("not set, nor KATO_TENANTS_TENANTS_CLAIM, and nobody would see any tenant; "
                      "* lets everybody who has a role see all of them")  # fmt: skip
            raise SettingsError("KATO_TENANTS_DEFAULT_TENANTS", reason)

    @property
    def of_several(self) -> bool:
        """Whether these are of a process with several deployments, and of none of them."""
        return self.deployments is not None and not self.deployment

    @property
    def two_person_actions(self) -> frozenset[Action]:
        """What waits for a second person's approval: what has another action in it, as that."""
        named = frozenset(map(Action, self.two_persons))
        return named | {whole for whole, part in _HAS_IN_IT.items() if part in named}

    @property
    def oidc_secrets(self) -> dict[str, str]:
        """What the environment gives of Streamlit's `[auth]` secrets, which it goes before."""
        given = {
            "client_id": self.oidc_client_id,
            "client_secret": _shown(self.oidc_client_secret),
            "server_metadata_url": self.oidc_metadata_url,
            "redirect_uri": self.oidc_redirect_uri,
            "cookie_secret": _shown(self.oidc_cookie_secret),
        }
        return {name: value for name, value in given.items() if value}

    @property
    def metrics_tokens(self) -> tuple[str, ...]:
        """The tokens by which the metrics are read, of which each counts."""
        return _tokens(self.metrics_token)


def _tokens(value: SecretStr | None) -> tuple[str, ...]:
    return tuple(filter(None, (token.strip() for token in _shown(value).split(","))))


def _shown(value: SecretStr | None) -> str:
    return value.get_secret_value() if value is not None else ""
