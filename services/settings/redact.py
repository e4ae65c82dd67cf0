"""Settings as they are shown: without what is secret in them."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr

from services.settings.environment import Settings


@dataclass(frozen=True, slots=True)
class InForce:
    """A setting as it is shown: its value as text, and whether that is its default."""

    value: str
    usual: bool


def in_force(settings: Settings) -> dict[str, InForce]:
    """Return every setting by its variable, secrets redacted, for the screen."""
    shown = {}
    for name, info in type(settings).model_fields.items():
        value = getattr(settings, name)
        usual = value == info.get_default(call_default_factory=True)
        if isinstance(value, tuple):
            value = ", ".join(value)
        text = "" if value is None else _redacted(value)
        shown[str(info.alias)] = InForce(text, usual=usual)
    return shown


def _redacted(value: object) -> str:
    """Show a value; of a secret URL only what is neither user nor password nor query.

    Where there is an @ behind a ? it may be in the query or end a password, and nothing is shown.
    """
    if not isinstance(value, SecretStr):
        return str(value)
    secret = value.get_secret_value()
    scheme, found, rest = secret.partition("://")
    place, _, query = rest.partition("?")
    if not (found and scheme.isascii() and scheme.replace("+", "").isalnum()) or "@" in query:
        return "(set)" if secret else ""
    return f"{scheme}://{place.rpartition('@')[2]}"
