"""How the server may be started, so that it lets in nobody else than the settings say.

It holds Streamlit's own options to what is safe; what is answered to whom, `guard` says.
"""

from __future__ import annotations

import streamlit as st
from streamlit import config
from streamlit.errors import StreamlitSecretNotFoundError
from streamlit.runtime.secrets import SecretsValue

from services.access.network import refuse_open
from services.errors import SettingsError
from services.settings.environment import Settings

_SAFE = {
    "server.enableCORS": True,
    "server.enableXsrfProtection": True,
    "server.enableAgentApi": False,
    "server.scriptHealthCheckEnabled": False,
    "client.showErrorDetails": "none",
    "client.disableDataExport": True,
}


def check(settings: Settings) -> None:
    """Raise SettingsError for a server that would let in more people than the settings say."""
    for option, safe in _SAFE.items():
        if config.get_option(option) != safe:
            raise SettingsError(_variable(option), f"has to be {str(safe).lower()} here")
    if config.get_option("server.trustedUserHeaders"):
        reason = "has to be empty here: a header without a signature says nothing of who sent it"
        raise SettingsError(_variable("server.trustedUserHeaders"), reason)
    address = config.get_option("server.address")
    refuse_open(address, auth=settings.auth, allow_open=settings.allow_open)


def secrets(settings: Settings) -> dict[str, SecretsValue]:
    """Return Streamlit's secrets for signing in: those of its file, and before them the settings'.

    Empty where another mode is set, or nothing in the environment. A provider may take as long to
    answer as a store, unless the file says how it is asked.
    """
    given = settings.oidc_secrets if settings.auth == "oidc" else {}
    asking: SecretsValue = {"timeout": settings.timeout_seconds}
    return {"auth": {"client_kwargs": asking, **_file_secrets(), **given}} if given else {}


def check_secrets(settings: Settings) -> None:
    """Raise SettingsError where people are to sign in at a provider, and none is set up."""
    if settings.auth != "oidc":
        return
    found = {**_file_secrets(), **settings.oidc_secrets}
    if not {"redirect_uri", "cookie_secret"} <= set(found):
        reason = "not set, and Streamlit's secrets.toml has no whole [auth] in its place"
        raise SettingsError("KATO_TENANTS_OIDC_CLIENT_ID", reason)


def _file_secrets() -> dict[str, SecretsValue]:
    """Return `[auth]` of secrets.toml; empty where there is none."""
    try:
        return dict(st.secrets.to_dict().get("auth", {}))
    except StreamlitSecretNotFoundError:
        return {}


def _variable(option: str) -> str:
    return str(config.get_config_options()[option].env_var)
